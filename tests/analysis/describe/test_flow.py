import pytest

from analysis.api import analyse
from analysis.describe.flow import ArmFlow, Flow


@pytest.fixture
def study(simulate):
    """Eight allocated, four an arm; nobody leaves but by what a test does."""
    return simulate(8, n_items=4, seed=6, left_early=6, draws=10, bootstrap_draws=10)


def full(arm):
    return ArmFlow(arm, 4, 4, 4, 4, 4, 0, 4, 4)


def test_everybody_is_counted_once_on_the_way(study):
    flow = analyse(study.table, study.design).flow

    assert flow == Flow(14, 12, 2, 2, 2, 8, (full("none"), full("lime")))
    assert flow.arrived == flow.declined + flow.failed_check + flow.left_before_allocation + flow.allocated


def test_who_passes_at_a_second_attempt_has_not_failed(study):
    row = study.where(subject_id="p0000", trial_type="comprehension_check")[0]
    study.rows.append(row | {"response": "failed", "attempt": "0"})

    assert analyse(study.table, study.design).flow.failed_check == 2


def test_a_withdrawn_participant_stays_among_the_allocated(study):
    subject = study.where(arm="lime", trial_type="allocation")[0]["subject_id"]
    mine = study.where(subject_id=subject)
    study.without([row for row in mine if row["trial_type"] not in ("consent", "allocation")])
    study.rows.append(mine[-1] | {"trial_type": "withdrawal"})

    report = analyse(study.table, study.design)

    assert report.flow.arms[1] == ArmFlow("lime", 4, 3, 3, 3, 3, 1, 3, 4)
    assert report.primary[0].n_enrolments == {"lime": 4, "none": 4}
    assert report.deviations == (
        "1 of 8 allocated lack the answers that the outcome is made of: counted with a gain of zero, as planned.",
    )


def test_losses_are_compared_between_arms(study):
    for row in study.where(arm="lime", trial_type="completion"):
        study.without([row])

    completed, with_outcome = analyse(study.table, study.design).attrition

    # Four of four against none of four: the most extreme of C(8, 4) = 70 tables on either side.
    assert completed.lost == {"none": 0, "lime": 4}
    assert completed.fisher_p == pytest.approx(2 / 70)
    assert (with_outcome.lost, with_outcome.fisher_p) == ({"none": 0, "lime": 0}, None)


def test_sample_ratios_hold_the_counts_of_each_stage_against_the_weights(simulate):
    study = simulate(
        9, arms=(("none", "control", 2), ("lime", "explained", 1)), n_items=2, draws=10, bootstrap_draws=10
    )
    study.without(study.where(subject_id="p0000", trial_type="completion"))

    allocated, started, completed = analyse(study.table, study.design).sample_ratios

    assert [ratio.reached for ratio in (allocated, started, completed)] == ["allocated", "started", "completed"]
    assert allocated.expected == {"none": 6.0, "lime": 3.0}
    assert [sum(ratio.counts.values()) for ratio in (allocated, started, completed)] == [9, 9, 8]
    assert not any(ratio.is_alarm for ratio in (allocated, started, completed))


def test_an_arm_that_loses_everybody_is_an_alarm_and_a_deviation(simulate):
    study = simulate(80, n_items=2, draws=10, bootstrap_draws=10)
    study.without(study.where(arm="lime", trial_type="completion"))

    report = analyse(study.table, study.design)

    assert [ratio.is_alarm for ratio in report.sample_ratios] == [False, False, True]
    assert report.deviations[-1].startswith("People completed are not in the planned ratio (p < 0.001): none 40 of 20")
