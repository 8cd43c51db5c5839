"""The power of a design before money is spent: studies simulated as planned and analysed as planned."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from django.db import transaction
from django.utils.translation import gettext

from analysis.codec import decode, encode
from analysis.errors import AnalysisError
from analysis.figures.power import power_figure
from analysis.power.grid import Cell, cell, grid
from analysis.power.plan import PowerPlan, Scenario
from analysis.power.run import power
from studyapp import queue
from studyapp.actions import audit
from studyapp.design.schema import Design, parse_design
from studyapp.errors import StudyError, WrongState
from studyapp.models import PowerRun, Study, User
from studyapp.models.jobs import JobState
from studyapp.queue import Claim

KIND = "power"
MAX_CELLS = 40
TELL_EVERY = 200  # studies; more often would be more writing than computing


@dataclass(frozen=True)
class Assumptions:
    """What the design does not know: people and items, and which sizes and effects to try.

    Shares and effects are proportions; `pay` is what one person costs, in any currency, or 0.
    """

    people: tuple[int, ...]
    effects: tuple[float, ...]
    accuracy: float
    practice: float
    drop_out: float
    sd_participants: float
    sd_items: float
    n_studies: int
    pay: float = 0.0


def design_of(study: Study) -> Design:
    """The design as it stands: frozen, or the draft; raises DesignRefused while the draft is not one."""
    return parse_design(study.draft) if study.is_draft else study.frozen.design


def plans_of(design: Design, assumed: Assumptions) -> list[PowerPlan]:
    """Every cell as a plan of `analysis.power`; raises WrongState, in words, for what cannot be simulated.

    People are those of all arms; who is allocated to a placebo arm takes no part in the primary contrasts.
    """
    compared = [arm for arm in design.arms if arm.key == design.plan.control or arm.role == "explained"]
    compared.sort(key=lambda arm: arm.key != design.plan.control)
    share = sum(arm.weight for arm in compared) / sum(arm.weight for arm in design.arms)
    try:
        scenario = Scenario(
            n_people=round(share * assumed.people[0]),
            effects=(assumed.effects[0],) * (len(compared) - 1),
            n_items=_n_items(design),
            accuracy=assumed.accuracy,
            practice=assumed.practice,
            weights=tuple(arm.weight for arm in compared),
            sd_participants=assumed.sd_participants,
            sd_items=assumed.sd_items,
            drop_out=assumed.drop_out,
            block_multiples=design.allocation.block_multiples,
        )
        own = design.plan
        plan = PowerPlan(
            scenario,
            "welch",
            own.alpha,
            assumed.n_studies,
            own.seed,
            own.multiplicity,
            looks=own.looks.times if own.looks else (),
            spending=own.looks.spending if own.looks else "obrien_fleming",
        )
        return grid(plan, [round(share * n) for n in assumed.people], assumed.effects)
    except AnalysisError as error:
        raise WrongState(str(error)) from error


def _n_items(design: Design) -> int:
    post = next(phase for phase in design.phases if phase.key == design.plan.post)
    return sum(design.item_set(block.item_set).n_items for block in post.blocks)


@transaction.atomic
def request_power(*, study: Study, assumed: Assumptions, actor: User | str) -> PowerRun:
    """Queue a grid; raises WrongState when another is under way, or a number is out of bounds."""
    design = design_of(study)
    plans = plans_of(design, assumed)
    if len(plans) > MAX_CELLS:
        raise WrongState(
            gettext("%(n)d sizes and effects came; choose %(most)d at most.") % {"n": len(plans), "most": MAX_CELLS}
        )
    if running_power(study):
        raise WrongState(gettext("The power is being computed already. Wait for it, or cancel it."))
    run = PowerRun.objects.create(
        study=study, assumptions=asdict(assumed), planned=design.allocation.capacity, plans=[encode(p) for p in plans]
    )
    total = sum(plan.n_studies for plan in plans)
    run.job = queue.enqueue(KIND, queue=queue.ANALYSIS, args={"run": run.pk}, study=study, total=total)
    run.save(update_fields=["job"])
    audit.record("asked for the power", str(study), actor=actor, study=study, after=run.assumptions)
    return run


def running_power(study: Study) -> PowerRun | None:
    """The grid that is being computed."""
    under_way = (JobState.PENDING, JobState.RUNNING)
    return PowerRun.objects.filter(study=study, job__state__in=under_way).select_related("job").first()


@transaction.atomic
def cancel_power(*, study: Study, actor: User | str) -> None:
    """Stop the grid under way; the cells that are done stay."""
    run = running_power(study)
    if run is None or run.job is None:
        raise WrongState(gettext("Nothing is being computed."))
    queue.cancel(run.job)
    audit.record("cancelled the power", str(study), actor=actor, study=study, after=len(run.cells))


def compute_power(claim: Claim) -> None:
    """Job: fill the grid, cell by cell; those of an earlier attempt are not computed again."""
    run = PowerRun.objects.get(pk=claim.job.args["run"])
    plans = [decode(PowerPlan, plan, "plan") for plan in run.plans]
    before = 0
    for number, plan in enumerate(plans):
        assert isinstance(plan, PowerPlan)
        if number >= len(run.cells) and not _fill(run, plan, claim, before):
            return
        before += plan.n_studies
    figure = power_figure(cells_of(run), planned=run.planned)
    run.figure = {"title": figure.title, "caption": figure.caption, "alt": figure.alt, "svg": figure.svg}
    run.save(update_fields=["figure"])


def _fill(run: PowerRun, plan: PowerPlan, claim: Claim, before: int) -> bool:
    """Compute the next cell and keep it; False when the job was cancelled or taken over."""

    def goes_on(done: int, total: int) -> bool:
        is_told = done == total or done % TELL_EVERY == 0
        return claim.renew(done=before + done) if is_told else True

    try:
        found = power(plan, progress=goes_on)
    except AnalysisError as error:
        raise StudyError(str(error)) from error
    if found.n_studies < plan.n_studies or not claim.renew():
        return False
    run.cells = [*run.cells, encode(cell(plan, found))]
    run.save(update_fields=["cells"])
    return True


def assumptions_of(run: PowerRun) -> Assumptions:
    """What a grid was asked with."""
    found = decode(Assumptions, run.assumptions, "assumptions")
    assert isinstance(found, Assumptions)
    return found


def cells_of(run: PowerRun) -> list[Cell]:
    """What is computed, with the people of all arms."""
    people = assumptions_of(run).people
    n_effects = len(assumptions_of(run).effects)
    cells = [decode(Cell, data, "cell") for data in run.cells]
    return [_of_all_arms(found, people[number // n_effects]) for number, found in enumerate(cells)]


def _of_all_arms(found: object, n_people: int) -> Cell:
    assert isinstance(found, Cell)
    return Cell(n_people, found.effect, found.power, found.interval, found.n_studies, found.n_failed)
