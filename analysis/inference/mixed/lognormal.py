"""Response times: a linear mixed model of their logarithm, read back as ratios."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.errors import InputError
from analysis.inference.mixed.effect import Effect
from analysis.inference.mixed.linear import LinearFit, fit_linear
from analysis.types import BoolArray, FloatArray, IntArray

UNIT: Final = "log ms"


@dataclass(frozen=True)
class ResponseTimeFit:
    """A fitted lognormal model.

    Parameters
    ----------
    fit : LinearFit
        Of the logarithm of the time in ms.
    n_trimmed : int
        Trials left out because they were shorter or longer than planned.
    """

    fit: LinearFit
    n_trimmed: int

    def ratio(self, weights: Sequence[float], level: float = 0.95) -> Effect:
        """Return the ratio of response times that a contrast of the logarithms stands for; 0.9 is a tenth faster."""
        return self.fit.contrast(weights, level).as_ratio("ratio of response times")

    def typical_ms(self, weights: Sequence[float], level: float = 0.95) -> Effect:
        """Return the median time of a typical participant and item at a row of the design."""
        return self.fit.contrast(weights, level).as_ratio("ms")


def fit_response_time(
    *,
    response_ms: FloatArray,
    fixed: FloatArray,
    names: Sequence[str],
    participants: IntArray,
    items: IntArray,
    participant_slopes: FloatArray | None = None,
    item_slopes: FloatArray | None = None,
    keep: BoolArray | None = None,
    low_ms: float = 0.0,
    high_ms: float = float("inf"),
    restricted: bool = True,
) -> ResponseTimeFit:
    """Fit the logarithm of response times by a linear mixed model.

    Parameters
    ----------
    response_ms : float array, shape (n,)
        Milliseconds, above 0; NaN for a trial that is missing.
    fixed, names, participants, items, participant_slopes, item_slopes, restricted
        As in `fit_linear`.
    keep : bool array, shape (n,), optional
        Trials to look at, such as those answered correctly; all by default. To be planned beforehand.
    low_ms, high_ms : float
        Times outside are left out and counted (Ratcliff 1993). To be planned beforehand.

    Returns
    -------
    ResponseTimeFit

    Raises
    ------
    InputError
        For times of 0 or less, and what `fit_linear` refuses.

    Notes
    -----
    Times are skewed, and their spread grows with their length: logarithms mend both, and make the effect a ratio.
    Lo & Andrews (2015) warn that interactions on this scale are interactions of ratios; that is what is meant here.
    """
    if (response_ms <= 0.0).any():
        raise InputError("response_ms", [f"times above 0 were expected, {np.nanmin(response_ms):g} came"])
    wanted = ~np.isnan(response_ms) if keep is None else keep & ~np.isnan(response_ms)
    inside = wanted & (response_ms >= low_ms) & (response_ms <= high_ms)
    fit = fit_linear(
        values=np.log(np.where(inside, response_ms, np.nan)),
        fixed=fixed,
        names=names,
        participants=participants,
        items=items,
        participant_slopes=participant_slopes,
        item_slopes=item_slopes,
        restricted=restricted,
        unit=UNIT,
    )
    return ResponseTimeFit(fit, int((wanted & ~inside).sum()))
