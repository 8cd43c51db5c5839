"""A storm: people answer and workers explain while, one after the other, everything that can fall is made to fall."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.torture import plan as faults
from tests.torture.arena import Arena
from tests.torture.checkers import Faults, faults_happened, found
from tests.torture.history import ACKNOWLEDGED, History
from tests.torture.people import Crowd, World
from tests.torture.plan import Fault, Plan
from tests.torture.rows import Rows, read_rows

HUNG_S, FULL_S, STEPPED_S = 1.5, 0.5, 1.0
CALM_S = 120  # after the last fault: everybody arrives, every job ends
WATCH_S = 0.1
WORKERS = ("worker1", "pool1")  # one that works itself, as in the demo, and one that forks, as in the image


@dataclass
class Storm:
    """A plan carried out in an arena, and what was seen."""

    arena: Arena
    plan: Plan
    clients: int = 16
    thinks_s: float = 0
    jobs: Mapping[str, object] = field(default_factory=dict)
    history: History = field(default_factory=History)
    happened: Counter[str] = field(default_factory=Counter)
    rounds: int = 0
    rows: Rows = field(default_factory=Rows)
    errors: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    _over: threading.Event = field(default_factory=threading.Event)

    def run(self, *, until: Callable[[Storm], bool] = lambda storm: True, at_least: int = 1) -> None:
        """Round by round, until `until` says so and `at_least` so many rounds were had; then wait for the calm."""
        self.began = time.monotonic()
        self.arena.start("web", "relay", *WORKERS)
        if self.jobs:
            self.arena.scene("enqueue", **self.jobs)
        world = World(self.arena.base, self.arena.prepared.code, self.history, thinks_s=self.thinks_s)
        crowd = Crowd(world, self.arena.prepared.links, self.plan.seed, self.clients)
        watch = threading.Thread(target=self._watch, daemon=True)
        watch.start()
        crowd.begin()
        try:
            self._rage(until, at_least)
            crowd.end(CALM_S)
            self._wait_for_jobs()
        finally:
            world.over.set()
            self._over.set()
            watch.join()
        self.errors += crowd.errors
        self.happened[faults.CUT_REPLY] = self.arena.cutter.cut
        self.rows = self._read()
        self.seconds = self.elapsed_s()

    def _rage(self, until: Callable[[Storm], bool], at_least: int) -> None:
        for planned in self.plan.rounds:
            for fault in planned:
                time.sleep(fault.pause_s)
                self.happened[fault.kind] += self._strike(fault)
            self.rounds += 1
            if self.rounds >= at_least and until(self):
                return

    def verdict(self) -> dict[str, Faults]:
        """Everything that is wrong; an empty one is what we promise."""
        missing = faults_happened(self.plan.expected(self.rounds), self.happened)
        others = {"planned faults happened": missing, "only we killed": self.arena.deaths, "no odd page": self.errors}
        wrong = found(self.history, self.rows, self.arena.prepared.n_steps)
        return wrong | {name: what for name, what in others.items() if what}

    def elapsed_s(self) -> float:
        return time.monotonic() - self.began

    def acknowledged(self) -> int:
        return self.history.count(ACKNOWLEDGED)

    def save(self, folder: Path) -> Path:
        """Plan, history and verdict, to be looked at and repeated."""
        folder.mkdir(parents=True, exist_ok=True)
        self.history.save(folder / "history.jsonl")
        document = {"plan": asdict(self.plan), "rounds": self.rounds, "happened": self.happened}
        document["wrong"] = self.verdict()
        (folder / "storm.json").write_text(json.dumps(document, indent=1))
        return folder

    def _strike(self, fault: Fault) -> bool:
        strikes: Mapping[str, Callable[[], bool]] = {
            "kill web": lambda: self._then_up(self.arena.kill("web")),
            "kill relay": lambda: self.arena.kill("relay"),
            "kill worker": lambda: self.arena.kill(WORKERS[self.rounds % len(WORKERS)]),
            "kill valkey": self._mended(self.arena.cluster.kill_valkey),
            "kill postgres": self._mended(self.arena.cluster.kill_postgres),
            faults.HUNG_BROKER: lambda: self.arena.hang_the_broker(HUNG_S),
            faults.FULL_DISK: self._mended(lambda: self.arena.cluster.fill_the_disk(FULL_S)),
            faults.CLOCK: lambda: self._step(fault.clock_s),
            faults.DEPLOY: self.arena.deploy,
        }
        return strikes[fault.kind]()

    def _then_up(self, happened: bool) -> bool:
        self.arena.wait_for_web()
        return happened

    def _mended(self, strike: Callable[[], bool]) -> Callable[[], bool]:
        def strike_and_mend() -> bool:
            happened = strike()
            self.arena.cluster.mend()
            return happened

        return strike_and_mend

    def _step(self, offset_s: float) -> bool:
        happened = self.arena.step_the_clock(offset_s)
        time.sleep(STEPPED_S)
        return self.arena.step_the_clock(0.0) and happened

    def _watch(self) -> None:
        while not self._over.wait(WATCH_S):
            self.arena.watch()

    def _wait_for_jobs(self) -> None:
        deadline = time.monotonic() + CALM_S
        while self._jobs_left() and time.monotonic() < deadline:
            time.sleep(0.2)

    def _jobs_left(self) -> int:
        with self.arena.cluster.session(self.arena.name) as cursor:
            cursor.execute("SELECT count(*) FROM studyapp_job WHERE state IN ('pending', 'running')")
            return int(cursor.fetchone()[0])

    def _read(self) -> Rows:
        with self.arena.cluster.session(self.arena.name) as cursor:
            return read_rows(cursor)
