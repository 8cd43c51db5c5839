"""Trying a restore: into a database and a folder that exist for the drill alone, up to a web server that answers."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError, OperationalError, connection
from psycopg2 import sql

from studyapp.embedded.ports import any_free_port
from studyapp.embedded.supervise import Supervisor
from studyapp.management.backups.errors import BackupError
from studyapp.management.backups.restore import Say
from studyapp.management.owner import as_owner

START_S = 60
DROP_ATTEMPTS = 10


def drill(path: Path, *, passphrase: str, say: Say) -> None:
    """Restore a backup beside the running site and take it away again; raises BackupError where a step fails."""
    with _scratch_database() as name, tempfile.TemporaryDirectory(prefix="foretell-drill-") as folder:
        environment = {
            "DATABASE_URL": _at(settings.DATABASE_URL, name),
            "DATABASE_OWNER_URL": _at(settings.DATABASE_OWNER_URL, name),
            "REDIS_URL": "",
            "FORETELL_DATA": folder,
            "FORETELL_SECRET_KEY": settings.SECRET_KEY,
            "FORETELL_BACKUP_PASSPHRASE": passphrase,
            "FORETELL_HOSTS": "127.0.0.1",
            "FORETELL_HTTPS": "0",
        }
        say(_run(["restore", str(path.absolute())], environment))
        _ask_a_web_server(Path(folder), environment)
        say("A web server over the restored data answers, and says that it is ready.")


@contextmanager
def _scratch_database() -> Iterator[str]:
    """The name of an empty database on the same server, gone when the drill ends."""
    name = f"foretell_drill_{secrets.token_hex(4)}"
    try:
        with as_owner(), connection._nodb_cursor() as cursor:
            cursor.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    except DatabaseError as error:
        raise BackupError(
            f"The drill cannot make a database of its own: {str(error).strip()}. Give the role of DATABASE_OWNER_URL "
            "CREATEDB for it, or restore by hand: DATABASE_URL=<an empty database> FORETELL_DATA=<an empty folder> "
            "manage.py restore FILE"
        ) from error
    try:
        yield name
    finally:
        _drop(name)


def _drop(name: str) -> None:
    """Without FORCE, which may not end the server's own vacuum: sessions that end just now are waited for."""
    for _ in range(DROP_ATTEMPTS):
        try:
            with as_owner(), connection._nodb_cursor() as cursor:
                cursor.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))
            return
        except OperationalError:
            time.sleep(1)
    raise BackupError(f"The drill's database {name} is still in use; drop it by hand: DROP DATABASE {name}")


def _at(address: str, name: str) -> str:
    """The address of another database on the same server."""
    return urlsplit(address)._replace(path=f"/{name}").geturl() if address else ""


def _run(command: list[str], environment: Mapping[str, str]) -> str:
    done = subprocess.run(  # noqa: S603  (our own command)
        [sys.executable, "manage.py", *command],
        cwd=settings.BASE_DIR,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BackupError(f"The drill failed.\n{done.stdout}{done.stderr}".strip())
    return done.stdout.strip()


def _ask_a_web_server(folder: Path, environment: Mapping[str, str]) -> None:
    address = f"127.0.0.1:{any_free_port()}"
    with Supervisor(folder, cwd=settings.BASE_DIR) as supervisor:
        supervisor.start(
            "web",
            [sys.executable, "-m", "gunicorn", "studyapp.wsgi:application", "-c", "docker/gunicorn.conf.py"],
            env={**environment, "FORETELL_BIND": address, "FORETELL_BASE_URL": f"http://{address}"},
        )
        supervisor.wait_until(lambda: _is_ready(address), what="the restored site", timeout_s=START_S)


def _is_ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
