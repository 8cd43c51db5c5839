"""Does an effect differ between items, and how large is it for each: a variance tested on its boundary, and shrinkage.

A variance of zero lies at the edge of what is possible, where twice the log-likelihood ratio is not chi-square with
one degree of freedom but zero half of the time (Self & Liang 1987; Stram & Lee 1994, cases 5 and 6).
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy import stats

from analysis.errors import InputError
from analysis.inference.mixed.effect import Effect
from analysis.inference.mixed.fit import BinomialModel, MixedFit, Solution, describe, free_covariance, solve
from analysis.inference.mixed.packing import pack, unpack
from analysis.types import FloatArray, Interval

REFERENCE: Final = "Stram & Lee (1994), Biometrics 50"
SHRINKAGE: Final = "Booth & Hobert (1998), JASA 93; Kristensen et al. (2016), J. Stat. Softw. 70"
STEP: Final = 0.01  # of differences, in standard errors


@dataclass(frozen=True)
class BoundaryTest:
    """A likelihood-ratio test that a variance is zero.

    Parameters
    ----------
    statistic : float
    p_value : float
        Against the mixture; 1/2 at most where the slope has no correlation, since nothing is less than no variance.
    lower_degrees_of_freedom : int
        Of the mixture's first half: 0 without a correlation, 1 with one. The second half has one more.
    n_participants, n_items : int
    method, reference : str
    """

    statistic: float
    p_value: float
    lower_degrees_of_freedom: int
    n_participants: int
    n_items: int
    method: str
    reference: str


@dataclass(frozen=True)
class ItemEffect:
    """The effect for one item of the study, drawn towards the average by as much as its data are few.

    Parameters
    ----------
    item : int
        As in the data.
    estimate : float
        On the scale of the link.
    standard_error : float or None
        Of prediction: what the item's own data leave open, and the error of all the model's parameters.
    interval : Interval or None
    n_trials : int
        Trials of this item that the effect is part of.
    """

    item: int
    estimate: float
    standard_error: float | None
    interval: Interval | None
    n_trials: int


@dataclass(frozen=True)
class ItemHeterogeneity:
    """How an effect varies over items.

    Parameters
    ----------
    name : str
        Of the fixed effect.
    test : BoundaryTest
    deviation : float
        Standard deviation of the effect over items, on the scale of the link; 0 at the boundary.
    average : Effect
        For the average item, in the model with the slope.
    new_item : Interval or None
        Where the effect for an item that was not in the study is to be expected (Higgins, Thompson & Spiegelhalter
        2009, section 4.1). None for fewer than three items.
    items : tuple of ItemEffect
        From the smallest to the largest: a caterpillar plot.
    fit : MixedFit
        Of the model with the slope.
    """

    name: str
    test: BoundaryTest
    deviation: float
    average: Effect
    new_item: Interval | None
    items: tuple[ItemEffect, ...]
    fit: MixedFit


def item_heterogeneity(
    model: BinomialModel, name: str, *, correlated: bool = False, level: float = 0.95
) -> ItemHeterogeneity:
    """Fit a model with and without a random slope of one effect over items.

    Parameters
    ----------
    model : BinomialModel
        Without slopes over items, such as `ConstrainedFit.model`.
    name : str
        Of the fixed effect that may differ between items.
    correlated : bool
        Whether easy items may have larger (or smaller) effects. The test is then against the mixture of chi-squares
        with 1 and 2 degrees of freedom, otherwise with 0 and 1.
    level : float

    Returns
    -------
    ItemHeterogeneity

    Raises
    ------
    InputError
        For a name that is not in the model, or a model that has slopes over items already.
    AnalysisError
        When an ascent ends before the maximum.
    """
    _check(model, name)
    without = describe(solve(model))
    slope = model.fixed[:, model.names.index(name)]
    solution = solve(replace(model, item_slopes=slope, item_slopes_correlated=correlated))
    fit = describe(solution)
    return ItemHeterogeneity(
        name=name,
        test=boundary_test(without, fit, correlated=correlated),
        deviation=float(np.sqrt(fit.item_covariance[1, 1])),
        average=_average(fit, name, level),
        new_item=_new_item(fit, name, level),
        items=_item_effects(solution, fit, name, level),
        fit=fit,
    )


def boundary_test(without: MixedFit, full: MixedFit, *, correlated: bool) -> BoundaryTest:
    """Test that the one slope that `full` has and `without` has not does not vary.

    Parameters
    ----------
    without, full : MixedFit
    correlated : bool
        Whether the slope has a correlation with the intercept, which vanishes along with its variance.

    Returns
    -------
    BoundaryTest

    Notes
    -----
    Conservative: with few items a variance that is 0 is estimated as 0 in more than half of the studies (Crainiceanu &
    Ruppert 2004, J. R. Statist. Soc. B 66). The measured rate stands in docs/calibration.md.
    """
    statistic = max(2.0 * (full.loglik - without.loglik), 0.0)
    lower = int(correlated)
    of_lower = float(stats.chi2.sf(statistic, lower)) if lower else 0.0
    return BoundaryTest(
        statistic,
        0.5 * (of_lower + float(stats.chi2.sf(statistic, lower + 1))),
        lower,
        full.n_participants,
        full.n_items,
        f"likelihood ratio against a 50:50 mixture of chi-square with {lower} and {lower + 1} degrees of freedom",
        REFERENCE,
    )


def _check(model: BinomialModel, name: str) -> None:
    problems = []
    if name not in model.names:
        problems.append(f"name: one of {', '.join(model.names)} was expected, {name!r} came")
    if model.item_slopes is not None:
        problems.append("model: none with slopes over items was expected; leave them out, the test adds its own")
    if problems:
        raise InputError("item heterogeneity", problems)


def _average(fit: MixedFit, name: str, level: float) -> Effect:
    number = fit.names.index(name)
    return Effect.difference(
        float(fit.coefficients[number]),
        float(fit.standard_errors[number]) if fit.certificate.is_maximum else None,
        level=level,
        unit="log odds" if fit.link == "logit" else "probit",
        n_participants=fit.n_participants,
        method="mixed model with a slope over items, Wald",
        reference="Barr, Levy, Scheepers & Tily (2013), J. Mem. Lang. 68",
    )


def _new_item(fit: MixedFit, name: str, level: float) -> Interval | None:
    if fit.n_items < 3 or not fit.certificate.is_maximum:
        return None
    number = fit.names.index(name)
    spread = np.sqrt(fit.item_covariance[1, 1] + fit.covariance[number, number])
    reach = float(stats.t.isf((1.0 - level) / 2.0, fit.n_items - 2) * spread)
    centre = float(fit.coefficients[number])
    return Interval(centre - reach, centre + reach, level)


def _item_effects(solution: Solution, fit: MixedFit, name: str, level: float) -> tuple[ItemEffect, ...]:
    number = fit.names.index(name)
    model, crossing = solution.model, solution.crossing
    estimates = _effects_at(solution, pack(solution.top.parameters)[0], number)
    errors = _errors(solution, fit, number) if fit.certificate.is_maximum else None
    takes_part = (model.fixed[model.seen, number] != 0.0).astype(np.float64)
    counts = np.bincount(crossing.item, takes_part, len(crossing.items))
    reach = float(stats.norm.isf((1.0 - level) / 2.0))
    found = []
    for place in np.argsort(estimates, kind="stable"):
        estimate = float(estimates[place])
        error = None if errors is None else float(errors[place])
        interval = None if error is None else Interval(estimate - reach * error, estimate + reach * error, level)
        found.append(ItemEffect(int(crossing.items[place]), estimate, error, interval, int(counts[place])))
    return tuple(found)


def _errors(solution: Solution, fit: MixedFit, number: int) -> FloatArray:
    """Return standard errors of prediction: of the effects given the parameters, and by way of the parameters.

    The second part follows the modes as the parameters move, by differences.
    """
    top, laplace = solution.top, solution.laplace
    conditional = laplace.conditional_covariances(top.parameters, top.modes)
    _, blocks = solution.crossing.in_layout(conditional.rows, conditional.columns)
    blocks = blocks.reshape(fit.n_items, 2, 2)
    loading = fit.item_factor[1]
    variance = np.einsum("a,jab,b->j", loading, blocks, loading)
    covariance = free_covariance(top)
    place, free = pack(top.parameters)[0], np.flatnonzero(top.free)
    slopes = np.empty((fit.n_items, len(free)))
    for entry, error in enumerate(np.sqrt(np.diag(covariance))):
        shift = np.zeros(len(place))
        shift[free[entry]] = size = STEP * min(float(error), 1.0)
        up, down = (_effects_at(solution, place + way * shift, number) for way in (1.0, -1.0))
        slopes[:, entry] = (up - down) / (2.0 * size)
    errors: FloatArray = np.sqrt(variance + np.einsum("ja,ab,jb->j", slopes, covariance, slopes))
    return errors


def _effects_at(solution: Solution, place: FloatArray, number: int) -> FloatArray:
    """Return each item's effect at some packed parameters, its mode found anew."""
    at = unpack(place[None], solution.top.parameters)
    modes = solution.laplace.evaluate(at, solution.top.modes).modes
    _, standardised = solution.crossing.in_layout(modes.rows, modes.columns)
    _, factor = solution.crossing.in_layout(at.row_factor, at.column_factor)
    effects: FloatArray = at.beta[0, number] + standardised[0] @ factor[0, 1]
    return effects
