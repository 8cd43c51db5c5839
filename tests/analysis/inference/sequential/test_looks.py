import numpy as np
import pytest

from analysis.errors import InputError
from analysis.inference.sequential import Look, LookPlan, bounds_at, decide, spending_bounds

PLAN = LookPlan(times=(1 / 3, 2 / 3, 1.0))


def test_looks_as_planned_are_decided_by_the_planned_bounds():
    planned = spending_bounds(PLAN.times, alpha=0.05)

    found = decide(PLAN, [Look(1 / 3, 1.2), Look(2 / 3, 2.0), Look(1.0, 2.1)])

    assert [d.bound for d in found] == pytest.approx(planned.upper)
    assert [d.action for d in found] == ["go_on", "go_on", "stop_for_effect"]
    assert [d.deviations for d in found] == [()] * 3
    assert [d.spent for d in found] == pytest.approx(planned.spent)


def test_a_bound_crossed_below_is_a_harm_and_an_end_without_crossing_is_no_effect():
    assert [d.action for d in decide(PLAN, [Look(1 / 3, -4.0)])] == ["stop_for_harm"]
    one_sided = LookPlan(times=PLAN.times, alpha=0.025, sides=1)
    looks = [Look(1 / 3, -4.0), Look(2 / 3, 0.0), Look(1.0, 1.0)]
    assert [d.action for d in decide(one_sided, looks)] == ["go_on", "go_on", "end_without_effect"]


def test_a_look_nearly_at_its_time_is_the_planned_one_with_the_bound_of_its_real_time():
    (found,) = decide(PLAN, [Look(0.36, 1.0)])

    assert found.planned_time == pytest.approx(1 / 3)
    assert found.bound == pytest.approx(spending_bounds([0.36], alpha=0.05).upper[0])
    assert found.deviations == ()


def test_a_look_that_was_not_planned_is_refused_or_named():
    looks = [Look(1 / 3, 1.0), Look(0.5, 1.5)]

    with pytest.raises(InputError, match=r"Look 2, at 0.5 of the information, was not planned"):
        decide(PLAN, looks)
    found = decide(PLAN, looks, unplanned="report")

    assert found[1].planned_time is None
    assert "was not planned (planned: 0.333333, 0.666667, 1)" in found[1].deviations[0]
    assert found[1].bound == pytest.approx(spending_bounds([1 / 3, 0.5], alpha=0.05).upper[1])


def test_a_second_look_at_the_same_planned_time_is_not_planned():
    with pytest.raises(InputError, match="Look 2"):
        decide(PLAN, [Look(0.32, 1.0), Look(0.35, 1.5)])


def test_a_planned_look_that_was_left_out_is_named():
    found = decide(PLAN, [Look(2 / 3, 1.0)])

    assert found[0].deviations == ("The look planned at 0.333333 of the information was not made.",)


def test_an_early_end_spends_all_that_is_left_and_is_named():
    looks = [Look(1 / 3, 1.0), Look(0.8, 1.9, is_last=True)]

    found = decide(PLAN, looks)

    assert found[-1].spent == pytest.approx(0.05)
    assert found[-1].action == "end_without_effect"
    assert found[-1].deviations == (
        "The look planned at 0.666667 of the information was not made.",
        "The last look came at 0.8 of the planned information instead of at all of it.",
    )


def test_more_information_than_planned_at_the_end_uses_the_real_increments():
    looks = [Look(0.5, 1.0), Look(1.3, 1.9)]
    plan = LookPlan(times=(0.5, 1.0))

    bounds = bounds_at(plan, looks)

    assert bounds.spent[-1] == pytest.approx(0.05)
    assert bounds.upper[0] == pytest.approx(spending_bounds([0.5, 1], alpha=0.05).upper[0])
    assert bounds.upper[1] > spending_bounds([0.5, 1], alpha=0.05).upper[1]  # less correlated looks need more
    assert decide(plan, looks)[-1].deviations == (
        "The last look came at 1.3 of the planned information instead of at all of it.",
    )


def test_going_on_after_a_bound_was_crossed_is_named():
    found = decide(PLAN, [Look(1 / 3, 5.0), Look(2 / 3, 1.0)])

    assert found[1].deviations == ("Look 2 was made although look 1 had crossed its bound.",)


@pytest.mark.parametrize(
    ("plan", "looks", "text"),
    [
        (LookPlan(times=(0.5, 0.9)), [Look(0.5, 1)], "expected the last at information time 1"),
        (LookPlan(times=(0.5, 1), spending="all"), [Look(0.5, 1)], "expected one of obrien_fleming"),
        (LookPlan(times=(0.5, 1), tolerance=-1), [Look(0.5, 1)], "tolerance"),
        (PLAN, [Look(0.5, float("nan"))], "expected a number z"),
        (PLAN, [Look(1.0, 1), Look(1.1, 1)], "nothing follows the last look"),
        (PLAN, [], "at least one look"),
    ],
)
def test_plans_and_looks_that_contradict_themselves_are_refused(plan, looks, text):
    with pytest.raises(InputError, match=text):
        decide(plan, looks, unplanned="report")


def test_alpha_holds_in_simulated_studies_at_times_that_were_not_planned():
    draw = np.random.default_rng(3)
    times = (0.2, 0.45, 0.7, 1.0)
    bounds = bounds_at(LookPlan(times=(0.5, 1.0)), [Look(t, 0.0) for t in times])
    scores = np.cumsum(draw.normal(size=(40_000, 4)) * np.sqrt(np.diff((0, *times))), axis=1)

    stopped = (np.abs(scores / np.sqrt(times)) >= bounds.upper).any(axis=1).mean()
    naive = (np.abs(scores / np.sqrt(times)) >= 1.96).any(axis=1).mean()

    assert stopped == pytest.approx(0.05, abs=0.004)
    assert naive > 0.1
