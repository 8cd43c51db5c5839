"""The torture's own servers, and arenas on them: a database that begins prepared, with processes of its own."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from tests.promises.ledger import FULL, scale
from tests.torture.arena import Arena, Prepared, scene
from tests.torture.breaks import BREAKS
from tests.torture.cluster import Cluster
from tests.torture.plan import make_plan
from tests.torture.storm import Storm

# In the tests every storm is the same one; `make torture` draws a seed, or takes SEED=... to repeat one.
SEED = int(os.environ.get("FORETELL_TORTURE_SEED") or 3)
MINUTES = float(os.environ.get("FORETELL_TORTURE_MINUTES") or 0)
ENOUGH = scale(full=10_000, quick=200)  # acknowledged answers
MOST_ROUNDS = 1_000
OpenArena = Callable[..., AbstractContextManager[Arena]]


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    made = Cluster.begin(Path(settings.DATA_DIR) / "torture")
    try:
        yield made
    finally:
        made.end()


@pytest.fixture(scope="session")
def prepared(cluster: Cluster) -> Prepared:
    """The database that every arena copies: migrated, with two open studies and a small predictor."""
    environment = {
        "DATABASE_URL": cluster.services.app_url,
        "DATABASE_OWNER_URL": cluster.services.database_url,
        "REDIS_URL": cluster.services.redis_url,
        "FORETELL_DATA": str(cluster.data),
    }
    made: dict[str, Any] = dict(scene("prepare", environment))
    return Prepared(tuple(made["links"]), made["n_steps"], made["code"])


@pytest.fixture(scope="session")
def arena(cluster: Cluster, prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> OpenArena:
    """`with arena("name", broken="...") as it`: its break is in the database and in every process."""

    @contextmanager
    def open_arena(name: str, broken: str = "", **options: Any) -> Iterator[Arena]:
        cluster.mend()
        cluster.copy("foretell", name)
        if broken:
            with cluster.session(name) as cursor:
                for statement in BREAKS[broken].sql:
                    cursor.execute(statement)
        made = Arena(name, cluster, prepared, tmp_path_factory.mktemp(name), broken=broken, **options)
        try:
            yield made
        finally:
            made.close()
            cluster.mend()
            cluster.drop(name)

    return open_arena


@pytest.fixture(scope="session")
def storm(arena: OpenArena) -> Iterator[Storm]:
    """One storm, looked at by several tests. What went wrong is kept beside the data folder's other files."""
    plan = make_plan(SEED, MOST_ROUNDS)
    jobs = {"explanations": scale(full=400, quick=60), "poison": 1}
    with arena("storm", share_cut=0.1, seed=SEED, expected_deaths=True) as its:
        # Beside other tests people think: the faults are the same, and the machine is not theirs alone.
        made = Storm(its, plan, jobs=jobs, thinks_s=0 if FULL or MINUTES else 0.4)
        try:
            made.run(until=_is_enough, at_least=3)
            yield made
        finally:
            if made.verdict():
                kept = made.save(Path(settings.DATA_DIR) / f"torture-failed-{SEED}-{random.randrange(10**6)}")
                print(f"the storm of seed {SEED} is kept in {kept}; the processes' logs are in {its.folder}")


def _is_enough(storm: Storm) -> bool:
    return storm.acknowledged() >= ENOUGH and storm.elapsed_s() >= MINUTES * 60
