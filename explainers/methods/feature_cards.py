"""Cards of the features that are most active in a text, told by other texts (as in Bricken et al. 2023).

A card has the pieces of training texts that make its feature most active, and some from weak to strong over its range,
since the strongest alone make a feature look purer than it is (Bolukbasi et al. 2021, An interpretability illusion
for BERT, arXiv 2104.07143). Its effect is what the logit of the explained class loses when the feature is taken out
(see `explainers.methods.features`), so that of two classes each feature speaks for one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from explainers.methods.base import Attribution, Batch, FloatArray, IntArray, generator
from explainers.methods.blocks import encode
from explainers.methods.features import Known, known, values_at_words
from explainers.methods.sizes import with_sizes_of
from explainers.types import FeatureCard, Input, Snippet, TextInput

N_TOP = 3
N_SPREAD = 4
AROUND = 4  # words on either side of the marked one
CUT = "…"  # stands where a text goes on
_RANDOM = 9  # stream of an item's generator


def explain(batch: Batch) -> list[Attribution]:
    """The most active features of each text, by their activity as a share of the most that they reach in training.

    Returns
    -------
    list of Attribution
        Weights are the effects towards the explained class, in logits. Diagnostics: `activity`, the mean share of
        the features shown.

    Raises
    ------
    InputError
        When the predictor has no layer of SoLU units.
    MaterialError
        When what it was trained on is not known.
    """
    return [_attribution(batch, place, *found) for place, found in _most_active(batch)]


def at_random(batch: Batch) -> list[Attribution]:
    """The placebo: features that are less active in the text than half of them, drawn at random.

    Words are drawn too, as many different ones as the real cards name. The sizes of the effects are those of the real
    cards.
    """
    facts, found = known(batch.predictor, str(batch.params["source"])), []
    for place, (shown, words, shares) in _most_active(batch):
        rng, real = generator(batch.requests[place].seed, _RANDOM), _effects(batch, place, facts, shown)
        quiet = [feature for feature in np.argsort(shares, kind="stable") if _can_be_shown(facts)[feature]]
        drawn = rng.permutation(quiet[: max(len(shown), len(quiet) // 2)])[: len(shown)]
        others = rng.permutation(_n_words(batch.inputs[place]))[np.unique(words, return_inverse=True)[1]]
        own = _attribution(batch, place, drawn, others, shares)
        sizes = with_sizes_of(real, own.weights, batch.requests[place].seed)
        found.append(Attribution(sizes, own.diagnostics, cards=own.cards))
    return found


def _n_words(item: Input) -> int:
    assert isinstance(item, TextInput)  # no other input gets this far
    return len(item.tokens)


def _can_be_shown(facts: Known) -> FloatArray:
    """Whether a feature is active in as many training texts as a card has pieces; all, where too few are."""
    active = (facts.most > 0).sum(0).cpu().numpy() >= N_TOP + N_SPREAD
    return np.asarray(active if active.sum() >= 12 else np.ones_like(active), dtype=np.float64)


def _most_active(batch: Batch) -> Iterator[tuple[int, tuple[IntArray, IntArray, FloatArray]]]:
    """For each item its features, the words they are most active at, and all features' shares of their most."""
    facts, n_cards = known(batch.predictor, str(batch.params["source"])), int(batch.params["n_cards"])
    found: dict[int, tuple[IntArray, IntArray, FloatArray]] = {}
    can = _can_be_shown(facts)
    for group in encode(batch.predictor, batch.inputs):
        most, words = values_at_words(batch.predictor, facts.features, group.rows).max(1)
        top = facts.most.max(0).values
        shares = torch.where(top > 0, most / top, 0 * most).double().cpu().numpy()
        for place, own, at in zip(group.places, shares, words.cpu().numpy(), strict=True):
            shown = np.argsort(-np.where(can > 0, own, -np.inf), kind="stable")[:n_cards]
            found[place] = (shown, at[shown], own)
    yield from sorted(found.items())


def _effects(batch: Batch, place: int, facts: Known, shown: IntArray) -> FloatArray:
    return np.asarray(facts.effects[torch.from_numpy(shown), batch.classes[place]].cpu().numpy())


def _attribution(batch: Batch, place: int, shown: IntArray, words: IntArray, shares: FloatArray) -> Attribution:
    facts = known(batch.predictor, str(batch.params["source"]))
    texts = batch.predictor.background.inputs
    cards = tuple(_card(texts, facts, int(feature), int(word)) for feature, word in zip(shown, words, strict=True))
    return Attribution(_effects(batch, place, facts, shown), {"activity": float(shares[shown].mean())}, cards=cards)


def _card(texts: tuple[Input, ...], facts: Known, feature: int, word: int) -> FeatureCard:
    """The card of a feature; its effect comes in with the weights of the attribution."""
    values, places = facts.most[:, feature].double().cpu().numpy(), facts.words[:, feature].cpu().numpy()
    order = np.argsort(-values, kind="stable")
    active = order[values[order] > 0]
    pieces = [
        tuple(_snippet(texts[text], int(places[text]), float(values[text] / values.max())) for text in chosen.tolist())
        for chosen in (active[:N_TOP], spread(values, active[N_TOP:]))
    ]
    return FeatureCard(f"Pattern {feature + 1}", word, 0.0, pieces[0], pieces[1])


def spread(values: FloatArray, texts: IntArray) -> IntArray:
    """Up to `N_SPREAD` of the texts, the nearest to the middles of equal parts of the range from 0 to the most.

    Parameters
    ----------
    values : float array, shape (n_texts,)
        Of all texts.
    texts : int array, shape (n_left,)
        The places of those to choose from.

    Returns
    -------
    int array
        Places, the text with the smallest value first.
    """
    left = np.sort(texts)
    chosen: list[int] = []
    for part in range(min(N_SPREAD, len(texts))):
        middle = values.max() * (part + 0.5) / N_SPREAD
        nearest = int(np.abs(values[left] - middle).argmin())
        chosen.append(int(left[nearest]))
        left = np.delete(left, nearest)
    return np.array(sorted(chosen, key=lambda text: (values[text], text)), dtype=np.int64)


def _snippet(text: Input, place: int, activity: float) -> Snippet:
    assert isinstance(text, TextInput)  # no other input gets this far
    first, behind = max(0, place - AROUND), place + AROUND + 1
    before, after = (CUT,) * (first > 0), (CUT,) * (behind < len(text.tokens))
    return Snippet((*before, *text.tokens[first:behind], *after), len(before) + place - first, activity)
