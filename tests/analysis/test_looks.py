"""Looks before the end, from the table of those who are counted to what the report says."""

import json
from dataclasses import replace

import numpy as np
import pytest

from analysis.api import analyse, look, read_looks, report_from_json, stops
from analysis.codec import encode
from analysis.errors import DesignError, InputError
from analysis.inference.sequential.bounds import spending_bounds
from analysis.inference.sequential.looks import LookPlan
from analysis.looks import ContrastLook, LookMade, sequential_tests
from analysis.text import report_text
from analysis.types import Contrast

LOOKS = {"times": [0.5, 1.0], "spending": "obrien_fleming"}
CONTRASTS = (Contrast("lime", "none"), Contrast("senn", "none"))
PLAN = LookPlan((0.5, 1.0))


def made(n: int, *z: float, planned: int = 100) -> LookMade:
    """A look with these z, of estimates whose information grows with the people."""
    error = 1 / np.sqrt(n)
    return LookMade(
        n, n / planned, tuple(ContrastLook(c, v * error, error, v) for c, v in zip(CONTRASTS, z, strict=False))
    )


@pytest.fixture
def planned(simulate):
    """A study of 48 of 48 people, whose first half was looked at."""

    def of(gain: float, looks: object = LOOKS, seed: int = 3, capacity: int = 48):
        study = simulate(48, n_items=8, gain={"lime": gain}, seed=seed, draws=200, bootstrap_draws=50)
        study.tree["allocation"] |= {"capacity": capacity}
        study.tree["plan"] |= {"looks": looks}
        return study

    return of


def first(study, n: int):
    """The table with the first n people allocated."""
    order = sorted(study.where(trial_type="allocation"), key=lambda row: int(row["sequence"]))
    kept = {row["subject_id"] for row in order[:n]}
    whole = study.table
    return whole.only(np.isin(whole.subject_id, list(kept)))


# --- from a table -----------------------------------------------------------------------------------------------------


def test_a_look_is_welchs_test_of_those_who_are_counted(planned) -> None:
    study = planned(0.2)
    found = look(first(study, 24), study.design)

    (one,) = found.contrasts
    assert (found.n_enrolments, found.time) == (24, 0.5)
    assert one.contrast == CONTRASTS[0]
    whole = analyse(first(study, 24), study.design).primary[0]
    assert one.value == pytest.approx(whole.value, abs=1e-12)
    assert whole.p_value is not None
    assert one.z == pytest.approx(one.value / one.standard_error, rel=0.1)  # a t with 22 degrees of freedom is near


def test_the_report_tests_at_the_look_and_at_the_end(planned) -> None:
    study = planned(0.2)
    at_half = look(first(study, 24), study.design)
    report = analyse(study.table, study.design, looks=[at_half])

    (test,) = report.sequential
    assert [outcome.n_enrolments for outcome in test.looks] == [24, 48][: len(test.looks)]
    assert test.deviations == ()
    assert test.interval.low < test.value < test.interval.high
    bounds = spending_bounds((0.5, 1.0), alpha=0.05).upper
    assert [outcome.bound for outcome in test.looks] == pytest.approx(bounds[: len(test.looks)], abs=1e-9)
    assert report_from_json(report.to_json()) == report
    assert "Group-sequential" in report_text(report)


def test_looks_are_written_and_read(planned) -> None:
    study = planned(0.1)
    at_half = look(first(study, 24), study.design)
    text = json.dumps(encode((at_half,)))

    assert read_looks(text) == (at_half,)
    with pytest.raises(InputError, match=r"looks\.json"):
        read_looks(text.replace('"time"', '"moment"'))


def test_a_planned_look_that_was_not_made_is_a_deviation(planned) -> None:
    study = planned(0.1)
    assert "The look planned at 0.5 of the information was not made." in analyse(study.table, study.design).deviations
    # Of a stage that the plan does not name there was none to be made.
    report = analyse(study.table, study.design, stages=("main", "pilot"))
    assert report.sequential == ()


