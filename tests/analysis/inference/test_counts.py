import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.inference.counts import RatioTest, fisher_p, independence_p, sample_ratio_test, share_interval


def test_losses_of_three_arms_are_the_reference():
    # reference.json, checklist.attrition_chisq_fisher (R's chisq.test and fisher.test).
    kept, lost = (88, 75, 90), (12, 25, 10)

    assert independence_p(kept, lost) == pytest.approx(0.0066005399809, abs=1e-12)
    assert fisher_p(kept, lost) == pytest.approx(0.010309671705, abs=1e-11)


@given(st.tuples(*[st.integers(0, 25)] * 4))
def test_two_arms_are_scipys_exact_test(cells):
    a, b, c, d = cells
    if 0 in (a + b, c + d, a + c, b + d):
        assert fisher_p((a, b), (c, d)) is None or (a + c) * (b + d) > 0
        return

    assert fisher_p((a, b), (c, d)) == pytest.approx(stats.fisher_exact([[a, b], [c, d]]).pvalue, rel=1e-6)


def test_nobody_lost_gives_no_test():
    assert (independence_p((5, 6), (0, 0)), fisher_p((5, 6), (0, 0))) == (None, None)


def test_an_empty_arm_is_left_out():
    assert fisher_p((8, 0, 3), (1, 0, 6)) == pytest.approx(stats.fisher_exact([[8, 3], [1, 6]]).pvalue, rel=1e-9)


def test_too_many_tables_leave_the_chi_square_alone():
    kept, lost = (500,) * 6, (100,) * 6

    assert fisher_p(kept, lost) is None
    assert independence_p(kept, lost) == 1.0


def test_a_ratio_is_tested_exactly_while_its_counts_can_be_enumerated():
    # Two arms: the binomial test, which scipy has; three: 6, 0, 0 of weights 1:1:1 is one of three such counts.
    assert sample_ratio_test((30, 30), (2, 1)).p_value == pytest.approx(stats.binomtest(30, 60, 2 / 3).pvalue, rel=1e-9)
    assert sample_ratio_test((6, 0, 0), (1, 1, 1)).p_value == pytest.approx(3 / 3**6, rel=1e-9)
    assert sample_ratio_test((40, 20), (2, 1)) == RatioTest(1.0, True)
    assert sample_ratio_test((0, 0), (1, 1)) is None


def test_many_people_in_many_arms_leave_the_chi_square():
    # Expected 250 each: chi-square (50^2 + 50^2) / 250 = 20 on three degrees of freedom.
    found = sample_ratio_test((300, 200, 250, 250), (1, 1, 1, 1))

    assert found == RatioTest(pytest.approx(float(stats.chi2.sf(20, 3)), rel=1e-9), False)
    assert found.is_alarm


def test_a_share_has_wilsons_interval():
    # Wilson 1927 for 8 of 10 at 95 %, as in Brown, Cai & DasGupta 2001: 0.490 to 0.943.
    found = share_interval(8, 10, 0.95)

    assert (round(found.low, 3), round(found.high, 3)) == (0.490, 0.943)
    assert share_interval(0, 0, 0.95) is None
