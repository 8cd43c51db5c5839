"""oTree's wide CSV: one row a participant, columns such as `quiz.3.player.answer` (app, round, part and field)."""

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from analysis.importing.csv_file import read_csv
from analysis.importing.records import Records

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
        One row a participant, without those that oTree marks as bots. Made long by `PATTERN`, each app and round is a
        row with the columns `app`, `round` and such as `player.answer`; those of the participant and the session stand
        on each.
    """
    records = read_csv(path, None)
    if IS_BOT in records.columns:
        people = np.array([cell not in ("1", "True", "true") for cell in records.columns[IS_BOT]], dtype=np.bool_)
        n_bots = int((~people).sum())
        if n_bots:
            note = f"{n_bots} participants that oTree marks as bots are left out."
            records = replace(records.only(people), notes=(*records.notes, note))
    return records
