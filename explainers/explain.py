"""Explanations of a batch of items by one method: the only way in from outside."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import isfinite

import numpy as np
import torch

from explainers.errors import ExplainerError, ParameterError, Stopped
from explainers.methods.base import Attribution, Batch, method
from explainers.methods.blocks import own_classes
from explainers.methods.forms import rounded_each, to_forms
from explainers.predictors.base import Predictor
from explainers.registry import IMPORTS, base_of, checked, form_of, needs_of, parts_of
from explainers.types import ExplainerSpec, Explanation, ItemRequest

_FEWEST_CHUNK_ROWS = 64
_FEWEST_ITEMS = 16  # of a part: LIME solves the regressions of a part at once


def explain(
    predictor: Predictor,
    spec: ExplainerSpec,
    requests: Sequence[ItemRequest],
    *,
    chunk_rows: int = 4096,
    progress: Callable[[int], None] | None = None,
    goes_on: Callable[[], bool] | None = None,
) -> list[Explanation]:
    """Explain the predictor's own output for each item.

    Parameters
    ----------
    predictor : Predictor
        The model that the study asks about.
    spec : ExplainerSpec
        A method of the registry with its parameters; missing ones take their defaults.
    requests : sequence of ItemRequest
        The items. An explanation depends on its own request, the predictor and the spec alone: on one device its
        bytes are the same in every batch, order and for every `chunk_rows` (see `explainers.methods.blocks`).
    chunk_rows : int
        Upper bound on the rows with gradients kept at once, at least 64; an item whose own rows are more comes alone.
        Memory and how often `progress` is called follow from it, results do not. Passes without gradients keep one
        block (`blocks.forward_rows`) at a time. Where memory runs out all the same, it is halved and the part is
        computed again.
    progress : callable, optional
        Called with the number of items done so far, after each part of the batch.
    goes_on : callable, optional
        Asked before each pass through the predictor; it should cost microseconds. Where it says False, the work ends.

    Returns
    -------
    list of Explanation
        In the order of the requests, numbers rounded to 7 significant digits.

    Raises
    ------
    UnknownName, ParameterError
        When the spec is not in the registry, its parameters are out of bounds, or the method does not serve the
        predictor's modality or architecture.
    InputError
        When an item does not fit the predictor, or a placebo's donor is missing or of another output.
    ExplainerError
        When a method gives a number that is not finite; the message names the item. When memory is not enough for one.
    Stopped
        When `goes_on` said so.
    """
    spec = _checked(predictor, spec)
    if chunk_rows < _FEWEST_CHUNK_ROWS:
        raise ParameterError(f"chunk_rows: {chunk_rows} is below {_FEWEST_CHUNK_ROWS}")
    with _asking(predictor, goes_on):
        return _in_parts(predictor, spec, requests, chunk_rows, progress)


@contextmanager
def _asking(predictor: Predictor, goes_on: Callable[[], bool] | None) -> Iterator[None]:
    """Ask before each pass through the predictor; copies that a method makes of it meanwhile ask too."""
    if goes_on is None:
        yield
        return

    def ask(*_: object) -> None:
        if not goes_on():
            raise Stopped("nobody waits for these explanations any more; what was not finished is not kept")

    handle = predictor.module.register_forward_pre_hook(ask)
    try:
        yield
    finally:
        handle.remove()


def _in_parts(
    predictor: Predictor,
    spec: ExplainerSpec,
    requests: Sequence[ItemRequest],
    chunk_rows: int,
    progress: Callable[[int], None] | None,
) -> list[Explanation]:
    classes = own_classes(predictor, [request.input for request in requests])
    function = method(spec.name)
    found: list[Explanation] = []
    n_items = min(len(requests), max(_FEWEST_ITEMS, chunk_rows // _rows_per_item(spec)))
    while len(found) < len(requests):
        part = slice(len(found), len(found) + n_items)
        batch = Batch(predictor, tuple(requests[part]), classes[part], spec.params, chunk_rows)
        try:
            attributions = function(batch)
        except (MemoryError, RuntimeError) as error:
            if not _is_of_memory(error):
                raise
            n_items, chunk_rows = _halved(n_items, chunk_rows, error)
            continue
        found += _explanations(batch, attributions, len(found))
        if progress is not None:
            progress(len(found))
    return found


def explain_each(
    predictor: Predictor,
    spec: ExplainerSpec,
    requests: Sequence[ItemRequest],
    *,
    chunk_rows: int = 4096,
    progress: Callable[[int], None] | None = None,
    goes_on: Callable[[], bool] | None = None,
) -> list[Explanation | ExplainerError]:
    """Explain items of which some may not be explainable: those give their error, and the others go on.

    Parameters
    ----------
    predictor, spec, requests, chunk_rows, progress, goes_on
        As in `explain`.

    Returns
    -------
    list of Explanation or ExplainerError
        In the order of the requests.

    Raises
    ------
    Exception
        What `explain` raises, where no item can be explained: then it is not the items' fault.
    Stopped
        When `goes_on` said so.
    """
    try:
        return list(explain(predictor, spec, requests, chunk_rows=chunk_rows, progress=progress, goes_on=goes_on))
    except Stopped:
        raise
    except Exception as error:
        alone = [_alone(predictor, spec, request, chunk_rows, goes_on) for request in requests]
        if all(isinstance(one, ExplainerError) for one in alone):
            raise error
        if progress is not None:
            progress(len(requests))
        return alone


def _alone(
    predictor: Predictor,
    spec: ExplainerSpec,
    request: ItemRequest,
    chunk_rows: int,
    goes_on: Callable[[], bool] | None,
) -> Explanation | ExplainerError:
    try:
        return explain(predictor, spec, [request], chunk_rows=chunk_rows, goes_on=goes_on)[0]
    except Stopped:
        raise
    except ExplainerError as error:
        return error
    except Exception as error:
        return ExplainerError(f"{predictor.name} could not be asked about this item: {type(error).__name__}: {error}")


def _is_of_memory(error: Exception) -> bool:
    """Whether memory ran out; torch's allocator of the CPU says so in words alone."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "not enough memory" in str(error)


