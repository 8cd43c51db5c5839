"""What a fit by formula says."""

from dataclasses import dataclass
from typing import Final, Literal

from analysis.inference.mixed import Certificate
from analysis.types import Interval

Family = Literal["binomial", "gaussian", "ordinal", "lognormal"]
REFERENCE: Final = "Bates, Mächler, Bolker & Walker 2015, Journal of Statistical Software 67(1)"


@dataclass(frozen=True)
class Coefficient:
    """A fixed effect.

    Parameters
    ----------
    name : str
    estimate, standard_error : float
        On the scale of the link. No standard error where the fit is no maximum.
    statistic : float or None
        Estimate over standard error: z, or t where there are degrees of freedom.
    degrees_of_freedom : float or None
        Satterthwaite's, of linear models.
    p_value : float or None
        Two-sided.
    confidence_interval : Interval or None
        Wald's.
    """

    name: str
    estimate: float
    standard_error: float | None
    statistic: float | None
    degrees_of_freedom: float | None
    p_value: float | None
    confidence_interval: Interval | None


@dataclass(frozen=True)
class RandomPart:
    """What differs between the levels of a group.

    Parameters
    ----------
    group : str
    n_levels : int
    names : tuple of str
        Of intercept and slopes.
    standard_deviations : tuple of float
    correlations : tuple of tuples of (float or None)
        None where a standard deviation is 0.
    """

    group: str
    n_levels: int
    names: tuple[str, ...]
    standard_deviations: tuple[float, ...]
    correlations: tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True)
class ModelFit:
    """A fitted mixed model.

    Parameters
    ----------
    formula : str
    family : {"binomial", "gaussian", "ordinal", "lognormal"}
    link : str
    fixed : tuple of Coefficient
    random : tuple of RandomPart
    thresholds : tuple of float
        Between the ratings of an ordinal model, else empty.
    residual_deviation : float or None
        Of linear models.
    loglik : float
        Laplace approximation; restricted for linear models.
    is_maximum : bool
        Whether the fit may be reported; a singular one may.
    certificate : Certificate
        What shows it.
    n_trials : int
        Rows used.
    n_dropped : int
        Rows left out because a cell that the formula needs is empty.
    seconds : float
        Of the fit, without reading the file.
    notes : tuple of str
        What a reader should know of how the columns were taken.
    method, reference : str
    """

    formula: str
    family: Family
    link: str
    fixed: tuple[Coefficient, ...]
    random: tuple[RandomPart, ...]
    thresholds: tuple[float, ...]
    residual_deviation: float | None
    loglik: float
    is_maximum: bool
    certificate: Certificate
    n_trials: int
    n_dropped: int
    seconds: float
    notes: tuple[str, ...]
    method: str
    reference: str = REFERENCE

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the fixed effects."""
        return tuple(effect.name for effect in self.fixed)

    def __getitem__(self, name: str) -> Coefficient:
        """Return a fixed effect by name; KeyError with the names that there are."""
        found = next((effect for effect in self.fixed if effect.name == name), None)
        if found is None:
            raise KeyError(f"{name!r} is none of {', '.join(self.names)}")
        return found
