"""Seeing a study as a participant of any arm does. Nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from csp.decorators import csp_replace
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.clickjacking import xframe_options_sameorigin

from studyapp.actions.studies import check_and_draw
from studyapp.design.order import Step
from studyapp.design.schema import Design
from studyapp.errors import DesignRefused, MaterialMissing, Problem, StudyError
from studyapp.models import Membership, Role, Study
from studyapp.models.draft import draft_study
from studyapp.models.frozen import FrozenStudy, frozen_study
from studyapp.screens import Place, screen_at
from studyapp.views.console.answers import study_page
from studyapp.views.console.design import current_design
from studyapp.views.doors import ResearcherRequest, ResearcherView, member
from studyapp.views.participant_screen import render_screen

ORDER_SEED = 1  # the preview's own order of items; every participant has another
WIDTHS = (("phone", _("375 px")), ("desk", _("1280 px")))
KINDS = {
    "background": _("Background question"),
    "instructions": _("Instructions"),
    "comprehension": _("Comprehension check"),
}


@dataclass(frozen=True)
class Spot:
    """What the preview shows: an arm, a screen, a width."""

    arm: str
    position: int
    width: str

    def query(self, **other: object) -> str:
        """The address's query for this spot, or for one that differs in something."""
        values = {"arm": self.arm, "position": self.position, "width": self.width, **other}
        query = QueryDict(mutable=True)
        query.update({key: str(value) for key, value in values.items()})
        return query.urlencode()


def read_spot(query: QueryDict, design: Design, n_steps: int) -> Spot:
    """The spot an address asks for, mended where it asks for none that exists."""
    arms = [arm.key for arm in design.arms]
    arm = query.get("arm", "")
    position = query.get("position", "")
    number = int(position) if position.isascii() and position.isdigit() and len(position) < 6 else 0
    width = query.get("width", "")
    return Spot(
        arm if arm in arms else arms[-1],
        min(number, n_steps - 1),
        width if width in dict(WIDTHS) else "desk",
    )


def study_to_show(study: Study) -> FrozenStudy:
    """The frozen study, or the draft as freezing would make it; raises DesignRefused where that is not yet possible."""
    if not study.is_draft:
        return frozen_study(study.frozen.pk)
    design = current_design(study)
    return draft_study(design, check_and_draw(design))


def _with_csp(directives: dict[str, list[str]]) -> Callable[[ResearcherView], ResearcherView]:
    """`csp_replace` for views that take more than a request, of which its own types know nothing."""
    return cast("Callable[[ResearcherView], ResearcherView]", csp_replace(directives))


def _or_problems(study: Study) -> tuple[FrozenStudy | None, tuple[Problem, ...]]:
    try:
        return study_to_show(study), ()
    except DesignRefused as error:
        return None, error.problems
    except StudyError as error:
        return None, (Problem("", str(error)),)


