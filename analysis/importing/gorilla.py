"""Gorilla's long CSV: one row an event, between rows that say where a task begins and ends."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from analysis.importing.csv_file import read_csv
from analysis.importing.records import Records

END: Final = "END OF FILE"
MARKS: Final = ("BEGIN TASK", "END TASK")
EVENT, TRIAL, VERSION = "Event Index", "Trial Number", "Experiment Version"


def read_gorilla(path: Path, wanted: Collection[str]) -> Records:
    """Read the data of one task or questionnaire.

    Parameters
    ----------
    path : Path
    wanted : collection of str
        The columns to keep.

    Returns
    -------
    Records
        Without the rows that mark a task's beginning and end, and without the file's last.
    """
    records = read_csv(path, {*wanted, EVENT, TRIAL, VERSION})
    keep = np.ones(len(records), dtype=np.bool_)
    for name, marks in ((EVENT, (END,)), (TRIAL, MARKS)):
        if name in records.columns:
            keep &= np.array([cell not in marks for cell in records.columns[name]], dtype=np.bool_)
    records = records.only(keep)
    versions = sorted(set(records.columns.get(VERSION, ())) - {""})
    if len(versions) < 2:
        return records
    note = f"The file holds the versions {', '.join(versions)} of the experiment together."
    return replace(records, notes=(*records.notes, note))
