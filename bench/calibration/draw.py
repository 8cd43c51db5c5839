"""Studies to try the tests on: people and items crossed, arms given out in permuted blocks within two strata.

The world is that of the reference studies (tests/analysis/inference): 64 items of which a person answers 32, half
before and half after, correct with the logit 0.4 + 0.1 after + person (SD 0.8) + item (SD 0.7).
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from analysis.estimands.gain_in_accuracy import Answers, Gain
from analysis.inference.allocation import Allocation
from analysis.types import BoolArray, FloatArray, IntArray

SD_PEOPLE, SD_ITEMS = 0.8, 0.7
LARGEST_SEED = 2**31


@dataclass(frozen=True)
class World:
    """How answers come about.

    Parameters
    ----------
    n_people, n_trials, n_items : int
        Trials are a person's, half of them after; each is of another item.
    weights : tuple of int
        Of the arms in a permuted block; the first is control.
    gains : tuple of float
        Of each arm beyond control's, on the logit scale.
    gain_deviations : tuple of float
        Standard deviation between the people of each arm of what they gain, on the logit scale.
    start, practice : float
        Logit of a typical person and item before, and what control gains.
    """

    n_people: int = 100
    n_trials: int = 32
    n_items: int = 64
    weights: tuple[int, ...] = (1, 1)
    gains: tuple[float, ...] = (0.0, 0.0)
    gain_deviations: tuple[float, ...] = (0.0, 0.0)
    start: float = 0.4
    practice: float = 0.1

    @property
    def n_arms(self) -> int:
        """Return how many arms there are."""
        return len(self.weights)


@dataclass(frozen=True)
class Study:
    """One study: a row a trial, shape (n_people * n_trials,), and the allocation of the people."""

    world: World
    allocation: Allocation
    person: IntArray
    item: IntArray
    is_post: BoolArray
    correct: FloatArray

    @property
    def arm(self) -> IntArray:
        """Return the arm of each trial's person."""
        return self.allocation.arm[self.person]

    @property
    def outcome(self) -> Gain:
        """Return the people's gains in accuracy, as the report takes them."""
        return Gain(self._answers(~self.is_post), self._answers(self.is_post), 0.0)

    def share(self, rows: BoolArray) -> FloatArray:
        """Return each person's share of correct answers in some trials, shape (n_people,)."""
        counts = [np.bincount(self.person[rows], of, self.world.n_people) for of in (self.correct[rows], None)]
        share: FloatArray = counts[0] / counts[1]
        return share

    def _answers(self, rows: BoolArray) -> Answers:
        correct, given = np.zeros((2, self.world.n_people, self.world.n_items))
        np.add.at(correct, (self.person[rows], self.item[rows]), self.correct[rows])
        np.add.at(given, (self.person[rows], self.item[rows]), 1)
        return Answers(correct, given)


def draw_study(world: World, draw: np.random.Generator) -> Study:
    """Draw people, items, arms and answers."""
    n, half = world.n_people, world.n_trials // 2
    allocation = permuted_blocks(n, world.weights, draw)
    person = np.repeat(np.arange(n), world.n_trials)
    item = np.concatenate([draw.permutation(world.n_items)[: world.n_trials] for _ in range(n)])
    is_post = np.tile(np.repeat([False, True], half), n)
    gain = world.practice + np.array(world.gains)[allocation.arm]
    gain = gain + np.array(world.gain_deviations)[allocation.arm] * draw.normal(size=n)
    eta = world.start + SD_PEOPLE * draw.normal(size=n)[person] + is_post * gain[person]
    eta = eta + SD_ITEMS * draw.normal(size=world.n_items)[item]
    correct = (draw.random(len(eta)) < special.expit(eta)).astype(np.float64)
    return Study(world, allocation, person, item, is_post, correct)


def risk_difference(world: World, arm: int) -> float:
    """Return the gain of an arm beyond control's in proportion correct, over all people and items.

    The logistic function averaged over the normal distribution of person, item and gain (Zeger, Liang & Albert 1988,
    Biometrics 44, equation 3.1).
    """
    nodes, weights = special.roots_hermitenorm(61)
    after = []
    for k in (arm, 0):
        spread = np.sqrt(SD_PEOPLE**2 + SD_ITEMS**2 + world.gain_deviations[k] ** 2)
        logit = world.start + world.practice + world.gains[k] + spread * nodes
        after.append(float(weights @ special.expit(logit) / weights.sum()))
    return after[0] - after[1]


def permuted_blocks(n: int, weights: tuple[int, ...], draw: np.random.Generator) -> Allocation:
    """Give out arms in permuted blocks of one or two units within two strata, the last block of each often unfilled."""
    stratum = draw.integers(0, 2, n)
    block, sizes = np.zeros(n, dtype=np.int64), list[int]()
    for members in (np.flatnonzero(stratum == k) for k in range(2)):
        filled = 0
        while filled < len(members):
            size = sum(weights) * int(draw.integers(1, 3))
            block[members[filled : filled + size]] = len(sizes)
            sizes.append(size)
            filled += size
    empty = Allocation(np.zeros(n, dtype=np.int64), block, tuple(sizes), weights)
    arm = next(empty.redraws(1, seed_of(draw)))[0].astype(np.int64)
    return Allocation(arm, block, tuple(sizes), weights)


def draw_gains(n: int, draw: np.random.Generator) -> FloatArray:
    """Draw people's gains alone, without items: 16 answers before and 16 after."""
    chance = special.expit(0.4 + SD_PEOPLE * draw.normal(size=n))
    gains: FloatArray = (draw.binomial(16, chance) - draw.binomial(16, chance)) / 16
    return gains


def seed_of(draw: np.random.Generator) -> int:
    """Return a seed for what takes one."""
    return int(draw.integers(LARGEST_SEED))
