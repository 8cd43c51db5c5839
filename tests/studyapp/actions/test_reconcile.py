"""A panel's list beside ours: in both, only with us, only at the panel; and that no id of it is kept."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import connection

from studyapp.actions.enrol import enrol, read_arrival
from studyapp.actions.reconcile import ListRefused, Submission, read_submissions, reconcile
from studyapp.models import AuditEntry, Enrolment
from tests import factories

PID, LEFT, TYPED, NEVER = ("a" * 24, "b" * 24, "c" * 24, "d" * 24)
EXPORT = f"""Submission id,Participant id,Status,Completion code
s1,{PID},APPROVED,FORETELL
s2,{LEFT.upper()},RETURNED,
s3,{NEVER},AWAITING REVIEW,FORETELL
s4,{NEVER},AWAITING REVIEW,FORETELL
"""


@pytest.mark.parametrize(
    ("text", "panel", "found"),
    [
        (EXPORT, "prolific", [(PID, "APPROVED"), (LEFT, "RETURNED"), (NEVER, "AWAITING REVIEW")]),
        (f"\ufeffParticipant id\r\n{PID}\r\n", "prolific", [(PID, "")]),
        (f"{PID}\n\n{LEFT}\n", "prolific", [(PID, ""), (LEFT, "")]),
        ('"AssignmentId","WorkerId","AssignmentStatus"\n"x","a1b","Approved"\n', "mturk", [("A1B", "Approved")]),
        ("=cmd()\n", "label", [("=cmd()", "")]),
    ],
)
def test_a_list_is_read_as_the_panel_exports_it_or_one_id_a_line(text, panel, found):
    assert read_submissions(text, panel)[: len(found)] == [Submission(*line) for line in found]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1 to 20000 lines"),
        ("\n \n", "1 to 20000 lines"),
        ("x\n" * 20_001, "1 to 20000 lines"),
        ("id,when\nx,y\n", "No column is named"),
        ("Participant id,Status\n,APPROVED\n", "Line 1 has no usable id"),
        (f"Participant id\n{PID}\n{'x' * 300}\n", "Line 2 has no usable id"),
        ("Participant id\na\x01b\n", "Line 1 has no usable id"),
        ('Participant id\n"a', "no list"),
    ],
)
def test_what_is_no_list_is_refused_with_what_was_expected(text, said):
    with pytest.raises(ListRefused, match=said):
        read_submissions(text, "prolific")


@pytest.fixture
def study(db):
    """Three people from the panel and one who came with a label."""
    study = factories.make_open()
    for n, query in enumerate([{"PROLIFIC_PID": pid} for pid in (PID, LEFT, TYPED)] + [{"participant": "seat 1"}]):
        enrol(link=factories.main_link(study), arrival=read_arrival(query), visitor=f"v{n}", consent_version=1)
    first = Enrolment.objects.order_by("pk").first()
    Enrolment.objects.filter(pk=first.pk).update(state="completed")
    return study


def compare(study):
    owner = factories.owner_of(study.lab)
    return reconcile(study=study, panel="prolific", submissions=read_submissions(EXPORT, "prolific"), actor=owner)


def test_the_two_lists_are_laid_side_by_side(study):
    found = compare(study)

    typed = Enrolment.objects.order_by("pk")[2]
    assert found.both == (("APPROVED", "Completed", 1), ("RETURNED", "Taking part", 1))
    assert found.only_with_us == ((typed.code, "Taking part"),)
    assert found.only_at_panel == (Submission(NEVER, "AWAITING REVIEW"),)
    assert found.twice == 1


def test_no_id_of_the_list_is_kept_and_the_trail_has_the_counts(study):
    compare(study)

    entry = AuditEntry.objects.get(verb="reconciled with a panel")
    assert entry.after == {"both": 2, "only_with_us": 1, "only_at_panel": 1}
    with connection.cursor() as cursor:
        for model in apps.get_app_config("studyapp").get_models():
            cursor.execute(f"SELECT count(*) FROM {model._meta.db_table} t WHERE t::text LIKE %s", [f"%{NEVER}%"])
            assert cursor.fetchone() == (0,), model


def test_people_who_were_paid_and_whose_ids_were_dropped_are_still_found(study):
    study.enrolments.first().panel_identity.delete()

    assert compare(study).n_both == 2
