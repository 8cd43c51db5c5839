"""jsPsych's JSON: a list of trials, a list of such lists, or lists one after another, a line or a file a participant.

Names are jsPsych's own: trial_type, trial_index, time_elapsed, rt (ms, null on a time-out), response, correct. Answers
to a survey are an object; its parts become columns of their own, such as `response.Q0`.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from analysis.errors import ImportedFileError
from analysis.importing.records import Records

JSON: Final = json.JSONDecoder()
BLANKS: Final = re.compile(r"\s*")


def read_jspsych(path: Path) -> Records:
    """Read a file of trials.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Records
        Rows are the trials, counted from 1. A number is written as JSON writes it, true and false as these words,
        nothing as "".

    Raises
    ------
    ImportedFileError
        When it is not JSON, or holds something else than trials.
    """
    raw = path.read_bytes()
    trials = [_flat(trial) for trial in _trials(path.name, _documents(path.name, raw))]
    header = tuple(dict.fromkeys(name for trial in trials for name in trial))
    columns = {name: [trial.get(name, "") for trial in trials] for name in header}
    numbers = np.arange(1, len(trials) + 1, dtype=np.int64)
    return Records(path.name, header, columns, numbers, hashlib.sha256(raw).hexdigest())


def _documents(name: str, raw: bytes) -> list[object]:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ImportedFileError(name, [f"expected JSON in UTF-8: {error}"]) from error
    found: list[object] = []
    place = _after_blanks(text, 0)
    while place < len(text):
        try:
            document, place = JSON.raw_decode(text, place)
        except json.JSONDecodeError as error:
            raise ImportedFileError(name, [f"expected JSON, or one JSON list after another: {error}"]) from error
        found.append(document)
        place = _after_blanks(text, place)
    if not found:
        raise ImportedFileError(name, ["expected JSON, found an empty file"])
    return found


def _after_blanks(text: str, place: int) -> int:
    blanks = BLANKS.match(text, place)
    return blanks.end() if blanks else place


def _trials(name: str, documents: list[object]) -> Iterator[dict[str, object]]:
    """Walk through lists within lists to the trials."""
    for document in documents:
        if isinstance(document, list):
            yield from _trials(name, document)
        elif isinstance(document, dict):
            yield document
        else:
            raise ImportedFileError(name, [f"expected lists of trials, found {json.dumps(document)[:60]}"])


def _flat(trial: dict[str, object], prefix: str = "") -> dict[str, str]:
    cells: dict[str, str] = {}
    for key, value in trial.items():
        if isinstance(value, dict):
            cells |= _flat(value, f"{prefix}{key}.")
        else:
            cells[f"{prefix}{key}"] = _text(value)
    return cells


def _text(value: object) -> str:
    if value is None:
        return ""
    return value.strip() if isinstance(value, str) else json.dumps(value)
