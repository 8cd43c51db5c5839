import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.inference.multiplicity import ADJUSTMENTS, benjamini_hochberg, benjamini_yekutieli, hochberg, holm

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


# reference.json, checklist.padjust (R's p.adjust), in the order of the p-values.
@pytest.mark.parametrize(
    ("adjust", "expected"),
    [
        (hochberg, (0.08, 0.006, 0.2, 0.048, 0.08, 0.04)),
        (benjamini_hochberg, (0.045, 0.006, 0.2, 0.024, 0.048, 0.024)),
        (benjamini_yekutieli, (0.11025, 0.0147, 0.49, 0.0588, 0.1176, 0.0588)),
    ],
)
def test_step_up_rules_are_the_reference(adjust, expected):
    assert adjust((0.03, 0.001, 0.2, 0.012, 0.04, 0.008)) == pytest.approx(expected, abs=1e-12)


@settings(deadline=None)
@given(probabilities, st.sampled_from([0.01, 0.05, 0.1]))
def test_hochberg_rejects_what_the_step_up_rule_does(p_values, alpha):
    m = len(p_values)
    ranked = sorted(p_values)
    passing = [p for rank, p in enumerate(ranked) if p * (m - rank) <= alpha]

    assert [p <= alpha for p in hochberg(p_values)] == [bool(passing) and p <= max(passing) for p in p_values]


@settings(deadline=None)
@given(probabilities)
def test_rules_are_as_strict_as_theory_says(p_values):
    by_holm, by_hochberg, by_bh, by_by = (ADJUSTMENTS[name](p_values) for name in ADJUSTMENTS)

    for p, a, b, c, d in zip(p_values, by_holm, by_hochberg, by_bh, by_by, strict=True):
        assert p <= c <= b + 1e-15
        assert b <= a + 1e-15
        assert c <= d <= 1


@pytest.mark.parametrize("name", list(ADJUSTMENTS))
def test_a_test_that_could_not_be_made_counts_as_the_last_of_its_family(name):
    adjust = ADJUSTMENTS[name]

    first, absent, second = adjust((0.01, None, 0.02))

    assert absent is None
    assert (first, second) == (adjust((0.01, 1.0, 0.02))[0], adjust((0.01, 1.0, 0.02))[2])
