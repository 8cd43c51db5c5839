"""What must hold between what people sent and what the database holds: one pure function a rule.

Each returns the faults that it finds, in words; none is what every storm must end with.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping

from studyapp.design.canonical import sha256_of
from tests.torture import history as events
from tests.torture.history import History, Sent
from tests.torture.rows import Assignment, Response, Rows

MAX_ATTEMPTS = 3
Faults = list[str]
Checker = Callable[[History, Rows], Faults]


def acknowledged_is_stored(history: History, rows: Rows) -> Faults:
    """Every acknowledged answer has its row, with the body that was sent and the hash of that body."""
    stored = {row.key: row for row in rows.responses}
    faults = []
    for event in history.of(events.ACKNOWLEDGED):
        assert event.sent is not None
        row = stored.get(event.sent.key)
        if row is None:
            faults.append(f"lost: {event.person}, screen {event.sent.position}")
        elif not holds(row, event.sent):
            faults.append(f"another body: {event.person}, screen {event.sent.position}")
    return faults


def holds(row: Response, sent: Sent) -> bool:
    """Whether a row is this answer, whole: its time tells it from any other, its hash that nothing changed since."""
    body = [row.position, row.attempt, row.answer, row.response_ms, row.trail]
    return (
        (row.position, row.attempt, row.response_ms) == (sent.position, sent.attempt, sent.response_ms)
        and _is_choice(row.answer, [value for _, value in sent.choice])
        and row.body_sha256 == sha256_of(body)
    )


def _is_choice(answer: Mapping[str, object], sent: list[str]) -> bool:
    """A choice is stored as it was sent, but that of a background question, sent by its number, by its text."""
    if "choices" in answer:
        return [str(choice) for choice in answer["choices"]] == sent  # type: ignore[attr-defined]
    stored = str(answer.get("choice", answer.get("rating")))
    if not sent:  # a page to read, or an example to see
        return stored in {"read", "seen"}
    return [stored] == sent or (sent[0].isdigit() and not stored.isdigit())


def nothing_is_doubled(history: History, rows: Rows) -> Faults:
    """One row a screen and attempt of a person, one row a key."""
    places = Counter((row.enrolment, row.position, row.attempt) for row in rows.responses)
    keys = Counter(row.key for row in rows.responses)
    return [f"{count} rows of {what}" for what, count in [*places.items(), *keys.items()] if count > 1]


def every_retry_gets_the_first_reply(history: History, rows: Rows) -> Faults:
    """An answer whose reply was lost is acknowledged when it is sent again; nobody honest is refused."""
    return [
        f"refused with {event.status}: {event.person}, screen {event.sent.position if event.sent else '?'}"
        for event in history.of(events.REFUSED)
    ]


def altered_replays_are_refused(history: History, rows: Rows) -> Faults:
    """Another body under a known key is a conflict, and no row holds it."""
    stored = {row.key: row for row in rows.responses}
    faults = []
    for event in history.of(events.ALTERED):
        assert event.sent is not None
        row = stored.get(event.sent.key)
        if row is not None and row.response_ms == event.sent.response_ms:
            faults.append(f"overwritten: {event.person}, screen {event.sent.position}")
        elif event.status != 409 and row is not None:
            faults.append(f"answered with {event.status}: {event.person}, screen {event.sent.position}")
    return faults


def one_arm_a_person(history: History, rows: Rows) -> Faults:
    """One enrolment of a person in a study, one assignment of it, and the arm that is shown is the assigned one."""
    enrolments = Counter((row.study, row.pseudonym) for row in rows.enrolments)
    given = Counter((row.study, row.pseudonym) for row in rows.assignments)
    shown = {row.number: row.arm for row in rows.enrolments}
    return [
        *(f"{count} enrolments of {who[1][:8]}" for who, count in enrolments.items() if count > 1),
        *(f"{count} arms of {who[1][:8]}" for who, count in given.items() if count > 1),
        *(f"enrolment {row.enrolment} sees another arm" for row in rows.assignments if shown[row.enrolment] != row.arm),
    ]


def blocks_are_whole(history: History, rows: Rows) -> Faults:
    """Places follow each other, and no arm is over its share of a permuted block (arms of equal weight)."""
    arms = sorted({row.arm for row in rows.assignments})
    strata: dict[int, list[Assignment]] = defaultdict(list)
    for row in rows.assignments:
        strata[row.stratum].append(row)
    faults = []
    for number, given in strata.items():
        if sorted(row.sequence for row in given) != list(range(len(given))):
            faults.append(f"stratum {number}: places do not follow each other")
        blocks = Counter((row.permuted_block, row.arm, row.block_size) for row in given)
        faults += [
            f"stratum {number}, block {block}: {count} of {size} in one arm"
            for (block, _, size), count in blocks.items()
            if count > size // len(arms)
        ]
    return faults


def one_explanation_a_key(history: History, rows: Rows) -> Faults:
    """One row an address, whoever asked for it and however often."""
    keys = Counter(row.key for row in rows.explanations)
    return [f"{count} explanations of {key[:12]}" for key, count in keys.items() if count > 1]


def no_answer_before_its_response(history: History, rows: Rows) -> Faults:
    """The test pages of twins, which differ in the model's outputs alone, are the same set of pages."""
    seen: dict[str, set[str]] = defaultdict(set)
    through = {event.study for event in history.of(events.CODE)}
    for event in history.of(events.PAGE):
        seen[event.study].add(event.text)
    if len(through) < 2:
        return ["nobody came through both twins, so their pages cannot be compared"]
    first, second = (seen[study] for study in sorted(through))
    return [f"{len(first ^ second)} test pages are served in one twin only"] if first != second else []


