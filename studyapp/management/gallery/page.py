"""An explanation on the page of a learning trial, from the participant's own templates."""

from __future__ import annotations

from django.template.loader import render_to_string

from explainers.registry import signed_of
from explainers.types import Form
from studyapp.design.facts import ShownItem
from studyapp.design.order import Step
from studyapp.management.gallery.material import Subject
from studyapp.management.gallery.plan import Shot
from studyapp.screens import Screen
from studyapp.tasktypes import TASK_TYPES
from studyapp.tasktypes.base import TrialMaterial

TASK = "worked_example"


def page_of(shot: Shot, subject: Subject, form: Form) -> str:
    """The whole page as HTML, with the model's output given."""
    material = TrialMaterial(
        item=ShownItem("", subject.candidate.input),
        classes=subject.classes,
        question="",
        given=subject.given,
        explanation=form,
        is_signed=signed_of(shot.spec),
    )
    content = TASK_TYPES[TASK].stimulus(material)
    template = TASK_TYPES[TASK].template
    screen = Screen(Step(0, "trial", task=TASK, explanation=True, number=1, of=8), template, content, 1, 1)
    body = render_to_string(template, {"content": content, "chosen": {}, "error": None})
    main = render_to_string("studyapp/participant/_screen.html", {"screen": screen, "stamp": "shown", "body": body})
    return render_to_string("studyapp/participant/page.html", {"title": content.heading, "main": main})
