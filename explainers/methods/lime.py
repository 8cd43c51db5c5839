"""LIME (Ribeiro, Singh & Guestrin 2016, arXiv 1602.04938), batched.

Neighbourhood, kernel and regression are those of the `lime` package (0.2.0.1); on the same samples the coefficients
are the same. We depart from it in three points: absent tokens are dropped by position (the package drops all
occurrences of a word, or puts a made-up word in its place), pictures are cut by a regular grid instead of a
segmentation, and all units are shown, so none is selected. The answers explained are probabilities.

Each item's masks come from its own generator. Weighted sums of squares are taken in float64 while the answers
arrive, and one batched Cholesky factorisation solves the regressions of all items.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from explainers.methods.base import Attribution, Batch, BoolArray, FloatArray, IntArray, generator
from explainers.methods.masking import Masking, TabularMasking, masking
from explainers.methods.steadiness import agreement, until_steady
from explainers.types import Modality

RIDGE = 1.0  # the package's penalty
_MASKS = 0  # stream of an item's generator


def explain(batch: Batch) -> list[Attribution]:
    """LIME coefficients of each item's units towards its explained class.

    Returns
    -------
    list of Attribution
        Weights in units of probability. Diagnostics: `samples` (the item itself is the first; more than were asked
        for where `steady_r` wanted them, see `explainers.methods.steadiness`); `local_r2`, the
        weighted R² of the line near the item (0 where the answers do not vary); `seed_r`, the correlation to
        expect between the weights of two runs with different seeds, estimated from the two halves of the samples
        by the Spearman–Brown formula 2r / (1 + r) (0 where it is not defined); `local_fit`, the line's answer at
        the item, beside `probability`, the predictor's.
    """
    neighbourhoods = masking(batch)

    def ask(place: int, number: int, before: Regression | None) -> Regression:
        return _regression(neighbourhoods, place) if before is None else _more(neighbourhoods, place, number, before)

    fits = until_steady(batch.params, len(batch.requests), ask, solve)
    return [
        Attribution(fit.coefficients, fit.diagnostics(), neighbourhoods.unit_of_pixel(place))
        for place, fit in enumerate(fits)
    ]


# --- neighbourhood and kernel ----------------------------------------------------------------------------------------


def draw_masks(neighbourhoods: Masking, place: int, n_samples: int, number: int = 0) -> BoolArray:
    """The item itself, then `n_samples` - 1 masks from the item's own generator; shape (n_samples, n_units).

    A later round (`number` from 1) has a generator of its own, and masks alone.

    Tables: a variable is present with the share of training rows that have the item's value. Texts: the number of
    dropped tokens is uniform from 1 to all, then which ones. Images: each cell with probability one half.
    """
    rng = generator(neighbourhoods.batch.requests[place].seed, _MASKS, number)
    n_units = neighbourhoods.n_units(place)
    if isinstance(neighbourhoods, TabularMasking):
        masks = rng.random((n_samples, n_units)) < neighbourhoods.own_frequencies(place)
    elif neighbourhoods.batch.predictor.modality == "text":
        masks = _dropped(rng, n_samples, n_units)
    else:
        masks = rng.random((n_samples, n_units)) < 0.5
    if number == 0:
        masks[0] = True
    return masks


def _dropped(rng: np.random.Generator, n_samples: int, n_units: int) -> BoolArray:
    n_dropped = rng.integers(1, n_units + 1, size=n_samples)
    order = rng.random((n_samples, n_units), dtype=np.float32).argsort(axis=1)
    masks = np.empty((n_samples, n_units), dtype=np.bool_)
    np.put_along_axis(masks, order, np.arange(n_units) >= n_dropped[:, None], axis=1)
    return masks


def _euclidean(n_absent: IntArray, n_units: int) -> FloatArray:
    return np.sqrt(n_absent.astype(np.float64))


def _cosine(n_absent: IntArray, n_units: int) -> FloatArray:
    """1 - cos(mask, the item's mask of ones); 1 where every unit is absent."""
    shares: FloatArray = (n_units - n_absent) / n_units
    return 1 - np.sqrt(shares)


@dataclass(frozen=True)
class Kernel:
    """Distance from the item by how many units are absent of all, and the package's width for a number of units."""

    distance: Callable[[IntArray, int], FloatArray]
    default_width: Callable[[int], float]

    def weights(self, masks: BoolArray, width: float) -> FloatArray:
        """sqrt(exp(-d² / width²)), shape (n_samples,); a width of 0 takes the package's."""
        n_units = masks.shape[1]
        width = width or self.default_width(n_units)
        distances = self.distance(np.arange(n_units + 1), n_units)
        by_number: FloatArray = np.exp(-(distances**2) / (2 * width**2))
        found: FloatArray = by_number[n_units - _n_present(masks)]
        return found


def _n_present(masks: BoolArray) -> IntArray:
    """How many units are present, shape (n_samples,); `sum` takes four times as long for rows this short."""
    found: IntArray = np.einsum("ij->i", masks.astype(np.uint16)).astype(np.int64)
    return found


KERNELS: dict[Modality, Kernel] = {
    "tabular": Kernel(_euclidean, lambda n_units: 0.75 * float(np.sqrt(n_units))),
    "text": Kernel(lambda n_absent, n_units: 100 * _cosine(n_absent, n_units), lambda n_units: 25.0),
    "image": Kernel(_cosine, lambda n_units: 0.25),
}


# --- regression ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Moments:
    """Weighted sums of squares and products over samples: all that a ridge regression needs of them. They add up.

    The line is fitted to what changes when units are absent: 1 - mask against the answer less the answer at the item
    itself. Its slopes are those of the masks with the sign turned; a unit that is never absent and a predictor that
    never changes its answer give exact zeros, where sums of ones would leave rounding errors.
    """

    sums: FloatArray  # of 1, each absent unit and the change, by each of them; (n_units + 2, n_units + 2)

    @classmethod
    def of(cls, masks: BoolArray, changes: FloatArray, weights: FloatArray) -> Moments:
        columns = _columns(masks, changes)
        return cls(_products(columns * weights[:, None], columns))

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.sums + other.sums)


