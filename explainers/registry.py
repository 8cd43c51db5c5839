"""The explainers a study can choose, in the order people see them. Free of torch: the web server reads it.

To add one: a file in `explainers/methods/` and an entry here. Form, bounds and contract tests follow from the entry.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from explainers.errors import ParameterError, UnknownName
from explainers.types import ExplainerSpec, FormName, Modality


@dataclass(frozen=True)
class Int:
    """A whole number with inclusive bounds; `help` says in a sentence what it does."""

    default: int
    low: int
    high: int
    help: str = ""

    def check(self, value: object, path: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ParameterError(f"{path}: {value!r} is not a whole number")
        return _within(value, self.low, self.high, path)


@dataclass(frozen=True)
class Float:
    """A real number with inclusive bounds."""

    default: float
    low: float
    high: float
    help: str = ""

    def check(self, value: object, path: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ParameterError(f"{path}: {value!r} is not a number")
        return _within(float(value), self.low, self.high, path)


@dataclass(frozen=True)
class Choice:
    """One of a few names."""

    default: str
    options: tuple[str, ...]
    help: str = ""

    def check(self, value: object, path: str) -> str:
        if value not in self.options:
            raise ParameterError(f"{path}: {value!r} is none of {', '.join(self.options)}")
        return str(value)


@dataclass(frozen=True)
class Digest:
    """The SHA-256 of a file that was brought here, in hexadecimal; it has no default."""

    default: str = ""
    help: str = ""

    def check(self, value: object, path: str) -> str:
        if not isinstance(value, str) or not _SHA256.fullmatch(value):
            raise ParameterError(f"{path}: {value!r} is no SHA-256 of an uploaded file (64 digits from 0 to f)")
        return value


Param: TypeAlias = Int | Float | Choice | Digest


Number = TypeVar("Number", int, float)
_SHA256 = re.compile(r"[0-9a-f]{64}")


def _within(value: Number, low: Number, high: Number, path: str) -> Number:
    if not low <= value <= high:  # also refuses NaN
        side, bound = ("below", low) if value < low else ("above", high)
        raise ParameterError(f"{path}: {value} is {side} {bound}")
    return value


@dataclass(frozen=True)
class Entry:
    """What the rest of Foretell needs to know of a method without importing torch.

    `needs` names the architecture a method is bound to ("senn"), or a part that several have (`WITH_PART`); it is empty
    where any predictor will do.
    `forms` gives the form of the result for each modality it serves.
    `placebo` is true for methods that carry no information about the item's own output; `looks_like` names the method
    it stands beside, where it has no parameter that does.
    """

    path: str
    title: str
    forms: Mapping[Modality, FormName]
    params: Mapping[str, Param] = field(default_factory=dict)
    needs: str = ""
    placebo: bool = False
    looks_like: str = ""
    signed: bool = True  # whether a weight says for or against, or only how much
    needs_donor: bool = False  # the request must carry another item with the same output
    rows: int = 1  # about how many rows the method makes of an item, where no parameter says it
    summary: str = ""
    reference: str = ""

    @property
    def modalities(self) -> frozenset[Modality]:
        return frozenset(self.forms)

    @property
    def architectures(self) -> tuple[str, ...]:
        """Those that the method is bound to; none where any will do."""
        return WITH_PART.get(self.needs, (self.needs,)) if self.needs else ()


_STEADINESS: Mapping[str, Param] = {
    "steady_r": Float(
        0.0,
        low=0.0,
        high=0.99,
        help=(
            "Asks twice as often, again and again, until two runs with other seeds would give weights that correlate "
            "this much: what people see is then the method and not its noise. 0 asks as often as said and no more."
        ),
    ),
    "most_samples": Int(40_000, low=100, high=200_000, help="Where the doubling ends, steady or not."),
}
_LIME: Mapping[str, Param] = {
    "n_samples": Int(
        5000,
        low=100,
        high=20_000,
        help="How many perturbed copies of the item the predictor answers: more is steadier and slower.",
    ),
    "kernel_width": Float(
        0.0,
        low=0.0,
        high=1000.0,
        help=(
            "How far a copy may be from the item and still count. 0 takes LIME's own: 0.75 times the square root "
            "of the number of variables for tables, 25 for text, 0.25 for images."
        ),
    ),
    "cells": Int(7, low=2, high=32, help="Images only: the picture is cut into this many rows and columns of cells."),
    **_STEADINESS,
}
_INTEGRATED_GRADIENTS: Mapping[str, Param] = {
    "n_steps": Int(50, low=5, high=500, help="How many points of the path from the baseline to the item are used."),
}
_KERNEL_SHAP: Mapping[str, Param] = {
    "n_coalitions": Int(
        2048,
        low=100,
        high=20_000,
        help=(
            "How many combinations of parts the predictor is asked about, at least four times the number of parts: "
            "more is steadier and slower. Up to ten parts the default asks all of them."
        ),
    ),
    "cells": _LIME["cells"],
    **_STEADINESS,
}
_EXACT_SHAPLEY: Mapping[str, Param] = {
    "n_groups": Int(
        14,
        low=2,
        high=14,
        help=(
            "Texts and pictures: neighbouring words, or the cells of a grid, are put into at most this many groups. "
            "Each further group doubles the time."
        ),
    ),
}
_OCCLUSION: Mapping[str, Param] = {
    "patch_px": Int(8, low=1, high=256, help="Images only: the height and width of the black patch, in pixels."),
    "overlap": Int(
        2,
        low=1,
        high=8,
        help=(
            "Images only: the patch moves by this fraction of its size (2: by half), so that patches lie over each "
            "other; 1 puts them side by side."
        ),
    ),
    "n_words": Int(1, low=1, high=20, help="Texts only: how many neighbouring words are left out at a time."),
}
_SMOOTHGRAD: Mapping[str, Param] = {
    "n_copies": Int(50, low=5, high=500, help="How many noisy copies of the item the gradients are averaged over."),
    "noise": Float(
        0.15,
        low=0.01,
        high=1.0,
        help=(
            "The noise's standard deviation as a share of the range of the item's numbers; its authors advise 0.1 "
            "to 0.2."
        ),
    ),
}
_ANCHORS: Mapping[str, Param] = {
    "precision": Float(
        0.95,
        low=0.5,
        high=0.99,
        help="How often the output must stay the same when everything that is not in the rule changes.",
    ),
    "max_conditions": Int(5, low=1, high=12, help="How many conditions a rule has at most: people read short ones."),
    "beam_size": Int(4, low=1, high=10, help="How many of the best rules of a size are built on: more finds more."),
    "delta": Float(
        0.1, low=0.001, high=0.5, help="The probability that is allowed of taking a rule for more precise than it is."
    ),
    "max_rows": Int(
        20_000,
        low=1000,
        high=200_000,
        help=(
            "About how many changed copies of an item the predictor answers at most to compare rules; the best so far "
            "are looked at closely in any case."
        ),
    ),
}
_NEAREST_EXAMPLES: Mapping[str, Param] = {
    "n_examples": Int(3, low=1, high=6, help="How many of the nearest training items are shown."),
}
_DECISION_BOUNDARY: Mapping[str, Param] = {
    "max_changes": Int(
        5, low=1, high=12, help="How many parts are changed at most; where that is not enough, the page says so."
    ),
    "crossing": Choice(
        "nearest",
        ("nearest", "furthest"),
        help=(
            "Where several last changes lead to another output: whether the one that stays nearest to the boundary is "
            "shown, or the one that goes furthest beyond it. Nearest is the smaller change, furthest the plainer one."
        ),
    ),
    "n_replacements": Int(
        10,
        low=0,
        high=50,
        help=(
            "Texts only: how many other words are tried in the place of each word: those that stand most often beside "
            "its neighbours in the training texts. 0 leaves words out and replaces none."
        ),
    ),
}
_PROTOTYPES: Mapping[str, Param] = {
    "n_prototypes": Int(3, low=1, high=8, help="How many of the prototypes that the item is most like are shown."),
    "shown_as": Choice(
        "decoded",
        ("decoded", "training"),
        help=(
            "Whether a prototype is shown as the predictor itself draws it (decoded), or as the picture among those it "
            "learned from that comes nearest (training): sharper to look at, but not quite the prototype."
        ),
    ),
}
_PROBABILISTIC_PROTOTYPES: Mapping[str, Param] = {
    "n_draws": Int(
        3,
        low=1,
        high=5,
        help="How many pictures show what a prototype may look like, from least to most like the item.",
    ),
}
_FEATURE_CARDS: Mapping[str, Param] = {
    "source": Choice(
        "autoencoder",
        ("autoencoder", "units"),
        help=(
            "What counts as a feature: one that a sparse autoencoder has found in the units of the network's first "
            "layer, or a single unit."
        ),
    ),
    "n_cards": Int(3, low=1, high=6, help="How many of the most active features are shown."),
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
_LATENT_SHIFT: Mapping[str, Param] = {
    "frames_a_side": Int(
        2, low=1, high=3, help="How many pictures stand on each side of the item: 2 make a strip of five."
    ),
    "low": Float(
        0.1,
        low=0.001,
        high=0.9,
        help="Where the strip ends on the side of less: there the output's probability has fallen to this.",
    ),
    "reach": Float(
        1.0,
        low=0.05,
        high=3.0,
        help="How far it goes at most: 1 is as far as the training pictures lie from their mean, about.",
    ),
    "latent_size": Int(
        32,
        low=2,
        high=256,
        help="How many numbers a picture is redrawn from: more draw finer and change less smoothly.",
    ),
    "training_steps": Int(
        500,
        low=20,
        high=20_000,
        help=(
            "How long the network that redraws pictures learns, once for each predictor and worker: more draws "
            "sharper. 500 take about ten seconds for small pictures."
        ),
    ),
}
_SIMILARITY_SALIENCY: Mapping[str, Param] = {"cells": _LIME["cells"]}
_OF_BASE_METHODS: Mapping[str, Param] = {
    **_LIME,
    **_KERNEL_SHAP,
    **_EXACT_SHAPLEY,
    **_OCCLUSION,
    **_SMOOTHGRAD,
    **_INTEGRATED_GRADIENTS,
    **_ANCHORS,
    **_NEAREST_EXAMPLES,
    **_DECISION_BOUNDARY,
    **_PROTOTYPES,
    **_PROBABILISTIC_PROTOTYPES,
    **_LATENT_SHIFT,
    **_FEATURE_CARDS,
}
_BASE_METHOD = Choice(
    "lime",
    (
        "lime",
        "kernel_shap",
        "exact_shapley",
        "occlusion",
        "saliency",
        "smoothgrad",
        "guided_backpropagation",
        "gradient_x_input",
        "integrated_gradients",
        "grad_cam",
        "senn",
        "anchors",
        "nearest_examples",
        "decision_boundary",
        "latent_shift",
        "attention",
        "attention_rollout",
        "prototypes",
        "probabilistic_prototypes",
        "composite",
        "feature_cards",
        "similarity_saliency",
    ),
    help="The method whose look the placebo takes: the one of the arm it stands beside.",
)
_SINGLE = tuple(name for name in _BASE_METHOD.options if name != "composite")
_COMPOSITE: Mapping[str, Param] = {
    "first": Choice("lime", _SINGLE, help="Several on one page only: the method that stands first."),
    "second": Choice("nearest_examples", _SINGLE, help="Several on one page only: the method under or beside it."),
    "third": Choice("none", ("none", *_SINGLE), help="Several on one page only: a third method, or none."),
}
_WEIGHING = (
    "lime",
    "kernel_shap",
    "exact_shapley",
    "occlusion",
    "saliency",
    "smoothgrad",
    "guided_backpropagation",
    "gradient_x_input",
    "integrated_gradients",
    "grad_cam",
)
_OF_WEIGHING: Mapping[str, Param] = {
    "method": Choice("lime", _WEIGHING, help=_BASE_METHOD.help),
    **_LIME,
    **_KERNEL_SHAP,
    **_EXACT_SHAPLEY,
    **_OCCLUSION,
    **_SMOOTHGRAD,
    **_INTEGRATED_GRADIENTS,
}
WITH_PART: Mapping[str, tuple[str, ...]] = {"attention": ("gru", "transformer")}
_WEIGHTS: Mapping[Modality, FormName] = {"tabular": "feature_weights", "text": "token_weights", "image": "heatmap"}

EXPLAINERS: Mapping[str, Entry] = {
    "lime": Entry(
        path="explainers.methods.lime:explain",
        title="LIME",
        forms=_WEIGHTS,
        params=_LIME,
        summary=(
            "Changes parts of the item at random, asks the predictor each time, and fits a straight line to its "
            "answers near the item. A weight above 0 speaks for the predictor's output, below 0 against it."
        ),
        reference='Ribeiro, Singh & Guestrin 2016, "Why Should I Trust You?", KDD, arXiv 1602.04938',
    ),
    "kernel_shap": Entry(
        path="explainers.methods.kernel_shap:explain",
        title="Kernel SHAP",
        forms=_WEIGHTS,
        params=_KERNEL_SHAP,
        summary=(
            "Shares the change of the predictor's output from an empty item (average, no words, black) to this one "
            "fairly among the parts, as if they were players of a game. Asks about many combinations of parts and "
            "estimates the shares."
        ),
        reference="Lundberg & Lee 2017, A unified approach to interpreting model predictions, arXiv 1705.07874",
    ),
    "exact_shapley": Entry(
        path="explainers.methods.exact_shapley:explain",
        title="Exact Shapley values",
        forms=_WEIGHTS,
        params=_EXACT_SHAPLEY,
        rows=2**14,
        summary=(
            "Shares the change of the predictor's output from an empty item (average, no words, black) to this one "
            "fairly among the parts. Asks about every combination of up to 14 parts, so nothing is estimated."
        ),
        reference="Lundberg & Lee 2017, equation 4, after Shapley 1953, arXiv 1705.07874",
    ),
    "occlusion": Entry(
        path="explainers.methods.occlusion:explain",
        title="Occlusion",
        forms=_WEIGHTS,
        params=_OCCLUSION,
        rows=64,
        summary=(
            "Covers one part of the item after the other and watches how far the predictor's output falls. A weight "
            "above 0 means that it falls without the part, below 0 that it rises."
        ),
        reference="Zeiler & Fergus 2014, Visualizing and understanding convolutional networks, arXiv 1311.2901",
    ),
    "saliency": Entry(
        path="explainers.methods.saliency:explain",
        title="Gradient saliency",
        forms=_WEIGHTS,
        signed=False,
        summary=(
            "The size of the predictor's gradient at each part of the item: how much a small change there would "
            "move the output. Weights are never below 0: they say how much, not in which direction."
        ),
        reference="Simonyan, Vedaldi & Zisserman 2014, Deep inside convolutional networks, arXiv 1312.6034",
    ),
    "smoothgrad": Entry(
        path="explainers.methods.smoothgrad:explain",
        title="SmoothGrad",
        forms=_WEIGHTS,
        params=_SMOOTHGRAD,
        signed=False,
        summary=(
            "Gradient saliency averaged over copies of the item with random noise, so that what stands in it by "
            "chance goes away. Weights are never below 0: they say how much, not in which direction."
        ),
        reference="Smilkov et al. 2017, SmoothGrad: removing noise by adding noise, arXiv 1706.03825",
    ),
    "guided_backpropagation": Entry(
        path="explainers.methods.guided_backpropagation:explain",
        title="Guided backpropagation",
        forms={"tabular": "feature_weights", "image": "heatmap"},
        signed=False,
        summary=(
            "The gradient, but only along ways through the network that speak for the output all along. Draws clear "
            "edges, yet is known to depend little on what the predictor has learned."
        ),
        reference="Springenberg et al. 2015, Striving for simplicity: the all convolutional net, arXiv 1412.6806",
    ),
    "gradient_x_input": Entry(
        path="explainers.methods.gradient_x_input:explain",
        title="Gradient × input",
        forms=_WEIGHTS,
        summary=(
            "The gradient times the value that is there: a first-order estimate of what each part of the item "
            "adds to the predictor's output."
        ),
        reference="Shrikumar, Greenside, Shcherbina & Kundaje 2016, Not just a black box, arXiv 1605.01713",
    ),
    "integrated_gradients": Entry(
        path="explainers.methods.integrated_gradients:explain",
        title="Integrated gradients",
        forms=_WEIGHTS,
        params=_INTEGRATED_GRADIENTS,
        summary=(
            "Adds up the gradient on the way from a neutral baseline (the average row, an empty text, a black "
            "picture) to the item: the weights sum to the difference between the two outputs."
        ),
        reference="Sundararajan, Taly & Yan 2017, Axiomatic attribution for deep networks, ICML, arXiv 1703.01365",
    ),
    "grad_cam": Entry(
        path="explainers.methods.grad_cam:explain",
        title="Grad-CAM",
        forms={"image": "heatmap"},
        needs="cnn",
        signed=False,
        summary=(
            "Adds up the maps of the last convolution, each by how much it speaks for the output, and keeps what is "
            "above 0: a coarse map of where the network finds what it answers."
        ),
        reference="Selvaraju et al. 2017, Grad-CAM: visual explanations from deep networks, ICCV, arXiv 1610.02391",
    ),
    "senn": Entry(
        path="explainers.methods.senn:explain",
        title="SENN's own explanation",
        forms={"tabular": "feature_weights", "text": "token_weights", "image": "concepts"},
        needs="senn",
        summary=(
            "A self-explaining network is a sum of concepts times relevances: this shows the very terms it adds up, "
            "with examples of each concept where the items are images."
        ),
        reference="Alvarez-Melis & Jaakkola 2018, Towards robust interpretability, NeurIPS, arXiv 1806.07538",
    ),
    "anchors": Entry(
        path="explainers.methods.anchors:explain",
        title="Anchors",
        forms={"tabular": "rule", "text": "rule"},
        params=_ANCHORS,
        signed=False,
        rows=64,
        summary=(
            "Searches a short rule: while its conditions hold, the predictor's output nearly always stays the same, "
            "whatever else changes. Says how often it stays and how many of the training items the rule fits."
        ),
        reference="Ribeiro, Singh & Guestrin 2018, Anchors: high-precision model-agnostic explanations, AAAI",
    ),
    "nearest_examples": Entry(
        path="explainers.methods.nearest_examples:explain",
        title="Nearest examples",
        forms={"tabular": "examples", "text": "examples", "image": "examples"},
        params=_NEAREST_EXAMPLES,
        signed=False,
        rows=64,
        summary=(
            "Shows the training items that are most alike to this one in what the predictor has made of them before "
            "its last step, with its output for each. A placebo shows other items with the same outputs."
        ),
        reference="Papernot & McDaniel 2018, Deep k-nearest neighbors, arXiv 1803.04765",
    ),
    "decision_boundary": Entry(
        path="explainers.methods.decision_boundary:explain",
        title="Decision-boundary example",
        forms={"tabular": "strip", "text": "strip"},
        params=_DECISION_BOUNDARY,
        rows=64,
        summary=(
            "Changes one part of the item after the other, each time the one that brings the predictor closest to "
            "another output, until it gives one. Shows the changes with how far the predictor leans after each."
        ),
        reference="Hase & Bansal 2020, Evaluating explainable AI, ACL, arXiv 2005.01831, after Joshi et al. 2018",
    ),
    "latent_shift": Entry(
        path="explainers.methods.latent_shift:explain",
        title="Counterfactual by latent shift",
        forms={"image": "strip"},
        params=_LATENT_SHIFT,
        rows=64,
        summary=(
            "Redraws the picture with less and with more of what the predictor's output rests on: a strip from another "
            "output over the item to a plainer case of its own. A second network, trained on the predictor's training "
            "pictures, does the drawing."
        ),
        reference="Cohen et al. 2021, Gifsplanation via latent shift, MIDL, arXiv 2102.09475",
    ),
    "attention": Entry(
        path="explainers.methods.attention:explain",
        title="Attention",
        forms={"text": "token_weights"},
        needs="attention",
        signed=False,
        summary=(
            "How the network shares its attention among the words when it makes its answer; the shares add up to 1. "
            "It says where the network looks, not what follows from it: whether that explains is disputed."
        ),
        reference="Bahdanau, Cho & Bengio 2015, Neural machine translation by jointly learning, arXiv 1409.0473",
    ),
    "attention_rollout": Entry(
        path="explainers.methods.attention_rollout:explain",
        title="Attention rollout",
        forms={"text": "token_weights"},
        needs="transformer",
        signed=False,
        summary=(
            "Follows attention through all layers of a transformer: a layer looks at words that have themselves looked "
            "at others. The shares of the words add up to 1. It says where the network looks, not what follows from it."
        ),
        reference="Abnar & Zuidema 2020, Quantifying attention flow in transformers, ACL, arXiv 2005.00928",
    ),
    "prototypes": Entry(
        path="explainers.methods.prototypes:explain",
        title="A prototype network's own explanation",
        forms={"image": "prototypes"},
        params=_PROTOTYPES,
        needs="prototype",
        signed=False,
        rows=64,
        summary=(
            "A prototype network answers by comparing the item with a few prototypes that it has learned: this shows "
            "those that the item is most like, and how much. A placebo shows other prototypes of the same classes."
        ),
        reference="Li, Liu, Chen & Rudin 2018, Deep learning for case-based reasoning, AAAI, arXiv 1710.04806",
    ),
    "probabilistic_prototypes": Entry(
        path="explainers.methods.probabilistic_prototypes:explain",
        title="Uncertain prototypes (Prob-PSENN)",
        forms={"image": "prototypes"},
        params=_PROBABILISTIC_PROTOTYPES,
        needs="prob-psenn",
        signed=False,
        rows=64,
        summary=(
            "A probabilistic prototype network has one prototype a class and is not sure what it looks like: this "
            "shows what it may be, how alike the item is to that, and how much the likeness changes with it."
        ),
        reference="Vadillo, Santana, Lozano & Kwiatkowska 2024, Uncertainty-aware explanations, arXiv 2403.13740",
    ),
    "composite": Entry(
        path="explainers.methods.composite:explain",
        title="Several methods on one page",
        forms={"tabular": "composite", "text": "composite", "image": "composite"},
        params={**_COMPOSITE, **_OF_BASE_METHODS},
        summary=(
            "Two or three of the other methods together, each as it would stand alone, for questions like whether "
            "examples help beside weights. A parameter counts for every method that has it."
        ),
        reference="Hase & Bansal 2020, Evaluating explainable AI, ACL, arXiv 2005.01831, section 4",
    ),
    "feature_cards": Entry(
        path="explainers.methods.feature_cards:explain",
        title="Feature cards",
        forms={"text": "feature_cards"},
        params=_FEATURE_CARDS,
        needs="transformer",
        rows=64,
        summary=(
            "Looks inside the network: for the features that are most active in this text, pieces of other texts that "
            "make them active, and how far each moves the answer. A placebo shows features that are not active."
        ),
        reference="Cunningham et al. 2023, Sparse autoencoders find interpretable features, arXiv 2309.08600",
    ),
    "similarity_saliency": Entry(
        path="explainers.methods.similarity_saliency:explain",
        title="Picture and caption",
        forms={"image": "caption_match"},
        params=_SIMILARITY_SALIENCY,
        needs="two-tower",
        rows=64,
        summary=(
            "A two-tower network answers with the caption that goes best with the picture: this covers one part of the "
            "picture after the other, and leaves out one word of the caption after the other, and watches how far they "
            "move apart."
        ),
        reference="Zeiler & Fergus 2014, arXiv 1311.2901, on Radford et al. 2021, arXiv 2103.00020",
    ),
    "placebo_random_weights": Entry(
        path="explainers.methods.placebo_random_weights:explain",
        title="Placebo: a predictor with random weights",
        forms=_WEIGHTS,
        params={
            "method": _BASE_METHOD,
            "weights_seed": Int(
                0, low=0, high=2**31 - 1, help="Draws the random weights: one wrong predictor for the whole study."
            ),
            **_COMPOSITE,
            **_OF_BASE_METHODS,
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
        forms=_WEIGHTS,
        params={"method": _BASE_METHOD, **_COMPOSITE, **_OF_BASE_METHODS},
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
        forms=_WEIGHTS,
        params={"method": _BASE_METHOD, **_COMPOSITE, **_OF_BASE_METHODS},
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
        forms=_WEIGHTS,
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


# --- explanations that were made elsewhere -------------------------------------------------------------------------

# The modalities that a form can explain. A form that is not here cannot be imported.
IMPORTABLE: Mapping[FormName, tuple[Modality, ...]] = {
    "feature_weights": ("tabular",),
    "token_weights": ("text",),
    "heatmap": ("image",),
    "concepts": ("tabular", "text", "image"),
    "rule": ("tabular", "text"),
    "examples": ("tabular", "text", "image"),
    "strip": ("tabular", "text", "image"),
    "prototypes": ("image",),
}
_UPLOAD: Mapping[str, Param] = {
    "upload": Digest(help="Which file of explanations: the SHA-256 under which the console lists it."),
    "form": Choice("feature_weights", tuple(IMPORTABLE), help="The form of the explanations, as the file says."),
    "direction": Choice(
        "signed",
        ("signed", "sizes"),
        help="Whether weights say for or against the output, or only how much, as the file says.",
    ),
}
_ANY: Mapping[Modality, FormName] = {"tabular": "feature_weights", "text": "token_weights", "image": "heatmap"}

# What an arm can choose beside EXPLAINERS. Nothing computes these: their forms come from a file (explainers.imports).
IMPORTS: Mapping[str, Entry] = {
    "imported": Entry(
        path="",
        title="Imported explanations",
        forms=_ANY,
        params=_UPLOAD,
        summary=(
            "Explanations that were made elsewhere, by whatever method, and brought here in a file. They are shown as "
            "they are in the file."
        ),
        reference="Foretell's own format: docs/imported-explanations.md",
    ),
    "imported_other_item": Entry(
        path="",
        title="Placebo: another item's imported explanation",
        forms=_ANY,
        params=_UPLOAD,
        placebo=True,
        needs_donor=True,
        summary=(
            "The imported explanation of another item with the same output, shown on this item: what is typical of "
            "the output remains, what is special to the item is wrong."
        ),
        reference="Dinu, Bigham & Kolter 2020, Challenging common interpretability assumptions, arXiv 2012.02748",
    ),
}


def entry(name: str) -> Entry:
    """Look a method up; raises UnknownName with the names there are."""
    found = EXPLAINERS.get(name) or IMPORTS.get(name)
    if found is None:
        raise UnknownName(f"explainer: {name!r} is none of {', '.join((*EXPLAINERS, *IMPORTS))}")
    return found


def checked(spec: ExplainerSpec, path: str = "explainer") -> ExplainerSpec:
    """The same spec with every parameter present and inside its bounds; raises ParameterError with its path."""
    params = entry(spec.name).params
    unknown = sorted(set(spec.params) - set(params))
    if unknown:
        raise ParameterError(f"{path}.params.{unknown[0]}: {spec.name} has no such parameter")
    values = {
        key: param.check(spec.params.get(key, param.default), f"{path}.params.{key}") for key, param in params.items()
    }
    _check_parts(ExplainerSpec(spec.name, values), f"{path}.params")
    return ExplainerSpec(spec.name, values)


def _check_parts(spec: ExplainerSpec, path: str) -> None:
    """Refuse a composite that shows a method twice, or methods that no predictor or kind of item goes with."""
    names = [(key, str(spec.params[key])) for key in _COMPOSITE] if parts_of(spec) else []
    for n, (key, name) in enumerate(names):
        if name in [before for _, before in names[:n]]:
            raise ParameterError(f"{path}.{key}: {name} is on the page already; choose another method")
    needs = [needs_of(part) for part in parts_of(spec)]
    if len([some for some in needs if some]) > 1 and not needs_of(spec):
        raise ParameterError(f"{path}.second: no predictor goes with all of these methods; choose others")
    if names and not forms_of(spec):
        raise ParameterError(f"{path}.second: no items can be explained by all of these methods; choose others")


def parts_of(spec: ExplainerSpec) -> tuple[ExplainerSpec, ...]:
    """The explanations that a composite puts on one page; none for other methods. A placebo's are placebos."""
    found = entry(spec.name)
    if base_of(spec) is not EXPLAINERS["composite"]:
        return ()
    names = [str(spec.params.get(key, param.default)) for key, param in _COMPOSITE.items()]
    specs = [
        ExplainerSpec(spec.name, {**spec.params, "method": name}) if found.placebo else ExplainerSpec(name, spec.params)
        for name in names
        if name != "none"
    ]
    return tuple(
        ExplainerSpec(one.name, {key: value for key, value in one.params.items() if key in entry(one.name).params})
        for one in specs
    )


