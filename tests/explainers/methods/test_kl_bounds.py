"""Bounds of a share: the definition, by another way of finding the root."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from explainers.methods.kl_bounds import divergence, exploration_rate, lower_bound, upper_bound


@settings(deadline=None)
@given(p=st.floats(0.001, 0.999), level=st.floats(1e-4, 5.0))
def test_upper_bound_is_the_root_of_the_divergence(p: float, level: float) -> None:
    near_one = 1 - 1e-12
    root = near_one
    if divergence(np.array(p), np.array(near_one)) > level:
        root = brentq(lambda q: float(divergence(np.array(p), np.array(q))) - level, p, near_one, xtol=1e-13)

    assert float(upper_bound(np.array(p), np.array(level))) == pytest.approx(root, abs=2e-9)


@settings(deadline=None)
@given(p=st.floats(0.0, 1.0), level=st.floats(1e-4, 5.0))
def test_bounds_hold_the_share_and_mirror_each_other(p: float, level: float) -> None:
    low, high = lower_bound(np.array(p), np.array(level)), upper_bound(np.array(p), np.array(level))

    assert 0 <= low <= p + 1e-9
    assert p - 1e-9 <= high <= 1
    assert low == pytest.approx(1 - upper_bound(1 - np.array(p), np.array(level)), abs=2e-9)


@pytest.mark.parametrize("level", [0.01, 0.5, 3.0])
def test_bounds_of_none_and_all_have_a_closed_form(level: float) -> None:
    """KL(0, q) = -log(1 - q)."""
    assert upper_bound(np.zeros(1), np.array([level])) == pytest.approx(1 - np.exp(-level), abs=1e-9)
    assert lower_bound(np.ones(1), np.array([level])) == pytest.approx(np.exp(-level), abs=1e-9)
    assert upper_bound(np.ones(1), np.array([level])).tolist() == [1.0]


def test_exploration_rate_is_that_of_the_paper() -> None:
    """log x + log log x with x = 405.5 * 10 * 1 / 0.1 = 40550, by hand."""
    assert exploration_rate(np.array([10.0]), 1, 0.1) == pytest.approx(10.61029 + 2.36183, abs=1e-4)
