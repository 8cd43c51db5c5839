"""A database that crashes while the disk is full: its recovery may die of it, and it is started anew."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2

from studyapp.embedded.postgres import find_postmaster
from studyapp.embedded.sessions import wait_until
from tests.torture.cluster import Cluster


def refuses(cluster: Cluster) -> bool:
    try:
        with cluster.session("postgres"):
            return False
    except psycopg2.OperationalError:
        return True


@contextmanager
def knocking(cluster: Cluster, hands: int = 8) -> Iterator[None]:
    """People who try to come in all the while, as in a storm."""
    over = threading.Event()

    def knock() -> None:
        while not over.is_set():
            refuses(cluster)

    people = [threading.Thread(target=knock) for _ in range(hands)]
    for person in people:
        person.start()
    try:
        yield
    finally:
        over.set()
        for person in people:
            person.join()


def test_a_database_that_crashes_on_a_full_disk_comes_back_with_all_that_it_held(cluster: Cluster) -> None:
    cluster.mend()
    with cluster.session("postgres") as cursor:
        cursor.execute("CREATE TABLE held (number integer)")
        cursor.execute("INSERT INTO held SELECT generate_series(1, 1000)")
    postmaster = find_postmaster(cluster.home)
    assert postmaster is not None
    with cluster.full_disk(), knocking(cluster):
        writer = next(child for child in postmaster.children() if "checkpointer" in " ".join(child.cmdline()))
        os.kill(writer.pid, signal.SIGKILL)  # it recovers at once, if it finds the room
        assert wait_until(lambda: refuses(cluster), 30)
        wait_until(lambda: not postmaster.is_running() or not postmaster.children(), 20)

    cluster.mend()

    with cluster.session("postgres") as cursor:
        cursor.execute("SELECT count(*), sum(number) FROM held")
        assert cursor.fetchall() == [(1000, 500_500)]
        cursor.execute("DROP TABLE held")
