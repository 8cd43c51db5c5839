"""What must not differ between the lines of a file: differing from item to item, it could tell the output."""

from __future__ import annotations

from typing import TypeAlias

from explainers.imports.fields import Misfit
from explainers.types import Composite, Concepts, FeatureCards, Form, Input, Snippet

_Look: TypeAlias = tuple[tuple[str, bool], ...]
_Concept: TypeAlias = tuple[str, tuple[Input, ...]]
_Pieces: TypeAlias = tuple[tuple[Snippet, ...], tuple[Snippet, ...]]


class Sameness:
    """Remembers forms line by line, and refuses one that differs where it must not."""

    def __init__(self) -> None:
        self._look: _Look = ()
        self._concepts: dict[int, tuple[_Concept, ...]] = {}  # by the place of the explanation on the page
        self._pieces: dict[tuple[int, str], _Pieces] = {}

    def expect(self, form: Form) -> None:
        """Take in a form; raises Misfit."""
        if not isinstance(form, Composite):
            self._expect(form, 0, "explanation")
            return
        look = tuple((part.form.form, part.is_signed) for part in form.parts)
        self._look = self._look or look
        if look != self._look:
            raise Misfit("explanation.parts: forms and directions must be the same, in the same order, in all lines")
        for n, part in enumerate(form.parts):
            self._expect(part.form, n, f"explanation.parts[{n}][0]")

    def _expect(self, form: Form, place: int, path: str) -> None:
        match form:
            case Concepts():
                concepts = tuple((concept.name, concept.prototypes) for concept in form.concepts)
                if concepts != self._concepts.setdefault(place, concepts):
                    raise Misfit(
                        f"{path}.concepts: names and prototypes must be the same, in the same order, in all lines"
                    )
            case FeatureCards():
                for n, card in enumerate(form.cards):
                    pieces = (card.top, card.spread)
                    if pieces != self._pieces.setdefault((place, card.name), pieces):
                        raise Misfit(f"{path}.cards[{n}]: {card.name} must have the same pieces in all lines")