def _columns(masks: BoolArray, changes: FloatArray) -> FloatArray:
    found = np.empty((len(masks), masks.shape[1] + 2))
    found[:, 0] = 1.0
    np.logical_not(masks, out=found[:, 1:-1])
    found[:, -1] = changes
    return found


def _products(weighted: FloatArray, columns: FloatArray) -> FloatArray:
    # torch's product keeps to torch's number of threads; numpy's would start its own beside them
    found: FloatArray = (torch.from_numpy(weighted).T @ torch.from_numpy(columns)).numpy()
    return found


@dataclass(frozen=True)
class Regression:
    """One item's samples as the moments of their two halves, and `probability`, the answer at the item itself."""

    halves: tuple[Moments, Moments]
    n_samples: int
    probability: float

    def __add__(self, other: Regression) -> Regression:
        """Both samples of one item together."""
        halves = self.halves[0] + other.halves[0], self.halves[1] + other.halves[1]
        return Regression(halves, self.n_samples + other.n_samples, self.probability)


@dataclass(frozen=True)
class Fit:
    """A solved regression of all samples; `r` is what its halves say of the correlation between seeds."""

    regression: Regression
    coefficients: FloatArray  # (n_units,)
    local_r2: float
    shift: float  # from the predictor's answer at the item to the line's
    r: float

    @property
    def n_samples(self) -> int:
        return self.regression.n_samples

    @property
    def n_units(self) -> int:
        return len(self.coefficients)

    def diagnostics(self) -> dict[str, float]:
        return {
            "samples": float(self.regression.n_samples),
            "local_r2": self.local_r2,
            "seed_r": self.r,
            "local_fit": self.regression.probability + self.shift,
            "probability": self.regression.probability,
        }

    def seed_r(self) -> float:
        return self.r