@member(Role.VIEWER, "GET")
@_with_csp({"frame-src": ["'self'"]})
def preview(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """A participant's screen in a frame, with the switches of the preview around it."""
    shown, problems = _or_problems(study)
    context: dict[str, Any] = {"problems": problems}
    if shown:
        steps = shown.steps(ORDER_SEED)
        spot = read_spot(request.GET, shown.design, len(steps))
        context |= {
            "spot": spot,
            "step": steps[spot.position],
            "step_title": step_title(shown.design, steps[spot.position]),
            "number": spot.position + 1,
            "n_steps": len(steps),
            "frame": f"{reverse('preview_screen', kwargs={'public_id': study.public_id})}?{spot.query()}",
            "arms": [(arm, spot.query(arm=arm.key), arm.key == spot.arm) for arm in shown.design.arms],
            "widths": [(key, title, spot.query(width=key), key == spot.width) for key, title in WIDTHS],
            "before": spot.query(position=spot.position - 1) if spot.position else "",
            "after": spot.query(position=spot.position + 1) if spot.position + 1 < len(steps) else "",
        }
    return study_page(request, "preview.html", study=study, membership=membership, tab="preview", **context)


@member(Role.VIEWER, "GET")
@_with_csp({"frame-ancestors": ["'self'"], "form-action": ["'none'"]})
@xframe_options_sameorigin
def preview_screen(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """The screen itself, from the participant's own templates, with nothing to send it by."""
    shown, problems = _or_problems(study)
    if shown is None:
        return render(request, "studyapp/console/preview_empty.html", {"problems": problems})
    spot = read_spot(request.GET, shown.design, len(shown.steps(ORDER_SEED)))
    try:
        screen = screen_at(shown, Place(ORDER_SEED, spot.position, arm=spot.arm))
    except MaterialMissing as error:
        return render(request, "studyapp/console/preview_empty.html", {"problems": [error]})
    waits = shows_explanation(shown, screen.step, spot.arm) and getattr(screen.content, "explanation", None) is None
    main: SafeString = render_screen(request, screen, stamp=None)
    context = {"main": main, "language": shown.design.language, "waits": waits}
    return render(request, "studyapp/console/preview_screen.html", context)


def shows_explanation(study: FrozenStudy, step: Step, arm: str) -> bool:
    """Whether this arm sees an explanation at this step."""
    return step.explanation and study.design.arm(arm).explainer is not None


def step_title(design: Design, step: Step) -> str:
    """A step in words: "Learning: trial 3 of 8"."""
    phase = next((phase.title for phase in design.phases if phase.key == step.phase), "")
    if step.kind == "trial":
        words = gettext("%(phase)s: trial %(number)d of %(of)d")
        return words % {"phase": phase, "number": step.number, "of": step.of}
    if step.kind == "rating":
        question = next(rating.question for rating in design.ratings if rating.key == step.key)
        return gettext("Rating: %(question)s") % {"question": question}
    return gettext("%(phase)s: introduction") % {"phase": phase} if phase else str(KINDS[step.kind])


@dataclass(frozen=True)
class Stretch:
    """Steps of the map that belong together: a page by itself, or the trials of a block."""

    title: str
    detail: str
    positions: tuple[int, ...]
    is_trials: bool
    shown_to: frozenset[str]  # arms that see an explanation here


@member(Role.VIEWER, "GET")
def study_map(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """Every screen of every arm, each a link into the preview."""
    shown, problems = _or_problems(study)
    context: dict[str, Any] = {"problems": problems}
    if shown:
        context |= {"arms": shown.design.arms, "stretches": stretches(shown), "item_sets": shown.design.item_sets}
    return study_page(request, "map.html", study=study, membership=membership, tab="study_map", **context)


def stretches(study: FrozenStudy) -> list[Stretch]:
    """The steps of a study, the trials of a block taken together."""
    found: list[Stretch] = []
    groups: list[list[Step]] = []
    for step in study.steps(ORDER_SEED):
        if groups and step.kind == "trial" and groups[-1][0].block == step.block and groups[-1][0].kind == "trial":
            groups[-1].append(step)
        else:
            groups.append([step])
    for group in groups:
        found.append(_stretch(study, group))
    return found


def _stretch(study: FrozenStudy, group: list[Step]) -> Stretch:
    first = group[0]
    if first.kind != "trial":
        return Stretch(step_title(study.design, first), "", (first.position,), False, frozenset())
    phase = next(phase.title for phase in study.design.phases if phase.key == first.phase)
    block = next(block for block in study.design.blocks() if block.key == first.block)
    detail = gettext("%(n)d items of the set %(item_set)s, %(order)s; %(task)s") % {
        "n": len(group),
        "item_set": block.item_set,
        "order": block.order,
        "task": first.task.replace("_", " "),
    }
    arms = frozenset(arm.key for arm in study.design.arms if shows_explanation(study, first, arm.key))
    return Stretch(phase, detail, tuple(step.position for step in group), True, arms)
