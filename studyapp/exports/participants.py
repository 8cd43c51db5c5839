"""The wide table: one row a participant, derived from the long one so that the two cannot disagree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from statistics import median

from studyapp.design.schema import Design
from studyapp.exports.flags import BATCH, flags_of
from studyapp.exports.responses import PLACE, Row

STATES = {"completion": "completed", "withdrawal": "withdrawn"}


def participant_columns(design: Design) -> list[str]:
    """The columns of the wide table of a design, in order."""
    tests = [phase.key for phase in design.phases if phase.kind == "test"]
    return [
        "study_id",
        "subject_id",
        "stage",
        "simulated",
        *PLACE,
        "state",
        "n_rows",
        *(f"accuracy_{phase}" for phase in tests),
        *(f"n_{phase}" for phase in tests),
        *(f"median_rt_ms_{phase}" for phase in tests),
        *(f"rating_{rating.key}" for rating in design.ratings),
        "minutes",
        "arrival",
        "flags",
    ]


def participant_rows(design: Design, rows: Iterable[Row]) -> Iterator[Row]:
    """Fold the long table's rows, which come subject by subject."""
    people = (list(group) for _, group in groupby(rows, key=lambda row: row["subject_id"]))
    while batch := list(islice(people, BATCH)):
        flags = flags_of(design, batch)
        for mine in batch:
            raised = flags.get(str(mine[0]["subject_id"]), ())
            yield {**_fold(design, mine), "flags": "; ".join(raised)}


def _fold(design: Design, rows: list[Row]) -> Row:
    first = rows[0]
    wide: Row = {key: first[key] for key in ("study_id", "subject_id", "stage", "simulated")}
    allocation = next((row for row in rows if row["trial_type"] == "allocation"), {})
    wide |= {key: allocation.get(key, "") for key in PLACE}
    wide["state"] = _state(rows)
    wide["n_rows"] = len(rows)
    for phase in design.phases:
        if phase.kind == "test":
            wide |= _phase(phase.key, [row for row in rows if row.get("phase") == phase.key and "correct" in row])
    for row in rows:
        if row["trial_type"] == "rating":
            wide[f"rating_{row['item']}"] = row["rating"]
    elapsed = [float(str(row["time_elapsed"])) for row in rows if "time_elapsed" in row]
    wide["arrival"] = first.get("arrival", "")
    wide["minutes"] = round(max(elapsed, default=0.0) / 60_000, 2)
    return wide


def _state(rows: list[Row]) -> str:
    last = str(rows[-1]["trial_type"])
    if rows[0].get("response") == "declined":
        return "declined"
    return STATES.get(last, "incomplete")


def _phase(key: str, rows: list[Row]) -> Row:
    if not rows:
        return {f"accuracy_{key}": "", f"n_{key}": 0, f"median_rt_ms_{key}": ""}
    correct = [int(str(row["correct"])) for row in rows]
    times = [int(str(row["rt"])) for row in rows if "rt" in row]
    return {
        f"accuracy_{key}": sum(correct) / len(correct),
        f"n_{key}": len(correct),
        f"median_rt_ms_{key}": median(times) if times else "",
    }
