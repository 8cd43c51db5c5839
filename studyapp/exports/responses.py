"""The response table, one row a screen: what the researcher downloads is what the analysis reads."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import IO

from analysis.columns import COLUMNS
from studyapp.design.facts import ItemTruth
from studyapp.design.order import Step
from studyapp.exports.sheets import write_table
from studyapp.models import Assignment, Decline, Enrolment, Response, Stage
from studyapp.models.frozen import FrozenStudy, frozen_study, truths
from studyapp.models.participants import EnrolmentState
from studyapp.models.quality import shared_browsers
from studyapp.models.snapshot import one_snapshot
from studyapp.screens import passes
from studyapp.tasktypes import TASK_TYPES

Row = dict[str, object]
TRAIL = ("painted_ms", "first_touch_ms", "chosen_ms", "changes", "focus_lost", "focus_lost_ms", "pastes")
TRIAL_TYPES = {"comprehension": "comprehension_check", "phase_intro": "instructions"}
CHUNK = 500  # enrolments held in memory at a time


@dataclass(frozen=True)
class Sheet:
    """What every row of a stage needs."""

    stage: Stage
    study: FrozenStudy
    truths: Mapping[str, ItemTruth]
    shared_browsers: frozenset[str]


def sheet_of(stage: Stage) -> Sheet:
    """Read what the rows of a stage share."""
    design_id = stage.study.frozen.pk
    return Sheet(stage, frozen_study(design_id), truths(design_id), shared_browsers(stage.study))


def analysed_with(stage: Stage) -> list[Stage]:
    """The stages that the plan analyses together with this one; a rehearsal or an unplanned stage stands alone."""
    planned = frozen_study(stage.study.frozen.pk).design.plan.stages
    if stage.kind not in planned:
        return [stage]
    return list(stage.study.stages.filter(kind__in=planned).select_related("study__frozen").order_by("pk"))


@one_snapshot()
def responses_csv(stages: Iterable[Stage]) -> str:
    """The whole table of some stages as text; see `response_rows`."""
    buffer = io.StringIO()
    write_csv(buffer, response_rows(stages))
    return buffer.getvalue()


def write_csv(file: IO[str], rows: Iterable[Row], twin: IO[str] | None = None) -> None:
    """Write rows under one header row, and into `twin` the same as JSON Lines."""
    write_table(file, [column.name for column in COLUMNS], rows, twin)


def response_rows(stages: Iterable[Stage]) -> Iterator[Row]:
    """Every row of the stages, participant after participant in the order of arrival; raw facts and derived scores."""
    for stage in stages:
        yield from _rows_of_stage(stage)


def _rows_of_stage(stage: Stage) -> Iterator[Row]:
    sheet = sheet_of(stage)
    enrolments = Enrolment.objects.filter(stage=stage).select_related("evidence").order_by("pk")
    chunk: list[Enrolment] = []
    for enrolment in enrolments.iterator(CHUNK):
        chunk.append(enrolment)
        if len(chunk) == CHUNK:
            yield from _rows_of_chunk(sheet, chunk)
            chunk = []
    yield from _rows_of_chunk(sheet, chunk)
    for number, decline in enumerate(Decline.objects.filter(stage=stage).order_by("pk"), start=1):
        yield {
            **_head(sheet, f"declined-{stage.pk}-{number}"),
            "trial_index": 0,
            "trial_type": "consent",
            "response": "declined",
            "attempt": 1,
            "answered_at": _time(decline.declined_at),
        }


def _rows_of_chunk(sheet: Sheet, chunk: list[Enrolment]) -> Iterator[Row]:
    responses: dict[int, list[Response]] = {enrolment.pk: [] for enrolment in chunk}
    for response in Response.objects.filter(enrolment__in=chunk).order_by("position", "attempt"):
        responses[response.enrolment_id].append(response)
    assigned = {
        row.enrolment_id: row for row in Assignment.objects.filter(enrolment__in=chunk).select_related("stratum")
    }
    for enrolment in chunk:
        allocation = _allocation(sheet, assigned.get(enrolment.pk), enrolment.enrolled_at)
        rows = _rows_of(sheet, enrolment, responses[enrolment.pk], allocation)
        for index, row in enumerate(rows):
            kept = _without_times(row) if enrolment.erased_at else row
            yield {**_head(sheet, enrolment.code), **kept, "trial_index": index}


def _without_times(row: Row) -> Row:
    """Of who was erased no moment is told: only that somebody had this place."""
    return {key: value for key, value in row.items() if key not in {"time_elapsed", "answered_at"}}


def _rows_of(sheet: Sheet, enrolment: Enrolment, responses: list[Response], allocation: Row) -> Iterator[Row]:
    start = enrolment.enrolled_at
    yield {
        "trial_type": "consent",
        "response": "consented",
        "attempt": 1,
        **_arrival(sheet, enrolment),
        **_when(start, start),
    }
    place: Row = {}
    withdrawn = enrolment.state == EnrolmentState.WITHDRAWN
    for response in [] if withdrawn else responses:
        step = sheet.study.steps(enrolment.order_seed)[response.position]
        if allocation and step.phase:
            place = {key: allocation[key] for key in PLACE}
            yield allocation
            allocation = {}
        yield {**place, **_answer(sheet, step, response), **_times(response, start)}
    if allocation:
        place = {key: allocation[key] for key in PLACE}
        yield allocation
    if withdrawn or enrolment.state == EnrolmentState.COMPLETED:
        kind = "withdrawal" if withdrawn else "completion"
        yield {**place, "trial_type": kind, "attempt": 1, **_when(enrolment.ended_at or start, start)}


PLACE = ("arm", "stratum", "sequence", "permuted_block", "block_size")


def _head(sheet: Sheet, subject: str) -> Row:
    return {
        "study_id": str(sheet.stage.study.public_id),
        "subject_id": subject,
        "stage": sheet.stage.kind,
        "simulated": int(sheet.stage.is_simulated),
    }


def _arrival(sheet: Sheet, enrolment: Enrolment) -> Row:
    """How they came; nothing of it where people came before it was kept."""
    evidence = getattr(enrolment, "evidence", None)
    if evidence is None:
        return {}
    return {
        "arrival": evidence.proof,
        "seen_before": evidence.seen_before,
        "shared_browser": int(evidence.browser in sheet.shared_browsers),
    }


def _allocation(sheet: Sheet, assignment: Assignment | None, start: datetime) -> Row:
    if assignment is None:
        return {}
    # A second top-up has a sequence of its own, so it is a stratum of its own.
    again = f" ({sheet.stage.number})" if sheet.stage.number > 1 else ""
    return {
        "trial_type": "allocation",
        "arm": assignment.arm,
        "stratum": (assignment.stratum.key or "all") + again,
        "sequence": assignment.sequence,
        "permuted_block": assignment.permuted_block,
        "block_size": assignment.block_size,
        "attempt": 1,
        **_when(assignment.assigned_at, start),
    }


def _answer(sheet: Sheet, step: Step, response: Response) -> Row:
    row: Row = {
        "trial_type": step.task or TRIAL_TYPES.get(step.kind, step.kind),
        "phase": step.phase,
        "block": step.block,
        "attempt": response.attempt,
        "response": response.answer.get("choice", ""),
    }
    if step.kind == "comprehension":
        passed = passes(sheet.study.design.comprehension.questions, response.answer["choices"])
        row["response"] = "passed" if passed else "failed"
    elif step.kind == "rating":
        row |= {"item": step.key, "rating": response.answer["rating"], "response": ""}
    elif step.kind == "trial":
        row |= _trial(sheet, step, response)
    return row


def _trial(sheet: Sheet, step: Step, response: Response) -> Row:
    truth = sheet.truths[step.key]
    score = TASK_TYPES[step.task].score(response.answer, truth)
    row: Row = {"item": step.key, "label": truth.label, "model_output": score.asked if score else truth.output}
    if TASK_TYPES[step.task].facts.needs_perturbation:
        changes = sheet.study.items[step.key].changes
        row["model_output_original"] = truth.output
        row["perturbation"] = "; ".join(f"{where}: {old} → {new}" for where, old, new in changes)
    if score:
        row["correct"] = int(score.is_correct)
    return row


def _times(response: Response, start: datetime) -> Row:
    trail = {key: response.trail[key] for key in TRAIL if key in response.trail}
    optional = {"rt": response.response_ms, "server_ms": response.server_ms}
    known = {key: value for key, value in optional.items() if value is not None}
    return {**trail, **known, **_when(response.received_at, start)}


def _when(moment: datetime, start: datetime) -> Row:
    elapsed = max(0, round((moment - start).total_seconds() * 1000))  # a clock that is set back is no negative time
    return {"time_elapsed": elapsed, "answered_at": _time(moment)}


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