def code_only_with_all_rows(n_steps: int) -> Checker:
    """Whoever saw the completion code has a row for every screen."""

    def check(history: History, rows: Rows) -> Faults:
        codes = [(event.study, event.person) for event in history.of(events.CODE)]
        answered = _positions(history, rows)
        return [
            f"code without {n_steps - len(answered[who])} rows: {who[1]}"
            for who in dict.fromkeys(codes)
            if len(answered[who]) < n_steps
        ]

    return check


def _positions(history: History, rows: Rows) -> Mapping[tuple[str, str], set[int]]:
    """Which screens of whom are in the database, by the keys that the person sent."""
    stored = {row.key: row.position for row in rows.responses}
    found: dict[tuple[str, str], set[int]] = defaultdict(set)
    for event in history.of(events.ACKNOWLEDGED, events.SUPERSEDED, events.LOST, events.FAILED):
        if event.sent is not None and event.sent.key in stored:
            found[event.study, event.person].add(stored[event.sent.key])
    return found


def complete_has_its_code(history: History, rows: Rows) -> Faults:
    """Nobody who answered everything is sent away without the completion code."""
    return [f"ended on {event.text!r} ({event.status}): {event.person}" for event in history.of(events.ENDED)]


def every_job_is_done_or_parked(history: History, rows: Rows) -> Faults:
    """No job is left over; a parked one says why, and no job was begun more often than allowed."""
    return [
        *(f"{job.kind} is {job.state} after {job.attempts} attempts" for job in rows.jobs if _is_left(job.state)),
        *(f"{job.kind} is parked without a reason" for job in rows.jobs if job.state == "failed" and not job.error),
        *(f"{job.kind} was begun {job.attempts} times" for job in rows.jobs if job.attempts > MAX_ATTEMPTS),
    ]


def _is_left(state: str) -> bool:
    return state not in {"done", "failed"}


def order_is_the_servers_own(history: History, rows: Rows) -> Faults:
    """By the database's count the screens of a person follow each other, whatever any clock said."""
    return out_of_order(sorted(rows.responses, key=lambda row: row.number))


def out_of_order(responses: Iterable[Response]) -> Faults:
    """Answers that come before one to an earlier screen of the same person."""
    last: dict[int, tuple[int, int]] = {}
    faults = []
    for row in responses:
        place = (row.position, row.attempt)
        if place < last.get(row.enrolment, (-1, 0)):
            faults.append(f"screen {row.position} after {last[row.enrolment][0]}")
        last[row.enrolment] = place
    return faults


def trail_is_whole(history: History, rows: Rows) -> Faults:
    """The chain of the audit trail, recomputed by the database."""
    return list(rows.trail)


def faults_happened(planned: Mapping[str, int], happened: Mapping[str, int]) -> Faults:
    """A storm in which less went wrong than planned proves nothing."""
    return [
        f"{kind}: {happened.get(kind, 0)} of {count} happened"
        for kind, count in planned.items()
        if happened.get(kind, 0) < count
    ]


def checkers(n_steps: int) -> Mapping[str, Checker]:
    """Every rule by its name."""
    code = code_only_with_all_rows(n_steps)
    return {
        "acknowledged is stored": acknowledged_is_stored,
        "nothing is doubled": nothing_is_doubled,
        "every retry gets the first reply": every_retry_gets_the_first_reply,
        "altered replays are refused": altered_replays_are_refused,
        "one arm a person": one_arm_a_person,
        "blocks are whole": blocks_are_whole,
        "one explanation a key": one_explanation_a_key,
        "no answer before its response": no_answer_before_its_response,
        "completion code only with all rows": code,
        "whoever is through has the code": complete_has_its_code,
        "every job is done or parked": every_job_is_done_or_parked,
        "order is the server's own": order_is_the_servers_own,
        "the trail is whole": trail_is_whole,
    }


def found(history: History, rows: Rows, n_steps: int) -> dict[str, Faults]:
    """The rules that do not hold, with what is wrong."""
    verdicts = {name: check(history, rows) for name, check in checkers(n_steps).items()}
    return {name: faults for name, faults in verdicts.items() if faults}