def _regression(neighbourhoods: Masking, place: int) -> Regression:
    masks = draw_masks(neighbourhoods, place, int(neighbourhoods.batch.params["n_samples"]))
    scores = neighbourhoods.predict(place, masks)
    return _of_samples(neighbourhoods, masks, scores, float(scores[0]))


def _more(neighbourhoods: Masking, place: int, number: int, before: Regression) -> Regression:
    """As many samples again as there are."""
    masks = draw_masks(neighbourhoods, place, before.n_samples, number)
    scores = neighbourhoods.predict(place, masks)
    return before + _of_samples(neighbourhoods, masks, scores, before.probability)


def _of_samples(neighbourhoods: Masking, masks: BoolArray, scores: FloatArray, probability: float) -> Regression:
    kernel = KERNELS[neighbourhoods.batch.predictor.modality]
    weights = kernel.weights(masks, float(neighbourhoods.batch.params["kernel_width"]))
    middle = len(masks) // 2
    columns = _columns(masks, scores - probability)
    weighted = columns * weights[:, None]
    first, second = (
        Moments(_products(weighted[half], columns[half])) for half in (slice(None, middle), slice(middle, None))
    )
    return Regression((first, second), len(masks), probability)


def solve(regressions: list[Regression]) -> list[Fit]:
    """Weighted ridge regressions with an intercept that is not penalised, as scikit-learn's `Ridge(alpha=1)`.

    Items with the same number of units share one batched Cholesky factorisation. A half is solved with half the
    penalty, so that it is shrunk like the whole.
    """
    fits: dict[int, Fit] = {}
    sizes: dict[int, list[int]] = {}
    for place, regression in enumerate(regressions):
        sizes.setdefault(len(regression.halves[0].sums), []).append(place)
    for places in sizes.values():
        solved = _solve_same_size([regressions[place] for place in places])
        fits.update(zip(places, solved, strict=True))
    return [fits[place] for place in range(len(regressions))]


def _solve_same_size(regressions: list[Regression]) -> list[Fit]:
    halves = np.array([[half.sums for half in regression.halves] for regression in regressions])
    sums = np.concatenate([halves[:, :1] + halves[:, 1:], halves], axis=1)  # (n, 3, ...): the whole, then the halves
    total, means = sums[..., :1, :1], sums[..., :1, 1:] / sums[..., :1, :1]
    centred = sums[..., 1:, 1:] - np.swapaxes(means, -1, -2) * means * total
    products, both = centred[..., :-1, :-1], centred[..., :-1, -1:]
    penalties = np.array([RIDGE, RIDGE / 2, RIDGE / 2])[:, None, None] * np.eye(products.shape[-1])
    factor = torch.linalg.cholesky(torch.from_numpy(products + penalties))
    slopes = torch.cholesky_solve(torch.from_numpy(np.ascontiguousarray(both)), factor).numpy()[..., 0]
    of_all = slopes[:, 0]
    shifts = means[:, 0, 0, -1] - (means[:, 0, 0, :-1] * of_all).sum(axis=1)
    facts = zip(
        _local_r2(sums[:, 0], centred[:, 0], of_all), shifts, agreement(slopes[:, 1], slopes[:, 2]), strict=True
    )
    return [
        Fit(regression, own, float(r2), float(shift), float(r))
        for regression, own, (r2, shift, r) in zip(regressions, -of_all, facts, strict=True)
    ]


def _local_r2(sums: FloatArray, centred: FloatArray, slopes: FloatArray) -> FloatArray:
    """The weighted R² of each line, shape (n,); 0 where the answers vary by no more than rounding."""
    changes = centred[:, -1, -1]
    squares = slopes[:, :, None] * centred[:, :-1, :-1] * slopes[:, None, :]
    left = changes - 2 * (slopes * centred[:, :-1, -1]).sum(axis=1) + squares.reshape(len(sums), -1).sum(axis=1)
    varies = changes > 1e-12 * sums[:, -1, -1]
    found: FloatArray = 1 - np.divide(left, changes, out=np.ones_like(left), where=varies)
    return found
