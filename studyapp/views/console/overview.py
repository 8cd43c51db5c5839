"""What a study's own page shows: the steps of its life, what comes next, and the live parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from django.utils.formats import date_format
from django.utils.translation import gettext, gettext_noop, ngettext

from studyapp.actions.lifecycle import LaunchCheck, launch_checks
from studyapp.actions.links import link_address, prolific_address
from studyapp.actions.looks import planned_looks, settled
from studyapp.actions.quality import ratio_alarms
from studyapp.actions.retention import dates_of
from studyapp.actions.studies import problems_of
from studyapp.actions.unblinding import may_confirm, waiting_request
from studyapp.forms.running import LinkForm, RehearsalForm, StageForm, stage_title
from studyapp.models import Job, Link, Membership, Report, Role, Stage, Study, UnblindingRequest, User
from studyapp.models.jobs import JobState
from studyapp.models.looks import LookDecision
from studyapp.models.monitoring import Flow, flow_of
from studyapp.models.progress import Progress
from studyapp.models.studies import StageKind, StudyState
from studyapp.views.console.answers import may
from studyapp.views.console.explaining import explaining

REHEARSAL_JOB = "rehearse"


@dataclass(frozen=True)
class Milestone:
    """A step of a study's life."""

    title: str
    status: Literal["done", "now", "ahead"]

    @property
    def words(self) -> str:
        return {"done": gettext("done"), "now": gettext("now"), "ahead": gettext("to come")}[self.status]


@dataclass(frozen=True)
class NextStep:
    """What to do now. `route` names the page or, with `is_post`, the button; empty where there is only waiting."""

    text: str
    button: str = ""
    route: str = ""
    role: Role = Role.VIEWER
    is_post: bool = False
    anchor: str = ""  # a part of the page that should come before


@dataclass(frozen=True)
class StageFlow:
    """A stage with where its people are."""

    stage: Stage
    title: str
    flow: Flow
    alarms: tuple[str, ...]  # how far people came where arms are not in their ratio; neither the arm nor the side


@dataclass(frozen=True)
class LinkRow:
    """A link as it is handed out."""

    link: Link
    stage: str
    address: str
    prolific: str


@dataclass(frozen=True)
class Rehearsal:
    """A rehearsal: its stage, and its job while there is one."""

    stage: Stage
    title: str
    job: Job | None
    report: Report | None

    @property
    def is_reported(self) -> bool:
        """Whether a report is there; told by its hash, as the document stays in the database."""
        return self.report is not None and self.report.responses_sha256 != ""

    @property
    def is_running(self) -> bool:
        """Whether its people are under way, or its analysis is."""
        report_job = self.report.job if self.report and not self.is_reported else None
        return any(job and job.state in {JobState.PENDING, JobState.RUNNING} for job in (self.job, report_job))


@dataclass(frozen=True)
class Facts:
    """What the milestones of a study follow from."""

    state: StudyState
    explained: bool
    rehearsed: bool
    reported: bool


def milestones(facts: Facts) -> list[Milestone]:
    """The steps of a study's life; the first that is not done is now."""
    order = list(StudyState)
    reached = order.index(facts.state)

    def past(state: StudyState) -> bool:
        return reached >= order.index(state)

    steps = [
        (gettext_noop("Draft"), past(StudyState.FROZEN)),
        (gettext_noop("Frozen"), past(StudyState.FROZEN)),
        (gettext_noop("Explanations"), facts.explained),
        (gettext_noop("Rehearsed"), facts.rehearsed),
        (gettext_noop("Open"), past(StudyState.CLOSED)),
        (gettext_noop("Closed"), past(StudyState.CLOSED)),
        (gettext_noop("Unblinded"), past(StudyState.UNBLINDED)),
        (gettext_noop("Report"), facts.reported),
    ]
    now = _now(facts, [title for title, done in steps if not done])
    return [Milestone(gettext(title), "now" if title == now else "done" if done else "ahead") for title, done in steps]


def _now(facts: Facts, undone: list[str]) -> str:
    if facts.state in {StudyState.OPEN, StudyState.PAUSED}:
        return "Open"
    later = [title for title in undone if title != "Rehearsed" or facts.state == StudyState.FROZEN]
    return later[0] if later else ""


def next_step(facts: Facts, n_problems: int, progress: Progress | None) -> NextStep:
    """The one thing to do now."""
    designer, owner = Role.DESIGNER, Role.OWNER
    match facts.state:
        case StudyState.DRAFT if n_problems:
            text = _to_mend(n_problems)
            return NextStep(text, gettext("Edit the design"), "design", designer)
        case StudyState.DRAFT:
            text = gettext("The design is sound. Preview it, then freeze it.")
            return NextStep(text, gettext("Freeze…"), "freeze", designer)
        case StudyState.FROZEN if progress and not progress.is_complete:
            return _explanations_first(progress)
        case StudyState.FROZEN if not facts.rehearsed:
            text = gettext(
                "Everything is computed. Rehearse before you open: simulated people walk through every page."
            )
            return NextStep(text, gettext("Open without…"), "open", owner, anchor="rehearse")
        case StudyState.FROZEN:
            text = gettext("Rehearsed, and everything is computed. The study can open.")
            return NextStep(text, gettext("Open…"), "open", owner)
        case StudyState.OPEN:
            text = gettext("People can take part. Hand out a link, watch the flow.")
            return NextStep(text, gettext("Pause"), "pause", owner, True)
        case StudyState.PAUSED:
            text = gettext("Nobody new comes in; who has started can go on.")
            return NextStep(text, gettext("Resume"), "resume", owner, True)
        case StudyState.CLOSED:
            text = gettext("Data collection is over. The arms are still masked; two people unblind them.")
            return NextStep(text, gettext("Unblind…"), "unblind", owner)
        case StudyState.UNBLINDED:
            done, due = gettext("The planned analysis has been run."), gettext("Run the planned analysis.")
            return NextStep(done if facts.reported else due, gettext("Go to the reports"), "reports")


