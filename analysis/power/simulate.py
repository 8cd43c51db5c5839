"""Studies drawn from a scenario: people, items, allocation, answers, drop-outs."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import optimize, special

from analysis.inference.mixed.laplace import Parameters
from analysis.inference.mixed.layout import Layout
from analysis.power.plan import Scenario
from analysis.types import BoolArray, FloatArray, IntArray

NODES: Final = 41


@dataclass(frozen=True)
class Studies:
    """Simulated studies.

    Parameters
    ----------
    correct : float array, shape (n_studies, n_people, 2, n_items)
        Before and after; 0 or 1.
    arm : int array, shape (n_studies, n_people)
        0 is control.
    left : bool array, shape (n_studies, n_people)
        Dropped out before the items after learning.
    """

    correct: FloatArray
    arm: IntArray
    left: BoolArray

    def first(self, n_people: int) -> "Studies":
        """Return the same studies when so many people had come."""
        return Studies(self.correct[:, :n_people], self.arm[:, :n_people], self.left[:, :n_people])


def truth(scenario: Scenario) -> Parameters:
    """Return the parameters of the mixed model, whose cells have the scenario's marginal proportions.

    A proportion over all people and items is the logistic function averaged over their effects (Zeger, Liang & Albert
    1988, equation 3.1); here it is solved for the logit of the typical person and item.
    """
    between = scenario.sd_participants**2 + scenario.sd_items**2
    after = between + scenario.sd_gain**2
    start = _typical_logit(scenario.accuracy, between)
    control = _typical_logit(scenario.accuracy + scenario.practice, after)
    arms = [_typical_logit(scenario.accuracy + scenario.practice + effect, after) for effect in scenario.effects]
    beta = np.array([[start, control - start, *(arm - control for arm in arms)]])
    rows = np.diag([scenario.sd_participants, scenario.sd_gain] if scenario.sd_gain else [scenario.sd_participants])
    return Parameters(
        beta, np.maximum(rows, 0.05 * np.eye(len(rows)))[None], np.array([[[max(scenario.sd_items, 0.05)]]])
    )


def _typical_logit(proportion: float, variance: float) -> float:
    nodes, weights = special.roots_hermitenorm(NODES)
    weights = weights / weights.sum()
    spread = np.sqrt(variance) * nodes
    return float(optimize.brentq(lambda logit: weights @ special.expit(logit + spread) - proportion, -20, 20))


def simulate(scenario: Scenario, numbers: IntArray, seed: int) -> Studies:
    """Draw the studies of these numbers; each from a generator of its own."""
    beta = truth(scenario).beta[0]
    drawn = [_one(scenario, beta, np.random.default_rng([seed, int(number)])) for number in numbers]
    correct, arm, left = zip(*drawn, strict=True)
    return Studies(np.array(correct), np.array(arm), np.array(left))


def _one(scenario: Scenario, beta: FloatArray, draw: np.random.Generator) -> tuple[FloatArray, IntArray, BoolArray]:
    arm = _allocate(scenario, draw)
    gain = np.concatenate([[0.0], beta[2:]])[arm] + beta[1] + scenario.sd_gain * draw.normal(size=scenario.n_people)
    person = beta[0] + scenario.sd_participants * draw.normal(size=scenario.n_people)
    item = scenario.sd_items * draw.normal(size=scenario.n_items)
    eta = person[:, None, None] + item + np.stack([np.zeros(scenario.n_people), gain], axis=1)[..., None]
    correct = (draw.random(eta.shape) < special.expit(eta)).astype(np.float64)
    return correct, arm, draw.random(scenario.n_people) < scenario.drop_out


def _allocate(scenario: Scenario, draw: np.random.Generator) -> IntArray:
    """Permuted blocks of random size, the last one often unfilled."""
    unit = np.repeat(np.arange(len(scenario.weights)), scenario.weights)
    blocks, filled = list[IntArray](), 0
    while filled < scenario.n_people:
        blocks.append(draw.permutation(np.tile(unit, draw.choice(scenario.block_multiples))))
        filled += len(blocks[-1])
    return np.concatenate(blocks)[: scenario.n_people]


def lay_out_studies(scenario: Scenario, studies: Studies) -> Layout:
    """Lay the studies out for the mixed model post + post:arm with crossed people and items."""
    n_studies, n_people, _, n_items = studies.correct.shape
    shape = (n_studies, n_people, 2 * n_items)
    post = np.broadcast_to(np.repeat([0.0, 1.0], n_items), shape)
    ones = np.ones(shape)
    arms = [post * (studies.arm == arm)[..., None] for arm in range(1, len(scenario.weights))]
    rows = np.stack([ones, post], axis=-1) if scenario.sd_gain else ones[..., None]
    first = (np.arange(n_studies) * n_items)[:, None, None]
    return Layout(
        successes=studies.correct.reshape(shape) * (answered := np.where(studies.left[..., None], 1.0 - post, 1.0)),
        trials=answered,
        fixed=np.stack([ones, post, *arms], axis=-1),
        row_design=rows,
        column_design=ones[..., None],
        column=np.broadcast_to(np.tile(np.arange(n_items), 2), shape) + first,
        n_columns=n_items,
    )
