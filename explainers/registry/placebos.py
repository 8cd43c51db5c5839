"""Placebos: explanations that look like a method's and say nothing of the predictor."""

from __future__ import annotations

from collections.abc import Mapping

from explainers.registry.composite import COMPOSITE, PARAMS_OF_ALL, PARTS, SINGLE
from explainers.registry.entries import WEIGHTS, Choice, Entry, Float, Int, Param
from explainers.registry.weighing import WEIGHING

_BASE_METHOD = Choice(
    "lime",
    (*SINGLE, *COMPOSITE),
    help="The method whose look the placebo takes: the one of the arm it stands beside.",
)
# Methods whose weights can be put anywhere: not a network's own concepts, nor shares of attention.
_FREE = tuple(name for name in WEIGHING if name not in {"senn", "attention", "attention_rollout"})
_OF_WEIGHING: Mapping[str, Param] = {
    "method": Choice("lime", _FREE, help=_BASE_METHOD.help),
    **{name: param for known in _FREE for name, param in WEIGHING[known].params.items()},
}
_ADVERSARIAL: Mapping[str, Param] = {
    "max_change": Float(
        0.01,
        low=0.0001,
        high=0.5,
        help="How far the probabilities of the answer may move: half the sum of what they change by.",
    ),
    "n_rounds": Int(150, low=20, high=5000, help="How many steps are taken away from the real attention."),
}

PLACEBOS: Mapping[str, Entry] = {
    "placebo_random_weights": Entry(
        path="explainers.methods.placebo_random_weights:explain",
        title="Placebo: a predictor with random weights",
        forms=WEIGHTS,
        params={
            "method": _BASE_METHOD,
            "weights_seed": Int(
                0, low=0, high=2**31 - 1, help="Draws the random weights: one wrong predictor for the whole study."
            ),
            **PARTS,
            **PARAMS_OF_ALL,
        },
        placebo=True,
        summary=(
            "The chosen method on a predictor whose weights were drawn anew, brought to the size of the real "
            "explanation: it looks alike and says nothing about the predictor that people are asked about."
        ),
        reference="Adebayo et al. 2018, Sanity checks for saliency maps, NeurIPS, arXiv 1810.03292",
    ),
    "placebo_other_item": Entry(
        path="explainers.methods.placebo_other_item:explain",
        title="Placebo: another item's explanation",
        forms=WEIGHTS,
        params={"method": _BASE_METHOD, **PARTS, **PARAMS_OF_ALL},
        placebo=True,
        needs_donor=True,
        summary=(
            "The chosen method's explanation of another item with the same output, shown on this item: what is "
            "typical of the output remains, what is special to the item is wrong."
        ),
        reference="Dinu, Bigham & Kolter 2020, Challenging common interpretability assumptions, arXiv 2012.02748",
    ),
    "placebo_random": Entry(
        path="explainers.methods.placebo_random:explain",
        title="Placebo: weights in random places",
        forms=WEIGHTS,
        params={"method": _BASE_METHOD, **PARTS, **PARAMS_OF_ALL},
        placebo=True,
        summary=(
            "The weights of the real explanation, shuffled among the parts of the item; a map over a picture stays as "
            "smooth as the real one. It is drawn anew for each item, so there is nothing in it that could be learned."
        ),
        reference="Schreiber & Schmitz 1996, Improved surrogate data for nonlinearity tests, arXiv chao-dyn/9909041",
    ),
    "placebo_edges": Entry(
        path="explainers.methods.placebo_edges:explain",
        title="Placebo: the edges of the picture",
        forms={"image": "heatmap"},
        params=_OF_WEIGHING,
        placebo=True,
        summary=(
            "An edge detector's map of the picture in the look of the chosen method: it shows what the picture is of "
            "and knows nothing of the predictor."
        ),
        reference="Adebayo et al. 2018, Sanity checks for saliency maps, NeurIPS, arXiv 1810.03292",
    ),
    "placebo_uniform": Entry(
        path="explainers.methods.placebo_uniform:explain",
        title="Placebo: the same weight everywhere",
        forms=WEIGHTS,
        params=_OF_WEIGHING,
        placebo=True,
        summary=(
            "Every part of the item has the same weight, in the total of the chosen method's. People can see that "
            "nothing stands out, so it does not hide which arm they are in."
        ),
        reference="Wiegreffe & Pinter 2019, Attention is not not explanation, EMNLP, arXiv 1908.04626",
    ),
    "attention_uniform": Entry(
        path="explainers.methods.attention_uniform:explain",
        title="Placebo: uniform attention",
        forms={"text": "token_weights"},
        placebo=True,
        looks_like="attention",
        summary=(
            "Attention that is the same for every word: it says nothing, and people see that it does. Stored beside "
            "it: how far the answer moves when the network must look at all words alike."
        ),
        reference="Wiegreffe & Pinter 2019, Attention is not not explanation, EMNLP, arXiv 1908.04626, section 3.2",
    ),
    "attention_frozen": Entry(
        path="explainers.methods.attention_frozen:explain",
        title="Placebo: attention that has learned nothing",
        forms={"text": "token_weights"},
        params={
            "weights_seed": Int(
                0, low=0, high=2**31 - 1, help="Draws the random weights of the attention, once for the whole study."
            ),
        },
        placebo=True,
        looks_like="attention",
        summary=(
            "The network as it was trained, but what decides where it looks has random weights; the shares are "
            "brought to the sizes of the real ones. It looks like the real attention and points elsewhere."
        ),
        reference="Wiegreffe & Pinter 2019, Attention is not not explanation, EMNLP, arXiv 1908.04626",
    ),
    "attention_adversarial": Entry(
        path="explainers.methods.attention_adversarial:explain",
        title="Placebo: adversarial attention with the same answer",
        forms={"text": "token_weights"},
        params=_ADVERSARIAL,
        placebo=True,
        looks_like="attention",
        summary=(
            "Attention as far as possible from the network's own that would still give (nearly) the same answer. Where "
            "people learn as much from it as from the real one, the real one explained nothing."
        ),
        reference="Jain & Wallace 2019, Attention is not explanation, NAACL, arXiv 1902.10186, section 4.2.2",
    ),
}