def base_name(spec: ExplainerSpec) -> str:
    """The name of the method whose look the result has: a placebo's base method, otherwise the method itself."""
    found = entry(spec.name)
    if not found.placebo or spec.name in IMPORTS:
        return spec.name
    return found.looks_like or str(spec.params.get("method", found.params["method"].default))


def base_of(spec: ExplainerSpec) -> Entry:
    """The entry of `base_name`."""
    return entry(base_name(spec))


def signed_of(spec: ExplainerSpec) -> bool:
    """Whether the weights that people are shown say for or against, or only how much."""
    if spec.name in IMPORTS:
        return spec.params.get("direction", _UPLOAD["direction"].default) == "signed"
    return base_of(spec).signed


def forms_of(spec: ExplainerSpec) -> Mapping[Modality, FormName]:
    """The form this spec gives on each modality that it serves: a placebo's are its base method's, of its own ones.

    A composite serves what all of its parts serve, imports what their form is for.
    """
    if spec.name in IMPORTS:
        form = str(spec.params.get("form", _UPLOAD["form"].default))
        known = [name for name in IMPORTABLE if name == form]
        return {modality: name for name in known for modality in IMPORTABLE[name]}
    served = [entry(spec.name).forms, *(forms_of(part) for part in parts_of(spec))]
    shown = base_of(spec).forms
    return {modality: form for modality, form in shown.items() if all(modality in forms for forms in served)}


def form_of(spec: ExplainerSpec, modality: Modality) -> FormName:
    """The form this spec gives on a modality; raises ParameterError where the method does not serve it."""
    forms = forms_of(spec)
    if modality not in forms:
        raise ParameterError(f"explainer: {spec.name} serves {', '.join(forms)}, not {modality}; choose another method")
    return forms[modality]


def needs_of(spec: ExplainerSpec) -> tuple[str, ...]:
    """The architectures this spec is bound to; none where any will do. A placebo needs what its base method needs.

    A composite needs what its parts have in common.
    """
    first, *others = [needs for part in parts_of(spec) if (needs := needs_of(part))] or [base_of(spec).architectures]
    return tuple(name for name in first if all(name in needs for needs in others))
