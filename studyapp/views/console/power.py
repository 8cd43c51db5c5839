"""The power of a design: what to assume, and how often the planned analysis would find an effect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext

from analysis.adjustment import ADJUSTMENTS
from analysis.figures.power import TARGET
from analysis.numbers import percent, span
from analysis.power.grid import Cell
from studyapp.actions import power as actions
from studyapp.errors import DesignRefused
from studyapp.forms.power import PowerForm
from studyapp.models import Membership, PowerRun, Role, Study
from studyapp.views.console.answers import attempt, may, study_page
from studyapp.views.doors import ResearcherRequest, member

SHOWN = 5  # earlier grids stay in the trail


@dataclass(frozen=True)
class Shown:
    """A cell in words."""

    value: str
    interval: str
    is_enough: bool


@dataclass(frozen=True)
class SizeRow:
    """A size with the power at each effect, and what its people cost."""

    n_people: int
    is_planned: bool
    cells: tuple[Shown, ...]
    cost: str


@dataclass(frozen=True)
class Grid:
    """One run as its table."""

    run: PowerRun
    assumed: actions.Assumptions
    effects: tuple[str, ...]
    rows: tuple[SizeRow, ...]
    n_failed: int
    before: str
    practice: str
    drop_out: str
    how: str  # the adjustment for several arms


@member(Role.VIEWER, "GET", "POST")
def power(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """The form and what was computed; by POST a designer asks for a grid."""
    form = PowerForm(request.POST or None, initial=_suggested(study))
    if request.method == "POST":
        if not may(membership, Role.DESIGNER):
            raise PermissionDenied(gettext("A designer of the lab can ask for the power."))
        if form.is_valid():
            return attempt(
                request,
                study,
                lambda: actions.request_power(study=study, assumed=form.assumptions(), actor=request.user),
                gettext("The power is being computed."),
                to="power",
            )
    context: dict[str, Any] = {"form": form, **_state(study)}
    status = 422 if form.errors else 200
    return study_page(request, "power.html", study=study, membership=membership, tab="power", status=status, **context)


@member(Role.VIEWER, "GET")
def power_state(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """How far the grid is; the page asks again until it is over."""
    state = _state(study)
    may_design = may(membership, Role.DESIGNER)
    response = render(request, "studyapp/console/_power.html", {"study": study, "may_design": may_design, **state})
    if not state["running"]:
        response["HX-Refresh"] = "true"
    return response


@member(Role.DESIGNER, "POST")
def cancel(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """Stop the grid under way."""
    return attempt(
        request,
        study,
        lambda: actions.cancel_power(study=study, actor=request.user),
        gettext("Stopped. What was computed is kept."),
        to="power",
    )


@member(Role.VIEWER, "GET")
def figure(request: ResearcherRequest, *, study: Study, membership: Membership, run_id: int) -> HttpResponse:
    """The curve of a grid."""
    run = get_object_or_404(PowerRun, study=study, pk=run_id)
    if run.figure is None:
        raise Http404("no curve yet")
    return HttpResponse(run.figure["svg"], content_type="image/svg+xml")


def _suggested(study: Study) -> dict[str, object]:
    try:
        return PowerForm.suggested(actions.design_of(study))
    except DesignRefused:
        return {}


def _state(study: Study) -> dict[str, Any]:
    runs = PowerRun.objects.filter(study=study).select_related("job")[:SHOWN]
    running = actions.running_power(study)
    return {"running": running, "grids": [_grid(run) for run in runs if run.cells or run != running]}


def _grid(run: PowerRun) -> Grid:
    assumed, cells = actions.assumptions_of(run), actions.cells_of(run)
    width = len(assumed.effects)
    rows = [_row(run, assumed, cells[start : start + width]) for start in range(0, len(cells), width)]
    return Grid(
        run,
        assumed,
        effects=tuple(map(_hundredth, assumed.effects)),
        rows=tuple(rows),
        n_failed=sum(cell.n_failed for cell in cells),
        before=_hundredth(assumed.accuracy),
        practice=_hundredth(assumed.practice),
        drop_out=_hundredth(assumed.drop_out),
        how=_adjustment(run),
    )


def _adjustment(run: PowerRun) -> str:
    """How the tests of several arms are adjusted, and when looks come; older grids used Holm's method and had none."""
    plan = run.plans[0] if run.plans else {}
    how = ADJUSTMENTS[plan.get("multiplicity") or "holm"].how
    looks = ", ".join(f"{100 * time:g} %" for time in (plan.get("looks") or ())[:-1])
    return gettext("%(how)s; looks at %(looks)s of the people") % {"how": how, "looks": looks} if looks else how


def _hundredth(share: float) -> str:
    return f"{100 * share:.4g}"


def _row(run: PowerRun, assumed: actions.Assumptions, cells: list[Cell]) -> SizeRow:
    n = cells[0].n_people
    shown = tuple(Shown(percent(c.power), span(c.interval, 0, signed=False), c.power >= TARGET) for c in cells)
    return SizeRow(n, n == run.planned, shown, f"{assumed.pay * n:,.0f}" if assumed.pay else "")
