"""The metrics, in the order people see them. Free of torch: the web server reads it.

To add one: a file in this folder with a function ``values(subject, params) -> list[ItemValue]``, and an entry here.
Every metric is of one explanation, that is of one item; what an arm's number means is the mean over its items.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from explainers.errors import ParameterError, UnknownName
from explainers.metrics.types import MetricSpec
from explainers.registry import Choice, Float, Int, Param, form_of, signed_of
from explainers.registry import entry as explainer_entry
from explainers.types import ExplainerSpec, FormName, Modality

Group = Literal["faithfulness", "stability", "randomization", "complexity", "agreement"]

WEIGHT_FORMS: frozenset[FormName] = frozenset({"feature_weights", "token_weights", "heatmap", "concepts"})
SHOWN_AS: Mapping[FormName, str] = {
    "feature_weights": "weights of variables",
    "token_weights": "weights of words",
    "heatmap": "a heatmap",
    "concepts": "concepts",
    "rule": "a rule",
    "examples": "examples",
    "strip": "a strip of steps",
    "prototypes": "prototypes",
    "composite": "several explanations",
    "feature_cards": "cards of features",
    "caption_match": "a picture with a caption",
    "formulas": "formulas of concepts",
}


@dataclass(frozen=True)
class Entry:
    """What the rest of Foretell needs to know of a metric without importing torch.

    `low` and `high` bound the values, None where there is no bound. `forms` are the forms of explanation it can
    judge; `needs_direction` is true where weights must say for or against, `needs_other` where it holds two methods
    against each other, and `needs_own_item` where the explanation must come from the item itself. `caution` says
    what the number does not mean.
    """

    path: str
    title: str
    group: Group
    better: Literal["higher", "lower"]
    low: float | None
    high: float | None
    unit: str
    summary: str
    reference: str
    caution: str = ""
    params: Mapping[str, Param] = field(default_factory=dict)
    forms: frozenset[FormName] = WEIGHT_FORMS
    needs_direction: bool = False
    needs_other: bool = False
    needs_own_item: bool = False


_CELLS = Int(
    7, low=2, high=32, help="Images only: parts are taken away as cells of a grid of this many rows and columns."
)
_REPLACEMENTS = Int(
    20,
    low=1,
    high=500,
    help="Tables only: a variable that is taken away gets this many other values, drawn from the training data.",
)
_ANSWER = Choice(
    "probability",
    ("probability", "score"),
    help="What is watched: the probability of the predictor's output, or its centred logit.",
)
_RANDOM_ORDERS = Int(3, low=0, high=50, help="How many random orders the curve is held against; 0 leaves them out.")
_NEIGHBOURS = Int(10, low=1, high=200, help="How many neighbours of each item are explained: more find more.")
_RADIUS = Float(
    0.02,
    low=0.002,
    high=1.0,
    help="Images only: every pixel of a neighbour differs by at most this share of the range from black to white.",
)
_SEEDS = Choice(
    "same",
    ("same", "fresh"),
    help="Whether a neighbour is explained with the item's own random numbers or with fresh ones, which adds noise.",
)
_CURVE: Mapping[str, Param] = {"cells": _CELLS, "n_replacements": _REPLACEMENTS, "n_random_orders": _RANDOM_ORDERS}
_NEIGHBOURHOOD: Mapping[str, Param] = {"n_neighbours": _NEIGHBOURS, "radius": _RADIUS, "seeds": _SEEDS}

METRICS: Mapping[str, Entry] = {
    "faithfulness_correlation": Entry(
        path="explainers.metrics.faithfulness_correlation:values",
        title="Faithfulness correlation",
        group="faithfulness",
        better="higher",
        low=-1.0,
        high=1.0,
        unit="r",
        params={
            "answer": _ANSWER,
            "cells": _CELLS,
            "n_replacements": _REPLACEMENTS,
            "concept_weight": Choice(
                "relevance",
                ("relevance", "contribution"),
                help="Concepts only: whether theta is held against the drop, or theta times h.",
            ),
        },
        summary=(
            "Takes the parts of the item away one at a time: the correlation of each part's weight with how much the "
            "predictor's answer drops without it."
        ),
        reference="Alvarez-Melis & Jaakkola 2018, Towards robust interpretability, NeurIPS, arXiv 1806.07538, sec. 5",
        caution=(
            "For a self-explaining network the contribution theta times h is what its logit loses without the "
            "concept, so that correlation is close to a tautology: never rank it above other methods by this."
        ),
    ),
    "deletion": Entry(
        path="explainers.metrics.deletion:values",
        title="Deletion area",
        group="faithfulness",
        better="lower",
        low=0.0,
        high=1.0,
        unit="mean probability",
        params=_CURVE,
        summary=(
            "Takes parts away, the one with the largest weight first: the area under the probability of the "
            "predictor's output. It falls fast where the explanation names what the predictor needs."
        ),
        reference="Petsiuk, Das & Saenko 2018, RISE, BMVC, arXiv 1806.07421, section 4.2",
        caution="Compare it with the random order's area beside it: a sure predictor has large areas in any order.",
    ),
    "insertion": Entry(
        path="explainers.metrics.insertion:values",
        title="Insertion area",
        group="faithfulness",
        better="higher",
        low=0.0,
        high=1.0,
        unit="mean probability",
        params=_CURVE,
        summary=(
            "Starts with nothing and adds parts, the one with the largest weight first: the area under the "
            "probability of the predictor's output."
        ),
        reference="Petsiuk, Das & Saenko 2018, RISE, BMVC, arXiv 1806.07421, section 4.2",
        caution="Compare it with the random order's area beside it: a sure predictor has large areas in any order.",
    ),
    "infidelity": Entry(
        path="explainers.metrics.infidelity:values",
        title="Infidelity",
        group="faithfulness",
        better="lower",
        low=0.0,
        high=None,
        unit="squared answer",
        params={
            "answer": _ANSWER,
            "n_samples": Int(100, low=10, high=10_000, help="How many random sets of parts are taken away."),
            "scaling": Choice(
                "best",
                ("best", "none"),
                help="Whether weights are first brought to the scale that fits best; without, their unit must be that "
                "of the answer.",
            ),
            "cells": _CELLS,
        },
        needs_direction=True,
        summary=(
            "Takes random sets of parts away: the mean squared difference between the sum of their weights and how "
            "much the predictor's answer drops."
        ),
        reference="Yeh et al. 2019, On the (in)fidelity and sensitivity of explanations, NeurIPS, arXiv 1901.09392",
    ),
    "max_sensitivity": Entry(
        path="explainers.metrics.max_sensitivity:values",
        title="Max-sensitivity",
        group="stability",
        better="lower",
        low=0.0,
        high=None,
        unit="share of the explanation's size",
        params=_NEIGHBOURHOOD,
        summary=("Explains neighbours of the item: the largest change of the explanation, as a share of its own size."),
        reference="Yeh et al. 2019, On the (in)fidelity and sensitivity of explanations, NeurIPS, arXiv 1901.09392",
        caution="An explanation that is the same for every item is perfectly stable and says nothing.",
    ),
    "local_lipschitz": Entry(
        path="explainers.metrics.local_lipschitz:values",
        title="Local Lipschitz constant",
        group="stability",
        better="lower",
        low=0.0,
        high=None,
        unit="change a unit of distance",
        params={
            **_NEIGHBOURHOOD,
            "scaling": Choice(
                "unit_norm",
                ("unit_norm", "none"),
                help="Whether explanations are brought to length 1 first, so that methods can be compared.",
            ),
            "over": Choice(
                "input",
                ("input", "concepts"),
                help="The distance of neighbours: in the input, or for concepts in the values h of the concepts.",
            ),
        },
        summary=(
            "Explains neighbours of the item: the largest change of the explanation, divided by how far the neighbour "
            "is from the item."
        ),
        reference="Alvarez-Melis & Jaakkola 2018, On the robustness of interpretability methods, arXiv 1806.08049",
        caution="An explanation that is the same for every item is perfectly stable and says nothing.",
    ),
    "weight_randomization": Entry(
        path="explainers.metrics.weight_randomization:values",
        title="Similarity after randomizing the predictor",
        group="randomization",
        better="lower",
        low=-1.0,
        high=1.0,
        unit="rank correlation of sizes",
        params={
            "n_models": Int(3, low=1, high=20, help="How many times the predictor's weights are drawn anew."),
            "weights_seed": Int(0, low=0, high=2**31 - 1, help="Draws the random weights, the same for every item."),
            "cascade": Choice(
                "no",
                ("no", "yes"),
                help="Whether the curve from the output's layer down to all layers is computed too, for the first "
                "draw of the weights.",
            ),
        },
        needs_own_item=True,
        summary=(
            "Draws the predictor's weights anew and explains again: the rank correlation of the weights' sizes with "
            "before. A method that stays similar does not explain the predictor."
        ),
        reference="Adebayo et al. 2018, Sanity checks for saliency maps, NeurIPS, arXiv 1810.03292, section 3",
        caution="What counts is to be near 0; values below 0 are no better than 0.",
    ),
    "complexity": Entry(
        path="explainers.metrics.complexity:values",
        title="Complexity",
        group="complexity",
        better="lower",
        low=0.0,
        high=None,
        unit="nats",
        summary="The entropy of the shares that the parts have in the explanation: how many parts people must weigh.",
        reference="Bhatt, Weller & Moura 2020, Evaluating and aggregating explanations, IJCAI, arXiv 2005.00631",
        caution="It says nothing of being right, and grows with the number of parts.",
    ),
    "sparsity": Entry(
        path="explainers.metrics.sparsity:values",
        title="Sparsity (Gini index)",
        group="complexity",
        better="higher",
        low=0.0,
        high=1.0,
        unit="Gini index",
        summary="How unevenly the explanation's size is spread over the parts: 0 evenly, near 1 on one part alone.",
        reference="Chalasani et al. 2020, Concise explanations of neural networks, ICML, arXiv 1810.06583",
        caution="It says nothing of being right.",
    ),
    "seed_agreement": Entry(
        path="explainers.metrics.seed_agreement:values",
        title="Agreement of two runs",
        group="agreement",
        better="higher",
        low=-1.0,
        high=1.0,
        unit="r",
        params={"n_seeds": Int(1, low=1, high=20, help="How many runs with other seeds are held against the first.")},
        summary=(
            "Explains the item again with other random numbers: the correlation of the weights. Where it is low, "
            "people are tested on noise. A method that draws nothing agrees with itself."
        ),
        reference="Visani et al. 2022, Statistical stability indices for LIME, JORS, arXiv 2001.11757",
    ),
    "rank_agreement": Entry(
        path="explainers.metrics.rank_agreement:values",
        title="Rank agreement with another method",
        group="agreement",
        better="higher",
        low=-1.0,
        high=1.0,
        unit="rank correlation",
        params={"cells": _CELLS},
        needs_other=True,
        summary="Spearman's rank correlation of the parts' weights with those of another method on the same item.",
        reference="Krishna et al. 2022, The disagreement problem, arXiv 2202.01602, section 3",
        caution="Methods can agree and be wrong together.",
    ),
    "top_k_agreement": Entry(
        path="explainers.metrics.top_k_agreement:values",
        title="Top-k agreement with another method",
        group="agreement",
        better="higher",
        low=0.0,
        high=1.0,
        unit="share of k parts",
        params={
            "k": Int(3, low=1, high=50, help="How many parts with the largest weights are looked at."),
            "cells": _CELLS,
        },
        needs_other=True,
        summary="The share of the k parts with the largest weights that are the same in another method's explanation.",
        reference="Krishna et al. 2022, The disagreement problem, arXiv 2202.01602, section 3",
        caution="Methods can agree and be wrong together.",
    ),
}


def entry(name: str) -> Entry:
    """Look a metric up; raises UnknownName with the names there are."""
    try:
        return METRICS[name]
    except KeyError:
        raise UnknownName(f"metric: {name!r} is none of {', '.join(METRICS)}") from None


def checked(spec: MetricSpec, path: str = "metric") -> MetricSpec:
    """The same spec with every parameter present and inside its bounds; raises ParameterError with its path."""
    params = entry(spec.name).params
    unknown = sorted(set(spec.params) - set(params))
    if unknown:
        raise ParameterError(f"{path}.params.{unknown[0]}: {spec.name} has no such parameter")
    values = {
        key: param.check(spec.params.get(key, param.default), f"{path}.params.{key}") for key, param in params.items()
    }
    return MetricSpec(spec.name, values)


def why_not(
    metric: MetricSpec, explainer: ExplainerSpec, modality: Modality, against: ExplainerSpec | None = None
) -> str:
    """Why a metric does not apply to a method's explanations, as a sentence; empty where it does.

    Raises
    ------
    UnknownName, ParameterError
        When a name is unknown, or the method does not serve the modality.
    """
    found, form, title = entry(metric.name), form_of(explainer, modality), explainer_entry(explainer.name).title
    if form not in found.forms:
        return f"{title} does not give a weight to each part of the item."
    if found.needs_direction and not signed_of(explainer):
        return f"{title} gives sizes without direction: they do not say whether the answer would rise or fall."
    if found.needs_own_item and explainer_entry(explainer.name).needs_donor:
        return f"{title} explains another item."
    if metric.params.get("over") == "concepts" and form != "concepts":
        return f"{title} shows {SHOWN_AS[form]}: there is no distance between values of concepts."
    return _why_not_against(form, title, modality, against) if found.needs_other else ""


def _why_not_against(form: FormName, title: str, modality: Modality, against: ExplainerSpec | None) -> str:
    if against is None:
        return "It holds two methods against each other, and no other was named."
    other = form_of(against, modality)
    if other != form:
        theirs = explainer_entry(against.name).title
        return f"{title} shows {SHOWN_AS.get(form, form)}, {theirs} {SHOWN_AS.get(other, other)}: they share no parts."
    return ""
