"""When the explanations of a frozen design are judged: once they are there, and nothing else is waited for."""

from __future__ import annotations

import pytest

from studyapp import queue
from studyapp.actions.measures import MEASURE, ask_for_measures
from studyapp.models import ArmMeasures, Job
from tests import factories

pytestmark = pytest.mark.django_db


def arms_asked() -> set[str]:
    return {str(job.args["arm"]) for job in Job.objects.filter(kind=MEASURE)}


def test_every_arm_that_explains_is_asked_for_once() -> None:
    factories.make_frozen()
    Job.objects.all().delete()  # the explanations are there, made without a worker

    assert ask_for_measures() == 3
    assert arms_asked() == {"placebo", "lime", "senn"}
    assert ask_for_measures() == 0


def test_nothing_is_asked_for_while_explanations_are_missing() -> None:
    factories.make_frozen(explained=False)
    Job.objects.all().delete()
    assert ask_for_measures() == 0


def test_what_somebody_waits_for_comes_first() -> None:
    study = factories.make_frozen()
    Job.objects.all().delete()
    rehearsal = queue.enqueue("rehearse", queue=queue.ANALYSIS, args={}, study=study)
    assert ask_for_measures() == 0

    Job.objects.filter(pk=rehearsal.pk).update(state="done")
    assert ask_for_measures() == 3


def test_what_was_measured_is_shown_beside_each_other() -> None:
    from explainers.metrics.types import ItemValue, Measurement, MetricSpec, Summary
    from explainers.types import ExplainerSpec
    from studyapp.views.console.measures import measures_of

    study = factories.make_frozen()
    assert measures_of(study.frozen) is None
    for arm, mean in (("lime", 0.82), ("senn", None)):
        summary = Summary(mean, mean, None if mean is None else 0.7, None if mean is None else 0.9, 0.95, 8, 0)
        items = (ItemValue(mean, curve=(0.5,)),)
        reason = "" if mean else "It has no weights."
        found = Measurement(MetricSpec("deletion"), ExplainerSpec("lime", {}), items, summary, reason)
        ArmMeasures.objects.create(design=study.frozen, arm=arm, measurements=[found.to_json()])

    table = measures_of(study.frozen)

    assert table is not None
    assert len(table.arms) == 2
    (row,) = table.rows
    assert (row.title, row.better) == ("Deletion area", "lower")
    assert [(cell.mean, cell.interval, cell.reason) for cell in row.cells] == [
        ("0.82", "0.70 to 0.90", ""),
        ("–", "", "It has no weights."),
    ]
