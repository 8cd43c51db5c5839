"""The door of this package: tables and designs in, a report and its figures out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from analysis.beside import other_outcomes, utility_curves
from analysis.checks import check_table
from analysis.closed import closed_tests
from analysis.codec import Json, encode
from analysis.describe import answers
from analysis.describe.flagged import flag_rates
from analysis.describe.flow import SampleRatio, attrition, flow, sample_ratios
from analysis.describe.learning import learning
from analysis.design import Design, read_design
from analysis.enrolments import Enrolments, read_enrolments
from analysis.errors import EmptyStudyError, TableError
from analysis.estimands import ESTIMANDS
from analysis.estimands.base import Outcome, Question
from analysis.estimation import Estimation, planned_estimates
from analysis.importing import import_responses, import_study
from analysis.inference.counts import ALARM_P
from analysis.inference.welch import mean_of
from analysis.items import vary_over_items
from analysis.looks import LookMade, SequentialTest, look_now, read_looks, sequential_tests, stops
from analysis.losses import baseline, impute_losses
from analysis.protocol import adherence, as_planned
from analysis.quality.flags import raise_flags
from analysis.reliabilities import reliabilities
from analysis.report import SCHEMA_VERSION, ArmMean, Report, provenance, report_from_json
from analysis.sensitivity import sensitivity_estimates, unflagged_estimates
from analysis.table import ResponseTable, read_table
from analysis.types import IntArray
from analysis.weighed import weigh

if TYPE_CHECKING:
    from analysis.figures import Figure

__all__ = [
    "LookMade",
    "analyse",
    "draw_figures",
    "import_responses",
    "import_study",
    "look",
    "look_document",
    "read_design",
    "read_looks",
    "read_table",
    "report_from_json",
    "stops",
]


def analyse(
    table: ResponseTable,
    design: Design,
    *,
    stages: Sequence[str] | None = None,
    draws: int | None = None,
    looks: Sequence[LookMade] = (),
) -> Report:
    """Compute what the plan asks for, and list what was not as planned.

    Parameters
    ----------
    table : ResponseTable
    design : Design
    stages : sequence of str, optional
        Analyse these people instead of the plan's; the report says so.
    draws : int, optional
        Re-draw the allocation this often instead of as planned; the report says so.
    looks : sequence of LookMade
        Those that were made before the end, in order.

    Returns
    -------
    Report
        The same for the same inputs, whatever the order of the rows.

    Raises
    ------
    TableError
        When the table contradicts itself or the design, or the stages hold both real and simulated people.
    EmptyStudyError
        When nobody in these stages was allocated.
    """
    check_table(table, design)
    chosen = tuple(stages) if stages is not None else design.plan.stages
    return _report(_study(table, design, chosen, draws), table.sha256, looks)


def look(table: ResponseTable, design: Design) -> LookMade:
    """Compute what a planned look before the end needs, and nothing else.

    Parameters
    ----------
    table : ResponseTable
        Of the people who are counted: those whose outcomes are known, or will not be.
    design : Design
        With planned looks.

    Raises
    ------
    TableError, EmptyStudyError
        As `analyse` does.
    """
    check_table(table, design)
    study = _study(table, design, design.plan.stages, None)
    assert design.capacity is not None  # a design with looks says it
    work = Estimation(design, study.enrolments.allocation, study.draws)
    return look_now(work, study.outcome(design.plan.missing), design.capacity)


def _study(table: ResponseTable, design: Design, chosen: tuple[str, ...], draws: int | None) -> "_Study":
    people = _people(table, chosen)
    return _Study(people, design, chosen, read_enrolments(people, design), draws or design.plan.draws)


def look_document(made: LookMade) -> Json:
    """Return a look as JSON data; `read_looks` reads a list of them."""
    return encode(made)


def draw_figures(report: Report) -> "tuple[Figure, ...]":
    """Draw the report's charts; see `analysis.figures.draw_figures`."""
    # The chart library takes a second to import, which a reader of tables need not wait for.
    from analysis.figures import draw_figures as draw

    return draw(report)


