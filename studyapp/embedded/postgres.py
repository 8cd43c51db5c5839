"""A real Postgres under a data folder: made once, found again, started, stopped.

The cluster is made in `cluster.new` and renamed when it is whole, so a folder named `cluster` is always a finished
one, and what an interrupted first start left may be cleared away without asking.
"""

import os
import shutil
import signal
import time
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg2
from psycopg2 import errors as postgres_errors
from psycopg2 import sql

from studyapp.embedded.binaries import POSTGRES_MAJOR, Binaries
from studyapp.embedded.daemons import end_process, find_process, is_gone, read_pid
from studyapp.embedded.errors import EmbeddedError
from studyapp.embedded.files import NEEDED_BYTES, describe, last_lines, no_space, write_private
from studyapp.embedded.homes import Home
from studyapp.embedded.sessions import wait_until

DATABASE = "foretell"
ROLE = "foretell"  # owns the database and its tables, and migrates
APP_ROLE = "foretell_app"  # the application's: owns nothing, gets its rights from the migrations' command
SUPERUSER = "postgres"
SOCKET = ".s.PGSQL.5432"
START_TIMEOUT_S = 300.0  # a server that was killed replays its log first
SESSIONS_TIMEOUT_S = 30.0
STUCK_S = 10.0  # without a process that recovers, while everybody is refused
REFUSING = ("starting up", "in recovery mode", "not yet accepting", "shutting down")
STOP_GRACE_S = 60.0
LONGEST_LOG_BYTES = 10_000_000

# No TCP: the socket lies in a folder that only the account (and root) may enter. Messages leave out the statement
# and the offending row, because a row may hold what a participant wrote.
_SETTINGS = """\
# Written by Foretell at every start. Settings of your own: ALTER SYSTEM (postgresql.auto.conf), which come later.
listen_addresses = ''
unix_socket_directories = '{socket_folder}'
unix_socket_permissions = 0700
port = 5432
max_connections = 100
shared_buffers = 128MB
fsync = {durable}
full_page_writes = {durable}
synchronous_commit = on
jit = off
random_page_cost = 1.1
timezone = 'UTC'
log_timezone = 'UTC'
log_min_messages = warning
log_error_verbosity = terse
log_min_error_statement = panic
"""


# Arguments, not text, so that no path is read as shell. The server is nobody's child and outlives this process.
_DETACH = 'umask 077; "$0" -D "$2" >>"$1" 2>&1 </dev/null & echo $!'


def database_url(home: Home, *, user: str = ROLE, database: str = DATABASE) -> str:
    """The URL of the database, for libpq and for Django."""
    return f"postgresql://{user}@/{database}?host={quote(str(home.socket_folder), safe='')}"


def find_postmaster(home: Home) -> psutil.Process | None:
    return find_process(read_pid(home.cluster / "postmaster.pid"), program="postgres", cwd=home.cluster)


def answers(home: Home) -> bool:
    """True where the database can be reached as the application reaches it."""
    try:
        psycopg2.connect(database_url(home), connect_timeout=5).close()
    except psycopg2.OperationalError:
        return False
    return True


def start_postgres(home: Home, binaries: Binaries, *, durable: bool) -> None:
    """Bring up the cluster of this home, making it first where there is none."""
    if not home.cluster.is_dir():
        _make_cluster(home, binaries, durable=durable)
    _check_version(home)
    postmaster = find_postmaster(home)
    if postmaster is not None and not (home.socket_folder / SOCKET).exists() and _says_ready(home, postmaster.pid):
        # A cleaner of /tmp took the socket: the server lives, but nobody can reach it any more.
        end_process(postmaster, gently=signal.SIGINT, then=signal.SIGQUIT, grace_s=STOP_GRACE_S)
        postmaster = None
    if postmaster is None:
        _start_postmaster(home, binaries, durable=durable)
    if not _becomes_ready(home):
        postmaster = find_postmaster(home)
        if postmaster is not None:
            end_process(postmaster, gently=signal.SIGQUIT, then=signal.SIGKILL, grace_s=STOP_GRACE_S)
        _start_postmaster(home, binaries, durable=durable)
    make_database(home)


def stop_postgres(home: Home) -> bool:
    """Stop it fast: open transactions are rolled back, committed ones are on disk. False where none ran."""
    postmaster = find_postmaster(home)
    if postmaster is None:
        return False
    end_process(postmaster, gently=signal.SIGINT, then=signal.SIGQUIT, grace_s=STOP_GRACE_S)
    return True


def _make_cluster(home: Home, binaries: Binaries, *, durable: bool) -> None:
    fresh = home.folder / "cluster.new"
    shutil.rmtree(fresh, ignore_errors=True)
    if shutil.disk_usage(home.folder).free < NEEDED_BYTES:
        raise no_space(home.folder)
    # The built-in locale sorts and folds Unicode alike on every system; no locale of the machine is needed.
    locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    command: list[str | Path] = [binaries.initdb, "-D", fresh, "-U", SUPERUSER, "--auth=trust", *locale]
    done = home.account.run([*command, *(() if durable else ("--no-sync",))])
    if done.returncode != 0:
        shutil.rmtree(fresh, ignore_errors=True)
        raise _explain(home, "Postgres could not make its database files", done.stdout + done.stderr)
    fresh.rename(home.cluster)


def _check_version(home: Home) -> None:
    found = (home.cluster / "PG_VERSION").read_text(encoding="ascii").strip()
    if found != POSTGRES_MAJOR:
        raise EmbeddedError(
            f"The database in {home.cluster} was made by Postgres {found}, but this version of Foretell brings "
            f"Postgres {POSTGRES_MAJOR}. Move it over with pg_dump of version {found}, or use the older Foretell."
        )


