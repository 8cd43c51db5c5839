"""Fit the model that a formula says, by the engine of `analysis.inference.mixed`."""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias, get_args

import numpy as np

from analysis.errors import InputError
from analysis.formula.answers import Answers, answers_of
from analysis.formula.columns import INTERCEPT_NAME, Coding, Matrix, check_independent
from analysis.formula.frame import Columns, Frame, read_frame
from analysis.formula.grammar import INTERCEPT, Formula, Random, read_formula
from analysis.formula.results import REFERENCE, Coefficient, Family, ModelFit, RandomPart
from analysis.inference.mixed import (
    Certificate,
    Effect,
    LinearFit,
    MixedFit,
    OrdinalFit,
    fit_binomial,
    fit_linear,
    fit_ordinal,
    fit_response_time,
)
from analysis.inference.mixed.families import Link
from analysis.types import FloatArray

AnyFit: TypeAlias = MixedFit | LinearFit | OrdinalFit

FAMILIES: Final[tuple[str, ...]] = get_args(Family)
LINKS: Final[tuple[str, ...]] = get_args(Link)
MOST_GROUPS: Final = 2


def fit(
    data: Path | str | Columns,
    formula: str,
    *,
    family: Family = "binomial",
    link: Link = "logit",
    factors: Collection[str] = (),
    references: Mapping[str, str] | None = None,
    weights: str | None = None,
    level: float = 0.95,
) -> ModelFit:
    """Fit a mixed model by formula.

    Parameters
    ----------
    data : path, or mapping of str to sequence
        A CSV file (gzip by its ending), or columns of one length.
    formula : str
        As for lme4: `y ~ post*arm + (1|pid) + (1|item)`; with a constrained baseline `y ~ post + post:arm + ...`; with
        slopes `(1 + post | pid)`, and `||` where they are independent. One or two groups.
    family : {"binomial", "gaussian", "ordinal", "lognormal"}
        Of answers right or wrong, measured, rated, or response times in ms.
    link : {"logit", "probit"}
        Of binomial and ordinal models.
    factors : collection of str
        Columns of numbers that are factors, as `factor(x)` in the formula says it.
    references : mapping of str to str, optional
        The level that a factor's others are compared with; by default the first in alphabetical order.
    weights : str, optional
        Column with the number of answers that a row stands for; the response is then the share of right ones.
    level : float
        Of the intervals.

    Returns
    -------
    ModelFit

    Raises
    ------
    InputError
        When the formula or the data cannot be read, or cannot be fitted.
    """
    said = read_formula(formula)
    if family not in FAMILIES or link not in LINKS:
        known = f"{', '.join(FAMILIES)} and {', '.join(LINKS)}"
        raise InputError("the model", [f"{known} are known, {family} with {link} came"])
    if not 0 < level < 1:
        raise InputError("the model", [f"level: a number between 0 and 1 was expected, {level} came"])
    used = [*said.variables, *([weights] if weights else [])]
    whole = read_frame(data, list(dict.fromkeys([*used, *(references or {}), *factors])))
    seen = whole.seen(used)
    if not seen.any():
        raise InputError("the data", ["expected rows with a value in every column of the formula, found none"])
    frame = whole.only(seen)
    coding = Coding(frame, said.factors | frozenset(factors), references or {})
    work = _Work(said, frame, coding, family, link, answers_of(frame, said, family, weights))
    began = time.perf_counter()
    found = work.fitted()
    return work.result(found, level, int((~seen).sum()), time.perf_counter() - began)


@dataclass(frozen=True)
class _Grouping:
    """One group with the columns whose effects differ between its levels, the intercept's left out."""

    group: str
    matrix: Matrix
    is_correlated: bool


