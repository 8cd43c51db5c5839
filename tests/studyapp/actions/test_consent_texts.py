"""Versions of the consent text: the design's is the first, an amendment says why, and nobody agrees to an old one."""

from __future__ import annotations

import pytest

from studyapp.actions.consent_texts import amend_consent, consent_again, consent_sha256, current_text
from studyapp.actions.enrol import Arrival, enrol
from studyapp.actions.lifecycle import close_study
from studyapp.errors import ConsentChanged, WrongState
from studyapp.models import AuditEntry, Consent, ConsentText, Enrolment, Study
from tests import factories
from tests.studyapp.actions.test_whole_run import arrive

pytestmark = pytest.mark.django_db


@pytest.fixture
def study(db) -> Study:
    return factories.make_open(document=factories.small_document(rights={"approval": "EB 2026/7"}))


def amend(study: Study, text: str = "We keep more.", *, asks_again: bool = False) -> ConsentText:
    return amend_consent(
        study=study,
        text=text,
        reason="We keep more.",
        approval_number="EB 2026/7a",
        asks_again=asks_again,
        actor=factories.owner_of(study.lab),
    )


def test_the_frozen_designs_text_is_version_1(study):
    text = current_text(study)
    assert (text.version, text.text, text.approval_number) == (1, study.frozen.design.texts.consent, "EB 2026/7")
    assert text.sha256 == consent_sha256(text.text)


def test_a_consent_names_its_version_and_its_hash(study):
    consent = Consent.objects.get(enrolment=arrive(study))
    assert (consent.text.version, consent.text_sha256) == (1, current_text(study).sha256)


def test_after_an_amendment_people_agree_to_the_new_text_and_earlier_ones_stay_on_theirs(study):
    before = arrive(study, "before")
    amend(study)
    after = enrol(link=factories.main_link(study), arrival=Arrival("label", "after", {}), visitor="", consent_version=2)
    before.refresh_from_db()
    assert [c.text.version for c in Consent.objects.filter(enrolment__in=[before, after]).order_by("pk")] == [1, 2]
    assert not before.must_consent_again


def test_nobody_agrees_to_a_version_that_is_not_in_force(study):
    amend(study)
    with pytest.raises(ConsentChanged, match="Version 2"):
        arrive(study)
    assert not Enrolment.objects.exists()


def test_who_is_under_way_is_asked_again_where_the_amendment_says_so(study):
    under_way, done = arrive(study, "under way"), arrive(study, "done")
    Enrolment.objects.filter(pk=done.pk).update(state="completed")
    AuditEntry.objects.create(study=study, at=done.enrolled_at, actor="x", verb="y", what="z")

    amend(study, asks_again=True)
    assert set(Enrolment.objects.filter(must_consent_again=True)) == {under_way}

    assert consent_again(enrolment_id=under_way.pk, version=1) is False
    assert consent_again(enrolment_id=under_way.pk, version=2) is True
    assert not Enrolment.objects.filter(must_consent_again=True).exists()
    versions = Consent.objects.filter(enrolment=under_way).order_by("pk").values_list("text__version", flat=True)
    assert list(versions) == [1, 2]


def test_an_amendment_is_in_the_trail_with_both_hashes_its_reason_and_its_approval(study):
    first, second = current_text(study), amend(study)
    entry = AuditEntry.objects.get(verb="amended consent")
    assert entry.before == {"version": 1, "sha256": first.sha256}
    assert entry.after == {
        "version": 2,
        "sha256": second.sha256,
        "reason": "We keep more.",
        "approval": "EB 2026/7a",
        "asks_again": False,
    }


def test_the_same_text_a_draft_and_a_closed_study_are_not_amended(study):
    with pytest.raises(WrongState, match="nothing to amend"):
        amend(study, current_text(study).text)
    with pytest.raises(WrongState, match="draft"):
        amend(factories.make_draft())
    close_study(study=study, actor=factories.owner_of(study.lab))
    with pytest.raises(WrongState, match="closed"):
        amend(study)
