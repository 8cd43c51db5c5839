"""Every entry of the registry on a tiny predictor of every architecture, and what is asked of all of them.

A `Run` is a registry entry (a placebo once for each base method) on one predictor; methods bound to an architecture
run on that one alone. Each test_explain*.py beside this file holds one kind of promise over all runs, with the mutants
that turn it red.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch

from explainers.explain import explain
from explainers.predictors.base import Predictor
from explainers.registry import EXPLAINERS, base_name, base_of, forms_of, needs_of
from explainers.types import (
    CaptionMatch,
    Composite,
    Concepts,
    Examples,
    ExplainerSpec,
    Explanation,
    FeatureCards,
    FeatureWeights,
    Form,
    Formulas,
    Heatmap,
    Prototypes,
    Rule,
    Strip,
    TokenWeights,
)
from tests.contracts.tiny import BOUND, PREDICTORS, Case

FEW = {
    "n_samples": 200,
    "n_steps": 10,
    "n_copies": 8,
    "n_coalitions": 200,
    "n_groups": 4,
    "max_rows": 2000,
    "max_conditions": 2,
    "n_rounds": 20,
    "training_steps": 30,
    "active_share": 0.05,
}
# These placebos look at the real weights alone, so one base method for every kind of unit will do.
KINDS = (
    "occlusion",
    "gradient_x_input",
    "grad_cam",
    "senn",
    "anchors",
    "nearest_examples",
    "decision_boundary",
    "latent_shift",
    "prototypes",
    "probabilistic_prototypes",
    "concept_formulas",
)
BASES = {
    "placebo_random": KINDS,
    "placebo_edges": ("occlusion", "gradient_x_input", "grad_cam"),
    "placebo_uniform": ("occlusion", "grad_cam"),
}
DRAWING = {"lime", "kernel_shap", "smoothgrad", "anchors", "attention_adversarial", "composite"}
OF_OWN_SIZES = {"attention_uniform", "attention_adversarial"}  # placebos whose sizes are what they are about


@dataclass(frozen=True)
class Run:
    spec: ExplainerSpec
    case: str

    def __str__(self) -> str:
        base = self.spec.params.get("method")
        return "-".join([self.spec.name, *([str(base)] if base else []), self.case])

    @property
    def placebo(self) -> bool:
        return EXPLAINERS[self.spec.name].placebo

    @property
    def draws(self) -> bool:
        """Whether the item's seed changes the result; of five variables Kernel SHAP asks all combinations."""
        base = str(self.spec.params.get("method", self.spec.name))
        return base in DRAWING and not (base == "kernel_shap" and self.case.startswith("tabular"))

    @property
    def fewest_varied(self) -> int:
        """Of seven: two texts have one or two words; Grad-CAM's map is empty where nothing speaks for the class.

        A rule needs no condition where the output hardly ever changes.
        """
        return 2 if base_of(self.spec) in (EXPLAINERS["grad_cam"], EXPLAINERS["anchors"]) else 5

    @property
    def most_alike(self) -> int:
        """Of seven: with five variables a rank order can come twice by chance, a rule of one or two of them often.

        Two texts can have the same most active features, in a network with random weights above all.
        """
        if base_of(self.spec) is EXPLAINERS["feature_cards"]:
            return 2
        return 4 if base_of(self.spec) is EXPLAINERS["anchors"] else 1

    @property
    def has_weights(self) -> bool:
        """Whether the parts of an item are weighed, and not other items, changes, prototypes or several forms shown."""
        return not {"examples", "strip", "prototypes", "formulas", "composite"} & set(base_of(self.spec).forms.values())

    @property
    def is_attention(self) -> bool:
        """Shares of attention sum to 1 whatever the predictor answers."""
        return base_of(self.spec) in (EXPLAINERS["attention"], EXPLAINERS["attention_rollout"])

    @property
    def may_draw(self) -> bool:
        """Whether the seed may change the result: three placebos break ties at random, one draws everything."""
        drawing = {"placebo_random_weights", "placebo_edges", "placebo_random", "attention_frozen"}
        return self.draws or self.spec.name in drawing

    @property
    def is_uniform(self) -> bool:
        """Whether all parts weigh the same on purpose."""
        return self.spec.name in {"placebo_uniform", "attention_uniform"}


