import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.describe.answers import describe_rows
from analysis.describe.learning import MOST_BINS, bins, learning
from analysis.enrolments import read_enrolments
from analysis.inference.welch import mean_of


def learned(study):
    table, design = study.table, study.design
    return learning(describe_rows(table, design, read_enrolments(table, design), 0.95))


@given(st.integers(1, 500))
def test_bins_cover_every_trial_once_in_about_equal_parts(n):
    found = list(bins(n))

    assert [place for first, last in found for place in range(first, last)] == list(range(n))
    sizes = {last - first for first, last in found}
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) <= 6 or len(found) == MOST_BINS


@pytest.mark.parametrize(("n", "edges"), [(1, [(0, 1)]), (5, [(0, 5)]), (6, [(0, 3), (3, 6)]), (8, [(0, 4), (4, 8)])])
def test_about_four_trials_are_a_bin(n, edges):
    assert list(bins(n)) == edges


def test_a_point_is_the_mean_of_the_participants_shares_in_the_order_of_the_screens(simulate):
    study = simulate(12, n_items=8, seed=4, dropout=0.3)
    study.rows.reverse()

    for point in learned(study):
        shares = {}
        for subject in {row["subject_id"] for row in study.where(arm=point.arm, phase=point.phase)}:
            rows = study.where(subject_id=subject, phase=point.phase)
            rows.sort(key=lambda row: int(row["trial_index"]))
            shares[subject] = np.mean([float(row["correct"]) for row in rows[point.first - 1 : point.last]])
        expected = mean_of(np.array(list(shares.values())), 0.95)
        assert (point.value, point.n_enrolments) == (pytest.approx(expected.value), len(shares))
        assert (point.interval is None) == (expected.interval is None)
        if expected.interval is not None:
            ends = max(0, expected.interval.low), min(1, expected.interval.high)
            assert (point.interval.low, point.interval.high) == pytest.approx(ends)


def test_arms_have_the_same_bins_and_come_in_the_designs_order(simulate):
    study = simulate(4, n_items=8)
    study.without([row for row in study.where(arm="lime", phase="post") if int(row["item"][1:]) > 2])

    found = learned(study)

    cells = [(p.phase, p.arm, p.first, p.last) for p in found]
    assert cells == [(phase, arm, *ends) for phase in ("pre", "post") for arm in ("none", "lime")
                     for ends in ((1, 4), (5, 8))]  # fmt: skip
    late = found[-1]
    assert (late.value, late.interval, late.n_enrolments) == (None, None, 0)


def test_nothing_scored_is_nothing_learned(simulate):
    study = simulate(4, n_items=2)
    study.without(study.where(trial_type="forward_simulation"))

    assert learned(study) == ()
