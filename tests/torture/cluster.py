"""A Postgres and a Valkey of the torture's own, which it kills, fills and starts again."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit, urlunsplit

import psutil
import psycopg2

from studyapp.embedded import erase, start
from studyapp.embedded.daemons import is_gone
from studyapp.embedded.homes import Home, existing_home
from studyapp.embedded.postgres import find_postmaster
from studyapp.embedded.services import Services
from studyapp.embedded.sessions import wait_until
from studyapp.embedded.valkey import find_valkey

FULL_BYTES = 65_536  # nothing may be written beyond this place of a file
SAYS_FULL = "File too large"


@dataclass
class Cluster:
    """Servers of a data folder of their own; `services` says where they are reached."""

    data: Path
    services: Services

    @classmethod
    def begin(cls, data: Path) -> Cluster:
        erase(data)  # what an earlier run that was killed left behind
        return cls(data, start(data))

    def end(self) -> None:
        erase(self.data)

    @property
    def home(self) -> Home:
        home = existing_home(self.data)
        assert home is not None
        return home

    @property
    def valkey_port(self) -> int:
        return int(urlsplit(self.services.redis_url).port or 0)

    def redis_url(self, port: int) -> str:
        """The broker's address when it is reached through another port."""
        return self.services.redis_url.replace(f":{self.valkey_port}/", f":{port}/")

    def database_url(self, name: str) -> str:
        """As the application's role, which owns nothing."""
        parts = urlsplit(self.services.app_url)
        return urlunsplit(parts._replace(path=f"/{name}"))

    def mend(self) -> None:
        """What a supervisor would do: start what is not there."""
        self.services = start(self.data)

    # --- databases -------------------------------------------------------------------------------------------------

    @contextmanager
    def session(self, name: str, user: str = "postgres") -> Iterator[psycopg2.extensions.cursor]:
        """A cursor of the superuser, who may do what the application never may."""
        socket_folder = parse_qs(urlsplit(self.services.database_url).query)["host"][0]
        connection = psycopg2.connect(host=socket_folder, user=user, dbname=name)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()

    def copy(self, source: str, name: str) -> str:
        """A database that begins as `source` stands; its address."""
        owner = urlsplit(self.services.database_url).username
        with self.session("postgres") as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{source}" OWNER "{owner}" STRATEGY FILE_COPY')
        return self.database_url(name)

    def drop(self, name: str) -> None:
        with self.session("postgres") as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    # --- faults: each returns whether it verifiably happened -------------------------------------------------------

    def kill_valkey(self) -> bool:
        process = find_valkey(self.home)
        return process is not None and _strike([process])

    def kill_postgres(self) -> bool:
        """Postmaster, walwriter and sessions in one blow, so that nobody is left to write anything down."""
        postmaster = find_postmaster(self.home)
        if postmaster is None:
            return False
        return _strike([*_children(postmaster), postmaster])

    def fill_the_disk(self, for_s: float) -> bool:
        """Let every write beyond the beginning of a file fail, as on a full disk, then make room again.

        The limit of file sizes (RLIMIT_FSIZE) works as root, as anybody, and in a container, where a small file
        system cannot be mounted: to Postgres, `write` fails with EFBIG where it would fail with ENOSPC.
        """
        log = self.home.postgres_log
        os.truncate(log, 0)  # the log is a file on the full disk too, and has to say so
        postmaster = find_postmaster(self.home)
        if postmaster is None:
            return False
        with self.full_disk():
            said_so = wait_until(lambda: SAYS_FULL in log.read_text(errors="replace"), for_s * 5)
            time.sleep(for_s)
        return said_so

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """No room for the database until the block ends."""
        postmaster = find_postmaster(self.home)
        for process in [postmaster, *_children(postmaster)] if postmaster else ():
            self._limit(process.pid, FULL_BYTES)
        try:
            yield
        finally:
            postmaster = find_postmaster(self.home)
            for process in [postmaster, *_children(postmaster)] if postmaster else ():
                self._limit(process.pid, None)

    def _limit(self, pid: int, n_bytes: int | None) -> None:
        """Set the soft limit alone, since nobody but root may raise a hard one again."""
        account = self.home.account
        if not account.is_other:
            _set_limit(pid, n_bytes)
            return
        # Root in a container may not limit another user's process; that user may.
        child = os.fork()
        if child == 0:
            with suppress(BaseException):
                os.setgroups([])
                os.setgid(account.gid)
                os.setuid(account.uid)
                _set_limit(pid, n_bytes)
            os._exit(0)
        os.waitpid(child, 0)


def _set_limit(pid: int, n_bytes: int | None) -> None:
    with suppress(ProcessLookupError):
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard if n_bytes is None else n_bytes, hard))


def _children(process: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return process.children()
    return []


def _strike(processes: list[psutil.Process]) -> bool:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    return wait_until(lambda: all(is_gone(process.pid) for process in processes), 10)
