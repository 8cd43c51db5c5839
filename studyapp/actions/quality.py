"""Data quality while a study is blind: counts over all arms. Nothing here says in which arm anything is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import groupby, islice

from django.db import transaction
from django.db.models import Count, Q

from analysis.describe.flow import STAGES_CHECKED
from analysis.inference.counts import sample_ratio_test
from analysis.quality.registry import RULES, meaning
from studyapp import queue
from studyapp.actions import audit
from studyapp.exports.flags import BATCH, flags_of, planned_rules
from studyapp.exports.responses import response_rows
from studyapp.models import Enrolment, Evidence, Job, QualityCheck, Stage, Study, User
from studyapp.models.frozen import FrozenStudy, frozen_study
from studyapp.models.participants import EnrolmentState
from studyapp.models.quality import Proof, shared_browsers
from studyapp.models.studies import StageKind
from studyapp.queue import Claim

CHECK = "quality"


@dataclass(frozen=True)
class RuleCount:
    """How many people a rule flags, over all arms."""

    rule: str
    title: str
    meaning: str
    flagged: int


@dataclass(frozen=True)
class Flagged:
    """What the frozen rules flag in a stage, over all arms."""

    allocated: int
    flagged: int
    rules: tuple[RuleCount, ...]


@dataclass(frozen=True)
class Arrivals:
    """How the people of a stage came, and who may be one person twice."""

    by_proof: tuple[tuple[str, int], ...]
    seen_before: int
    sharing_a_browser: int


def ratio_alarms(stage: Stage) -> tuple[str, ...]:
    """How far people came ("allocated", "started", "completed") where the arms' counts are not as planned.

    That a check fired is all that is told: neither the arm nor the side.
    """
    study = frozen_study(stage.study.frozen.pk)
    weights = {arm.key: arm.weight for arm in study.design.arms}
    counts = _counts_by_arm(stage, study)
    alarms = []
    for reached in STAGES_CHECKED:
        test = sample_ratio_test([counts.get(arm, {}).get(reached, 0) for arm in weights], list(weights.values()))
        if test is not None and test.is_alarm:
            alarms.append(reached)
    return tuple(alarms)


def _counts_by_arm(stage: Stage, study: FrozenStudy) -> dict[str, Mapping[str, int]]:
    """People allocated, started (an answer after that) and completed, by arm; the withdrawn as the table has them."""
    first = next(index for index, step in enumerate(study.steps(0)) if step.phase)
    answered = Q(position__gt=first) & ~Q(state=EnrolmentState.WITHDRAWN)
    rows = Enrolment.objects.filter(stage=stage).exclude(arm="").values("arm")
    counted = rows.annotate(
        allocated=Count("pk"),
        started=Count("pk", filter=answered),
        completed=Count("pk", filter=Q(state=EnrolmentState.COMPLETED)),
    )
    return {
        row["arm"]: {"allocated": row["allocated"], "started": row["started"], "completed": row["completed"]}
        for row in counted
    }


def arrivals_of(stage: Stage) -> Arrivals:
    """Count how a stage's people came."""
    came = Evidence.objects.filter(enrolment__stage=stage)
    by_proof = dict(came.values_list("proof").annotate(n=Count("pk")).order_by())
    return Arrivals(
        by_proof=tuple((str(proof.label), by_proof.get(proof.value, 0)) for proof in Proof),
        seen_before=came.filter(seen_before__gt=0).count(),
        sharing_a_browser=came.filter(browser__in=shared_browsers(stage.study)).count(),
    )


@transaction.atomic
def request_check(*, stage: Stage, actor: User) -> Job:
    """Have a worker apply the frozen rules to a stage."""
    job = _enqueue(stage)
    audit.record("asked for flags", str(stage), actor=actor, study=stage.study)
    return job


def check_all(study: Study) -> None:
    """Have the rules applied to all stages of people, so that flags are listed before anybody sees an arm."""
    for stage in study.stages.exclude(kind=StageKind.REHEARSAL).filter(allocated__gt=0):
        stage.study = study
        _enqueue(stage)


def _enqueue(stage: Stage) -> Job:
    check = QualityCheck.objects.create(stage=stage)
    check.job = queue.enqueue(CHECK, queue=queue.ANALYSIS, args={"check": check.pk}, study=stage.study)
    check.save(update_fields=["job"])
    return check.job


def check_quality(claim: Claim) -> None:
    """Job: count whom the rules flag."""
    check = QualityCheck.objects.select_related("stage__study__frozen").get(pk=claim.job.args["check"])
    check.document = asdict(flagged_in(check.stage))
    check.save(update_fields=["document"])


def flagged_in(stage: Stage) -> Flagged:
    """Apply the frozen rules to everybody allocated in a stage."""
    design = frozen_study(stage.study.frozen.pk).design
    people = (list(rows) for _, rows in groupby(response_rows([stage]), key=lambda row: row["subject_id"]))
    everybody = (rows for rows in people if any(row["trial_type"] == "allocation" for row in rows))
    counts = dict.fromkeys((planned.rule for planned in planned_rules(design)), 0)
    allocated = flagged = 0
    while batch := list(islice(everybody, BATCH)):
        raised = flags_of(design, batch)
        allocated += len(batch)
        flagged += sum(bool(rules) for rules in raised.values())
        for rule in (rule for rules in raised.values() for rule in rules):
            counts[rule] += 1
    rules = tuple(
        RuleCount(planned.rule, RULES[planned.rule].title, meaning(planned.rule, planned.params), counts[planned.rule])
        for planned in planned_rules(design)
    )
    return Flagged(allocated, flagged, rules)
