"""Frozen means frozen: the database refuses, whichever way somebody comes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Model
from django.utils import timezone

from studyapp.actions.respond import record_response
from studyapp.models import (
    ArmExplanation,
    Assignment,
    AuditEntry,
    Consent,
    Enrolment,
    Explanation,
    ExplanationUpload,
    FrozenDesign,
    Item,
    Output,
    Perturbation,
    Response,
    Seal,
    Study,
    StudyItem,
    UploadedExplanation,
)
from studyapp.models.frozen import frozen_study
from studyapp.models.studies import StudyState
from tests import factories
from tests.studyapp.actions.test_imports import bring
from tests.studyapp.actions.test_whole_run import answer_for, arrive, submission

pytestmark = pytest.mark.django_db

NEVER_CHANGED = {
    FrozenDesign: {"sha256": "0" * 64},
    StudyItem: {"output": 0},
    ArmExplanation: {"arm": "none"},
    Seal: {"encrypted_key": b"x"},
    Response: {"answer": {"choice": "other"}},
    Consent: {"language": "xx"},
    Assignment: {"arm": "lime"},
    AuditEntry: {"actor": "nobody"},
    Item: {"label": 0},
    Perturbation: {"kind": "other"},
    Output: {"class_index": 0},
    ExplanationUpload: {"method": "other"},
    UploadedExplanation: {"form": {}},
}


@pytest.fixture
def run(db) -> Study:
    """A study with one person, who has been allocated, in a lab that has brought explanations."""
    study = factories.make_open()
    bring(factories.make_draft(study.lab))
    enrolment = arrive(study)
    for step in frozen_study(study.frozen.pk).steps(enrolment.order_seed)[:2]:
        answer = answer_for(frozen_study(study.frozen.pk), step)
        record_response(enrolment_id=enrolment.pk, submission=submission(step.position, answer))
    return study


def ways(model: type[Model], field: str, value: object) -> dict[str, Callable[[], object]]:
    """Every path by which a row could be changed."""
    row = model.objects.first()
    setattr(row, field, value)
    return {
        "update": lambda: model.objects.filter(pk=row.pk).update(**{field: value}),
        "save": row.save,
        "bulk_update": lambda: model.objects.bulk_update([row], [field]),
        "delete": lambda: model.objects.filter(pk=row.pk)._raw_delete("default"),
        "raw SQL": lambda: connection.cursor().execute(f"DELETE FROM {model._meta.db_table}"),
    }


def goes_through(change: Callable[[], object]) -> bool:
    """Whether the database lets a change be; undone either way."""
    try:
        with transaction.atomic():
            change()
            transaction.set_rollback(True)
    except IntegrityError as error:
        return "refused" not in str(error)
    return True


@pytest.mark.parametrize("model", NEVER_CHANGED, ids=lambda model: model.__name__)
def test_a_row_is_never_changed_whichever_way(run, model):
    attempts = ways(model, *next(iter(NEVER_CHANGED[model].items())))

    assert [way for way, change in attempts.items() if goes_through(change)] == []


@pytest.mark.parametrize("model", [*NEVER_CHANGED, Study], ids=lambda model: model.__name__)
def test_a_table_is_never_emptied(run, model):
    with pytest.raises(IntegrityError, match="TRUNCATE"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET CONSTRAINTS ALL IMMEDIATE; TRUNCATE {model._meta.db_table} CASCADE")


def test_the_design_of_a_frozen_study_is_never_changed_nor_the_study_deleted(run):
    for change in ({"draft": {}}, {"title": "other"}, {"state": StudyState.DRAFT}, {"state": StudyState.UNBLINDED}):
        with pytest.raises(IntegrityError, match="refused"), transaction.atomic():
            Study.objects.filter(pk=run.pk).update(**change)
    with pytest.raises(IntegrityError, match="never deleted"), transaction.atomic():
        Study.objects.filter(pk=run.pk)._raw_delete("default")


def test_a_draft_may_change_and_go(db):
    study = factories.make_draft()
    Study.objects.filter(pk=study.pk).update(title="Better")
    with connection.cursor() as cursor:  # its audit entry holds on to it; nothing else does
        cursor.execute("SELECT state FROM studyapp_study WHERE id = %s", [study.pk])
        assert cursor.fetchone() == ("draft",)


def test_no_item_joins_a_frozen_design(run):
    spare = Item.objects.exclude(pk__in=StudyItem.objects.values("item")).first()
    with pytest.raises(IntegrityError, match="the design is frozen"), transaction.atomic():
        StudyItem.objects.create(design=run.frozen, key="extra", item_set="test", item=spare, label=0, output=0)


def test_a_computed_explanation_is_never_changed(run):
    row = Explanation.objects.ready().first()
    for change in ({"form": {}}, {"explained_class": 5}, {"seed": 1}, {"state": "pending"}):
        with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
            Explanation.objects.filter(pk=row.pk).update(**change)
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        Explanation.objects.filter(pk=row.pk)._raw_delete("default")


def test_an_enrolment_keeps_arm_and_order_and_never_goes_back(run):
    row = Enrolment.objects.first()
    other = next(arm for arm in ("none", "lime") if arm != row.arm)
    for change in ({"arm": other}, {"arm": ""}, {"order_seed": 1}, {"position": 0}):
        with pytest.raises(IntegrityError, match="refused"), transaction.atomic():
            Enrolment.objects.filter(pk=row.pk).update(**change)


def test_the_chain_of_the_trail_holds_whatever_is_inserted(run):
    AuditEntry.objects.create(
        study=run, at=timezone.now(), actor="x", verb="y", what="z", previous="forged", entry_sha256="forged"
    )
    entries = list(AuditEntry.objects.filter(study=run).order_by("pk"))
    assert entries[0].previous == ""
    assert [e.previous for e in entries[1:]] == [e.entry_sha256 for e in entries[:-1]]
