"""Promise 37: nobody learns who is in which arm before two people unblind a closed study.

The strongest test there is of a page that may say nothing: two worlds that differ in nothing but who is in which arm.
What is the same in both, byte for byte, tells nothing of it, neither a name nor a count nor an order nor a size.
"""

from __future__ import annotations

import json
import logging
from dataclasses import replace

import pytest
from django.db import IntegrityError, transaction
from django.db.models import Case, F, Value, When

from studyapp.actions import lifecycle
from studyapp.actions.reports import compute_report, request_report
from studyapp.errors import WrongState
from studyapp.models import Assignment, AuditEntry, Enrolment, Job, Report, Study
from studyapp.queue import claim, enqueue
from studyapp.views.console import overview
from tests import factories
from tests.promises.console_walk import Onlookers, behind_the_guards, differences, onlookers, people_under_way, walk
from tests.promises.ledger import Reached, scale

pytestmark = pytest.mark.django_db

CANARIES = ("kanarieneins", "kanarienzwei")
# Where a design is shown or its explanations are counted, its arms are; nobody's name stands beside them.
# A rehearsal's archive names the arms of invented people.
DESIGN_PAGES = (
    "design",
    "design_file",
    "design_json",
    "explanations",
    "plan_file",
    "preview",
    "preview_screen",
    "study_map",
)


def canary_study() -> Study:
    """An open study with two arms whose keys and titles stand for themselves."""
    document = factories.small_document(allocation={"block_multiples": [1]})
    control = next(arm for arm in document["arms"] if arm["role"] == "control")
    lime = next(arm for arm in document["arms"] if arm["role"] == "explained")
    document["arms"] = [
        {**control, "key": CANARIES[0], "title": CANARIES[0].title()},
        {**lime, "key": CANARIES[1], "title": CANARIES[1].title()},
    ]
    document["plan"] = {**document["plan"], "control": CANARIES[0]}
    if "contrasts" in document["plan"]:
        document["plan"]["contrasts"] = []
    return factories.make_open(document=document)


@pytest.fixture
def world(db: None, caplog: pytest.LogCaptureFixture) -> Onlookers:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("django.db.backends").setLevel(logging.WARNING)
    study = canary_study()
    people_under_way(study, scale(full=42, quick=4))  # an odd number stays in the middle: never as many in both arms
    return onlookers(study)


def other_arm() -> Case:
    return Case(*(When(arm=one, then=Value(two)) for one, two in (CANARIES, CANARIES[::-1])), default=F("arm"))


def swap_arms() -> None:
    """Everybody is in the other arm."""
    Enrolment.objects.exclude(arm="").update(arm=other_arm())
    Assignment.objects.update(arm=other_arm())


def leaks(world: Onlookers) -> list[str]:
    """The pages that differ between the two worlds."""
    first = walk(world)
    assert differences(first, walk(world)) == []  # the same world says the same twice
    behind_the_guards(swap_arms)
    told = differences(first, walk(world))
    behind_the_guards(swap_arms)
    return told


def names_of_arms(world: Onlookers) -> list[str]:
    """Pages, other than those of the design, that name an arm at all."""
    return [
        f"{name} by {who}"
        for (who, name), text in walk(world, refusals=True).items()
        if not name.startswith((*DESIGN_PAGES, "archive of rehearsal"))
        and any(canary.encode() in text.lower() for canary in CANARIES)
    ]


@pytest.mark.promise(37)
def test_no_page_of_the_console_differs_with_who_is_in_which_arm(world: Onlookers, reached: Reached) -> None:
    n_people = Assignment.objects.count()
    assert {*Enrolment.objects.exclude(arm="").values_list("arm", flat=True)} == set(CANARIES)
    found, n_answers = [], 0

    for state in ("open", "closed"):
        if state == "closed":
            lifecycle.close_study(study=world.study, actor=factories.owner_of(world.study.lab))
        found += leaks(world)
        n_answers += len(walk(world))

    assert found == []
    reached(f"0 of {n_answers:,} answers to {len(world.clients)} kinds of people differ when {n_people} swap arms")


@pytest.mark.promise(37)
def test_no_page_but_the_designs_own_names_an_arm_nor_does_a_job_the_trail_or_a_log(
    world: Onlookers, caplog: pytest.LogCaptureFixture, reached: Reached
) -> None:
    assert names_of_arms(world) == []
    rows = [*Job.objects.values("kind", "args", "error"), *AuditEntry.objects.values("verb", "what", "before", "after")]
    told = [row for row in rows if any(canary in json.dumps(row, default=str).lower() for canary in CANARIES)]
    logged = [record for record in caplog.records if any(canary in record.getMessage().lower() for canary in CANARIES)]
    assert (told, logged) == ([], [])
    reached(f"0 of {len(rows)} jobs and entries, 0 of {len(caplog.records)} lines of log")


@pytest.mark.promise(37)
def test_an_early_look_is_refused_whichever_way(world: Onlookers, reached: Reached) -> None:
    study, stage = world.study, factories.main_link(world.study).stage
    lifecycle.close_study(study=study, actor=factories.owner_of(study.lab))
    stage.study.refresh_from_db()
    report = Report(stage=stage)
    job = enqueue("report", queue="analysis", args={"report": 0}, study=study)
    claimed = claim(job.pk)
    assert claimed is not None

    ways = {
        "action": lambda: request_report(stage=stage, actor="system"),
        "row": report.save,
        "bulk": lambda: Report.objects.bulk_create([Report(stage=stage)]),
        "rehearsal's report": lambda: _pointed_at(stage, world),
        "job": lambda: compute_report(claimed),
    }
    for name, way in ways.items():
        with pytest.raises((WrongState, IntegrityError, Report.DoesNotExist)), transaction.atomic():
            way()
        assert not Report.objects.filter(stage=stage).exists(), name
    reached(f"{len(ways)} of {len(ways)} ways refused")


def _pointed_at(stage, world: Onlookers) -> None:  # type: ignore[no-untyped-def]
    row = Report.objects.create(stage=world.rehearsal)
    Report.objects.filter(pk=row.pk).update(stage=stage)


@pytest.mark.control(37, "the archive of an open study is given out, with its column of arms")
def test_an_arm_column_in_a_live_export_is_seen(
    world: Onlookers, monkeypatch: pytest.MonkeyPatch, reached: Reached
) -> None:
    monkeypatch.setattr("studyapp.views.console.exports.shows_arms", lambda stage: True)

    told = leaks(world)

    assert {name.split(" ")[0] for name in told} == {"archive"}
    assert names_of_arms(world)
    reached(f"{len(told)} answers differ")


@pytest.mark.control(37, "counts by arm in the table of the flow")
def test_a_count_by_arm_without_any_name_is_seen(
    world: Onlookers, monkeypatch: pytest.MonkeyPatch, reached: Reached
) -> None:
    whole = overview.flow_of

    def of_one_arm(stage):  # type: ignore[no-untyped-def]
        return replace(whole(stage), active=Enrolment.objects.filter(arm=CANARIES[0], state="active").count())

    monkeypatch.setattr(overview, "flow_of", of_one_arm)
    told = leaks(world)

    assert {name.split(" ")[0] for name in told} == {"flow", "study"}
    assert names_of_arms(world) == []
    reached(f"{len(told)} answers differ, none of which names an arm")
