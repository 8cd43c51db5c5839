"""Workers that die, jobs that kill, a broker that forgets: every job is done once, or parked with its reason."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
import redis

from tests.journeys.processes import wait_until
from tests.promises.ledger import FULL, Reached, scale
from tests.torture import checkers
from tests.torture.arena import Arena
from tests.torture.conftest import OpenArena
from tests.torture.history import ACKNOWLEDGED, FAILED, History
from tests.torture.people import Crowd, World
from tests.torture.rows import Rows
from tests.torture.settings import AS_IN_PRODUCTION
from tests.torture.test_answers import rows_of

NOBODY = History()
SHORT = "1.5"  # seconds of a lease, where a test waits for several to run out


def ours(arena: Arena) -> Rows:
    """Without the jobs of studyapp's own housekeeping."""
    rows = rows_of(arena)
    return replace(rows, jobs=tuple(job for job in rows.jobs if job.kind in {"explain", "slow", "poison"}))


def states(arena: Arena) -> Counter[str]:
    return Counter(job.state for job in ours(arena).jobs)


def wait_for_jobs(arena: Arena, done: Callable[[Counter[str]], bool], *, seconds: float = 120) -> Rows:
    """Wait while whatever falls is started again, as a supervisor would."""

    def ready() -> bool:
        arena.watch()
        return done(states(arena))

    wait_until(ready, what=f"the jobs of {arena.name} ({dict(states(arena))})", seconds=seconds)
    return ours(arena)


def all_over(states: Counter[str]) -> bool:
    return states["pending"] + states["running"] == 0


# --- a killed worker (24) ------------------------------------------------------------------------------------------


def kill_in_the_middle(arena: Arena, n_jobs: int, *, first: int = 0) -> tuple[set[str], float]:
    """Kill every process of a pool while they work; whose jobs were struck, and the seconds until all of these go on.

    It ends when all is done: a job left from one round would be taken for one of the next. After many such blows a pool
    may be one process short, so all but one of them at work are enough.
    """
    # Long enough that they are in the middle together, though a pool replaces its dead one after the other.
    arena.scene("enqueue", explanations=n_jobs, first=first, slow=scale(full=5, quick=2))
    rows = wait_for_jobs(arena, lambda states: states["running"] >= n_jobs - 1)
    struck = {job.number for job in rows.jobs if job.state == "running"}
    arena.kill_children(f"pool{n_jobs}")
    began = time.monotonic()
    wait_until(
        lambda: all(job.attempts >= 2 for job in ours(arena).jobs if job.number in struck),
        what="others to go on with the work", seconds=120,
    )  # fmt: skip
    went_on = time.monotonic() - began
    wait_for_jobs(arena, all_over)
    return struck, went_on


@pytest.mark.promise(24)
def test_a_killed_workers_job_is_finished_by_another(arena: OpenArena, reached: Reached) -> None:
    at_once, wanted = 5, scale(full=50, quick=4)
    struck: set[str] = set()
    slowest, n_rounds = 0.0, 0
    with arena("killed", lease=AS_IN_PRODUCTION if FULL else "") as its:
        its.start("relay", f"pool{at_once}")
        while len(struck) < wanted:
            jobs, seconds = kill_in_the_middle(its, at_once, first=1000 * n_rounds)
            struck, slowest, n_rounds = struck | jobs, max(slowest, seconds), n_rounds + 1
        rows = ours(its)
    lease = "30 s" if FULL else "4 s"
    told = f"{len(struck)} kills in the middle of a job, ≤ {slowest:.0f} s until work went on"
    reached(f"{told} (lease {lease}); one row each")
    assert slowest <= 60
    assert {(job.state, job.attempts) for job in rows.jobs if job.number in struck} == {("done", 2)}
    assert {job.state for job in rows.jobs} == {"done"}
    assert [row.state for row in rows.explanations] == ["ready"] * at_once * n_rounds
    assert checkers.one_explanation_a_key(NOBODY, rows) == []


@pytest.mark.control(24, "a dead worker keeps its job")
def test_a_job_that_stays_with_its_dead_worker_is_seen(arena: OpenArena, reached: Reached) -> None:
    with arena("kept", broken="no_takeover", lease=SHORT) as its:
        its.start("relay", "pool2")
        its.scene("enqueue", explanations=2, slow=1)
        wait_for_jobs(its, lambda states: states["running"] == 2)
        its.kill_children("pool2")
        time.sleep(4 * float(SHORT))
        faults = checkers.every_job_is_done_or_parked(NOBODY, ours(its))
    reached(f"{len(faults)} of 2 jobs still held by the dead after four leases")
    assert faults == ["slow is running after 1 attempts"] * 2


# --- poison (25) ---------------------------------------------------------------------------------------------------


@pytest.mark.promise(25)
def test_a_poison_job_stops_itself_and_nobody_else(arena: OpenArena, reached: Reached) -> None:
    good = scale(full=100, quick=20)
    with arena("poison", lease=SHORT) as its:
        its.start("relay", "pool2")
        its.scene("enqueue", explanations=good, poison=1)
        rows = wait_for_jobs(its, all_over)
    (poison,) = [job for job in rows.jobs if job.kind == "poison"]
    done = sum(job.state == "done" for job in rows.jobs if job.kind == "explain")
    reached(f"{poison.attempts} attempts, parked: {poison.error.split('.')[0]!r}; {done} of {good} others done")
    assert (poison.state, poison.attempts) == ("failed", 3)
    assert "died 3 times" in poison.error
    assert done == good


