"""Planned looks: made once, by the platform, when enough people are through; blind; and what they decide is heeded."""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from analysis.api import analyse, read_design, read_looks, read_table
from studyapp import jobs
from studyapp.actions.lifecycle import close_study, open_study
from studyapp.actions.looks import LOOK, ask_for_due_looks, found_looks, planned_looks, revealed_looks, settled
from studyapp.actions.reports import request_report
from studyapp.actions.resealing import reseal
from studyapp.actions.respond import record_response, withdraw
from studyapp.exports.archive import write_archive
from studyapp.models import AuditEntry, Enrolment, InterimLook, Job, Report, Study
from studyapp.models.frozen import frozen_study, truths
from studyapp.models.looks import LookDecision
from studyapp.models.studies import StudyState
from tests import factories
from tests.studyapp.actions.test_whole_run import answer_for, arrive, submission

CAPACITY = 16
LOOKS = {"times": [0.5, 0.75, 1.0], "spending": "pocock"}


@pytest.fixture
def study(transactional_db: None) -> Study:
    return factories.make_open(document=document())


def document(**plan: Any) -> dict[str, Any]:
    """Two arms, looks at half and three quarters of sixteen people."""
    whole = factories.small_document()
    arms = [arm for arm in whole["arms"] if arm["key"] in {"none", "lime"}]
    allocation = {**whole["allocation"], "capacity": CAPACITY, "block_multiples": [1]}
    planned = {**whole["plan"], "draws": 199, "bootstrap_draws": 199, "looks": LOOKS, **plan}
    return {**whole, "arms": arms, "allocation": allocation, "plan": planned}


def take_part(study: Study, number: int, *, learns: bool) -> Enrolment:
    """Somebody who guesses, and after explanations is nearly always right where they help."""
    enrolment = arrive(study, f"pid-{number}")
    known, truth = frozen_study(study.frozen.pk), truths(study.frozen.pk)
    chance = random.Random(number)
    for step in known.steps(enrolment.order_seed):
        answer = answer_for(known, step)
        if step.kind == "trial" and step.phase in {"pre", "post"}:
            helped = learns and step.phase == "post" and enrolment.arm == "lime"
            is_right = chance.random() < (0.95 if helped else 0.4)
            output = truth[step.key].output
            answer = {"choice": output if is_right else next(one for one in known.classes if one != output)}
        enrolment = record_response(enrolment_id=enrolment.pk, submission=submission(step.position, answer))
    return enrolment


def take_all_part(study: Study, numbers: Iterator[int] | range, *, learns: bool = False) -> None:
    for number in numbers:
        take_part(study, number, learns=learns)


def run_jobs() -> None:
    for key in Job.objects.filter(state="pending").values_list("pk", flat=True):
        jobs.run_job(str(key))


# --- when -------------------------------------------------------------------------------------------------------------


def test_a_look_is_made_once_when_enough_people_are_through(study: Study) -> None:
    take_all_part(study, range(7))
    assert ask_for_due_looks() == 0
    take_all_part(study, range(7, 8))
    assert [ask_for_due_looks(), ask_for_due_looks()] == [1, 0]
    run_jobs()
    job = Job.objects.get(kind=LOOK)
    assert (job.state, job.error) == ("done", "")
    Job.objects.filter(pk=job.pk).update(state="pending")  # its message comes again
    run_jobs()

    (made,) = InterimLook.objects.all()
    assert (made.number, made.n_enrolments, made.decision) == (1, 8, LookDecision.GO_ON)
    assert ask_for_due_looks() == 0  # the next one needs twelve
    assert [one.needed for one in planned_looks(study)] == [8, 12]


def test_who_withdrew_or_stays_away_is_counted_and_who_is_at_it_is_not(study: Study) -> None:
    take_all_part(study, range(6))
    at_it, away, gone = (arrive(study, f"left-{n}") for n in range(3))
    for someone in (at_it, away, gone):
        known = frozen_study(study.frozen.pk)
        for step in known.steps(someone.order_seed)[:4]:
            record_response(enrolment_id=someone.pk, submission=submission(step.position, answer_for(known, step)))
    withdraw(enrolment_id=gone.pk)
    Enrolment.objects.filter(pk=away.pk).update(enrolled_at=timezone.now() - timedelta(days=2))

    assert set(settled(study)) == {*Enrolment.objects.filter(state="completed"), away, gone}
    assert ask_for_due_looks() == 1
    run_jobs()
    assert InterimLook.objects.get().n_enrolments == 8


