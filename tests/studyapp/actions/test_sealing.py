"""Seals outlive a change of the secret key while the old one is named, and are renewed by a command."""

from __future__ import annotations

import pytest
from cryptography.fernet import InvalidToken
from django.core.management import CommandError, call_command

from studyapp.actions.data_code import data_code
from studyapp.actions.payments import identity_of
from studyapp.actions.sealing import is_sealed_now, seal, seal_anew, unseal
from studyapp.models import Enrolment, PanelIdentity
from tests import factories
from tests.studyapp.actions.test_whole_run import arrive, run_through

NEW = "another secret key, long enough to be one of its own"


@pytest.fixture
def rotate(settings):
    """Change the key, keeping the old one or not."""

    def change(*, keep: bool) -> None:
        old = settings.SECRET_KEY
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [old] if keep else []

    return change


def test_what_is_sealed_for_one_purpose_never_opens_for_another():
    with pytest.raises(InvalidToken):
        unseal(seal(b"x", "allocation"), "panel identity")


def test_an_old_key_still_opens_and_no_longer_seals(rotate):
    before = seal(b"x", "allocation")
    rotate(keep=True)
    assert unseal(before, "allocation") == b"x"
    assert (is_sealed_now(before, "allocation"), is_sealed_now(seal(b"x", "allocation"), "allocation")) == (False, True)
    assert is_sealed_now(seal_anew(before, "allocation"), "allocation")


def test_without_the_old_key_nothing_opens(rotate):
    before = seal(b"x", "allocation")
    rotate(keep=False)
    with pytest.raises(InvalidToken):
        unseal(before, "allocation")


@pytest.mark.django_db
def test_a_run_goes_on_after_the_key_was_changed(rotate):
    enrolment = arrive(factories.make_open(), "pid-1")
    code = data_code(enrolment)
    rotate(keep=True)
    assert run_through(enrolment).state == "completed"
    assert data_code(Enrolment.objects.get()) == code


@pytest.mark.django_db
def test_reseal_renews_panel_ids_and_says_what_still_needs_the_old_key(rotate, capsys):
    enrolment = arrive(factories.make_open(), "pid-1")
    rotate(keep=True)

    call_command("reseal")

    assert is_sealed_now(bytes(PanelIdentity.objects.get().encrypted), "panel identity")
    assert identity_of(enrolment)["parameters"] == {"PROLIFIC_PID": "pid-1"}
    said = capsys.readouterr().out
    assert "1 seals are renewed" in said
    assert "1 allocation keys" in said
    call_command("reseal")
    assert "0 seals" in capsys.readouterr().out


@pytest.mark.django_db
def test_reseal_without_the_old_key_says_what_to_do(rotate):
    arrive(factories.make_open(), "pid-1")
    rotate(keep=False)
    with pytest.raises(CommandError, match="FORETELL_SECRET_KEY_FALLBACKS"):
        call_command("reseal")