@pytest.mark.control(25, "attempts are not counted")
def test_poison_that_is_given_back_without_end_is_seen(arena: OpenArena, reached: Reached) -> None:
    with arena("endless", broken="attempts_uncounted", lease="0.8") as its:
        its.start("relay", "pool2")
        its.scene("enqueue", poison=1)
        wait_until(lambda: ours(its).jobs[0].attempts > 3, what="the fourth attempt", seconds=60)
        faults = checkers.every_job_is_done_or_parked(NOBODY, ours(its))
    reached(f"the checker says: {faults[-1]}")
    assert any("was begun" in fault for fault in faults)


# --- a broker that forgets (26) ------------------------------------------------------------------------------------


@pytest.mark.promise(26)
def test_losing_the_brokers_memory_is_harmless(arena: OpenArena, reached: Reached) -> None:
    n_jobs, away_s = scale(full=1_000, quick=60), scale(full=60, quick=3)
    with arena("forgotten") as its:
        its.start("web", "relay")
        world = World(its.base, its.prepared.code, History())
        crowd = Crowd(world, its.prepared.links, seed=1, clients=2)
        crowd.begin()
        its.scene("enqueue", explanations=n_jobs)
        forgotten = flush(its, at_least=n_jobs // 2)
        its.start("pool2")
        wait_for_jobs(its, lambda states: states["done"] >= n_jobs // 4)
        killed = its.cluster.kill_valkey()
        time.sleep(away_s)
        its.cluster.mend()
        rows = wait_for_jobs(its, all_over, seconds=300)
        crowd.end(30)
    done = sum(job.state == "done" for job in rows.jobs)
    failed, answered = world.history.count(FAILED), world.history.count(ACKNOWLEDGED)
    reached(
        f"{done:,} of {n_jobs:,} jobs done; {forgotten} messages flushed, Valkey killed and away {away_s} s;"
        f" {failed} failed pages beside {answered:,} answers"
    )
    assert killed
    assert done == n_jobs
    assert answered > 0
    assert (failed, crowd.errors, its.deaths) == (0, [], [])


def flush(arena: Arena, at_least: int) -> int:
    """Wait until so many doorbells wait in the broker, then let it forget them all."""
    broker = redis.Redis.from_url(arena.cluster.services.redis_url)
    wait_until(lambda: broker.llen("explain") >= at_least, what="the doorbells", seconds=60)
    forgotten = int(broker.llen("explain"))
    broker.flushall()
    return forgotten


@pytest.mark.control(26, "no sweeper")
def test_a_doorbell_that_rings_only_once_is_seen(arena: OpenArena, reached: Reached) -> None:
    with arena("no_sweeper", broken="no_sweeper", lease=SHORT) as its:
        its.start("relay")
        its.scene("enqueue", explanations=5)
        flush(its, at_least=5)
        its.start("worker1")
        time.sleep(4 * float(SHORT))
        faults = checkers.every_job_is_done_or_parked(NOBODY, ours(its))
    reached(f"{len(faults)} of 5 jobs left over")
    assert len(faults) == 5


# --- one explanation a key (28) ------------------------------------------------------------------------------------

ASKERS, KEYS = 50, 4


@pytest.mark.promise(28)
def test_fifty_who_ask_for_the_same_explanation_get_one_row_with_equal_bytes(
    arena: OpenArena, reached: Reached
) -> None:
    with arena("asked") as its:
        said = its.scene("ask", askers=ASKERS, explanations=KEYS)
        its.start("relay", "worker1")
        first = wait_for_jobs(its, all_over)
        compute_again(its)
        its.scene("ask", askers=1, explanations=KEYS)
        again = wait_for_jobs(its, lambda states: all_over(states) and all_ready(its))
    forms = {row.key: row.form for row in first.explanations}
    equal = sum(forms[row.key] == row.form for row in again.explanations)
    reached(
        f"{ASKERS} askers, {len(first.explanations)} rows of {KEYS} keys; computed again: {equal} equal byte by byte"
    )
    assert said["errors"] == []
    assert checkers.one_explanation_a_key(NOBODY, first) == []
    assert len(first.explanations) == KEYS == equal
    assert all(forms.values())


def compute_again(arena: Arena) -> None:
    """The database refuses to forget a computed explanation, so its guard steps aside for it."""
    with arena.cluster.session(arena.name) as cursor:
        cursor.execute("ALTER TABLE studyapp_explanation DISABLE TRIGGER USER")
        cursor.execute(
            "UPDATE studyapp_explanation SET state = 'pending', form = NULL, job_id = NULL WHERE explainer = 'saliency'"
        )
        cursor.execute("ALTER TABLE studyapp_explanation ENABLE TRIGGER USER")


def all_ready(arena: Arena) -> bool:
    return all(row.state == "ready" for row in ours(arena).explanations)


@pytest.mark.control(28, "get, then create, without the constraint")
def test_explanations_that_are_looked_for_and_then_created_come_twice(arena: OpenArena, reached: Reached) -> None:
    with arena("created", broken="get_then_create_explanations") as its:
        its.scene("ask", askers=8, explanations=KEYS)
        rows = ours(its)
    faults = checkers.one_explanation_a_key(NOBODY, rows)
    reached(f"{len(rows.explanations)} rows of {KEYS} keys")
    assert len(faults) == KEYS
