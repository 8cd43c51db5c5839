"""Forward simulation: what will the model output on this input? (Hase & Bansal 2020, section 4)"""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext, gettext_lazy

from studyapp.design.checks import TaskFacts
from studyapp.design.facts import ItemTruth
from studyapp.tasktypes.base import Score, Stimulus, TrialMaterial, class_options, parse_choice


class ForwardSimulation:
    key = "forward_simulation"
    title = gettext_lazy("Forward simulation: foretell the output on a new input")
    template = "studyapp/participant/tasks/forward_simulation.html"
    facts = TaskFacts(needs_perturbation=False, tests=True, ahead=True)

    def stimulus(self, material: TrialMaterial) -> Stimulus:
        return Stimulus(
            task=self.key,
            heading=material.question,
            item=material.item,
            options=class_options(material.classes),
            explanation=material.explanation,
            is_signed=material.is_signed,
            classes=material.classes,
        )

    def parse(self, data: Mapping[str, str], classes: tuple[str, ...]) -> dict[str, str]:
        return {"choice": parse_choice(data, classes, gettext("Choose the answer that you think the model gave."))}

    def score(self, answer: Mapping[str, str], truth: ItemTruth) -> Score:
        return Score(asked=truth.output, is_correct=answer["choice"] == truth.output)
