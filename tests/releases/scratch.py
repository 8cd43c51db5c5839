"""An empty database for one test, and commands that run over it in processes of their own."""

from __future__ import annotations

import os
import secrets
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2

ROOT = Path(__file__).resolve().parents[2]
# Of the fixtures alone: with it a release's sealed rows were sealed.
SECRET = "the secret of the fixtures of released versions, used nowhere else 7d1f"


@contextmanager
def scratch_database(server: str, template: str = "template0") -> Iterator[str]:
    """The address of a new database on the server of an address, dropped at the end; a copy of the template."""
    name = f"scratch_{secrets.token_hex(6)}"
    admin = urlsplit(server)._replace(path="/postgres").geturl()
    _execute(admin, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
    finally:
        _drop(admin, name)


def _drop(admin: str, name: str) -> None:
    """Sessions that end just now, or an autovacuum, may hold it for a moment; FORCE may not end the server's own."""
    for attempt in range(10):
        try:
            _execute(admin, f"DROP DATABASE {name}")
            return
        except psycopg2.errors.ObjectInUse:
            time.sleep(0.2 * attempt)
    _execute(admin, f"DROP DATABASE {name} WITH (FORCE)")


def _execute(address: str, statement: str) -> None:
    connection = psycopg2.connect(address)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()


def run(command: Sequence[str], environment: Mapping[str, str], *, cwd: Path = ROOT, expect: int = 0) -> str:
    """What a command prints; fails with all of it when its exit code is another."""
    done = subprocess.run(command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True)
    assert done.returncode == expect, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout if expect == 0 else done.stdout + done.stderr
