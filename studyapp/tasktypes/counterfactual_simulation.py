"""Counterfactual simulation: what will the model output when the input changes? (Hase & Bansal 2020, section 4)"""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext, gettext_lazy

from studyapp.design.checks import TaskFacts
from studyapp.design.facts import ItemTruth
from studyapp.tasktypes.base import Score, Stimulus, TrialMaterial, class_options, parse_choice


class CounterfactualSimulation:
    key = "counterfactual_simulation"
    title = gettext_lazy("Counterfactual simulation: foretell the output when the input changes")
    template = "studyapp/participant/tasks/counterfactual_simulation.html"
    facts = TaskFacts(needs_perturbation=True, tests=True, ahead=True)

    def stimulus(self, material: TrialMaterial) -> Stimulus:
        return Stimulus(
            task=self.key,
            heading=gettext("What will the model answer after the change?"),
            item=material.item,
            options=class_options(material.classes),
            given=material.given,
            explanation=material.explanation,
            is_signed=material.is_signed,
            classes=material.classes,
        )

    def parse(self, data: Mapping[str, str], classes: tuple[str, ...]) -> dict[str, str]:
        return {"choice": parse_choice(data, classes, gettext("Choose the answer that you think the model gives now."))}

    def score(self, answer: Mapping[str, str], truth: ItemTruth) -> Score:
        if truth.perturbed_output is None:
            raise ValueError("a counterfactual trial needs the output on the changed input")
        return Score(asked=truth.perturbed_output, is_correct=answer["choice"] == truth.perturbed_output)