@dataclass(frozen=True)
class _Work:
    """Everything one fit is made of."""

    formula: Formula
    frame: Frame
    coding: Coding
    family: Family
    link: Link
    answers: Answers

    def fitted(self) -> AnyFit:
        fixed, groups = self._fixed(), self._groups()
        second = groups[1] if len(groups) > 1 else None
        common: dict[str, Any] = {
            "fixed": fixed.values,
            "names": fixed.names,
            "participants": self.frame.levels(groups[0].group)[1],
            "items": self.frame.levels(second.group)[1] if second else np.zeros(len(self.frame), dtype=np.int64),
            "participant_slopes": _slopes(groups[0]),
            "item_slopes": _slopes(second) if second else None,
        }
        correlated = {
            "participant_slopes_correlated": groups[0].is_correlated,
            "item_slopes_correlated": second.is_correlated if second else True,
        }
        found: AnyFit = self._engine()(**common, **(correlated if self.family != "lognormal" else {}))
        return found

    def _engine(self) -> Any:
        values, trials = self.answers.values, self.answers.trials
        match self.family:
            case "binomial":
                return partial(fit_binomial, correct=values, trials=trials, link=self.link)
            case "gaussian":
                return partial(fit_linear, values=values)
            case "ordinal":
                return partial(fit_ordinal, ratings=values, link=self.link)
            case "lognormal":
                return lambda **common: fit_response_time(response_ms=values, **common).fit

    def _fixed(self) -> Matrix:
        matrix = self.coding.matrix(self.formula.fixed)
        check_independent(matrix)
        if self.family != "ordinal":
            return matrix
        if INTERCEPT not in self.formula.fixed:
            raise InputError("the formula", ["an ordinal model has thresholds for an intercept; leave -1 or 0 out"])
        return Matrix(matrix.names[1:], matrix.values[:, 1:])

    def _groups(self) -> list[_Grouping]:
        parts: dict[str, list[Random]] = {}
        for part in self.formula.random:
            parts.setdefault(part.group, []).append(part)
        if not 1 <= len(parts) <= MOST_GROUPS:
            raise InputError(
                "the formula",
                [f"one or two groups were expected, such as (1|pid) + (1|item), {len(parts)} came: {list(parts)}"],
            )
        found = [self._grouping(group, own) for group, own in parts.items()]
        if self.family == "lognormal" and not all(own.is_correlated for own in found):
            raise InputError("the formula", ["|| is not for response times; take gaussian on their logarithm"])
        return found

    def _grouping(self, group: str, parts: list[Random]) -> _Grouping:
        terms = [term for part in parts for term in part.terms]
        if terms.count(INTERCEPT) != 1 or len(set(terms)) < len(terms):
            raise InputError(
                "the formula", [f"{group}: an intercept, (1|{group}), and each slope once were expected, {terms} came"]
            )
        is_alone = len(terms) == 1
        together = len(parts) == 1 and parts[0].is_correlated
        apart = all(len(part.terms) == 1 or not part.is_correlated for part in parts)
        if not (is_alone or together or apart):
            raise InputError(
                "the formula", [f"{group}: slopes are all correlated, (1 + x|{group}), or all not, (1 + x||{group})"]
            )
        ordered = [INTERCEPT, *(term for term in terms if term != INTERCEPT)]
        matrix = self.coding.matrix(ordered)
        return _Grouping(group, Matrix(matrix.names[1:], matrix.values[:, 1:]), is_alone or together)

    # --- the result -----------------------------------------------------------------------------------------------

    def result(self, found: AnyFit, level: float, n_dropped: int, seconds: float) -> ModelFit:
        effects = [_coefficient(found, name, level) for name in found.names]
        is_linear = isinstance(found, LinearFit)
        return ModelFit(
            formula=self.formula.text,
            family=self.family,
            link={"gaussian": "identity", "lognormal": "log"}.get(self.family, self.link),
            fixed=tuple(effects),
            random=tuple(
                self._part(group, covariance)
                for group, covariance in zip(
                    self._groups(), (found.participant_covariance, found.item_covariance), strict=False
                )
            ),
            thresholds=tuple(found.thresholds.tolist()) if isinstance(found, OrdinalFit) else (),
            residual_deviation=found.residual_deviation if isinstance(found, LinearFit) else None,
            loglik=found.loglik,
            is_maximum=found.certificate.is_maximum,
            certificate=self._certificate(found),
            n_trials=found.n_trials,
            n_dropped=n_dropped,
            seconds=seconds,
            notes=tuple(self._notes()),
            method="linear mixed model by REML, Satterthwaite" if is_linear else "mixed model by maximum Laplace, Wald",
        )

    def _part(self, group: _Grouping, covariance: FloatArray) -> RandomPart:
        deviations = np.sqrt(np.diag(covariance))
        levels = len(self.frame.levels(group.group)[0])
        correlations = tuple(
            tuple(
                float(np.clip(covariance[i, j] / (a * b), -1.0, 1.0)) if a > 0 and b > 0 else None
                for j, b in enumerate(deviations)
            )
            for i, a in enumerate(deviations)
        )
        names = (INTERCEPT_NAME, *group.matrix.names)
        return RandomPart(group.group, levels, names, tuple(deviations.tolist()), correlations)

    def _certificate(self, found: AnyFit) -> Certificate:
        """The fit's own; with one group, whether that group's variance is zero, and not that of the second's place."""
        own = found.certificate
        if len({part.group for part in self.formula.random}) > 1:
            return own
        values = np.linalg.eigvalsh(found.participant_covariance)
        is_singular = bool(values.min() < 1e-6 * max(float(values.max()), 1.0))
        return Certificate(own.gain, own.smallest_eigenvalue, is_singular, own.is_separated, own.evaluations)

    def _notes(self) -> list[str]:
        effects = {name for term in self.formula.fixed for name in term}
        return [
            f"{name} was taken as a number; write factor({name}) if its values are names of groups"
            for name in sorted(effects)
            if not self.coding.is_factor(name) and self.frame.looks_like_a_factor(name)
        ]


def _slopes(group: _Grouping) -> FloatArray | None:
    return group.matrix.values if group.matrix.names else None


def _coefficient(found: AnyFit, name: str, level: float) -> Coefficient:
    effect = _effect(found, name, level)
    error = effect.standard_error
    return Coefficient(
        name=name,
        estimate=float(found.coefficients[found.names.index(name)]),
        standard_error=error,
        statistic=effect.estimate / error if error and effect.estimate is not None else None,
        degrees_of_freedom=effect.degrees_of_freedom,
        p_value=effect.p_value,
        confidence_interval=effect.interval,
    )


def _effect(found: AnyFit, name: str, level: float) -> Effect:
    if not isinstance(found, MixedFit):
        return found.effect(name, level)
    place = found.names.index(name)
    error = float(found.standard_errors[place])
    return Effect.difference(
        float(found.coefficients[place]),
        error if found.certificate.is_maximum else None,
        level=level,
        unit="log odds" if found.link == "logit" else "probits",
        n_participants=found.n_participants,
        method="",
        reference=REFERENCE,
    )
