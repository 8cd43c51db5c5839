"""The permutation test under the other ways to give out arms, each drawn again as it was."""

import numpy as np

from analysis.inference.crossover import crossover_tests, orders_drawn_freely
from analysis.inference.mechanisms import Mechanism, SimpleRandomisation, complete_randomisation
from analysis.inference.minimisation import Minimisation
from analysis.inference.permutation import permutation_tests
from analysis.types import FloatArray, IntArray
from bench.calibration.checks import Answers, Check, Group, rejects
from bench.calibration.draw import draw_gains, seed_of

DRAWS = 499


def mechanisms_trial(draw: np.random.Generator, n_people: int = 40) -> Answers:
    """Give out arms in each way, to people who differ by what minimisation balances."""
    factors = draw.integers(0, 2, (n_people, 2))
    gains = draw_gains(n_people, draw) + 0.2 * factors[:, 0]
    nobody = np.zeros(n_people, dtype=np.int64)
    minimised = Minimisation(nobody, factors, 2, 0.8, (1, 1))
    arm = _first(minimised, draw)
    simple = SimpleRandomisation(_first(SimpleRandomisation(nobody, (1, 1)), draw), (1, 1))
    few = complete_randomisation(draw.permutation(np.repeat([0, 1], 6)), 2)
    return {
        "minimisation": _test(gains, Minimisation(arm, factors, 2, 0.8, (1, 1)), draw),
        "simple": _test(gains, simple, draw),
        "exact": _test(gains[:12], few, draw, draws=1000),
        "crossover": _crossover(draw),
    }


def _first(mechanism: Mechanism, draw: np.random.Generator) -> IntArray:
    arm: IntArray = next(iter(mechanism.redraws(1, seed_of(draw))))[0].astype(np.int64)
    return arm


def _test(gains: FloatArray, mechanism: Mechanism, draw: np.random.Generator, draws: int = DRAWS) -> bool | None:
    (test,) = permutation_tests(gains, mechanism, [(1, 0)], draws=draws, seed=seed_of(draw))
    return rejects(test.p_value if test else None)


def _crossover(draw: np.random.Generator, n_people: int = 24) -> bool | None:
    """Let everybody meet three conditions in an order of his own; periods differ, conditions do not."""
    orders = np.argsort(draw.random((n_people, 3)), axis=1)
    values = draw.normal(size=(n_people, 1)) + np.array([0.0, 0.5, 0.8]) + 0.7 * draw.normal(size=(n_people, 3))
    (test,) = crossover_tests(values, orders_drawn_freely(orders), [(1, 0)], draws=DRAWS, seed=seed_of(draw))
    return rejects(test.p_value if test else None)


MECHANISMS = (
    Group(
        "mechanisms",
        "40 people in 2 arms (12 in the enumerated one), a gain of 16 + 16 answers each; crossover: 24 people, 3 "
        "conditions, effects of the period; no effect",
        {
            "minimisation": Check("permutation test that runs minimisation again, on a factor that matters"),
            "simple": Check("permutation test that draws everybody's arm again"),
            "exact": Check("permutation test that enumerates all 924 allocations"),
            "crossover": Check("permutation test that draws everybody's order again"),
        },
        mechanisms_trial,
    ),
)