def test_fewer_people_than_planned_end_the_study_all_the_same(planned) -> None:
    study = planned(0.1, capacity=80)
    report = analyse(study.table, study.design, looks=[replace(look(first(study, 40), study.design), time=0.5)])
    (test,) = report.sequential
    assert test.looks[-1].spent == pytest.approx(0.05)
    assert "The last look came at 0.6 of the planned information instead of at all of it." in report.deviations


def test_looks_without_a_number_of_people_cannot_be_planned(planned) -> None:
    study = planned(0.1)
    del study.tree["allocation"]["capacity"]
    with pytest.raises(DesignError, match=r"allocation\.capacity"):
        study.design  # noqa: B018  (reading it is the test)


# --- the family -------------------------------------------------------------------------------------------------------


def test_a_contrast_that_has_crossed_leaves_its_alpha_to_the_others() -> None:
    alone = spending_bounds((0.5, 1.0), alpha=0.05).upper
    halves = spending_bounds((0.5, 1.0), alpha=0.025).upper
    between = (alone[1] + halves[1]) / 2

    first_crosses = sequential_tests(PLAN, [made(50, 5.0, 0.3), made(100, 5.0, between)], "")
    nobody = sequential_tests(PLAN, [made(50, 0.1, 0.3), made(100, 0.1, between)], "")

    assert [test.crossed_at for test in first_crosses] == [1, 2]
    assert [test.alpha for test in first_crosses] == [0.025, 0.05]
    assert [test.crossed_at for test in nobody] == [None, None]


def test_a_study_stops_when_no_contrast_is_open() -> None:
    assert stops(PLAN, [made(50, 5.0, 4.0)])
    assert not stops(PLAN, [made(50, 5.0, 1.0)])
    assert not stops(PLAN, [made(50, 2.1, 2.1)])  # the bound at half time is 2.96 and more, not 1.96
    assert stops(PLAN, [made(50, -5.0, 4.0)])  # harm is an answer too


def test_an_arm_without_outcomes_is_never_found() -> None:
    empty = replace(
        made(50, 1.0, 1.0), contrasts=(*made(50, 1.0).contrasts, ContrastLook(CONTRASTS[1], None, None, None))
    )
    (_, test) = sequential_tests(PLAN, [empty], "")
    assert (test.crossed_at, test.value, test.interval, test.p_value) == (None, None, None, None)


def test_looks_of_other_contrasts_are_refused() -> None:
    with pytest.raises(InputError, match="look 1: expected the primary contrasts"):
        sequential_tests(PLAN, [made(50, 1.0), made(100, 1.0, 1.0)], "")


def test_the_error_rate_of_the_family_is_kept_over_looks() -> None:
    """4,000 studies of three arms without an effect, two looks: any contrast found in about 5 %, never in 6.5 %."""
    draw = np.random.default_rng(8)
    plan = LookPlan((0.5, 1.0), spending="pocock")
    people = draw.normal(size=(4_000, 3, 2)).cumsum(axis=2)  # control and two arms, halves added up
    z = (people[:, 1:] - people[:, :1]) / np.sqrt(2 * np.array([1.0, 2.0]))
    found = sum(
        any(test.crossed_at for test in sequential_tests(plan, [made(50, *one[:, 0]), made(100, *one[:, 1])], ""))
        for one in z
        if np.abs(one).max() > 2.0  # nothing below could cross
    )
    assert 0.03 <= found / len(z) <= 0.055


def test_what_the_plan_answers_is_what_allows_for_the_looks(planned) -> None:
    study = planned(0.2)
    report = analyse(study.table, study.design, looks=[look(first(study, 24), study.design)])

    (answer,), (test,), (bare,) = report.answers, report.sequential, report.primary
    assert (answer.value, answer.interval, answer.p_value) == (test.value, test.interval, test.p_value)
    assert answer.interval != bare.interval
    without = analyse(planned(0.2, looks=None).table, planned(0.2, looks=None).design)
    assert without.answers == without.primary
