"""Evidence that may be looked at whenever: e-values, which under the null ever reach 1/alpha with chance alpha at most.

Ramdas, A., Grünwald, P., Vovk, V. & Shafer, G. (2023), Statistical Science 38, 576-601. The inequality is Ville's
(1939); 1 / (largest e-value so far) is a p-value that holds at any stopping time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, log

import numpy as np
from scipy import special

from analysis.errors import InputError
from analysis.inference.sequential.blocks import BlockSteps
from analysis.types import FloatArray


@dataclass(frozen=True)
class EValue:
    """Evidence against a null hypothesis, gathered step by step.

    Parameters
    ----------
    value : float
        Now; 1 is none, 20 what a test at 5 % needs.
    log_value : float
        Its natural logarithm, where the value itself is too large to write.
    largest : float
        So far.
    p_value : float
        1 / largest, at most 1: valid whenever the study stops.
    n_steps : int
    null : str
        What is doubted.
    method, reference : str
    """

    value: float
    log_value: float
    largest: float
    p_value: float
    n_steps: int
    null: str
    method: str
    reference: str


def beta_mixture(successes: int, failures: int, null: float = 0.5, a: float = 0.5, b: float = 0.5) -> float:
    """Return the log e-value of a share against one value: a beta mixture of likelihood ratios.

    B(a + s, b + f) / B(a, b) / (null^s (1 - null)^f) (Ville 1939; Robbins 1970; Ramdas et al. 2023).

    Parameters
    ----------
    successes, failures : int
    null : float
        The share under the null hypothesis, between 0 and 1.
    a, b : float
        Of the mixing beta distribution; one half each is Jeffreys' (and Krichevsky and Trofimov's).

    Raises
    ------
    InputError
        When one of them is out of bounds.
    """
    if min(successes, failures) < 0 or not 0 < null < 1 or not (a > 0 and b > 0):
        raise InputError(
            "e-value of a share",
            [f"expected counts of 0 or more, 0 < null < 1, a > 0, b > 0; found {successes, failures, null, a, b}"],
        )
    mixture = special.betaln(a + successes, b + failures) - special.betaln(a, b)
    return float(mixture - successes * log(null) - failures * np.log1p(-null))


def share_e_value(outcomes: Sequence[bool], null: float = 0.5) -> EValue:
    """Gather evidence against a share from outcomes in their order.

    Parameters
    ----------
    outcomes : sequence of bool
        Such as one answer a person, or whether a pair or block favours the first arm.
    null : float

    Returns
    -------
    EValue
    """
    hits = np.cumsum(np.asarray(outcomes, dtype=np.int64))
    path = [beta_mixture(int(s), k - int(s), null) for k, s in enumerate(hits, start=1)]
    return _gathered(
        path, f"the share is {null:g}", "beta(½, ½) mixture of likelihood ratios", "Ramdas et al. 2023, Stat. Sci. 38"
    )


def sign_e_value(steps: BlockSteps) -> EValue:
    """Gather evidence from the signs of block (or pair) differences; ties say nothing and are left out.

    Exact when the two arms have equal places in a block: if no outcome depends on the arm, a block and its mirror image
    are equally likely, so either sign is.

    Raises
    ------
    InputError
        When the arms have unequal places.
    """
    _check_mirrored(steps)
    signs = [difference > 0 for difference in steps.differences.tolist() if difference != 0]
    found = share_e_value(signs)
    return EValue(
        found.value,
        found.log_value,
        found.largest,
        found.p_value,
        found.n_steps,
        "no participant's outcome depends on the arm",
        "signs of the blocks' differences, beta(½, ½) mixture",
        found.reference,
    )


def difference_e_value(steps: BlockSteps, mixing_variance: float) -> EValue:
    """Gather evidence from block (or pair) differences, for arms with equal places in a block.

    With S the sum of the differences and V that of their squares, exp(l S - l^2 V / 2) is a supermartingale for every l
    when the differences are symmetric about 0 (de la Peña, V. H. 1999, Ann. Probab. 27; Howard et al. 2020,
    Probability Surveys 17), which the allocation makes them when no outcome depends on the arm: swapping the two arms
    in a block is as likely and turns the sign. Mixed over l from a normal distribution of this variance v, it is
    exp(v S^2 / (2 (1 + v V))) / sqrt(1 + v V). No variance is estimated, so it holds from the first step on.

    Parameters
    ----------
    steps : BlockSteps
        Weighted by size: a difference counts as often as it has smallest blocks.
    mixing_variance : float
        Above 0, in the inverse square of the outcome's unit, fixed by the plan. An effect d with steps of variance s^2
        is best looked for around l = d / s^2, so (d / s^2)^2 is a good choice.

    Returns
    -------
    EValue

    Raises
    ------
    InputError
        When the mixing variance is not above 0, or the arms have unequal places.
    """
    _check_mirrored(steps)
    if not 0 < mixing_variance < inf:
        raise InputError("e-value of differences", [f"mixing_variance: expected above 0, found {mixing_variance}"])
    weighted = steps.weights * steps.differences
    path = _mixed(np.cumsum(weighted), np.cumsum(weighted**2), mixing_variance)
    return _gathered(
        path.tolist(),
        "no participant's outcome depends on the arm",
        "normal mixture over self-normalised block differences",
        "de la Peña 1999, Ann. Probab. 27; Howard et al. 2020, Probability Surveys 17",
    )


def _check_mirrored(steps: BlockSteps) -> None:
    if not steps.is_mirrored:
        raise InputError(
            "e-value of differences",
            ["expected two arms with equal places in every block, found unequal ones; use a confidence sequence"],
        )


def _mixed(total: FloatArray, squares: FloatArray, variance: float) -> FloatArray:
    grown = 1 + variance * squares
    path: FloatArray = variance * total**2 / (2 * grown) - 0.5 * np.log(grown)
    return path


def _gathered(path: Sequence[float], null: str, method: str, reference: str) -> EValue:
    now = path[-1] if path else 0.0
    best = max(path, default=0.0)
    ceiling = log(np.finfo(np.float64).max) - 1  # what cannot be written stays finite, and no p-value is 0
    return EValue(
        value=exp(min(now, ceiling)),
        log_value=now,
        largest=exp(min(best, ceiling)),
        p_value=min(1.0, exp(-min(best, ceiling))),
        n_steps=len(path),
        null=null,
        method=method,
        reference=reference,
    )
