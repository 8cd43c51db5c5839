"""Concepts that hold at single words of a text and need no annotation: the parts that formulas of units are made of.

A word is: itself, where it stands in enough of the texts; one of the words that go with an answer (`_telling_words`);
out of the predictor's vocabulary; among the first or the last words; behind a negation; written with a capital letter
or a digit; before a punctuation mark. The predictor reads words without case and signs, so such concepts can only go
along with what it reads; they are there because people see them.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from explainers.methods.base import FloatArray, IntArray
from explainers.predictors.text import PADDING, UNKNOWN, TextPredictor, normalised
from explainers.types import ConceptName, Input, TextInput

FEWEST = 5  # texts that a word must stand in to be a concept of its own
FEWEST_TELLING = 8  # texts that a word must stand in to be one of those that go with an answer
LOG_ODDS = float(np.log(4))  # that it must reach there: four to one
N_NAMED = 3  # words that stand for a list of them
N_ENDS = 3  # words at the beginning and at the end
REACH = 3  # words behind a negation, as in Hutto & Gilbert 2014 (VADER, ICWSM)
NEGATIONS = frozenset({"not", "no", "never", "none", "nor", "neither", "nothing", "without", "hardly", "cannot"})
_FIRST_ID = UNKNOWN + 1  # of a vocabulary's words


@dataclass(frozen=True)
class Primitive:
    """A concept; `words` name it where it is about words, `ids` are then all words that it holds at."""

    concept: ConceptName
    words: tuple[str, ...] = ()
    ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class Vocabulary:
    """The concepts that formulas are searched in: those of words by their ids, then `PLAIN`."""

    of_ids: tuple[Primitive, ...]

    @property
    def primitives(self) -> tuple[Primitive, ...]:
        return (*self.of_ids, *(Primitive(concept) for concept in PLAIN))

    @cached_property
    def _at_ids(self) -> sparse.csr_matrix:
        """Which of the first concepts hold at which ids."""
        sizes = [len(primitive.ids) for primitive in self.of_ids]
        ids = np.array([word for primitive in self.of_ids for word in primitive.ids], dtype=np.int64)
        which = np.repeat(np.arange(len(sizes)), sizes)
        return sparse.csr_matrix((np.ones(len(ids)), (ids, which)), shape=(ids.max(initial=UNKNOWN) + 1, len(sizes)))

    def at_words(self, texts: Sequence[Input], rows: IntArray) -> sparse.csr_matrix:
        """Which concepts hold at which words.

        Parameters
        ----------
        texts : sequence of TextInput
        rows : int array, shape (n_texts, length)
            The same texts as ids, padded.

        Returns
        -------
        sparse float matrix of 0 and 1, shape (n_words, n_primitives)
            The words of the first text, then those of the second, and so on.
        """
        ids = rows[rows != PADDING]
        known = np.where(ids < self._at_ids.shape[0], ids, PADDING)  # no concept is of the padding
        seen = [[PLAIN[concept](item) for item in texts if isinstance(item, TextInput)] for concept in PLAIN]
        plain = sparse.csr_matrix(np.array([[word for text in one for word in text] for one in seen]).T.astype(float))
        return sparse.csr_matrix(sparse.hstack([self._at_ids[known], plain]))


def vocabulary(predictor: TextPredictor, rows: IntArray, answers: IntArray) -> Vocabulary:
    """The concepts for texts as ids, shape (n_texts, length), and the predictor's answers to them, shape (n_texts,)."""
    n_ids = len(predictor.vocabulary) + _FIRST_ID
    counts = _texts_with(rows, answers, len(predictor.classes), n_ids)
    n_texts = np.bincount(answers, minlength=len(predictor.classes))

    def named(ids: IntArray) -> tuple[str, ...]:
        return tuple(predictor.vocabulary[word - _FIRST_ID] for word in ids)

    own = np.flatnonzero(counts.sum(0) >= FEWEST)
    words = [Primitive("word", named(word[None]), (int(word),)) for word in own[own >= _FIRST_ID]]
    lists = []
    for telling in _telling_words(counts, n_texts):
        usual = telling[np.argsort(-counts.sum(0)[telling], kind="stable")[:N_NAMED]]
        lists += [Primitive("one_of", named(usual), tuple(telling.tolist()))] if len(telling) > 1 else []
    return Vocabulary((*words, *lists, Primitive("unknown", ids=(UNKNOWN,))))


def _texts_with(rows: IntArray, answers: IntArray, n_classes: int, n_ids: int) -> FloatArray:
    """In how many texts of each answer a word stands, (n_classes, n_ids)."""
    counts = np.zeros((n_classes, n_ids))
    for row, answer in zip(rows, answers, strict=True):
        counts[answer, np.unique(row[row != PADDING])] += 1
    return counts


def _telling_words(counts: FloatArray, n_texts: IntArray) -> list[IntArray]:
    """For each answer the words that go with it: log-odds of the answer where the word stands, less those of all texts.

    With half a text added to each side (as in Monroe, Colaresi & Quinn 2008, Political Analysis 16, 372). The
    answers are the predictor's own, not labels: a formula is to say what it does.
    """
    found = []
    for with_word, n_own in zip(counts, n_texts, strict=True):
        others, n_others = counts.sum(0) - with_word, n_texts.sum() - n_own
        beyond = np.log((with_word + 0.5) / (others + 0.5)) - np.log((n_own + 0.5) / (n_others + 0.5))
        telling = (beyond >= LOG_ODDS) & (counts.sum(0) >= FEWEST_TELLING)
        found.append(np.flatnonzero(telling[_FIRST_ID:]) + _FIRST_ID)
    return found


# --- seen at words ---------------------------------------------------------------------------------------------------


def _first(item: TextInput) -> list[bool]:
    return [place < N_ENDS for place in range(len(item.tokens))]


def _last(item: TextInput) -> list[bool]:
    return _first(item)[::-1]


def _behind_negation(item: TextInput) -> list[bool]:
    negates = [word in NEGATIONS or word.endswith("n't") for word in map(normalised, item.tokens)]
    return [any(negates[max(0, place - REACH) : place]) for place in range(len(negates))]


def _capital(item: TextInput) -> list[bool]:
    return [token.lstrip(string.punctuation)[:1].isupper() for token in item.tokens]


def _digit(item: TextInput) -> list[bool]:
    return [any(sign.isdigit() for sign in token) for token in item.tokens]


def _punctuation(item: TextInput) -> list[bool]:
    return [token[-1:] in string.punctuation for token in item.tokens]


PLAIN: Mapping[ConceptName, Callable[[TextInput], list[bool]]] = {
    "first": _first,
    "last": _last,
    "behind_negation": _behind_negation,
    "capital": _capital,
    "digit": _digit,
    "punctuation": _punctuation,
}
