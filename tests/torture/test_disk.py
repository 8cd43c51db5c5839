"""A database whose recovery ran into a full disk: it refuses everybody for ever, until somebody starts it anew."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
import pytest

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


def test_a_server_whose_recovery_died_is_started_anew_when_there_is_room_again(cluster: Cluster) -> None:
    cluster.mend()
    with cluster.session("postgres") as cursor:
        cursor.execute("SELECT system_identifier FROM pg_control_system()")
        before = cursor.fetchall()
    postmaster = find_postmaster(cluster.home)
    assert postmaster is not None
    with cluster.full_disk(), knocking(cluster):
        writer = next(child for child in postmaster.children() if "checkpointer" in " ".join(child.cmdline()))
        os.kill(writer.pid, signal.SIGKILL)  # it recovers at once, and cannot
        assert wait_until(lambda: refuses(cluster), 30)
        wait_until(lambda: not postmaster.is_running() or not postmaster.children(), 20)
    if not refuses(cluster):
        pytest.fail("the database recovered on a full disk: nothing was shown")

    cluster.mend()

    with cluster.session("postgres") as cursor:
        cursor.execute("SELECT system_identifier FROM pg_control_system()")
        assert cursor.fetchall() == before
