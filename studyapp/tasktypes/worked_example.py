"""A worked example: input, true label and the model's output, with the arm's explanation where it shows one.

The learning phase of Hase & Bansal (2020, section 4). Nothing is right or wrong; the person goes on when ready.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext, gettext_lazy

from studyapp.design.checks import TaskFacts
from studyapp.design.facts import ItemTruth
from studyapp.tasktypes.base import Stimulus, TrialMaterial


class WorkedExample:
    key = "worked_example"
    title = gettext_lazy("Worked example: see the input and the model's output")
    template = "studyapp/participant/tasks/worked_example.html"
    facts = TaskFacts(needs_perturbation=False, tests=False)

    def stimulus(self, material: TrialMaterial) -> Stimulus:
        return Stimulus(
            task=self.key,
            heading=gettext("See what the model answered"),
            item=material.item,
            options=(),
            given=material.given,
            explanation=material.explanation,
            is_signed=material.is_signed,
            classes=material.classes,
        )

    def parse(self, data: Mapping[str, str], classes: tuple[str, ...]) -> dict[str, str]:
        return {"choice": "seen"}

    def score(self, answer: Mapping[str, str], truth: ItemTruth) -> None:
        return None
