"""Replace one to three words of a sentence by words that stood beside the same neighbour in the training data.

As in the counterfactual test of Hase & Bansal (2020) the difference is a few words. No predictor is asked: words are
drawn by how they are used in the training data. The most frequent words (the, is, not, ...) are neither replaced nor
used, so that every change is one of content. Half of the proposals look for words of the other class's use, half
for words of the same use, so that changes that flip the output and changes that do not look alike.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from explainers.errors import InputError
from explainers.material.base import Labelled
from explainers.perturbations.base import Proposal
from explainers.predictors.text import normalised
from explainers.types import Input, TextInput

MAX_WORDS = 3
MIN_COUNT = 3  # occurrences of a word before it is used as a replacement
N_FREQUENT = 250  # the most frequent words stay as they are, ...
SHARE_FREQUENT = 20  # ... but at most one in so many of the distinct words
SMOOTHING = 1.0
NEUTRAL_WEIGHT = 0.3  # of a word without any leaning, when positions are drawn


@dataclass(frozen=True)
class ReplaceWords:
    """Proposes replacements.

    `leaning` is a word's log odds of standing in class 1 against class 0 (positive: class 1), for the words that may be
    used; of these `after[w]` were seen after w in training and `before[w]` before it. `frequent` words stay.
    """

    leaning: Mapping[str, float]
    after: Mapping[str, frozenset[str]]
    before: Mapping[str, frozenset[str]]
    frequent: frozenset[str]

    def __call__(self, item: Input, rng: np.random.Generator) -> Proposal | None:
        if not isinstance(item, TextInput):
            raise InputError(f"perturbation: a text was expected, {item.modality} came")
        tokens = list(item.tokens)
        opposite = bool(rng.random() < 0.5)
        for position in self._positions(item.tokens, rng):
            choices = self._replacements(tokens, position)
            word = self._draw(choices, normalised(tokens[position]), opposite, rng)
            if word is not None:
                tokens[position] = dressed(word, tokens[position])
        changes = tuple(
            (str(position), old, new)
            for position, (old, new) in enumerate(zip(item.tokens, tokens, strict=True))
            if old != new
        )
        return Proposal("words", TextInput(tuple(tokens)), changes) if changes else None

    def _positions(self, tokens: Sequence[str], rng: np.random.Generator) -> list[int]:
        """Up to three positions; words that lean strongly to a class are drawn more often."""
        words = [normalised(token) for token in tokens]
        weights = np.array(
            [0.0 if word in self.frequent else NEUTRAL_WEIGHT + abs(self.leaning.get(word, 0.0)) for word in words]
        )
        n_words = min(int(rng.integers(1, MAX_WORDS + 1)), int(np.count_nonzero(weights)))
        if not n_words:
            return []
        drawn = rng.choice(len(tokens), size=n_words, replace=False, p=weights / weights.sum())
        return sorted(drawn.tolist())

    def _replacements(self, tokens: Sequence[str], position: int) -> list[str]:
        """Words that fit both neighbours, or one where none fits both."""
        old, nothing = {normalised(tokens[position])}, frozenset[str]()
        left = self.after.get(normalised(tokens[position - 1]), nothing) if position else nothing
        right = self.before.get(normalised(tokens[position + 1]), nothing) if position + 1 < len(tokens) else nothing
        return sorted((left & right) - old or (left | right) - old)

    def _draw(self, choices: Sequence[str], old: str, opposite: bool, rng: np.random.Generator) -> str | None:
        """A word of the wanted leaning, drawn in proportion to e^leaning."""
        if not choices:
            return None
        side = 1.0 if self.leaning.get(old, 0.0) > 0 else -1.0
        wanted = -side if opposite else side
        weights = np.exp([wanted * self.leaning[word] for word in choices])
        return choices[int(rng.choice(len(choices), p=weights / weights.sum()))]


def dressed(word: str, token: str) -> str:
    """The word with the capital letter and the punctuation of the token it replaces."""
    core = normalised(token)
    at = token.lower().find(core)
    first = token[at : at + 1]
    shown = word[:1].upper() + word[1:] if first.isupper() else word
    return token[:at] + shown + token[at + len(core) :]


def replace_words(train: Sequence[Labelled]) -> ReplaceWords:
    """Count the words and neighbours of the training sentences and return the proposer."""
    texts = [
        ([normalised(token) for token in item.input.tokens], item.label)
        for item in train
        if isinstance(item.input, TextInput)
    ]
    total = Counter(word for words, _ in texts for word in words)
    frequent = frozenset(word for word, _ in total.most_common(min(N_FREQUENT, len(total) // SHARE_FREQUENT)))
    counts = [Counter(word for words, label in texts if label == side for word in set(words)) for side in (0, 1)]
    sizes = [sum(label == side for _, label in texts) for side in (0, 1)]
    leaning = {
        word: _log_odds(counts[1][word], sizes[1]) - _log_odds(counts[0][word], sizes[0])
        for word, count in total.items()
        if count >= MIN_COUNT and word.isalpha() and word not in frequent
    }
    pairs = {pair for words, _ in texts for pair in pairwise(words)}
    after = _grouped((first, second) for first, second in pairs if second in leaning)
    before = _grouped((second, first) for first, second in pairs if first in leaning)
    return ReplaceWords(leaning, after, before, frequent)


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    groups: defaultdict[str, set[str]] = defaultdict(set)
    for key, word in pairs:
        groups[key].add(word)
    return {key: frozenset(words) for key, words in groups.items()}


def _log_odds(count: int, size: int) -> float:
    share = (count + SMOOTHING) / (size + 2 * SMOOTHING)
    return math.log(share / (1 - share))
