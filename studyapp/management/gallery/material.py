"""What the pictures explain: a real held-out item of each kind, to which all predictors there answer alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings

from explainers.cards import Card, read_card
from explainers.types import Candidate, Form, ItemRequest, Modality
from studyapp.actions.explain import artefact, candidates_of, explain_one
from studyapp.errors import MaterialMissing
from studyapp.management.gallery.plan import Shot
from studyapp.tasktypes.base import GivenTruth

SEED = 0
LONGEST = 30  # words of a text


@dataclass(frozen=True)
class Subject:
    """An item with the predictors that answer to it, by architecture."""

    candidate: Candidate
    cards: Mapping[str, Card]

    @property
    def classes(self) -> tuple[str, ...]:
        return self._card.classes

    @property
    def given(self) -> GivenTruth:
        said = self.candidate.outputs[self._card.name].class_index
        return GivenTruth(label=self.classes[self.candidate.label], output=self.classes[said])

    @property
    def _card(self) -> Card:
        return next(iter(self.cards.values()))


def subjects(shots: Sequence[Shot]) -> dict[Modality, Subject]:
    """The item of each kind; MaterialMissing where a predictor that a picture needs is not trained."""
    found = {modality: _cards(modality) for modality in dict.fromkeys(shot.modality for shot in shots)}
    missing = sorted({f"{s.modality} {s.architecture}" for s in shots if s.architecture not in found[s.modality]})
    if missing:
        raise MaterialMissing(
            f"No predictor is trained for: {', '.join(missing)}. `python -m explainers train all --seed 0` trains all."
        )
    return {modality: _subject(cards) for modality, cards in found.items()}


def _cards(modality: Modality) -> dict[str, Card]:
    """The trained predictors for a kind of item, by architecture; all of one material, the first by name."""
    folder = settings.DATA_DIR / "predictors"
    cards = [read_card(artefact(path.parent.name)) for path in sorted(folder.glob("*/card.json"))]
    served = [card for card in cards if card.modality == modality]
    return {card.architecture: card for card in served if card.material == served[0].material}


def _subject(cards: Mapping[str, Card]) -> Subject:
    """The first item drawn to which all answer rightly and that is no long read."""
    drawn = candidates_of([card.name for card in cards.values()], per_cell=20, seed=SEED)
    right = [one for one in drawn if all(said.class_index == one.label for said in one.outputs.values())]
    return Subject(next(one for one in right if len(getattr(one.input, "tokens", ())) <= LONGEST), cards)


def explained(shot: Shot, subject: Subject) -> Form:
    """The explanation of the item by the method of a picture."""
    request = ItemRequest(subject.candidate.input, SEED)
    return explain_one(subject.cards[shot.architecture].name, shot.spec, request).form
