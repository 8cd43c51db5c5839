"""oTree's wide CSV: one row a participant, columns such as `quiz.3.player.answer` (app, round, part and field)."""

from pathlib import Path
from typing import Final

import numpy as np

from analysis.importing.csv_file import read_csv
from analysis.importing.records import Records
from analysis.importing.wide import lengthen

PATTERN: Final = (
    r"(?!participant\.|session\.)(?P<app>\w+)\.(?P<round>[0-9]+)\.(?P<field>(?:player|group|subsession)\.\w+)"
)
IS_BOT: Final = "participant._is_bot"


def read_otree(path: Path) -> Records:
    """Read oTree's wide export, of all apps or of one.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Records
        One row a participant, app and round, with the columns `app`, `round` and such as `player.answer`; columns of
        the participant and the session stand on each. Participants that oTree marks as bots are left out.
    """
    records = read_csv(path, None)
    if IS_BOT in records.columns:
        people = np.array([cell not in ("1", "True", "true") for cell in records.columns[IS_BOT]], dtype=np.bool_)
        n_bots = int((~people).sum())
        if n_bots:
            records = _noted(records.only(people), f"{n_bots} participants that oTree marks as bots are left out.")
    return lengthen(records, PATTERN)


def _noted(records: Records, note: str) -> Records:
    return Records(records.name, records.header, records.columns, records.row, records.sha256, (*records.notes, note))
