import pytest

from analysis.api import analyse
from analysis.describe.flow import ArmFlow, Flow


@pytest.fixture
def study(simulate):
    """Eight allocated, four an arm; nobody leaves but by what a test does."""
    return simulate(8, n_items=4, seed=6, left_early=6, draws=10, bootstrap_draws=10)


def full(arm):
    return ArmFlow(arm, 4, 4, 4, 4, 0, 4, 4)


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

    assert report.flow.arms[1] == ArmFlow("lime", 4, 3, 3, 3, 1, 3, 4)
    assert report.primary[0].n_enrolments == {"lime": 4, "none": 4}
    assert report.deviations == (
        "1 of 8 allocated have no outcome, as they lack answers in pre or post; "
        "counted with a gain of zero, as planned.",
    )


def test_losses_are_compared_between_arms(study):
    for row in study.where(arm="lime", trial_type="completion"):
        study.without([row])

    completed, with_outcome = analyse(study.table, study.design).attrition

    # Four of four against none of four: the most extreme of C(8, 4) = 70 tables on either side.
    assert completed.lost == {"none": 0, "lime": 4}
    assert completed.fisher_p == pytest.approx(2 / 70)
    assert (with_outcome.lost, with_outcome.fisher_p) == ({"none": 0, "lime": 0}, None)


def test_sample_ratio_holds_the_counts_against_the_weights(simulate):
    study = simulate(
        9, arms=(("none", "control", 2), ("lime", "explained", 1)), n_items=2, draws=10, bootstrap_draws=10
    )

    ratio = analyse(study.table, study.design).sample_ratio

    assert sum(ratio.allocated.values()) == 9
    assert ratio.expected == {"none": 6.0, "lime": 3.0}
