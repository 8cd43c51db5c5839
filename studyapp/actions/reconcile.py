"""A panel's list of submissions beside our enrolments: who is in both, with us alone, at the panel alone.

The ids come in, are turned into pseudonyms in memory and compared; none is stored.
"""

from __future__ import annotations

import csv
import hmac
import io
from collections import Counter
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext

from studyapp.actions import audit
from studyapp.actions.enrol import clean_id
from studyapp.errors import NotEligible, StudyError
from studyapp.models import Enrolment, Lab, Study, User

MAX_ROWS = 20_000
MAX_LISTED = 500  # ids shown of one kind; more than anybody follows up by hand
ID_COLUMNS = ("participant id", "participant_id", "prolific_pid", "prolific id", "workerid", "worker id", "participant")
STATE_COLUMNS = ("status", "submission status", "assignmentstatus", "state")


class ListRefused(StudyError):
    """A list that cannot be read; the text says what was expected."""


@dataclass(frozen=True)
class Submission:
    """A line of the panel's list."""

    panel_id: str
    status: str


@dataclass(frozen=True)
class Comparison:
    """A panel's list and a study's enrolments, side by side.

    `both` counts pairs of the panel's status and our state; `only_with_us` holds subject codes and our state.
    """

    both: tuple[tuple[str, str, int], ...]
    only_with_us: tuple[tuple[str, str], ...]
    only_at_panel: tuple[Submission, ...]
    twice: int  # lines for somebody who stands in the list already

    @property
    def n_both(self) -> int:
        return sum(n for _, _, n in self.both)


def read_submissions(text: str, panel: str) -> list[Submission]:
    """Read a panel's CSV, or one id a line; raises ListRefused for what is neither."""
    try:
        rows = [row for row in csv.reader(io.StringIO(text), strict=True) if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise ListRefused(gettext("This is no list: expected CSV text, or one id a line.")) from error
    if not rows or len(rows) > MAX_ROWS:
        raise ListRefused(gettext("Expected 1 to %(n)d lines.") % {"n": MAX_ROWS})
    header = [cell.strip().strip("\ufeff").lower() for cell in rows[0]]
    where = _column(header, ID_COLUMNS)
    if where is None and len(rows[0]) > 1:
        raise ListRefused(gettext("No column is named “Participant id”. Paste the list with its header."))
    state = _column(header, STATE_COLUMNS)
    body = rows if where is None else rows[1:]
    return [_submission(number, row, where or 0, state, panel) for number, row in enumerate(body, start=1)]


def _column(header: list[str], names: tuple[str, ...]) -> int | None:
    return next((header.index(name) for name in names if name in header), None)


def _submission(number: int, row: list[str], where: int, state: int | None, panel: str) -> Submission:
    try:
        panel_id = clean_id(panel, row[where], "id")
    except (IndexError, NotEligible) as error:
        raise ListRefused(gettext("Line %(n)d has no usable id.") % {"n": number}) from error
    status = row[state].strip()[:40] if state is not None and state < len(row) else ""
    return Submission(panel_id, status)


@transaction.atomic
def reconcile(*, study: Study, panel: str, submissions: list[Submission], actor: User) -> Comparison:
    """Compare a panel's list with everybody who came from that panel; the trail keeps the counts alone."""
    ours = {
        enrolment.participant.pseudonym: enrolment
        for enrolment in Enrolment.objects.real()
        .filter(study=study, evidence__panel=panel, participant__isnull=False)
        .select_related("participant")
        if enrolment.participant
    }
    theirs = {_pseudonym(study.lab, panel, submission.panel_id): submission for submission in reversed(submissions)}
    pairs = Counter(
        (submission.status, ours[key].get_state_display()) for key, submission in theirs.items() if key in ours
    )
    found = Comparison(
        both=tuple((status, state, n) for (status, state), n in sorted(pairs.items())),
        only_with_us=tuple(
            sorted((row.code, row.get_state_display()) for key, row in ours.items() if key not in theirs)
        ),
        only_at_panel=tuple(
            sorted((row for key, row in theirs.items() if key not in ours), key=lambda row: (row.status, row.panel_id))
        ),
        twice=len(submissions) - len(theirs),
    )
    counts = {"both": found.n_both, "only_with_us": len(found.only_with_us), "only_at_panel": len(found.only_at_panel)}
    audit.record("reconciled with a panel", f"study {study.public_id}", actor=actor, study=study, after=counts)
    return found


def _pseudonym(lab: Lab, panel: str, panel_id: str) -> str:
    return hmac.new(bytes(lab.pseudonym_key), f"{panel}:{panel_id}".encode(), "sha256").hexdigest()
