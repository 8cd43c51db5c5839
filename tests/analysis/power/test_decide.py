"""Which arms are found: against the adjustments' own definitions, and their error rates by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from analysis.inference.multiplicity import hochberg, holm
from analysis.inference.sequential.looks import LookPlan
from analysis.looks import ContrastLook, LookMade, sequential_tests, stops
from analysis.power import PowerPlan, Scenario, power
from analysis.power.decide import MULTIPLICITIES, found, found_over_looks
from analysis.types import Contrast

WEIGHTS = (2, 1, 1, 3)


def null_p_values(weights: tuple[int, ...], n: int, shift: float = 0.0) -> np.ndarray:
    """p of differences from one control, as studies grow: normal, of variance 1 / weight; shape (n, n_arms - 1)."""
    draw = np.random.default_rng(7)
    errors = draw.normal(size=(n, len(weights))) / np.sqrt(weights)
    z = (errors[:, 1:] - errors[:, :1]) / np.sqrt(1 / np.array(weights[1:]) + 1 / weights[0]) + shift
    return np.asarray(2 * stats.norm.sf(np.abs(z)))


@pytest.mark.parametrize("multiplicity", ["holm", "hochberg", "westfall_young", "dunnett", "benjamini_hochberg"])
def test_without_an_effect_something_is_found_as_seldom_as_alpha_says(multiplicity):
    p_values = null_p_values(WEIGHTS, 4000)

    share = np.mean([any(found(row, 0.05, multiplicity, WEIGHTS)) for row in p_values])

    # 4,000 studies: a standard error of 0.0035. Dunnett and max-T use all of alpha, the others at most.
    low = 0.041 if multiplicity in {"dunnett", "westfall_young"} else 0.03
    assert low < share < 0.06


def test_more_is_found_in_the_order_that_theory_gives():
    p_values = null_p_values(WEIGHTS, 1500, shift=2.3)
    counts = {name: sum(sum(found(row, 0.05, name, WEIGHTS)) for row in p_values) for name in MULTIPLICITIES}

    assert counts["holm"] < counts["hochberg"] <= counts["benjamini_hochberg"]
    assert counts["dunnett"] < counts["westfall_young"]
    assert counts["holm"] < counts["westfall_young"]


def test_what_is_found_is_what_the_adjusted_p_values_say():
    for row in null_p_values(WEIGHTS, 300, shift=1.5):
        assert found(row, 0.05, "holm", WEIGHTS) == [p <= 0.05 for p in holm(row.tolist())]
        assert found(row, 0.05, "hochberg", WEIGHTS) == [p <= 0.05 for p in hochberg(row.tolist())]


@pytest.mark.parametrize("multiplicity", MULTIPLICITIES)
def test_one_arm_alone_is_not_adjusted_and_no_p_is_not_found(multiplicity):
    assert found(np.array([0.05 - 1e-9]), 0.05, multiplicity, (1, 1)) == [True]
    assert found(np.array([0.05 + 1e-9]), 0.05, multiplicity, (1, 1)) == [False]
    assert found(np.array([np.nan, 1e-6]), 0.05, multiplicity, (1, 1, 1)) == [False, True]


def test_dunnetts_value_is_that_of_the_tables():
    # Dunnett (1964), Biometrics 20, table II: two-sided, 5 %, infinite degrees of freedom, equal groups.
    for n_arms, value in ((2, 2.21), (3, 2.35), (5, 2.51), (9, 2.69)):
        above, below = (2 * stats.norm.sf(value + way) for way in (0.006, -0.006))
        others = [np.nan] * (n_arms - 1)
        assert found(np.array([above, *others]), 0.05, "dunnett", (1,) * (n_arms + 1))[0]
        assert not found(np.array([below, *others]), 0.05, "dunnett", (1,) * (n_arms + 1))[0]


def test_the_power_is_that_of_the_planned_adjustment():
    scenario = Scenario(n_people=150, effects=(0.12, 0.12), n_items=10)
    plans = [
        PowerPlan(scenario, "welch", n_studies=60, multiplicity=name) for name in ("dunnett", "benjamini_hochberg")
    ]

    dunnett, discoveries = (power(plan) for plan in plans)

    assert sum(dunnett.by_arm) < sum(discoveries.by_arm)
    assert len({plan.key() for plan in plans}) == 2


@pytest.mark.parametrize("spending", ["obrien_fleming", "pocock"])
def test_looks_decide_as_the_analysis_does(spending: str) -> None:
    draw = np.random.default_rng(5)
    times = (0.4, 0.7, 1.0)
    plan = LookPlan(times, spending=spending)
    for _ in range(60):
        z = draw.normal(1.8, 1.2, size=(3, 2))
        found, ended = found_over_looks(2 * stats.norm.sf(np.abs(z)), 0.05, times, spending)
        looks = [_look(time, row) for time, row in zip(times, z, strict=True)]
        tests = sequential_tests(plan, looks, "")
        assert found == [test.crossed_at is not None for test in tests]
        first = next((k for k in (1, 2, 3) if stops(plan, looks[:k])), 3)
        assert ended == first - 1


def _look(time: float, z: np.ndarray) -> LookMade:
    n = int(1000 * time)
    contrasts = (ContrastLook(Contrast(f"a{k}", "none"), v / np.sqrt(n), 1 / np.sqrt(n), v) for k, v in enumerate(z))
    return LookMade(n, time, tuple(contrasts))