@dataclass(frozen=True)
class _Study:
    """The people analysed, and how."""

    table: ResponseTable
    design: Design
    stages: tuple[str, ...]
    enrolments: Enrolments
    draws: int

    def outcome(self, missing: str) -> Outcome:
        plan = self.design.plan
        question = Question(plan.pre, plan.post, missing, self.design.trim)
        return ESTIMANDS[plan.estimand].measure(self.table, self.positions, len(self.enrolments), question)

    @cached_property
    def positions(self) -> IntArray:
        """Whose each row is; see `Enrolments.positions`."""
        return self.enrolments.positions(self.table)


def _people(table: ResponseTable, stages: tuple[str, ...]) -> ResponseTable:
    people = table.only(np.isin(table.stage, stages))
    where = " and ".join(stages)
    if len(set(people.simulated.tolist())) > 1:
        raise TableError(
            "responses.csv",
            [f"column simulated: {where} holds real and simulated people; they are never analysed together"],
        )
    if not (people.trial_type == "allocation").any():
        others = sorted(set(table.stage.tolist()) - set(stages))
        hint = f"; the table holds the stages {', '.join(others)} (choose with --stage)" if others else ""
        raise EmptyStudyError(f"nobody was allocated in the stages analysed ({where}){hint}")
    return people


def _report(study: _Study, responses_sha256: str, looks: Sequence[LookMade]) -> Report:
    design, plan = study.design, study.design.plan
    estimand = ESTIMANDS[plan.estimand]
    outcome = study.outcome(plan.missing)
    others = {text: study.outcome(rule) for rule, text in estimand.missing_rules.items() if rule != plan.missing}
    work = Estimation(design, study.enrolments.allocation, study.draws)
    rows = answers.describe_rows(study.table, design, study.enrolments, work.level)
    people = flow(study.table, design, study.enrolments, outcome)
    ratios = sample_ratios(people.arms, design)
    flags = raise_flags(study.table, design.rules, study.enrolments.subjects)
    sequential = _sequential(study, work, outcome, looks)
    return Report(
        schema_version=SCHEMA_VERSION,
        study_id=str(study.table.study_id[0]),
        title=design.title,
        stages=study.stages,
        is_simulated=bool(study.table.simulated[0]),
        is_imported=design.is_imported,
        arms=design.arms,
        phases=design.phases,
        plan=plan,
        estimand_title=estimand.title,
        unit=estimand.unit,
        estimand=estimand.attributes,
        estimates=planned_estimates(work, outcome),
        unflagged=unflagged_estimates(work, outcome, flags.of_anybody),
        sensitivity=sensitivity_estimates(work, outcome, others),
        weighed=weigh(work, outcome),
        losses=impute_losses(work, outcome, baseline(study.table, study.enrolments, plan.pre)),
        protocol=as_planned(work, outcome, adherence(study.table, design, study.enrolments)),
        closed=closed_tests(work, outcome),
        sequential=sequential,
        items=vary_over_items(work, study.table, rows.positions),
        reliabilities=reliabilities(work, outcome, study.table, rows.positions),
        others=other_outcomes(work, study.table, rows.positions),
        utility=utility_curves(work, study.table, rows.positions),
        learning=learning(rows),
        arm_means=_arm_means(study, outcome, work.level),
        accuracy=answers.accuracy(rows),
        own_label=answers.own_label(rows),
        response_times=answers.response_times(rows),
        ratings=answers.ratings(rows),
        flow=people,
        attrition=attrition(people.arms),
        sample_ratios=ratios,
        flag_rates=flag_rates(flags, design, study.enrolments, work.level),
        draws=study.draws,
        deviations=(*_deviations(study, outcome), *_broken_ratios(ratios), *_strayed_looks(sequential)),
        provenance=provenance(responses_sha256, design.sha256, _seeds(work)),
    )


