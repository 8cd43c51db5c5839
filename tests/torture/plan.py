"""What will go wrong, in which order and after which pause: made from a seed alone, so the same seed repeats it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# Killed with SIGKILL: all of it at once, without a chance to say goodbye.
VICTIMS = ("web", "worker", "valkey", "postgres", "relay")
KILLS = tuple(f"kill {victim}" for victim in VICTIMS)
HUNG_BROKER, FULL_DISK, CLOCK, DEPLOY = "hung broker", "full disk", "clock step", "deploy"
# Happens all the time beside the others; a round counts it once.
CUT_REPLY = "cut reply"
KINDS = (*KILLS, HUNG_BROKER, FULL_DISK, CLOCK, DEPLOY)

SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 1.0
# A second, an hour, a day, ten years; the way of a leap second, a change of summer time, an empty battery.
CLOCK_STEPS_S = (-5.0, 3600.0, -3600.0, 86_400.0, 315_360_000.0, -315_360_000.0)


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong, `pause_s` after the last one was mended."""

    kind: str
    pause_s: float
    clock_s: float = 0.0  # how far the clock steps away from the true time, where it does


@dataclass(frozen=True)
class Plan:
    """The faults of a storm, round by round; every round has every kind once."""

    seed: int
    rounds: tuple[tuple[Fault, ...], ...]

    def expected(self, rounds: int) -> Counter[str]:
        """How often each kind must have happened after so many rounds."""
        planned = Counter(fault.kind for faults in self.rounds[:rounds] for fault in faults)
        planned[CUT_REPLY] = rounds
        return planned


def make_plan(seed: int, rounds: int, kinds: Sequence[str] = KINDS) -> Plan:
    """The plan of a seed. More rounds only append: the first ones stay the same."""
    rng = random.Random(f"foretell torture {seed}")
    return Plan(seed, tuple(tuple(_round(rng, kinds)) for _ in range(rounds)))


def _round(rng: random.Random, kinds: Sequence[str]) -> Iterable[Fault]:
    for kind in rng.sample(kinds, len(kinds)):
        yield Fault(
            kind,
            round(rng.uniform(SHORTEST_PAUSE_S, LONGEST_PAUSE_S), 2),
            rng.choice(CLOCK_STEPS_S) if kind == CLOCK else 0.0,
        )
