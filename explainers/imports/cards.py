"""Feature cards in a file: what a text predictor's features are about, told by pieces of other texts."""

from __future__ import annotations

import re

from explainers.imports.fields import Misfit, line, number, record, sequence, whole
from explainers.imports.inputs import MOST_LETTERS
from explainers.types import FeatureCard, FeatureCards, Input, Snippet, TextInput

MOST_CARDS, MOST_PIECES, MOST_WORDS = 6, 8, 40
# Names differ from item to item, so they may say nothing: one that is free could be the predictor's answer.
NAME = "Pattern [1-9][0-9]{0,5}"


def read_cards(value: object, path: str) -> FeatureCards:
    """The form as its `to_json` gives it; raises Misfit with the field."""
    data = record(value, path, ("form", "cards"))
    entries = sequence(data["cards"], f"{path}.cards", fewest=1, most=MOST_CARDS)
    cards = tuple(_card(entry, f"{path}.cards[{n}]") for n, entry in enumerate(entries))
    names = [card.name for card in cards]
    for n, name in enumerate(names):
        if name in names[:n]:
            raise Misfit(f"{path}.cards[{n}][0]: {name} stands twice")
    return FeatureCards(cards)


def _card(value: object, path: str) -> FeatureCard:
    name, place, effect, top, spread = sequence(value, path, fewest=5, most=5)
    if not re.fullmatch(NAME, line(name, f"{path}[0]", most=MOST_LETTERS)):
        raise Misfit(f"{path}[0]: a name such as 'Pattern 12' was expected, since others could tell the output")
    return FeatureCard(
        name,
        whole(place, f"{path}[1]", low=0, high=10**6),
        number(effect, f"{path}[2]"),
        _pieces(top, f"{path}[3]"),
        _pieces(spread, f"{path}[4]"),
    )


def _pieces(value: object, path: str) -> tuple[Snippet, ...]:
    return tuple(_piece(entry, f"{path}[{n}]") for n, entry in enumerate(sequence(value, path, most=MOST_PIECES)))


def _piece(value: object, path: str) -> Snippet:
    words, place, activity = sequence(value, path, fewest=3, most=3)
    read = sequence(words, f"{path}[0]", fewest=1, most=MOST_WORDS)
    return Snippet(
        tuple(line(word, f"{path}[0][{n}]", most=MOST_LETTERS) for n, word in enumerate(read)),
        whole(place, f"{path}[1]", low=0, high=len(read) - 1),
        number(activity, f"{path}[2]", low=0, high=1),
    )


def check_places(form: FeatureCards, item: Input, path: str) -> None:
    """Raise Misfit where a card is about a word that the item does not have."""
    if not isinstance(item, TextInput):
        raise Misfit(f"{path}.cards: the item is of another modality")
    for n, card in enumerate(form.cards):
        if card.place >= len(item.tokens):
            last = len(item.tokens) - 1
            raise Misfit(f"{path}.cards[{n}][1]: a word from 0 to {last} was expected, {card.place} came")
