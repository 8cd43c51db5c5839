"""The explainers a study can choose, in the order people see them. Free of torch: the web server reads it.

To add one: a file in `explainers/methods/` and an entry here. Form, bounds and contract tests follow from the entry.
"""

from __future__ import annotations

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


Param: TypeAlias = Int | Float | Choice


Number = TypeVar("Number", int, float)


def _within(value: Number, low: Number, high: Number, path: str) -> Number:
    if not low <= value <= high:  # also refuses NaN
        side, bound = ("below", low) if value < low else ("above", high)
        raise ParameterError(f"{path}: {value} is {side} {bound}")
    return value


@dataclass(frozen=True)
class Entry:
    """What the rest of Foretell needs to know of a method without importing torch.

    `needs` names the architecture a method is bound to ("senn"), or is empty where any predictor will do.
    `forms` gives the form of the result for each modality it serves.
    `placebo` is true for methods that carry no information about the item's own output.
    """

    path: str
    title: str
    forms: Mapping[Modality, FormName]
    params: Mapping[str, Param] = field(default_factory=dict)
    needs: str = ""
    placebo: bool = False
    signed: bool = True  # whether a weight says for or against, or only how much
    needs_donor: bool = False  # the request must carry another item with the same output
    rows: int = 1  # about how many rows the method makes of an item, where no parameter says it
    summary: str = ""
    reference: str = ""

    @property
    def modalities(self) -> frozenset[Modality]:
        return frozenset(self.forms)


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
    **_PROTOTYPES,
    **_PROBABILISTIC_PROTOTYPES,
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
        "prototypes",
        "probabilistic_prototypes",
        "similarity_saliency",
    ),
    help="The method whose look the placebo takes: the one of the arm it stands beside.",
)
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
        params={"method": _BASE_METHOD, **_OF_BASE_METHODS},
        placebo=True,
        needs_donor=True,
        summary=(
            "The chosen method's explanation of another item with the same output, shown on this item: what is "
            "typical of the output remains, what is special to the item is wrong."
        ),
        reference="Dinu, Bigham & Kolter 2020, Challenging common interpretability assumptions, arXiv 2012.02748",
    ),
}


def entry(name: str) -> Entry:
    """Look a method up; raises UnknownName with the names there are."""
    try:
        return EXPLAINERS[name]
    except KeyError:
        raise UnknownName(f"explainer: {name!r} is none of {', '.join(EXPLAINERS)}") from None


def checked(spec: ExplainerSpec, path: str = "explainer") -> ExplainerSpec:
    """The same spec with every parameter present and inside its bounds; raises ParameterError with its path."""
    params = entry(spec.name).params
    unknown = sorted(set(spec.params) - set(params))
    if unknown:
        raise ParameterError(f"{path}.params.{unknown[0]}: {spec.name} has no such parameter")
    values = {
        key: param.check(spec.params.get(key, param.default), f"{path}.params.{key}") for key, param in params.items()
    }
    return ExplainerSpec(spec.name, values)


def base_of(spec: ExplainerSpec) -> Entry:
    """The method whose look the result has: a placebo's base method, otherwise the method itself."""
    found = entry(spec.name)
    return entry(str(spec.params.get("method", found.params["method"].default))) if found.placebo else found


def form_of(spec: ExplainerSpec, modality: Modality) -> FormName:
    """The form this spec gives on a modality; raises ParameterError where the method does not serve it."""
    forms = base_of(spec).forms
    if modality not in forms:
        raise ParameterError(f"explainer: {spec.name} serves {', '.join(forms)}, not {modality}; choose another method")
    return forms[modality]


def needs_of(spec: ExplainerSpec) -> str:
    """The architecture this spec is bound to, or an empty text: a placebo needs what its base method needs."""
    return base_of(spec).needs
