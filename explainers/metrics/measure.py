"""Metrics of one arm's explanations: the only way in from outside."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from explainers.errors import ExplainerError, InputError, ParameterError
from explainers.methods.base import Params
from explainers.methods.forms import rounded
from explainers.metrics.registry import METRICS, checked, entry, why_not
from explainers.metrics.subject import Subject, attribution_of, attributions, subject_of
from explainers.metrics.summary import summarise
from explainers.metrics.types import ItemValue, Measurement, MetricSpec
from explainers.predictors.base import Predictor
from explainers.registry import checked as checked_explainer
from explainers.registry import needs_of, signed_of
from explainers.types import ExplainerSpec, Explanation, ItemRequest

_PART = 32  # items between two calls of `progress`; never changes a result

Metric: TypeAlias = Callable[[Subject, Params], list[ItemValue]]


@dataclass(frozen=True)
class Arm:
    """A method with its explanations of the requests, one each; they are computed where none are given."""

    spec: ExplainerSpec
    explanations: tuple[Explanation, ...] | None = None

    def checked(self, predictor: Predictor) -> Arm:
        """The same with every parameter; raises UnknownName or ParameterError."""
        spec = checked_explainer(self.spec)
        needs = needs_of(spec)
        if needs and predictor.architecture not in needs:
            raise ParameterError(
                f"explainer: {spec.name} needs a predictor of architecture {' or '.join(needs)}, {predictor.name} is "
                f"of architecture {predictor.architecture}; choose another method or predictor"
            )
        return replace(self, spec=spec)

    def part(self, where: slice) -> Arm:
        """The explanations of some of the requests."""
        return self if self.explanations is None else replace(self, explanations=self.explanations[where])


def measure(
    predictor: Predictor,
    arm: Arm,
    requests: Sequence[ItemRequest],
    metrics: Sequence[MetricSpec] | None = None,
    *,
    against: Arm | None = None,
    level: float = 0.95,
    chunk_rows: int = 4096,
    progress: Callable[[int], None] | None = None,
) -> list[Measurement]:
    """Judge one arm's explanations by several metrics.

    Parameters
    ----------
    predictor : Predictor
        The model that the explanations are of.
    arm : Arm
        The method; with stored explanations, these are judged as they are shown. Metrics that need explanations of
        changed items or predictors compute them with the method.
    requests : sequence of ItemRequest
        The items, with the seeds that their explanations were made with. A value depends on its own request, the
        predictor, the arm and the metric alone: not on the other items, the other metrics or `chunk_rows`.
    metrics : sequence of MetricSpec, optional
        Names and parameters from `explainers.metrics.registry`; every metric with its defaults when not given.
    against : Arm, optional
        The method that metrics of agreement hold this one against. Its explanations may come from another predictor;
        when they are computed here, they are of this one.
    level : float
        Of the intervals over items.
    chunk_rows : int
        As in `explainers.explain.explain`.
    progress : callable, optional
        Called with the number of items done so far; what it raises ends the work.

    Returns
    -------
    list of Measurement
        In the order of `metrics`, numbers rounded to 7 significant digits. A metric that does not apply has a reason
        and no items. An item that cannot be explained has the error as its problem; the others go on.

    Raises
    ------
    UnknownName, ParameterError
        When a name is unknown, a parameter is out of bounds, or the method does not serve the predictor.
    InputError
        When there is not one explanation a request.
    """
    arm, against = arm.checked(predictor), against and against.checked(predictor)
    specs = [checked(spec) for spec in metrics or [MetricSpec(name) for name in METRICS]]
    _check(requests, arm, against, level)
    reasons = [why_not(spec, arm.spec, predictor.modality, against.spec if against else None) for spec in specs]
    apply = [spec for spec, reason in zip(specs, reasons, strict=True) if not reason]
    found = _values(_Job(predictor, apply, chunk_rows), arm, against, requests, progress)
    return [
        _measurement(spec, arm, against, [] if reason else found.pop(0), reason, level)
        for spec, reason in zip(specs, reasons, strict=True)
    ]


@dataclass(frozen=True)
class _Job:
    """What does not differ between items."""

    predictor: Predictor
    specs: Sequence[MetricSpec]
    chunk_rows: int


def _check(requests: Sequence[ItemRequest], arm: Arm, against: Arm | None, level: float) -> None:
    if not 0 < level < 1:
        raise ParameterError(f"level: {level} is not between 0 and 1")
    for name, one in (("arm", arm), ("against", against)):
        if one is not None and one.explanations is not None and len(one.explanations) != len(requests):
            raise InputError(
                f"{name}.explanations: {len(one.explanations)} came, {len(requests)} requests need as many"
            )


def _values(
    job: _Job, arm: Arm, against: Arm | None, requests: Sequence[ItemRequest], progress: Callable[[int], None] | None
) -> list[list[ItemValue]]:
    """A list of values for each metric."""
    found: list[list[ItemValue]] = [[] for _ in job.specs]
    if not job.specs:
        return found
    for start in range(0, len(requests), _PART):
        part = slice(start, start + _PART)
        own = against.part(part) if against else None
        for column, new in zip(found, _of_part(job, arm.part(part), own, requests[part], start), strict=True):
            column += new
        if progress is not None:
            progress(len(found[0]))
    return found


def _of_part(
    job: _Job, arm: Arm, against: Arm | None, requests: Sequence[ItemRequest], start: int
) -> list[list[ItemValue]]:
    """Values of a part of the items; where one fails, one by one, so that the others have theirs."""
    try:
        subject = _subject(job, arm, against, requests)
        return [_metric(spec.name)(subject, spec.params) for spec in job.specs]
    except ExplainerError:
        rows = []
        for place in range(len(requests)):
            one = slice(place, place + 1)
            own = against.part(one) if against else None
            rows.append(_of_item(job, arm.part(one), own, requests[one], start + place))
        return [[row[column] for row in rows] for column in range(len(job.specs))]


def _of_item(job: _Job, arm: Arm, against: Arm | None, requests: Sequence[ItemRequest], place: int) -> list[ItemValue]:
    """Values of one item, an error as its problem."""
    try:
        subject = _subject(job, arm, against, requests)
    except ExplainerError as error:
        return [_failed(error, place) for _ in job.specs]
    found = []
    for spec in job.specs:
        try:
            found += _metric(spec.name)(subject, spec.params)
        except ExplainerError as error:
            found.append(_failed(error, place))
    return found


def _failed(error: ExplainerError, place: int) -> ItemValue:
    return ItemValue(None, problem=str(error).replace("requests[0]", f"requests[{place}]"))


def _subject(job: _Job, arm: Arm, against: Arm | None, requests: Sequence[ItemRequest]) -> Subject:
    subject = subject_of(job.predictor, arm.spec, requests, arm.explanations, job.chunk_rows)
    if against is None or not any(entry(spec.name).needs_other for spec in job.specs):
        return subject
    if against.explanations is None:
        other = attributions(job.predictor, against.spec, requests, subject.classes, job.chunk_rows)
    else:
        other = [attribution_of(explanation.form, against.spec) for explanation in against.explanations]
    return replace(subject, against=tuple(other), against_signed=signed_of(against.spec))


def _metric(name: str) -> Metric:
    module, _, attribute = entry(name).path.partition(":")
    found: Metric = getattr(importlib.import_module(module), attribute)
    return found


def _measurement(
    spec: MetricSpec, arm: Arm, against: Arm | None, values: Sequence[ItemValue], reason: str, level: float
) -> Measurement:
    found = entry(spec.name)
    items = tuple(_rounded(value) for value in values)
    summary = summarise(items, level=level, low=found.low, high=found.high)
    other = against.spec if against and found.needs_other else None
    return Measurement(spec, arm.spec, items, summary, reason, other)


def _rounded(item: ItemValue) -> ItemValue:
    own = [] if item.value is None else [item.value]
    numbers = np.array([*own, *item.details.values(), *item.curve], dtype=np.float64)
    if not np.isfinite(numbers).all():
        return ItemValue(None, problem="The predictor or the method gave a number that is not finite.")
    kept = rounded(numbers)
    details, curve = kept[len(own) : len(own) + len(item.details)], kept[len(own) + len(item.details) :]
    return ItemValue(kept[0] if own else None, dict(zip(item.details, details, strict=True)), curve, item.problem)
