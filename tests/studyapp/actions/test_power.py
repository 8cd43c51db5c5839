"""Power runs: what is asked, what a worker keeps, and what a cancel or a changed draft leaves."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import pytest

from analysis.power.plan import PowerPlan, Scenario
from analysis.power.run import power
from studyapp import jobs, queue
from studyapp.actions import power as actions
from studyapp.actions.power import Assumptions, cells_of, compute_power, plans_of, request_power, running_power
from studyapp.actions.studies import edit_draft
from studyapp.design.schema import parse_design
from studyapp.errors import WrongState
from studyapp.models import AuditEntry, Job, PowerRun
from studyapp.models.jobs import JobState
from tests import factories

pytestmark = pytest.mark.django_db

ASSUMED = Assumptions(
    people=(40, 80), effects=(0.1, 0.2), accuracy=0.6, practice=0.02, drop_out=0.1, sd_participants=0.7, sd_items=0.5,
    n_studies=120, pay=2.5,
)  # fmt: skip


@pytest.fixture
def study():
    return factories.make_draft()


def ask(study, assumed: Assumptions = ASSUMED) -> PowerRun:
    return request_power(study=study, assumed=assumed, actor=factories.owner_of(study.lab))


def work(run: PowerRun) -> PowerRun:
    claim = queue.claim(run.job_id)
    assert claim is not None
    compute_power(claim)
    claim.finish()
    return PowerRun.objects.select_related("job").get(pk=run.pk)


def test_every_cell_is_what_the_library_says_of_the_same_plan(study):
    run = work(ask(study))

    assert run.job.state == JobState.DONE
    assert (run.job.done, run.job.total) == (480, 480)
    cells = cells_of(run)
    assert [(c.n_people, c.effect) for c in cells] == [(40, 0.1), (40, 0.2), (80, 0.1), (80, 0.2)]
    plan = plans_of(parse_design(study.draft), ASSUMED)[3]
    assert cells[3].power == power(plan).by_arm[0]
    assert cells[3].power > cells[0].power
    assert "80 people" in run.figure["caption"]


def test_a_plan_is_the_designs_own(study):
    document = factories.small_document()
    document["allocation"] = {"block_multiples": [2, 3], "capacity": 60}
    document["plan"] |= {"alpha": 0.01, "seed": 9}
    design = parse_design(document)

    plan = plans_of(design, ASSUMED)[0]

    post = next(phase for phase in design.phases if phase.key == "post")
    n_items = sum(design.item_set(block.item_set).n_items for block in post.blocks)
    weights = tuple(arm.weight for arm in design.arms if arm.role != "placebo")
    n = round(40 * sum(weights) / sum(arm.weight for arm in design.arms))
    effects = (0.1,) * (len(weights) - 1)
    scenario = Scenario(n, effects, n_items, 0.6, 0.02, weights, 0.7, 0.5, drop_out=0.1, block_multiples=(2, 3))
    assert plan == PowerPlan(scenario, "welch", alpha=0.01, n_studies=120, seed=9)


def test_people_of_placebo_arms_take_no_part(study):
    document = factories.small_document()
    arms = document["arms"]
    explained = next(arm for arm in arms if arm["role"] == "explained")
    document["arms"] = [
        next(arm for arm in arms if arm["role"] == "control"), explained,
        {**explained, "key": "dud", "title": "Dud", "role": "placebo", "explainer": {"name": "placebo_other_item"}},
    ]  # fmt: skip

    plan = plans_of(parse_design(document), ASSUMED)[0]

    assert plan.scenario.n_people == round(40 * 2 / 3)
    assert plan.scenario.weights == (1, 1)


def test_a_draft_that_changes_leaves_the_grid_as_it_was_asked(study):
    run = ask(study)
    before = run.plans
    edit_draft(study=study, document=factories.small_document(seed=77), actor=factories.owner_of(study.lab))

    assert work(run).plans == before


def test_a_second_grid_waits_for_the_first(study):
    ask(study)

    with pytest.raises(WrongState, match="being computed already"):
        ask(study)
    assert PowerRun.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"people": (2,)}, "n_people: two an arm"),
        ({"effects": (0.45,)}, "proportions between 0.01 and 0.99"),
        ({"people": tuple(range(40, 61)), "effects": (0.1, 0.2)}, "42 sizes and effects came; choose 40"),
    ],
)
def test_what_cannot_be_simulated_is_refused_in_words_and_nothing_is_queued(study, changes, says):
    with pytest.raises(WrongState, match=says):
        ask(study, replace(ASSUMED, **changes))
    assert not PowerRun.objects.exists()
    assert not Job.objects.exists()


def test_cells_of_an_attempt_that_died_are_not_computed_again(study, monkeypatch):
    run = ask(study)
    simulated: list[PowerPlan] = []

    def dying(plan, **options):
        if len(simulated) == 2:
            raise MemoryError("killed")
        simulated.append(plan)
        return power(plan, **options)

    monkeypatch.setattr(actions, "power", dying)
    with pytest.raises(MemoryError):
        compute_power(queue.claim(run.job_id))
    assert len(PowerRun.objects.get().cells) == 2

    monkeypatch.setattr(actions, "power", lambda plan, **options: simulated.append(plan) or power(plan, **options))
    Job.objects.update(state=JobState.PENDING, lease=None, lease_until=None)
    done = work(run)

    assert [plan.scenario.n_people for plan in simulated] == [30, 30, 60, 60]  # of the arms compared
    assert len(cells_of(done)) == 4
    assert done.figure is not None


@pytest.mark.django_db(transaction=True)
def test_a_cancel_stops_the_work_and_keeps_the_cells_that_are_done():
    study = factories.make_draft()
    run = ask(study, replace(ASSUMED, people=(100,), effects=(0.05, 0.1, 0.15), n_studies=4_000))
    worker = threading.Thread(target=lambda: (jobs.run_job(str(run.job_id)), jobs.connection.close()))
    worker.start()
    wait = threading.Event()
    while Job.objects.get().done == 0:
        wait.wait(0.05)
    actions.cancel_power(study=study, actor=factories.owner_of(study.lab))
    worker.join(60)

    assert not worker.is_alive()
    left = PowerRun.objects.get()
    assert len(left.cells) < 3
    assert left.figure is None
    assert Job.objects.get().state == JobState.CANCELLED
    assert running_power(study) is None
    assert AuditEntry.objects.filter(verb="cancelled the power").count() == 1


def test_the_trail_says_what_was_assumed(study):
    ask(study)

    entry = AuditEntry.objects.get(verb="asked for the power")
    assert json.loads(json.dumps(entry.after))["effects"] == [0.1, 0.2]
