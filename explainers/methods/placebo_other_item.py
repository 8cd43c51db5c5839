"""Placebo: the explanation of another item with the same output, shown on this item.

It looks like an explanation because it is one, of something else (after Dinu, Bigham & Kolter 2020, arXiv
2012.02748). Variables, pixels and concepts are the same in every item and keep the donor's weights. A text takes the
donor's weights by relative position: its token i of n gets that of the donor's token floor((i + 1/2) m / n) of m,
so weights are repeated or left out, never averaged, and keep their sizes. A strip starts at the item and takes the
donor's steps; a formula is turned so that it holds in the item where it held in the donor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from explainers.errors import InputError
from explainers.methods import concept_formulas, decision_boundary, latent_shift
from explainers.methods.base import Attribution, Batch, method
from explainers.methods.blocks import own_classes
from explainers.methods.composite import together
from explainers.types import Input, ItemRequest, TextInput

_ON_THE_ITEM: Mapping[str, Callable[[Batch, tuple[ItemRequest, ...]], list[Attribution]]] = {
    "decision_boundary": decision_boundary.of_other_items,
    "latent_shift": latent_shift.of_other_items,
    "concept_formulas": concept_formulas.of_other_items,
}


def explain(batch: Batch) -> list[Attribution]:
    """The base method's explanations of the donors, put on the items.

    Returns
    -------
    list of Attribution
        In the base method's units, without its diagnostics, which describe the donor.

    Raises
    ------
    InputError
        When an item has no donor, is its own donor, or the donor's output is another class.
    """
    donors = tuple(ItemRequest(_donor(request, place), request.seed) for place, request in enumerate(batch.requests))
    _check_outputs(batch, [donor.input for donor in donors])
    name = str(batch.params["method"])
    if name == "composite":
        return together(batch, "placebo_other_item")
    if name in _ON_THE_ITEM:
        return [replace(own, diagnostics={}) for own in _ON_THE_ITEM[name](batch, donors)]
    found = method(name)(replace(batch, requests=donors))
    return [
        replace(
            _placed(own, request.input, donor.input),
            weights=own.weights[_sources(own, request.input, donor.input)],
            diagnostics={},
        )
        for own, request, donor in zip(found, batch.requests, donors, strict=True)
    ]


def _donor(request: ItemRequest, place: int) -> Input:
    if request.donor is None:
        raise InputError(
            f"requests[{place}].donor: placebo_other_item needs another item with the same output, none came"
        )
    if request.donor == request.input:
        raise InputError(f"requests[{place}].donor: the item itself came, another item is needed")
    return request.donor


def _check_outputs(batch: Batch, donors: list[Input]) -> None:
    names = batch.predictor.classes
    for place, (own, other) in enumerate(zip(batch.classes, own_classes(batch.predictor, donors), strict=True)):
        if own != other:
            raise InputError(
                f"requests[{place}].donor: the predictor says {names[other]!r} to it and {names[own]!r} to the item; "
                "choose a donor with the same output"
            )


def _placed(own: Attribution, item: Input, donor: Input) -> Attribution:
    """Cards of features name words of the item at the places of the donor's, as near as its length lets them."""
    if own.cards is None or not (isinstance(item, TextInput) and isinstance(donor, TextInput)):
        return own
    n_words, n_theirs = len(item.tokens), len(donor.tokens)
    cards = (replace(card, place=(2 * card.place + 1) * n_words // (2 * n_theirs)) for card in own.cards)
    return replace(own, cards=tuple(cards))


def _sources(own: Attribution, item: Input, donor: Input) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """For each of the item's units the donor's unit that it takes its weight from."""
    if own.examples is None and own.cards is None and isinstance(item, TextInput) and isinstance(donor, TextInput):
        positions = np.arange(len(item.tokens), dtype=np.int64)
        return (2 * positions + 1) * len(donor.tokens) // (2 * len(item.tokens))
    return np.arange(len(own.weights), dtype=np.int64)
