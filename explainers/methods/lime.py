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

from explainers.methods.base import Attribution, Batch, BoolArray, FloatArray, correlation, generator
from explainers.methods.masking import Masking, TabularMasking, masking
from explainers.methods.steadiness import until_steady
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


def _euclidean(masks: BoolArray) -> FloatArray:
    n_absent: FloatArray = (~masks).sum(axis=1).astype(np.float64)
    return np.sqrt(n_absent)


def _cosine(masks: BoolArray) -> FloatArray:
    """1 - cos(mask, the item's mask of ones); 1 where every unit is absent."""
    shares: FloatArray = masks.mean(axis=1)
    return 1 - np.sqrt(shares)


@dataclass(frozen=True)
class Kernel:
    """Distance of a mask from the item, and the package's width for a number of units."""

    distance: Callable[[BoolArray], FloatArray]
    default_width: Callable[[int], float]

    def weights(self, masks: BoolArray, width: float) -> FloatArray:
        """sqrt(exp(-d² / width²)), shape (n_samples,); a width of 0 takes the package's."""
        width = width or self.default_width(masks.shape[1])
        return np.exp(-(self.distance(masks) ** 2) / (2 * width**2))


KERNELS: dict[Modality, Kernel] = {
    "tabular": Kernel(_euclidean, lambda n_units: 0.75 * float(np.sqrt(n_units))),
    "text": Kernel(lambda masks: 100 * _cosine(masks), lambda n_units: 25.0),
    "image": Kernel(_cosine, lambda n_units: 0.25),
}


# --- regression ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Moments:
    """Weighted sums over samples: all that a ridge regression needs of them. They add up over samples.

    The line is fitted to what changes when units are absent: 1 - mask against the answer less the answer at the item
    itself. Its slopes are those of the masks with the sign turned; a unit that is never absent and a predictor that
    never changes its answer give exact zeros, where sums of ones would leave rounding errors.
    """

    total: float  # sum of the weights
    of_absent: FloatArray  # (n_units,)
    of_products: FloatArray  # (n_units, n_units)
    of_changes: float
    of_squares: float  # of the changes
    of_both: FloatArray  # absent times changes, (n_units,)

    @classmethod
    def of(cls, masks: BoolArray, changes: FloatArray, weights: FloatArray) -> Moments:
        absent = (~masks).astype(np.float64)
        weighted = weights[:, None] * absent
        # torch's product keeps to torch's number of threads; numpy's would start its own beside them
        products = torch.from_numpy(weighted).T @ torch.from_numpy(absent)
        return cls(
            total=float(weights.sum()),
            of_absent=weighted.sum(axis=0),
            of_products=products.numpy(),
            of_changes=float((weights * changes).sum()),
            of_squares=float((weights * changes**2).sum()),
            of_both=(weighted * changes[:, None]).sum(axis=0),
        )

    def __add__(self, other: Moments) -> Moments:
        return Moments(
            self.total + other.total,
            self.of_absent + other.of_absent,
            self.of_products + other.of_products,
            self.of_changes + other.of_changes,
            self.of_squares + other.of_squares,
            self.of_both + other.of_both,
        )

    def centred(self) -> tuple[FloatArray, FloatArray, float]:
        """Sums of squares and products about the weighted means: absent, absent by changes, changes."""
        products = self.of_products - np.outer(self.of_absent, self.of_absent) / self.total
        both = self.of_both - self.of_absent * (self.of_changes / self.total)
        return products, both, self.of_squares - self.of_changes**2 / self.total


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
    """A solved regression: of all samples, and of each half."""

    regression: Regression
    coefficients: FloatArray  # (n_units,)
    of_halves: tuple[FloatArray, FloatArray]

    @property
    def n_samples(self) -> int:
        return self.regression.n_samples

    @property
    def n_units(self) -> int:
        return len(self.coefficients)

    def diagnostics(self) -> dict[str, float]:
        everything = self.regression.halves[0] + self.regression.halves[1]
        shift = (everything.of_changes + everything.of_absent @ self.coefficients) / everything.total
        return {
            "samples": float(self.regression.n_samples),
            "local_r2": self._local_r2(everything),
            "seed_r": self.seed_r(),
            "local_fit": float(self.regression.probability + shift),
            "probability": self.regression.probability,
        }

    def _local_r2(self, everything: Moments) -> float:
        products, both, changes = everything.centred()
        if changes <= 1e-12 * everything.of_squares:  # rounding, not variation
            return 0.0
        slopes = -self.coefficients
        return float(1 - (changes - 2 * (slopes @ both) + slopes @ products @ slopes) / changes)

    def seed_r(self) -> float:
        r = correlation(*self.of_halves)
        return max(2 * r / (1 + r), -1.0) if r > -1 else -1.0


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
    changes = scores - probability
    first, second = (
        Moments.of(masks[half], changes[half], weights[half]) for half in (slice(None, middle), slice(middle, None))
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
        sizes.setdefault(len(regression.halves[0].of_absent), []).append(place)
    for places in sizes.values():
        solved = _solve_same_size([regressions[place] for place in places])
        fits.update(zip(places, solved, strict=True))
    return [fits[place] for place in range(len(regressions))]


def _solve_same_size(regressions: list[Regression]) -> list[Fit]:
    systems = []
    for regression in regressions:
        first, second = regression.halves
        for moments, penalty in ((first + second, RIDGE), (first, RIDGE / 2), (second, RIDGE / 2)):
            products, both, _ = moments.centred()
            systems.append((products + penalty * np.eye(len(both)), both))
    left = torch.from_numpy(np.stack([products for products, _ in systems]))
    right = torch.from_numpy(np.stack([both for _, both in systems]))[..., None]
    slopes = torch.cholesky_solve(right, torch.linalg.cholesky(left))[..., 0].numpy()
    triples = (-slopes).reshape(len(regressions), 3, -1)
    return [
        Fit(regression, whole, (first, second))
        for regression, (whole, first, second) in zip(regressions, triples, strict=True)
    ]
