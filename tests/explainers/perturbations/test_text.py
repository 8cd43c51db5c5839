from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from explainers.errors import InputError
from explainers.material.base import Labelled
from explainers.perturbations.base import Proposal
from explainers.perturbations.text import dressed, replace_words
from explainers.predictors.text import normalised
from explainers.types import TabularInput, TextInput

SENTENCES = (
    ("A good film with heart.", 1),
    ("A great film with heart.", 1),
    ("A poor film with holes.", 0),
    ("A dull film with holes.", 0),
)
TRAIN = [Labelled(TextInput(tuple(text.split())), label) for text, label in SENTENCES for _ in range(5)]
ITEM = TextInput(("A", "good", "film", "with", "heart."))


def proposals(item: TextInput = ITEM, n: int = 300) -> list[Proposal]:
    propose, rng = replace_words(TRAIN), np.random.default_rng(0)
    return [found for found in (propose(item, rng) for _ in range(n)) if found is not None]


def test_changes_are_exactly_what_differs() -> None:
    for proposal in proposals():
        assert isinstance(proposal.input, TextInput)
        differs = [
            (str(place), old, new)
            for place, (old, new) in enumerate(zip(ITEM.tokens, proposal.input.tokens, strict=True))
            if old != new
        ]
        assert proposal.changes == tuple(differs)
        assert 1 <= len(differs) <= 3


def test_replacement_stood_beside_a_neighbour_in_training() -> None:
    seen = {pair for item in TRAIN for pair in pairwise(normalised(token) for token in item.input.tokens)}

    for proposal in proposals():
        words = [normalised(token) for token in proposal.input.tokens]
        for place, _, _ in proposal.changes:
            around = words[max(0, int(place) - 1) : int(place) + 2]
            assert set(pairwise(around)) & seen


def test_words_of_both_leanings_are_proposed() -> None:
    words = {normalised(new) for found in proposals() for place, _, new in found.changes if place == "1"}

    assert words == {"great", "poor", "dull"}


def test_leaning_is_the_difference_of_smoothed_log_odds() -> None:
    # "good" stands in 5 of 10 positive and 0 of 10 negative sentences: log(6/6) - log(1/11).
    assert replace_words(TRAIN).leaning["good"] == pytest.approx(np.log(11))


@pytest.mark.parametrize(
    ("token", "shown"), [("good", "poor"), ("Good", "Poor"), ('"good,"', '"poor,"'), ("heart.", "poor.")]
)
def test_replacement_keeps_capital_and_punctuation(token: str, shown: str) -> None:
    assert dressed("poor", token) == shown


def test_sentence_of_unknown_words_gives_no_proposal() -> None:
    assert proposals(TextInput(("Xyzzy", "plugh"))) == []


def test_most_frequent_words_are_neither_replaced_nor_used() -> None:
    rare = ["q" + chr(97 + place // 26) + chr(97 + place % 26) for place in range(60)]
    train = [Labelled(TextInput(("the", word, "of", "the")), place % 2) for place, word in enumerate(rare * 4)]
    propose, rng = replace_words(train), np.random.default_rng(0)

    found = [propose(TextInput(("the", rare[0], "of", "the")), rng) for _ in range(50)]

    assert propose.frequent == {"the", "of", rare[0]}
    assert found == [None] * 50
    assert not {"the", "of", rare[0]} & propose.leaning.keys()


def test_same_generator_proposes_the_same() -> None:
    assert proposals(n=20) == proposals(n=20)


def test_other_modality_is_refused() -> None:
    with pytest.raises(InputError, match="a text was expected, tabular came"):
        replace_words(TRAIN)(TabularInput(()), np.random.default_rng(0))