def _start_postmaster(home: Home, binaries: Binaries, *, durable: bool) -> None:
    settings = _SETTINGS.format(socket_folder=home.socket_folder, durable="on" if durable else "off")
    write_private(home.cluster / "postgresql.conf", settings, home.account)
    if home.postgres_log.is_file() and home.postgres_log.stat().st_size > LONGEST_LOG_BYTES:
        home.postgres_log.replace(home.postgres_log.with_suffix(".log.old"))
    _clear_leftovers(home)
    log_start = home.postgres_log.stat().st_size if home.postgres_log.is_file() else 0
    done = home.account.run(["/bin/sh", "-c", _DETACH, binaries.postgres, home.postgres_log, home.cluster])
    if done.returncode != 0:
        raise _explain(home, "Postgres did not start", done.stderr)
    server = int(done.stdout)
    deadline = time.monotonic() + START_TIMEOUT_S
    while not _says_ready(home, server):
        if is_gone(server) or time.monotonic() > deadline:
            raise _explain(home, "Postgres did not start", _written_since(home, log_start))
        time.sleep(0.02)


def _written_since(home: Home, start: int) -> str:
    with home.postgres_log.open("rb") as log:
        log.seek(start)
        return log.read(20_000).decode("utf-8", "replace")


def _clear_leftovers(home: Home) -> None:
    """Wait for a killed server's sessions, then remove its lock files where its number now belongs to a stranger.

    Postgres would take that stranger (or a dead server that nobody has reaped) for a live server and refuse to start.
    Other leftover lock files stay: Postgres clears them itself, with checks of its own.
    """
    if not wait_until(lambda: not _sessions(home), SESSIONS_TIMEOUT_S):
        raise EmbeddedError(
            f"Postgres of {home.folder} was killed, but its processes {_sessions(home)} still work on its files. "
            "Wait until they end, or end them, then start again."
        )
    for lock in (home.cluster / "postmaster.pid", home.socket_folder / f"{SOCKET}.lock"):
        pid = read_pid(lock)
        if pid is not None and psutil.pid_exists(pid):
            lock.unlink()


def _sessions(home: Home) -> list[int]:
    return [pid for pid in psutil.pids() if find_process(pid, program="postgres", cwd=home.cluster) is not None]


def _says_ready(home: Home, server: int) -> bool:
    try:
        lines = (home.cluster / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return False
    return len(lines) > 7 and lines[0] == str(server) and lines[7].strip() == "ready"


def _becomes_ready(home: Home) -> bool:
    """Wait for a server that another process started and that may still be recovering.

    False where it never will be: it went down meanwhile, or it refuses everybody for good, because its recovery died
    (of a full disk perhaps) or because it was told to end and waits for a session that stays.
    """
    deadline = time.monotonic() + START_TIMEOUT_S
    last_at_work = time.monotonic()
    while True:
        try:
            psycopg2.connect(database_url(home, user=SUPERUSER, database="postgres"), connect_timeout=5).close()
            return True
        except psycopg2.OperationalError as error:
            now, postmaster = time.monotonic(), find_postmaster(home)
            if postmaster is None:
                return False
            if now > deadline:
                raise _explain(home, "Postgres does not answer", f"{error}\n{last_lines(home.postgres_log)}") from error
            if _recovers(postmaster) or not any(word in str(error) for word in REFUSING):
                last_at_work = now
            if now - last_at_work > STUCK_S:
                return False
        time.sleep(0.1)


def _recovers(postmaster: psutil.Process) -> bool:
    """Whether its process that replays the log is there."""
    try:
        return any("startup" in " ".join(child.cmdline()) for child in postmaster.children())
    except psutil.Error:
        return True  # one of them has just gone; look again


def make_database(home: Home) -> None:
    """Make the owner, the application's role and the database; neither is a superuser. Safe to repeat, so a broken
    start heals and a folder of an earlier version gets the role it lacks."""
    connection = psycopg2.connect(database_url(home, user=SUPERUSER, database="postgres"))
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for role, options in ((ROLE, "LOGIN CREATEDB"), (APP_ROLE, "LOGIN")):
                # CREATEDB is for the databases of the tests and of restore drills.
                cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
                if cursor.fetchone() is None:
                    cursor.execute(sql.SQL(f"CREATE ROLE {{}} {options}").format(sql.Identifier(role)))
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
            if cursor.fetchone() is None:
                names = {"name": sql.Identifier(DATABASE), "owner": sql.Identifier(ROLE)}
                cursor.execute(sql.SQL("CREATE DATABASE {name} OWNER {owner}").format(**names))
    except postgres_errors.DiskFull as error:
        raise no_space(home.folder) from error
    finally:
        connection.close()


def _explain(home: Home, what: str, said: str) -> EmbeddedError:
    """Name the cause where it is a known one; always show what Postgres said."""
    if "No space left on device" in said:
        return no_space(home.folder)
    if "Permission denied" in said or "Read-only file system" in said:
        return describe(PermissionError(13, said.strip()), home.folder)
    hint = ""
    if "user does not exist" in said:
        hint = (
            f"This process runs as user number {os.geteuid()}, which has no entry in /etc/passwd; Postgres needs one. "
            "Run as a user with a name.\n"
        )
    return EmbeddedError(f"{what} in {home.folder}.\n{hint}It said:\n{said.strip()}")
