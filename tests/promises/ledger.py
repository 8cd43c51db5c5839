"""The promises of Foretell, what each test of them reached, and the page that says so.

A test that shows a promise carries `@pytest.mark.promise(N)`, one that breaks it on purpose `@pytest.mark.control(N,
"what is broken")`. Both tell what they reached through the fixture `reached`. A run with FORETELL_PROMISES=full (`make
promises`) or =quick (the smaller numbers of `make test`) keeps what it saw in docs/promises.json and docs/promises.md.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

# "full": the promised numbers, recorded. "quick": the smaller ones of `make test`, recorded and marked as such.
MODE = os.environ.get("FORETELL_PROMISES", "")
FULL = MODE == "full"


@dataclass(frozen=True)
class Promise:
    """A promise, and the number at which it counts as kept."""

    number: int
    text: str
    target: str


@dataclass
class Shown:
    """What one test of a promise showed. A control `kept` its word when the broken rule turned its check red."""

    number: int
    kind: str  # "promise" or "control"
    test: str
    broken: str = ""
    reached: tuple[str, ...] = ()
    outcome: str = "not run"
    seconds: float = 0.0
    scale: str = ""
    date: str = ""
    commit: str = ""

    @property
    def identity(self) -> tuple[int, str, str]:
        return (self.number, self.kind, self.test)


@dataclass(frozen=True)
class Run:
    """A whole run of the promises, as it is kept in docs/promises.json."""

    version: str
    machine: str
    shown: tuple[Shown, ...]

    def document(self) -> dict[str, object]:
        return asdict(self)

    def with_newer(self, newer: Sequence[Shown]) -> tuple[Shown, ...]:
        """What was shown, each test by its last run; so a run of one promise leaves the others' rows standing.

        A run at the smaller numbers never takes the place of one at the full numbers that kept its word.
        """
        last = {entry.identity: entry for entry in self.shown}
        for entry in newer:
            known = last.get(entry.identity)
            if entry.scale == "full" or known is None or (known.scale, known.outcome) != ("full", "passed"):
                last[entry.identity] = entry
        return tuple(last[identity] for identity in sorted(last))


def read_run(document: dict[str, Any]) -> Run:
    """A run as `document` wrote it."""
    return Run(document["version"], document["machine"], tuple(map(shown_from, document["shown"])))


def shown_from(entry: Mapping[str, Any]) -> Shown:
    """What `dataclasses.asdict` made of it, through JSON or not."""
    return Shown(**{**entry, "reached": tuple(entry["reached"])})


PROMISES: tuple[Promise, ...] = (
    Promise(1, "An acknowledged response survives any kill.", "0 of 10,000 lost; ≥ 12 kills, ≥ 3 of each victim"),
    Promise(2, "A retry never duplicates a response.", "0 duplicates of 10,000 with 10 % of replies cut off"),
    Promise(3, "The same key with another body never overwrites.", "1,000 of 1,000 refused (409), rows unchanged"),
    Promise(4, "Nobody ever gets two arms.", "0 of 2,500 people in two tabs, 25 rounds"),
    Promise(5, "Permuted blocks stay whole in every stratum.", "0 broken blocks; imbalance ≤ half the largest block"),
    Promise(6, "Bursts of arrivals are served.", "200 at once: p95 ≤ 3 s, 0 errors; 20/s steady: p95 ≤ 150 ms"),
    Promise(7, "Looking at a link allocates nothing.", "1,000 looks: 0 participants, 0 places used"),
    Promise(
        8, "The next arm is concealed; afterwards every allocation can be derived again.", "0 hits; 100 % re-derived"
    ),
    Promise(9, "The model's answer reaches the browser only after the response.", "0 hits in 2,000 trials"),
    Promise(10, "No side channel tells the answer.", "AUC ≤ 0.55 on 2,000 trials"),
    Promise(11, "Control arms never receive an explanation's bytes.", "0 of 1,000 participants"),
    Promise(12, "Only legal steps; the first response is immutable.", "0 illegal transitions in 100,000 random calls"),
    Promise(13, "Ten minutes offline lose nothing.", "40 of 40 responses, in order, 0 twice"),
    Promise(14, "No completion code without complete data.", "1,000 runs, 20 % cut: 0 codes with a row missing"),
    Promise(15, "One person in two tabs is one run.", "500 people in two tabs: 500 runs"),
    Promise(
        16, "No address serves another participant's or lab's data.", "100 % of addresses declared; 0 foreign bytes"
    ),
    Promise(17, "No pickle is ever loaded.", "0 canary files made; 0 banned calls in the code"),
    Promise(18, "Hostile uploads are cheap.", "refused ≤ 2 s, ≤ 256 MB of memory, ≤ declared size on disk"),
    Promise(
        19, "No stored text ever runs as script.", "200 payloads × every field: 0 executions, 0 reports of the CSP"
    ),
    Promise(20, "Exports cannot run as formulas.", "0 cells that start a formula; numbers untouched; a raw twin"),
    Promise(21, "The export is the database.", "10,000 of 10,000 equal, one snapshot, while people answer"),
    Promise(22, "A frozen study cannot change.", "100 % of frozen columns × paths refused; equal hash elsewhere"),
    Promise(
        23,
        "Every change leaves one audit row, which cannot be altered unseen.",
        "1:1; one flipped byte of 10,000 rows found",
    ),
    Promise(24, "A killed worker's job is finished by another.", "50 kills: ≤ 60 s until work goes on; one row each"),
    Promise(25, "A poison job stops itself and nobody else.", "≤ 3 attempts, parked with the reason; 100 of 100 done"),
    Promise(26, "Losing the broker's memory is harmless.", "1,000 of 1,000 jobs done; 0 failed pages"),
    Promise(27, "Participants do not notice a broker that hangs.", "p95 ≤ 300 ms"),
    Promise(28, "One explanation a key.", "50 workers at one key: one row, equal bytes"),
    Promise(29, "A deploy loses no request.", "10 restarts under 50 requests/s: 0 failed"),
    Promise(30, "A backup restores.", "row counts, table hashes and blobs equal; the site answers"),
    Promise(31, "Upgrades keep the data.", "every released version's fixture: 0 rows changed in meaning"),
    Promise(32, "Withdrawal and erasure leave no trace.", "0 hits of the canary anywhere within 60 s"),
    Promise(33, "Panel ids stay pseudonymous.", "0 hits of the canary in logs, addresses, exports, jobs, metrics"),
    Promise(34, "No data before consent; the consented text can be proved.", "100 % of rows; 0 before"),
    Promise(
        35, "A class behind one address gets in; a guesser does not.", "200 of 200 in; ≤ 10 guesses an account in 5 min"
    ),
    Promise(36, "The server fetches no address that a user gives.", "40 shapes: 0 connections"),
    Promise(37, "Blind to the arm until the study is closed and two people unblind it.", "0 leaks in the matrix"),
    Promise(38, "A failed randomisation is seen.", "false alarms ≤ 0.2 % of 10,000; 60:40 at n = 600 found ≥ 90 %"),
    Promise(39, "Wrong clocks do no harm.", "0 refused; order by the server's own count"),
    Promise(40, "The same data give the same report.", "equal to 1e-9 in another process, seeds and versions inside"),
    Promise(41, "Unsafe settings do not start.", "100 % refused with the fix named; `check --deploy` without warnings"),
    Promise(
        42, "The first try, on the embedded servers, keeps the core promises.", "1, 2, 4, 5, 7, 12, 14, 22 hold there"
    ),
)


class Reached(Protocol):
    """Says what a test reached: of all the promises it carries, or of one."""

    def __call__(self, text: str, promise: int | None = None) -> None: ...


def scale(*, full: int, quick: int) -> int:
    """How many: the promised number in a full run, fewer in `make test`."""
    return full if FULL else quick