def test_a_plan_without_looks_has_none(db: None) -> None:
    factories.make_open()
    assert ask_for_due_looks() == 0


# --- what it decides --------------------------------------------------------------------------------------------------


def test_a_decided_study_lets_nobody_new_in_and_is_looked_at_no_more(study: Study) -> None:
    take_all_part(study, range(8), learns=True)
    ask_for_due_looks()
    run_jobs()

    assert InterimLook.objects.get().decision == LookDecision.STOP
    assert Study.objects.get(pk=study.pk).state == StudyState.PAUSED
    verbs = list(AuditEntry.objects.filter(study=study, actor="system").values_list("verb", flat=True))
    assert verbs[-2:] == ["looked as planned", "paused"]

    owner = factories.owner_of(study.lab)
    study = open_study(study=study, actor=owner)  # going on is the researcher's own decision
    take_all_part(study, range(8, 16), learns=True)
    assert ask_for_due_looks() == 0


def test_the_report_allows_for_the_looks_and_can_be_repeated_from_files(study: Study) -> None:
    take_all_part(study, range(16))
    for _ in range(2):
        ask_for_due_looks()
        run_jobs()
    close_study(study=study, actor=factories.owner_of(study.lab))
    study = factories.unblind(study)
    stage = factories.main_link(study).stage
    request_report(stage=stage, actor="system")
    run_jobs()

    report = Report.objects.get(stage=stage).document
    (test,) = report["sequential"]
    # Both looks came when all sixteen were through: the second one counted nobody new, so it says nothing.
    assert [look["n_enrolments"] for look in test["looks"]][-1] == 16
    file = io.BytesIO()
    write_archive(stage, file, looks=revealed_looks(stage))
    archive = zipfile.ZipFile(file)
    table, design = (archive.read(name).decode() for name in ("responses.csv", "design.json"))
    again = analyse(read_table(table), read_design(design), looks=read_looks(archive.read("looks.json").decode()))
    assert json.loads(again.to_json())["sequential"] == report["sequential"]
    assert "--looks looks.json" in archive.read("README.txt").decode()


# --- who sees what ----------------------------------------------------------------------------------------------------


def test_nobody_sees_more_than_whether_the_study_goes_on(study: Study) -> None:
    take_all_part(study, range(8), learns=True)
    ask_for_due_looks()
    run_jobs()
    (found,) = found_looks(study)
    client = Client()
    client.force_login(factories.owner_of(study.lab))
    page = client.get(f"/studies/{study.public_id}/").content.decode()

    assert "Planned looks" in page
    assert "with 8 people" in page
    told = [page, *map(str, AuditEntry.objects.values_list("what", "before", "after")), str(Job.objects.values())]
    z = f"{found.contrasts[0].z:.3f}"[:4]
    assert not any(z in text or "lime" in text.lower() for text in told)
    assert revealed_looks(factories.main_link(study).stage) == ""
    assert b"lime" not in bytes(InterimLook.objects.get().sealed)


@pytest.mark.parametrize("change", ["UPDATE {} SET decision = 'go_on'", "DELETE FROM {}", "TRUNCATE {}"])
def test_a_look_that_was_made_stays(study: Study, change: str) -> None:
    from django.db import connection

    take_all_part(study, range(8), learns=True)
    ask_for_due_looks()
    run_jobs()
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change.format("studyapp_interimlook"))


def test_looks_are_sealed_anew_with_the_rest(study: Study, settings: Any) -> None:
    take_all_part(study, range(8))
    ask_for_due_looks()
    run_jobs()
    before = found_looks(study)
    old, settings.SECRET_KEY = settings.SECRET_KEY, "another key, long enough to be one, of fifty characters."
    settings.SECRET_KEY_FALLBACKS = [old]
    reseal()
    settings.SECRET_KEY_FALLBACKS = []
    assert found_looks(study) == before
