"""What a formula's left side says: answers as the families take them."""

from dataclasses import dataclass

import numpy as np

from analysis.errors import InputError
from analysis.formula.frame import Frame
from analysis.formula.grammar import Formula
from analysis.types import FloatArray


@dataclass(frozen=True)
class Answers:
    """Values, shape (n,), and of binomial models how many answers each counts, shape (n,) or None for one."""

    values: FloatArray
    trials: FloatArray | None = None


def answers_of(frame: Frame, formula: Formula, family: str, weights: str | None) -> Answers:
    """Read the response.

    Raises
    ------
    InputError
        When it is no number, or not what the family takes.
    """
    values = _numbers(frame, formula.response)
    if family != "binomial":
        if weights or formula.failures or formula.trials:
            raise InputError("the model", [f"weights and cbind() count answers of a binomial model, {family} came"])
        return Answers(values)
    if formula.failures is not None:
        return Answers(values, values + _numbers(frame, formula.failures))
    if formula.trials is not None:
        return Answers(values, _numbers(frame, formula.trials))
    _check_shares(values, formula.response, is_share=weights is not None)
    if weights is None:
        return Answers(values)
    trials = _numbers(frame, weights)
    return Answers(values * trials, trials)


def _numbers(frame: Frame, name: str) -> FloatArray:
    found = frame.numbers(name)
    if found is None:
        cells = frame.columns[name].tolist()
        strange = next(cell for cell in cells if not _is_readable(cell))
        raise InputError("the data", [f"column {name}: numbers were expected, {strange!r} came"])
    return found


def _is_readable(cell: str) -> bool:
    try:
        return cell.lower() in {"true", "false"} or bool(np.isfinite(float(cell)))
    except ValueError:
        return False


def _check_shares(values: FloatArray, name: str, *, is_share: bool) -> None:
    fits = ((values >= 0) & (values <= 1)) if is_share else np.isin(values, (0.0, 1.0))
    if not fits.all():
        expected = "shares from 0 to 1" if is_share else "0 and 1"
        raise InputError(
            "the data",
            [
                f"column {name}: {expected} were expected, {values[~fits][0]:g} came; "
                "choose the family gaussian, ordinal or lognormal for other answers"
            ],
        )
