"""The list of studies, a study's own page, and the steps of its life."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import IntegerField, OuterRef, Q, Subquery, Sum
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from studyapp.actions.explain import retry_failed
from studyapp.actions.freeze import compute_for_draft, freeze
from studyapp.actions.lifecycle import close_study, open_study, pause_study, still_taking_part
from studyapp.actions.studies import duplicate_study
from studyapp.errors import WrongState
from studyapp.models import Membership, Role, Stage, Study, User
from studyapp.models.studies import StageKind
from studyapp.views.console.answers import attempt, study_page
from studyapp.views.console.overview import overview_of
from studyapp.views.doors import Guarded, ResearcherRequest, member, signed_in


@signed_in("GET")
def studies(request: ResearcherRequest) -> HttpResponse:
    """Every study of the labs one belongs to, newest first."""
    memberships = list(Membership.objects.filter(user=request.user).select_related("lab").order_by("lab__name"))
    labs = [(row.lab, Role(row.role)) for row in memberships]
    context = {
        "studies": _with_counts(request.user),
        "labs": [(lab, role.label, role.covers(Role.DESIGNER), role.covers(Role.OWNER)) for lab, role in labs],
        "several_labs": len(labs) > 1,
    }
    return render(request, "studyapp/console/studies.html", context)


def _with_counts(user: User) -> list[Study]:
    """The studies with the people of their main and top-up stages, in one query."""
    stages = (
        Stage.objects.filter(study=OuterRef("pk"))
        .filter(Q(kind=StageKind.MAIN) | Q(kind=StageKind.TOP_UP))
        .order_by()
        .values("study")
    )

    def total(column: str) -> Subquery:
        return Subquery(stages.annotate(n=Sum(column)).values("n"), output_field=IntegerField())

    counted = Study.objects.of_member(user).annotate(n_allocated=total("allocated"), n_places=total("capacity"))
    return list(counted.select_related("lab", "created_by").defer("draft"))


@member(Role.VIEWER, "GET")
def study(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """Where a study stands and what comes next."""
    return study_page(
        request,
        "study.html",
        study=study,
        membership=membership,
        tab="study",
        **overview_of(study, membership),
    )


@dataclass(frozen=True)
class Change:
    """A step that is asked about before it is done: what happens, and what cannot be undone."""

    title: str | Promise
    button: str | Promise
    done: str | Promise
    explains: tuple[str | Promise, ...]
    loses: tuple[str | Promise, ...]
    is_dangerous: bool
    act: Callable[..., object]


FREEZE = Change(
    title=_("Freeze the design"),
    button=_("Freeze this design"),
    done=_("The design is frozen. Its explanations are being computed."),
    explains=(
        _("The items are drawn, the allocation sequence is sealed, and the analysis plan is fixed with a hash."),
        _("Every explanation is computed in the background; the study can open when all of them are ready."),
    ),
    loses=(_("The design, its texts and its plan can never be changed again. To change them, duplicate the study."),),
    is_dangerous=False,
    act=freeze,
)
OPEN = Change(
    title=_("Open the study"),
    button=_("Open for participants"),
    done=_("The study is open."),
    explains=(
        _("People who open a link of the main stage can take part from now on."),
        _("You can pause at any time: nobody new comes in, and who has started goes on."),
    ),
    loses=(),
    is_dangerous=False,
    act=open_study,
)
CLOSE = Change(
    title=_("Close the study"),
    button=_("Close for good"),
    done=_("The study is closed."),
    explains=(_("After closing, two people unblind the study together; then the planned analysis can be run."),),
    loses=(_("No link lets anybody in again, and a closed study cannot be opened any more."),),
    is_dangerous=True,
    act=close_study,
)


def _asked(change: Change, role: Role) -> Guarded:
    def view(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
        if request.method == "POST":
            return attempt(request, study, lambda: change.act(study=study, actor=request.user), str(change.done))
        losses = list(change.loses)
        if change is CLOSE and (people := still_taking_part(study)):
            text = ngettext(
                "%(n)d people are taking part right now. Their runs end here, without a completion code.",
                "%(n)d people are taking part right now. Their runs end here, without a completion code.",
                people,
            )
            losses.append(text % {"n": people})
        return study_page(
            request, "confirm.html", study=study, membership=membership, tab="study", change=change, losses=losses
        )

    view.__name__ = change.act.__name__
    return member(role, "GET", "POST", confirm="changes" if change.is_dangerous else "never")(view)


freeze_design = _asked(FREEZE, Role.DESIGNER)
open_for_people = _asked(OPEN, Role.OWNER)
close = _asked(CLOSE, Role.OWNER)


@member(Role.OWNER, "POST")
def pause(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """Let nobody new in for a while."""
    return attempt(
        request,
        study,
        lambda: pause_study(study=study, actor=request.user),
        gettext("Paused. Who has started can go on."),
    )


@member(Role.OWNER, "POST")
def resume(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """Let people in again."""
    return attempt(
        request, study, lambda: open_study(study=study, actor=request.user), gettext("The study is open again.")
    )


@member(Role.DESIGNER, "POST")
def duplicate(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """A new draft with the same design."""
    copy = duplicate_study(study=study, actor=request.user)
    return redirect("design", public_id=copy.public_id)


@member(Role.DESIGNER, "POST")
def compute_ahead(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """Compute a draft's explanations before freezing, to see them in the preview."""
    return attempt(
        request,
        study,
        lambda: compute_for_draft(study=study, actor=request.user),
        gettext("The explanations are being computed; look at the preview again in a while."),
        to="preview",
    )


@member(Role.DESIGNER, "POST")
def retry_explanations(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """Queue the failed explanations again."""

    def act() -> None:
        if study.is_draft:
            raise WrongState(gettext("Freeze the design first."))
        retry_failed(design=study.frozen, actor=request.user)

    return attempt(request, study, act, gettext("The failed explanations are queued again."))