def _halved(n_items: int, chunk_rows: int, error: Exception) -> tuple[int, int]:
    """Half the items and rows at once, which no result depends on; ExplainerError where there is nothing to halve."""
    if n_items == 1 and chunk_rows == _FEWEST_CHUNK_ROWS:
        raise ExplainerError(
            "the memory is not enough for one item; choose fewer samples, or a machine with more memory"
        ) from error
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return max(1, n_items // 2), max(_FEWEST_CHUNK_ROWS, chunk_rows // 2)


def _checked(predictor: Predictor, spec: ExplainerSpec) -> ExplainerSpec:
    if spec.name in IMPORTS:
        raise ParameterError(f"explainer: {spec.name} comes from a file, nothing computes it; see explainers.imports")
    spec = checked(spec)
    form_of(spec, predictor.modality)
    needs = needs_of(spec)
    if needs and predictor.architecture not in needs:
        raise ParameterError(
            f"explainer: {spec.name} needs a predictor of architecture {' or '.join(needs)}, {predictor.name} is of "
            f"architecture {predictor.architecture}; choose another method or predictor"
        )
    return spec


def _rows_per_item(spec: ExplainerSpec) -> int:
    """How many rows the method makes of one item, about: the parameter that says it, else the entry's number."""
    if parts := parts_of(spec):
        return max(map(_rows_per_item, parts))
    base = base_of(spec)
    sizes = {"n_samples", "n_steps", "n_copies", "n_coalitions"} & set(base.params)
    return max((int(spec.params[name]) for name in sizes), default=base.rows)


def _explanations(batch: Batch, attributions: Sequence[Attribution], first: int) -> list[Explanation]:
    """Forms and rounded diagnostics of a part of the items, the first of which is `requests[first]`."""
    for place, attribution in enumerate(attributions, first):
        if not _is_finite(attribution):
            raise ExplainerError(
                f"requests[{place}]: {batch.predictor.name} or the method gave a number that is not finite"
            )
    numbers = rounded_each([np.array(list(attribution.diagnostics.values())) for attribution in attributions])
    forms = to_forms(batch.predictor, batch.inputs, attributions)
    return [
        Explanation(form, class_index, dict(zip(attribution.diagnostics, own.tolist(), strict=True)))
        for form, class_index, attribution, own in zip(forms, batch.classes, attributions, numbers, strict=True)
    ]


def _is_finite(attribution: Attribution) -> bool:
    parts = [part for _, part in attribution.parts] if attribution.parts else [attribution]
    arrays = [array for part in parts for array in (part.weights, part.activations) if array is not None]
    return all(map(isfinite, attribution.diagnostics.values())) and all(np.isfinite(array).all() for array in arrays)
