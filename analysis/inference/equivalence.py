"""Whether a difference is too small to matter, or not worse by more than a margin.

Schuirmann, D. J. (1987), J. Pharmacokinet. Biopharm. 15: two one-sided tests against the bounds of what matters (the
smallest effect of interest; Lakens, D. 2017, Soc. Psychol. Personal. Sci. 8). Both fall at alpha exactly where the
interval of level 1 - 2 alpha lies within the bounds.
"""

from dataclasses import dataclass
from typing import Final

from analysis.errors import InputError
from analysis.inference.student import t_interval, t_tail
from analysis.inference.welch import Mean
from analysis.numbers import level_text
from analysis.types import Interval

EQUIVALENCE_REFERENCE: Final = "Schuirmann 1987, J. Pharmacokinet. Biopharm. 15"
NON_INFERIORITY_REFERENCE: Final = "Piaggio et al. 2012 (CONSORT), JAMA 308"


@dataclass(frozen=True)
class Equivalence:
    """A difference held against the bounds of what matters.

    Parameters
    ----------
    low, high : float
        The bounds, in the unit of the difference.
    value : float or None
    statistic_low, statistic_high : float or None
        Distance from each bound in standard errors.
    p_low, p_high : float or None
        One-sided, that the difference is at the low bound or below, at the high bound or above.
    p_value : float or None
        The larger of them; None where the difference has no standard error.
    interval : Interval or None
        Of level 1 - 2 alpha.
    is_equivalent : bool
        Whether p is at most alpha.
    alpha : float
    sentence, method, reference : str
    """

    low: float
    high: float
    value: float | None
    statistic_low: float | None
    statistic_high: float | None
    p_low: float | None
    p_high: float | None
    p_value: float | None
    interval: Interval | None
    is_equivalent: bool
    alpha: float
    sentence: str
    method: str
    reference: str


@dataclass(frozen=True)
class NonInferiority:
    """A difference held against the most that may be lost.

    Parameters
    ----------
    margin : float
        In the unit of the difference; above 0.
    value, statistic, p_value : float or None
        p is one-sided, that the difference is worse than the margin; None where there is no standard error.
    interval : Interval or None
        Of level 1 - 2 alpha; only its lower end (upper, where less is better) is compared with the margin.
    is_non_inferior : bool
    alpha : float
    sentence, method, reference : str
    """

    margin: float
    value: float | None
    statistic: float | None
    p_value: float | None
    interval: Interval | None
    is_non_inferior: bool
    alpha: float
    sentence: str
    method: str
    reference: str


def equivalence(difference: Mean, *, low: float, high: float, alpha: float = 0.05) -> Equivalence:
    """Test whether a difference lies between two bounds.

    Parameters
    ----------
    difference : Mean
        Such as `welch` gives; any estimate with a standard error and degrees of freedom.
    low, high : float
        Bounds, in its unit: minus and plus the smallest effect of interest.
    alpha : float
        Of each one-sided test, and of both together.

    Returns
    -------
    Equivalence

    Raises
    ------
    InputError
        When the bounds are not in order, or alpha is not between 0 and 0.5.
    """
    _check("equivalence", alpha, [] if low < high else [f"expected the low bound below the high, found {low}, {high}"])
    value, error, freedom = difference.value, difference.standard_error, difference.degrees_of_freedom
    method = "two one-sided t tests"
    if value is None or not error or freedom is None:
        absent = (value, None, None, None, None, None, None, False, alpha, "There is no standard error to test by.")
        return Equivalence(low, high, *absent, method, EQUIVALENCE_REFERENCE)
    above, below = (value - low) / error, (value - high) / error
    p_low, p_high = t_tail(above, freedom), t_tail(-below, freedom)
    interval = t_interval(value, error, freedom, 1 - 2 * alpha)
    is_equivalent = max(p_low, p_high) <= alpha
    return Equivalence(
        low, high, value, above, below, p_low, p_high, max(p_low, p_high), interval, is_equivalent, alpha,
        _equivalence_sentence(interval, low, high), method, EQUIVALENCE_REFERENCE,
    )  # fmt: skip


def non_inferiority(
    difference: Mean, *, margin: float, more_is_better: bool = True, alpha: float = 0.025
) -> NonInferiority:
    """Test whether the first group is worse than the second by less than a margin.

    Parameters
    ----------
    difference : Mean
        First minus second.
    margin : float
        The most that may be lost, above 0, in the unit of the difference.
    more_is_better : bool
        False for what should be small, such as times.
    alpha : float
        One-sided.

    Returns
    -------
    NonInferiority

    Raises
    ------
    InputError
        When the margin is not above 0, or alpha is not between 0 and 0.5.
    """
    _check("non-inferiority", alpha, [] if margin > 0 else [f"margin: expected more than 0, found {margin}"])
    value, error, freedom = difference.value, difference.standard_error, difference.degrees_of_freedom
    method = "one-sided t test against the margin"
    if value is None or not error or freedom is None:
        absent = (value, None, None, None, False, alpha, "There is no standard error to test by.")
        return NonInferiority(margin, *absent, method, NON_INFERIORITY_REFERENCE)
    statistic = ((value if more_is_better else -value) + margin) / error
    p_value = t_tail(statistic, freedom)
    is_shown = p_value <= alpha
    sentence = f"Not worse by more than {margin:g}" if is_shown else f"A loss of {margin:g} or more is not ruled out"
    return NonInferiority(
        margin=margin,
        value=value,
        statistic=statistic,
        p_value=p_value,
        interval=t_interval(value, error, freedom, 1 - 2 * alpha),
        is_non_inferior=is_shown,
        alpha=alpha,
        sentence=f"{sentence} (one-sided alpha {alpha:g}).",
        method=method,
        reference=NON_INFERIORITY_REFERENCE,
    )


def _check(what: str, alpha: float, problems: list[str]) -> None:
    if not 0 < alpha < 0.5:
        problems = [*problems, f"alpha: expected a number between 0 and 0.5, found {alpha}"]
    if problems:
        raise InputError(what, problems)


def _equivalence_sentence(interval: Interval, low: float, high: float) -> str:
    """Say which of the four outcomes this is (Lakens 2017, figure 1)."""
    is_within = low < interval.low and interval.high < high
    is_beside_zero = interval.low > 0 or interval.high < 0
    which = f"the {level_text(interval.level)} interval"
    if is_within:
        return f"Too small to matter: {which} lies within the bounds{' but beside zero' if is_beside_zero else ''}."
    if interval.low >= high or interval.high <= low:
        return f"Large enough to matter: {which} lies beyond a bound."
    return f"Undecided: {which} reaches beyond a bound{'' if is_beside_zero else ' and over zero'}."