def unblinding_step(study: Study, asked: UnblindingRequest, user: User) -> NextStep:
    """What to do while a second person is waited for."""
    text = gettext("%(who)s asks to unblind this study. A second person can confirm until %(when)s UTC.") % {
        "who": asked.asked_by,
        "when": date_format(asked.expires_at, "j M Y, H:i"),
    }
    is_second = may_confirm(asked, user)
    return NextStep(text, gettext("Look at it…") if is_second else gettext("See the request"), "confirm_unblinding")


def _to_mend(n: int) -> str:
    text = ngettext(
        "%(n)d to mend before this design can be frozen.", "%(n)d to mend before this design can be frozen.", n
    )
    return text % {"n": n}


def _explanations_first(progress: Progress) -> NextStep:
    if progress.under_way:
        return NextStep(gettext("The explanations are being computed. The study can open when all of them are ready."))
    if progress.stopped:
        text = gettext("Computing the explanations was stopped. The study can open when all of them are ready.")
        return NextStep(text, gettext("Go on"), "resume_explanations", Role.DESIGNER, True)
    text = gettext("Some explanations could not be computed.")
    return NextStep(text, gettext("Try again"), "retry_explanations", Role.DESIGNER, True)


def overview_of(study: Study, membership: Membership) -> dict[str, Any]:
    """Everything on the study's page."""
    if study.is_draft:
        problems = problems_of(study.draft, study.lab)
        facts = Facts(StudyState.DRAFT, explained=False, rehearsed=False, reported=False)
        return {"steps": milestones(facts), "next": next_step(facts, len(problems), None), "problems": problems}
    shown = explaining(study.frozen)
    rehearsals = rehearsals_of(study)
    reported = Report.objects.filter(stage__study=study, stage__kind=StageKind.MAIN, document__isnull=False).exists()
    asked = waiting_request(study) if study.state == StudyState.CLOSED else None
    facts = Facts(StudyState(study.state), shown.progress.is_complete, any(r.is_reported for r in rehearsals), reported)
    return {
        "steps": milestones(facts),
        "next": unblinding_step(study, asked, membership.user) if asked else next_step(facts, 0, shown.progress),
        "unblinded": study.unblinding_requests.effective().select_related("asked_by", "answer__by").first(),
        "explaining": shown,
        "checks": checks_of(study),
        "dates": dates_of(study),
        "rights": study.frozen.design.rights,
        **live_parts(study, rehearsals),
        **looks_of(study),
        **_forms(study, membership),
    }


def looks_of(study: Study) -> dict[str, Any]:
    """The planned looks of a study that has any, with how many people are through."""
    looks = planned_looks(study)
    if not looks:
        return {}
    has_stopped = any(one.made and one.made.decision == LookDecision.STOP for one in looks)
    return {"looks": looks, "settled": settled(study).count(), "has_stopped": has_stopped}


def checks_of(study: Study) -> tuple[LaunchCheck, ...]:
    """The launch checks; only a study that is not yet open has them."""
    return launch_checks(study) if study.state == StudyState.FROZEN else ()


def live_parts(study: Study, rehearsals: list[Rehearsal] | None = None) -> dict[str, Any]:
    """What changes while the page is looked at."""
    stages = list(study.stages.exclude(kind=StageKind.REHEARSAL).order_by("pk"))
    found = rehearsals_of(study) if rehearsals is None else rehearsals
    return {
        "flows": [StageFlow(stage, stage_title(stage), flow_of(stage), ratio_alarms(stage)) for stage in stages],
        "rehearsals": found,
        "is_live": study.state in {StudyState.OPEN, StudyState.PAUSED},
        "is_rehearsing": any(r.is_running for r in found),
    }


def rehearsals_of(study: Study) -> list[Rehearsal]:
    """The study's rehearsals, the newest first."""
    jobs = {
        job.args.get("stage"): job for job in Job.objects.filter(study=study, kind=REHEARSAL_JOB).order_by("created_at")
    }
    reports: dict[int, Report] = {}
    rows = Report.objects.filter(stage__study=study).select_related("job").defer("document", "figures")
    for report in rows.order_by("created_at"):
        if report.responses_sha256 or report.stage_id not in reports:
            reports[report.stage_id] = report
    stages = study.stages.filter(kind=StageKind.REHEARSAL).order_by("-pk")
    return [Rehearsal(stage, stage_title(stage), jobs.get(stage.pk), reports.get(stage.pk)) for stage in stages]


def link_rows(study: Study) -> list[LinkRow]:
    """The links of real people's stages."""
    links = Link.objects.filter(stage__study=study).exclude(stage__kind=StageKind.REHEARSAL)
    return [
        LinkRow(link, stage_title(link.stage), link_address(link), prolific_address(link))
        for link in links.select_related("stage").order_by("pk")
    ]


def _forms(study: Study, membership: Membership) -> dict[str, Any]:
    """The forms and links that a designer works with; others get none of them."""
    if not may(membership, Role.DESIGNER):
        return {}
    return {
        "links": link_rows(study),
        "link_form": LinkForm(study=study),
        "stage_form": StageForm(),
        "rehearsal_form": RehearsalForm(),
    }