def _specs() -> list[ExplainerSpec]:
    specs = []
    for name, found in EXPLAINERS.items():
        few = {key: value for key, value in FEW.items() if key in found.params}
        bases = BASES.get(name, found.params["method"].options) if "method" in found.params else (None,)
        specs += [ExplainerSpec(name, few if base is None else {**few, "method": base}) for base in bases]
    return specs


def _runs() -> list[Run]:
    return [Run(spec, case) for spec in _specs() for case in PREDICTORS if _is_run(spec, case)]


def _is_run(spec: ExplainerSpec, case: str) -> bool:
    """Methods of one architecture on that one; the others on all, but a slow third of texts on few of them.

    A composite's parts keep their promises by themselves, so one architecture of each modality will do for it.
    """
    modality, _, architecture = case.partition("-")
    needs, name = needs_of(spec), base_name(spec)
    fits = modality in forms_of(spec) and (not needs or architecture in needs)
    if name == "composite":
        return fits and architecture in {"mlp", "gru", "cnn"}
    few = case in BOUND or (architecture == "transformer" and name not in {"lime", "saliency"})
    return fits and (bool(needs) or not few)


RUNS = _runs()
every_run = pytest.mark.parametrize("run", RUNS, ids=str)
every_real_run = pytest.mark.parametrize("run", [run for run in RUNS if not run.placebo], ids=str)
every_weighing_run = pytest.mark.parametrize("run", [run for run in RUNS if run.has_weights], ids=str)
every_placebo_run = pytest.mark.parametrize("run", [run for run in RUNS if run.placebo], ids=str)


@dataclass(frozen=True)
class Results:
    """What `explain` gives for a run: computed when it is first asked for, then kept for every test of the process."""

    cases: Mapping[str, Case]
    kept: dict[tuple[str, ...], list[Explanation]] = field(default_factory=dict)

    def of(self, run: Run) -> list[Explanation]:
        key = (run.spec.name, json.dumps(run.spec.params, sort_keys=True), run.case)
        if key not in self.kept:
            case = self.cases[run.case]
            self.kept[key] = explain(case.predictor, run.spec, case.requests)
        return self.kept[key]


NUMBERS: Mapping[type, Callable[[Any], list[float]]] = {
    FeatureWeights: lambda form: [feature.weight for feature in form.features],
    TokenWeights: lambda form: list(form.weights),
    Heatmap: lambda form: list(form.values),
    Concepts: lambda form: [concept.relevance for concept in form.concepts],
    Examples: lambda form: [float(example.class_index) for example in form.examples],
    Prototypes: lambda form: [float(prototype.class_index) for prototype in form.prototypes],
    FeatureCards: lambda form: [card.effect for card in form.cards],
    Formulas: lambda form: [card.effect for card in form.cards],
    CaptionMatch: lambda form: [*form.picture.values, *form.caption.weights],
    Rule: lambda form: [float(part.is_condition) for part in form.parts],
    Strip: lambda form: [step.margin for step in form.steps],
    Composite: lambda form: [number for part in form.parts for number in weights(part.form)],
}


def weights(form: Form) -> np.ndarray:
    return np.array(NUMBERS[type(form)](form))


def as_bytes(explanations: list[Explanation]) -> list[str]:
    return [json.dumps([e.form.to_json(), e.explained_class, dict(e.diagnostics)]) for e in explanations]


def with_weights(model: Predictor, value: float) -> Predictor:
    other = copy.copy(model)
    other.module = copy.deepcopy(model.module)
    with torch.no_grad():
        for weight in other.module.parameters():
            weight.fill_(value)
    return other
