"""Kernel SHAP (Lundberg & Lee 2017, arXiv 1705.07874, theorem 2), batched.

Shapley values are the weighted least-squares fit of a line without intercept to the worths of coalitions, under the
constraint that they sum to the difference between all units and none. As in the `shap` package, the sizes of
coalitions are enumerated from the outside in while the budget allows, and what is left of it is drawn in pairs: a
coalition and its complement. We depart from it in two points that make the fit steadier: the sizes that are drawn get
their shares of the budget exactly instead of on average, and the outermost size is always enumerated, so that the fit
exists. Up to about ten units everything is enumerated and the values are exact. The worth of a coalition is that of
`explainers.methods.exact_shapley`.

The fit is solved in the form of Covert & Lee (2021, arXiv 2012.01536, equation 7), one batched Cholesky factorisation
for all items of one number of units.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import combinations
from math import comb

import numpy as np
import torch

from explainers.methods.base import Attribution, Batch, BoolArray, FloatArray, IntArray, generator
from explainers.methods.masking import Masking, baseline_masking
from explainers.methods.steadiness import agreement, until_steady

_COALITIONS = 4  # stream of an item's generator
_FEWEST_A_UNIT = 4  # coalitions, so that something is left beside the outermost size


def explain(batch: Batch) -> list[Attribution]:
    """Estimated Shapley values of each item's units towards its explained class.

    Returns
    -------
    list of Attribution
        Weights in units of probability. Diagnostics: `samples`, the coalitions asked, all and none included (more
        than were asked for where `steady_r` wanted them, see `explainers.methods.steadiness`);
        `probability` at the item and `baseline_probability` with every unit absent: the weights sum to the
        difference of the two; `enumerated`, 1 where every coalition was asked and the values are exact, else 0;
        `seed_r`, the correlation to expect between the weights of two runs with different seeds, from two halves of
        the drawn pairs by the Spearman–Brown formula (see `explainers.methods.lime`; 1 where nothing is drawn).
    """
    found = baseline_masking(batch)
    asked = int(batch.params["n_coalitions"])

    def ask(place: int, number: int, before: Regression | None) -> Regression:
        # Anew with twice the coalitions: with more of them other sizes are enumerated, and shares of drawn ones differ.
        return _regression(found, place, asked * 2**number, number)

    fits = until_steady(batch.params, len(batch.requests), ask, solve)
    return [Attribution(fit.values, fit.diagnostics(), found.unit_of_pixel(place)) for place, fit in enumerate(fits)]


# --- which coalitions ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """Which coalitions are asked for a number of units: the same for all items but for what is drawn.

    Parameters
    ----------
    n_units : int
    enumerated : bool array, shape (n_enumerated, n_units)
    kernel : float array, shape (n_enumerated,)
        Their Shapley kernel weights (theorem 2).
    sizes : int array, shape (n_pairs,)
        The size of the first coalition of each drawn pair; in turn for the first and for the second half.
    shares : float array, shape (n_pairs,)
        The weight of each coalition of a pair: all kernel weight of its size and of the complement's, shared equally.
    """

    n_units: int
    enumerated: BoolArray
    kernel: FloatArray
    sizes: IntArray
    shares: FloatArray

    def drawn(self, rng: np.random.Generator) -> BoolArray:
        """The first coalition of each pair, uniform among those of its size; shape (n_pairs, n_units)."""
        draws = rng.random((len(self.sizes), self.n_units), dtype=np.float32)
        largest = np.take_along_axis(np.sort(draws, axis=1), self.sizes[:, None] - 1, axis=1)
        found: BoolArray = draws <= largest
        for row in np.flatnonzero(found.sum(axis=1) > self.sizes):  # equal draws: the first of them
            found[row] = draws[row].argsort().argsort() < self.sizes[row]
        return found

    @cached_property
    def products(self) -> FloatArray:
        """The part of `Moments.products` that is the same for all items."""
        return Moments.of(self.enumerated, np.zeros(len(self.enumerated)), self.kernel).products


@lru_cache(maxsize=64)
def plan(n_units: int, n_coalitions: int) -> Plan:
    """Enumerate sizes from the outside in while a size's share of the budget covers it, share out the rest."""
    pairs = [(size, _pair_weight(n_units, size)) for size in range(1, n_units // 2 + 1)]
    enumerated: list[BoolArray] = [np.empty((0, n_units), dtype=np.bool_)]
    kernel: list[FloatArray] = [np.empty(0)]
    left = n_coalitions
    while pairs:
        size, weight = pairs[0]
        n_masks = _n_in_pair(n_units, size)
        if size > 1 and left * weight / sum(w for _, w in pairs) < n_masks * (1 - 1e-9):  # rounding
            break
        masks = _of_size(n_units, size)
        enumerated.append(masks)
        kernel.append(np.full(len(masks), weight / len(masks)))
        left -= len(masks)
        pairs.pop(0)
    sizes, shares = _shared_out(pairs, left // 2)
    return Plan(n_units, np.concatenate(enumerated), np.concatenate(kernel), sizes, shares)


def _n_in_pair(n_units: int, size: int) -> int:
    """Coalitions of a size and of its complement's size."""
    return comb(n_units, size) * (1 if 2 * size == n_units else 2)


def _pair_weight(n_units: int, size: int) -> float:
    """Kernel weight of all coalitions of a size and of its complement's; (n - 1) / (size (n - size)) each."""
    return (n_units - 1) / (size * (n_units - size)) * (1 if 2 * size == n_units else 2)


def _of_size(n_units: int, size: int) -> BoolArray:
    """Every coalition of a size, then their complements where these are of another size."""
    members = np.array(list(combinations(range(n_units), size)))
    masks = np.zeros((len(members), n_units), dtype=np.bool_)
    np.put_along_axis(masks, members, True, axis=1)
    return masks if 2 * size == n_units else np.concatenate([masks, ~masks])


def _shared_out(pairs: list[tuple[int, float]], n_pairs: int) -> tuple[IntArray, FloatArray]:
    """Sizes and weights of `n_pairs` drawn pairs: each size by its share of the kernel, by largest remainder."""
    if not pairs or n_pairs == 0:
        return np.empty(0, dtype=np.int64), np.empty(0)
    sizes, weights = np.array([size for size, _ in pairs]), np.array([weight for _, weight in pairs])
    exact = n_pairs * weights / weights.sum()
    counts = np.floor(exact).astype(np.int64)
    counts[np.argsort(counts - exact, kind="stable")[: n_pairs - counts.sum()]] += 1
    shares = weights / np.maximum(2 * counts, 1) * (weights.sum() / weights[counts > 0].sum())
    return np.repeat(sizes, counts), np.repeat(shares, counts)


# --- regression ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Moments:
    """Weighted sums over coalitions z with their change of worth y: of z z' and of z y. They add up."""

    products: FloatArray  # (n_units, n_units)
    both: FloatArray  # (n_units,)

    @classmethod
    def of(cls, masks: BoolArray, changes: FloatArray, weights: FloatArray) -> Moments:
        columns = np.empty((len(masks), masks.shape[1] + 1))
        columns[:, :-1] = masks
        columns[:, -1] = changes
        # torch's product keeps to torch's number of threads; numpy's would start its own beside them
        sums = (torch.from_numpy(columns[:, :-1] * weights[:, None]).T @ torch.from_numpy(columns)).numpy()
        return cls(sums[:, :-1], sums[:, -1])

    @classmethod
    def enumerated(cls, own: Plan, changes: FloatArray) -> Moments:
        """Of a plan's enumerated coalitions."""
        both = torch.from_numpy(own.kernel * changes) @ torch.from_numpy(own.enumerated.astype(np.float64))
        return cls(own.products, both.numpy())

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.products + other.products, self.both + other.both)


@dataclass(frozen=True)
class Regression:
    """One item's coalitions as moments: of the enumerated ones, and of the two halves of the drawn pairs."""

    enumerated: Moments
    halves: tuple[Moments, Moments]
    n_samples: int
    is_exact: bool
    worth: float  # of all units
    baseline_worth: float  # of none


@dataclass(frozen=True)
class Fit:
    """A solved regression of all coalitions."""

    regression: Regression
    values: FloatArray  # (n_units,)
    r: float  # what the halves say of the correlation between seeds

    @property
    def n_samples(self) -> int:
        return self.regression.n_samples

    @property
    def n_units(self) -> int:
        return len(self.values)

    def diagnostics(self) -> dict[str, float]:
        return {
            "samples": float(self.regression.n_samples),
            "probability": self.regression.worth,
            "baseline_probability": self.regression.baseline_worth,
            "enumerated": float(self.regression.is_exact),
            "seed_r": self.seed_r(),
        }

    def seed_r(self) -> float:
        return 1.0 if self.regression.is_exact else self.r


def _regression(found: Masking, place: int, n_coalitions: int, number: int) -> Regression:
    n_units = found.n_units(place)
    own = plan(n_units, max(n_coalitions, _FEWEST_A_UNIT * n_units))
    drawn = own.drawn(generator(found.batch.requests[place].seed, _COALITIONS, number))
    ends = np.array([[False], [True]]).repeat(n_units, axis=1)
    worths = found.predict(place, np.concatenate([ends, own.enumerated, drawn, ~drawn]))
    changes = worths[2:] - worths[0]
    n_enumerated = len(own.enumerated)
    of_drawn = changes[n_enumerated:].reshape(2, len(drawn))
    return Regression(
        Moments.enumerated(own, changes[:n_enumerated]),
        (_half(own, drawn, of_drawn, 0), _half(own, drawn, of_drawn, 1)),
        len(worths),
        len(drawn) == 0,
        float(worths[1]),
        float(worths[0]),
    )


def _half(own: Plan, drawn: BoolArray, changes: FloatArray, first: int) -> Moments:
    """Every second pair."""
    masks, weights = drawn[first::2], own.shares[first::2]
    return Moments.of(np.concatenate([masks, ~masks]), changes[:, first::2].ravel(), np.concatenate([weights, weights]))


def solve(regressions: list[Regression]) -> list[Fit]:
    """Weighted least squares under the constraint that the values sum to the change from no unit to all."""
    fits: dict[int, Fit] = {}
    sizes: dict[int, list[int]] = {}
    for place, regression in enumerate(regressions):
        sizes.setdefault(len(regression.enumerated.both), []).append(place)
    for places in sizes.values():
        solved = _solve_same_size([regressions[place] for place in places])
        fits.update(zip(places, solved, strict=True))
    return [fits[place] for place in range(len(regressions))]


def _solve_same_size(regressions: list[Regression]) -> list[Fit]:
    # of all coalitions, and with each half of the drawn ones standing for both
    weighed = np.array([[1.0, 1.0, 1.0], [1.0, 2.0, 0.0], [1.0, 0.0, 2.0]])
    parts = [(regression.enumerated, *regression.halves) for regression in regressions]
    products, both = (
        np.einsum("sp,np...->ns...", weighed, np.array([[getattr(part, name) for part in own] for own in parts]))
        for name in ("products", "both")
    )
    totals = np.array([regression.worth - regression.baseline_worth for regression in regressions])[:, None]
    # the constraint's own square changes nothing under the constraint; one unit has no other coalition
    right = np.stack([both + totals[..., None], np.ones_like(both)], axis=-1)
    solved = torch.cholesky_solve(torch.from_numpy(right), torch.linalg.cholesky(torch.from_numpy(products + 1.0)))
    free, direction = solved[..., 0].numpy(), solved[..., 1].numpy()
    excess = free.sum(axis=-1) - totals
    values = free - direction * (excess / direction.sum(axis=-1))[..., None]
    return [
        Fit(regression, own, float(r))
        for regression, own, r in zip(regressions, values[:, 0], agreement(values[:, 1], values[:, 2]), strict=True)
    ]
