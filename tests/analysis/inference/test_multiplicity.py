import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.inference.multiplicity import holm

probabilities = st.lists(st.floats(0, 1), min_size=1, max_size=8)


def test_holm_is_the_reference():
    # reference.json, checklist.padjust (R's p.adjust).
    p_values = (0.03, 0.001, 0.2, 0.012, 0.04, 0.008)

    assert holm(p_values) == pytest.approx((0.09, 0.006, 0.2, 0.048, 0.09, 0.04), abs=1e-12)


@given(probabilities)
def test_adjusting_keeps_the_order_and_never_lowers_a_p(p_values):
    adjusted = holm(p_values)

    ranked = sorted(zip(p_values, adjusted, strict=True))
    assert all(p <= a <= 1 for p, a in ranked)
    assert [a for _, a in ranked] == sorted(adjusted)


@given(probabilities, st.sampled_from([0.01, 0.05, 0.1]))
def test_rejections_are_those_of_the_step_down_rule(p_values, alpha):
    rejected = set()
    for rank, (p, i) in enumerate(sorted((p, i) for i, p in enumerate(p_values))):
        if p * (len(p_values) - rank) > alpha:
            break
        rejected.add(i)

    assert {i for i, p in enumerate(holm(p_values)) if p <= alpha} == rejected


@given(probabilities)
def test_one_hypothesis_is_not_adjusted_and_bonferroni_is_never_beaten(p_values):
    assert holm(p_values[:1]) == tuple(p_values[:1])
    assert all(a <= min(1, p * len(p_values)) for p, a in zip(p_values, holm(p_values), strict=True))


def test_a_test_that_could_not_be_made_stays_in_the_family():
    assert holm((0.01, None, 0.02)) == pytest.approx((0.03, None, 0.04))
