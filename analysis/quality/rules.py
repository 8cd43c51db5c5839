"""Who is flagged by what. A flag is a reason to look twice, never a proof: bots imitate times, and people hurry.

Each rule reads one `Person` and its own parameters. Shares are of the answers for which the fact is known, and too few
of them flag nobody.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from analysis.quality.base import Person
from analysis.types import BoolArray, TextArray

FEWEST: Final = 8  # answers; a share or a spread of fewer says little

Params = Mapping[str, float]


def fast_trials(person: Person, params: Params) -> bool:
    """Answers within a time in which nobody reads the input; the shorter of both clocks counts."""
    times = np.fmin(person.rt, person.server_ms)
    known = times[~np.isnan(times)]
    return _reaches(known < params["ms"], params["share"])


def clock_mismatch(person: Person, params: Params) -> bool:
    """Times claimed by the browser that do not fit into the server's own interval."""
    if person.is_simulated:
        return False
    known = ~np.isnan(person.rt) & ~np.isnan(person.server_ms)
    return _reaches(person.rt[known] > person.server_ms[known] + params["ms"], params["share"])


def flat_times(person: Person, params: Params) -> bool:
    """Answer times that hardly vary, as those of a script."""
    known = person.rt[~np.isnan(person.rt)]
    if len(known) < FEWEST or known.mean() == 0:
        return False
    return bool(known.std() / known.mean() < params["cv"])


def straight_line(person: Person, params: Params) -> bool:
    """One answer over and over: the longest unbroken run within a phase."""
    for phase in dict.fromkeys(person.phases.tolist()):
        answers = person.responses[person.phases == phase]
        if len(answers) >= FEWEST and _longest_run(answers) >= params["share"] * len(answers):
            return True
    return False


def same_answers(person: Person, params: Params) -> bool:
    """One answer nearly always, in whatever order."""
    if len(person.responses) < FEWEST:
        return False
    _, counts = np.unique(person.responses.astype(str), return_counts=True)
    return bool(counts.max() >= params["share"] * len(person.responses))


def inconsistent(person: Person, params: Params) -> bool:
    """Items asked twice and answered differently."""
    first: dict[str, str] = {}
    changed = []
    for item, response in zip(person.items, person.responses, strict=True):
        if item in first:
            changed.append(first[item] != response)
        first.setdefault(item, response)
    return _reaches(np.array(changed, dtype=np.bool_), params["share"])


def same_ratings(person: Person, params: Params) -> bool:
    """Every rating at the same point of its scale."""
    return bool(len(person.ratings) >= params["ratings"] and np.ptp(person.ratings) == 0)


def focus_lost(person: Person, params: Params) -> bool:
    """Away from the page again and again."""
    return person.focus_lost >= params["times"]


def pastes(person: Person, params: Params) -> bool:
    """Pasted something into a page that asks for no text."""
    return person.pastes >= params["times"]


def check_attempts(person: Person, params: Params) -> bool:
    """Needed several attempts at the comprehension check."""
    return person.check_attempts >= params["attempts"]


def unverified_arrival(person: Person, params: Params) -> bool:
    """Came by a link that nobody signed."""
    return person.arrival == "unverified"


def seen_before(person: Person, params: Params) -> bool:
    """Took part in earlier studies of the lab."""
    return person.seen_before >= params["studies"]


def shared_browser(person: Person, params: Params) -> bool:
    """Somebody else took part with the same browser."""
    return person.shares_browser


def _reaches(marks: BoolArray, share: float) -> bool:
    return len(marks) >= FEWEST and bool(marks.mean() >= share)


def _longest_run(answers: TextArray) -> int:
    edges = np.flatnonzero(answers[1:] != answers[:-1]) + 1
    return int(np.diff(np.concatenate(([0], edges, [len(answers)]))).max())