def _sequential(
    study: _Study, work: Estimation, outcome: Outcome, looks: Sequence[LookMade]
) -> tuple[SequentialTest, ...]:
    """The family at the planned looks; of stages that the plan does not name there were none."""
    design = study.design
    if design.looks is None or design.capacity is None or study.stages != design.plan.stages:
        return ()
    end = look_now(work, outcome, design.capacity)
    # Whoever withdraws later is in no later count; a look that held more people than there are now tells nothing more.
    before = [look for look in looks if look.n_enrolments < end.n_enrolments]
    return sequential_tests(design.looks, [*before, end], ESTIMANDS[design.plan.estimand].unit)


def _strayed_looks(tests: Sequence[SequentialTest]) -> list[str]:
    """What was not as planned at the looks, each once: contrasts share their looks."""
    return list(dict.fromkeys(sentence for test in tests for sentence in test.deviations))


def _seeds(work: Estimation) -> dict[str, int]:
    permutation, bootstrap = work.seeds
    return {"plan": work.design.plan.seed, "permutation": permutation, "bootstrap": bootstrap}


def _arm_means(study: _Study, outcome: Outcome, level: float) -> tuple[ArmMean, ...]:
    found = []
    for number, arm in enumerate(study.design.arms):
        values = outcome.values[study.enrolments.allocation.arm == number]
        mean = mean_of(values, level)
        found.append(ArmMean(arm.key, mean.value, mean.interval, int((~np.isnan(values)).sum())))
    return tuple(found)


def _deviations(study: _Study, outcome: Outcome) -> Iterator[str]:
    """Say, in sentences, what was not as planned and what was missing."""
    plan, n = study.design.plan, len(study.enrolments)
    yield from study.design.assumptions or ()
    if study.stages != plan.stages:
        yield f"Stages analysed: {', '.join(study.stages)}; planned: {', '.join(plan.stages)}."
    if study.table.simulated[0]:
        yield "Everybody analysed is simulated: this says nothing about people."
    if study.draws != plan.draws:
        yield f"Re-draws of the allocation: {study.draws}; planned: {plan.draws}."
    missing = int((~outcome.is_observed).sum())
    if missing:
        rule = ESTIMANDS[plan.estimand].missing_rules[plan.missing]
        yield f"{missing} of {n} allocated lack the answers that the outcome is made of: {rule}, as planned."
    if study.enrolments.missing_places:
        places = study.enrolments.missing_places
        yield f"Places of the allocation sequence that are not in the table: {places}; somebody allocated is missing."
    yield from _arms_without_outcomes(study, outcome)
    yield from _items_in_one_arm(study)


def _broken_ratios(ratios: Sequence[SampleRatio]) -> Iterator[str]:
    """A ratio that chance hardly explains: the randomization, or what comes after it, treats arms differently."""
    for ratio in ratios:
        if ratio.is_alarm:
            found = ", ".join(
                f"{arm} {count} of {ratio.expected[arm]:.0f} expected" for arm, count in ratio.counts.items()
            )
            yield f"People {ratio.reached} are not in the planned ratio (p < {ALARM_P}): {found}. Find out why first."


def _arms_without_outcomes(study: _Study, outcome: Outcome) -> Iterator[str]:
    for number, arm in enumerate(study.design.arms):
        observed = int(outcome.is_observed[study.enrolments.allocation.arm == number].sum())
        if observed == 0:
            yield f"Nobody in arm {arm.title!r} has an outcome: its contrasts are not estimated."
        elif observed == 1:
            yield f"One person in arm {arm.title!r} has an outcome: too few to say how far off an estimate may be."


def _items_in_one_arm(study: _Study) -> Iterator[str]:
    """Items asked in one arm only make arms differ by their items (crossing is a rule of the design)."""
    table, plan = study.table, study.design.plan
    asked = table.is_simulation & np.isin(table.phase, (plan.pre, plan.post))
    arms_of: dict[str, set[str]] = {}
    for item, arm in zip(table.item[asked], table.arm[asked], strict=True):
        arms_of.setdefault(item, set()).add(arm)
    alone = sum(len(arms) == 1 for arms in arms_of.values())
    if alone and len(set(table.arm[asked].tolist())) > 1:
        yield f"{alone} of {len(arms_of)} items were answered in one arm only: arms are compared on different items."
