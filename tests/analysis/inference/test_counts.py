import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.inference.counts import fisher_p, independence_p, sample_ratio_p


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


def test_sample_ratio_is_the_closed_form():
    # Weights 2:1 and counts 30, 30: expected 40, 20, chi-square 100/40 + 100/20 = 7.5 on one degree of freedom.
    assert sample_ratio_p((30, 30), (2, 1)) == pytest.approx(float(stats.chi2.sf(7.5, 1)), rel=1e-12)
    assert sample_ratio_p((0, 0), (1, 1)) is None
    assert sample_ratio_p(tuple(np.array([40, 20])), (2, 1)) == 1.0
