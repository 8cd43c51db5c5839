"""Which concepts hold at which words, told by hand."""

from __future__ import annotations

import numpy as np
import pytest

from explainers.methods.text_concepts import FEWEST, FEWEST_TELLING, PLAIN, Primitive, Vocabulary, vocabulary
from explainers.predictors.text import TextPredictor
from explainers.types import TextInput
from tests.contracts.tiny import VOCABULARY, predictor

SENTENCE = TextInput(("It", "isn't", "a", "GOOD", "film,", "(Not", "that)", "1999", "was", "better."))
HOLDING = {
    "first": "It isn't a",
    "last": "1999 was better.",
    "behind_negation": "a GOOD film, that) 1999 was",
    "capital": "It GOOD (Not",
    "digit": "1999",
    "punctuation": "film, that) better.",
}


@pytest.mark.parametrize("concept", PLAIN)
def test_what_is_seen_at_a_word(concept: str) -> None:
    holds = PLAIN[concept](SENTENCE)  # type: ignore[index]

    assert len(holds) == len(SENTENCE.tokens)
    assert " ".join(word for word, held in zip(SENTENCE.tokens, holds, strict=True) if held) == HOLDING[concept]


@pytest.mark.parametrize("n_words", [1, 2, 3])
def test_a_short_text_is_all_beginning_and_all_end(n_words: int) -> None:
    text = TextInput(("so",) * n_words)

    assert PLAIN["first"](text) == PLAIN["last"](text) == [True] * n_words


@pytest.fixture(scope="module")
def model() -> TextPredictor:
    found = predictor("text-transformer")
    assert isinstance(found, TextPredictor)
    return found


def corpus() -> tuple[np.ndarray, np.ndarray]:
    """Forty texts, half of each answer: ids 5 and 6 in ten of answer 1, 7 in five of each, 8 in four of answer 0."""
    rows = np.full((40, 3), 1)
    answers = np.repeat([0, 1], 20)
    rows[20:30, 0], rows[25:35, 1] = 5, 6
    rows[15:25, 2], rows[:4, 0], rows[10:, 0] = 7, 8, np.where(rows[10:, 0] == 5, 5, 0)
    return rows, answers


def test_words_that_stand_often_enough_and_lists_of_those_that_go_with_an_answer(model: TextPredictor) -> None:
    rows, answers = corpus()
    named = {primitive.words: primitive for primitive in vocabulary(model, rows, answers).primitives if primitive.words}

    words = tuple(VOCABULARY[word - 2] for word in (5, 6, 7))
    assert set(named) == {(words[0],), (words[1],), (words[2],), words[:2]}
    assert named[words[:2]] == Primitive("one_of", words[:2], (5, 6))
    assert FEWEST > 4
    assert FEWEST_TELLING <= 10


def test_every_concept_stands_at_its_words_text_by_text() -> None:
    concepts = Vocabulary((Primitive("word", ("a",), (2,)), Primitive("one_of", ("a", "b"), (2, 3))))
    texts = (TextInput(("A", "b")), TextInput(("c", "not", "d", "b,")))
    rows = np.array([[2, 3, 0, 0], [4, 9, 1, 3]])

    found = concepts.at_words(texts, rows).toarray()

    by_name = dict(zip([primitive.concept for primitive in concepts.primitives], found.T.tolist(), strict=True))
    assert by_name["word"] == [1, 0, 0, 0, 0, 0]
    assert by_name["one_of"] == [1, 1, 0, 0, 0, 1]
    assert by_name["behind_negation"] == [0, 0, 0, 0, 1, 1]
    assert by_name["punctuation"] == [0, 0, 0, 0, 0, 1]
    assert by_name["first"] == [1, 1, 1, 1, 1, 0]
    assert concepts.at_words((), rows[:0]).shape == (0, len(concepts.primitives))


def test_a_word_out_of_the_vocabulary_is_one_the_model_does_not_know(model: TextPredictor) -> None:
    concepts = vocabulary(model, *corpus())
    place = [primitive.concept for primitive in concepts.primitives].index("unknown")

    found = concepts.at_words((TextInput(("word3", "unheard")),), np.array([[5, 1]]))

    assert found.toarray()[:, place].tolist() == [0, 1]
