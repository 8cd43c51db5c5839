"""Exact Shapley values (Shapley 1953; Lundberg & Lee 2017, arXiv 1705.07874, equation 4).

Every coalition of an item's units is asked, 2^n of them, so nothing is sampled. The worth of a coalition is the
probability of the explained class while the other units are absent as `explainers.methods.masking.baseline_masking`
has it: average, left out of the text, black. (One baseline, not a background data set: see captum issue 1789.) Long
texts and pictures are put into groups, since the number of coalitions doubles with each unit: neighbouring words, and
cells of a grid. A word takes an equal share of its group's value, so that the words still add up.
"""

from __future__ import annotations

from functools import lru_cache
from math import comb, isqrt

import numpy as np

from explainers.errors import InputError
from explainers.methods.base import Attribution, Batch, BoolArray, FloatArray, IntArray
from explainers.methods.masking import Masking, baseline_masking, regular

MOST_GROUPS = 14  # 16,384 coalitions


def explain(batch: Batch) -> list[Attribution]:
    """Shapley values of each item's units towards its explained class.

    Returns
    -------
    list of Attribution
        Weights in units of probability. Diagnostics: `samples`, the coalitions asked; `probability` at the item and
        `baseline_probability` with every unit absent: the weights sum to the difference of the two.

    Raises
    ------
    InputError
        When a row has more than `MOST_GROUPS` variables.
    """
    n_groups = int(batch.params["n_groups"])
    down = isqrt(n_groups)
    found = baseline_masking(batch, regular(down, n_groups // down))
    return [_attribution(found, place, n_groups) for place in range(len(batch.requests))]


def _attribution(found: Masking, place: int, n_groups: int) -> Attribution:
    groups = _groups(found, place, n_groups)
    n_members = np.bincount(groups)
    asked = coalitions(len(n_members))
    worths = found.predict(place, asked if len(groups) == len(n_members) else asked[:, groups])
    diagnostics = {
        "samples": float(len(worths)),
        "probability": float(worths[-1]),
        "baseline_probability": float(worths[0]),
    }
    weights = (shapley_values(worths) / n_members)[groups]
    return Attribution(weights, diagnostics, found.unit_of_pixel(place))


def _groups(found: Masking, place: int, n_groups: int) -> IntArray:
    """The group of each unit: neighbouring words together, else every unit alone; shape (n_units,)."""
    n_units = found.n_units(place)
    units = np.arange(n_units, dtype=np.int64)
    if found.batch.predictor.modality == "text":
        return units if n_units <= n_groups else units * n_groups // n_units
    if n_units > MOST_GROUPS:
        raise InputError(
            f"requests[{place}].input: exact_shapley takes up to {MOST_GROUPS} variables, {n_units} came; choose "
            "kernel_shap"
        )
    return units


@lru_cache(maxsize=MOST_GROUPS)
def coalitions(n_players: int) -> BoolArray:
    """All coalitions: player i is in coalition k where bit i of k is 1; shape (2^n_players, n_players)."""
    found: BoolArray = (np.arange(2**n_players)[:, None] >> np.arange(n_players)) & 1 > 0
    return found


def shapley_values(worths: FloatArray) -> FloatArray:
    """Shapley values from the worths of all coalitions.

    Differences come before sums, so a player who never changes the worth has exactly 0.

    Parameters
    ----------
    worths : float array, shape (2^n_players,)
        In the order of `coalitions`.

    Returns
    -------
    float array, shape (n_players,)
    """
    n_players = len(worths).bit_length() - 1
    weights = _weights(n_players)
    found = np.empty(n_players)
    for player in range(n_players):
        by_player = worths.reshape(-1, 2, 2**player)  # higher bits, the player's own, lower bits
        found[player] = (weights * (by_player[:, 1] - by_player[:, 0]).ravel()).sum()
    return found


@lru_cache(maxsize=MOST_GROUPS)
def _weights(n_players: int) -> FloatArray:
    """|S|! (n - |S| - 1)! / n! for every coalition S of the other n - 1 players."""
    sizes = coalitions(n_players - 1).sum(axis=1)
    by_size = np.array([1 / (n_players * comb(n_players - 1, size)) for size in range(n_players)])
    return np.asarray(by_size[sizes], dtype=np.float64)
