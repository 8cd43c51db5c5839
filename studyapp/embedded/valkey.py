"""A real Valkey under a data folder: the doorbell between the web and the workers.

It keeps nothing on disk (losing all of it loses nothing), listens on loopback, and asks for a random password, which
stands in a file that only the account may read and never on a command line.
"""

import secrets
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import redis

from studyapp.embedded.binaries import Binaries
from studyapp.embedded.daemons import end_process, find_process, read_pid
from studyapp.embedded.errors import EmbeddedError
from studyapp.embedded.files import last_lines, make_private_folder, write_private
from studyapp.embedded.homes import Home
from studyapp.embedded.ports import LOOPBACK, any_free_port, is_free

START_TIMEOUT_S = 15.0
PORT_ATTEMPTS = 5

_SETTINGS = """\
# Written by Foretell at every start.
bind {host}
port {port}
requirepass {password}
protected-mode yes
daemonize yes
pidfile {pidfile}
logfile {log}
dir {folder}
save ""
appendonly no
maxmemory 256mb
maxmemory-policy noeviction
"""


@dataclass(frozen=True)
class _Address:
    port: int
    password: str

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/0"


def redis_url(home: Home) -> str:
    """The URL of this home's Valkey as last configured, running or not; empty where it never was."""
    address = _read_address(home)
    return "" if address is None else address.url


def find_valkey(home: Home) -> psutil.Process | None:
    folder = _folder(home)
    return find_process(read_pid(folder / "valkey.pid"), program="valkey-server", cwd=folder)


def answers(home: Home) -> bool:
    """True where this home's own Valkey answers: a stranger on its port does not know the password."""
    url = redis_url(home)
    if not url:
        return False
    client = redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def start_valkey(home: Home, binaries: Binaries) -> None:
    """Bring up this home's Valkey on its remembered port, or on another where that one is taken."""
    old = find_valkey(home)
    if old is not None:
        if answers(home):
            return
        end_process(old, gently=signal.SIGTERM, then=signal.SIGKILL, grace_s=5)
    make_private_folder(_folder(home), home.account)
    remembered = _read_address(home)
    password = remembered.password if remembered else secrets.token_urlsafe(32)
    port = remembered.port if remembered and is_free(remembered.port) else any_free_port()
    for _ in range(PORT_ATTEMPTS):
        if _try_start(home, binaries, _Address(port, password)):
            return
        port = any_free_port()  # somebody took it between our look and Valkey's
    raise EmbeddedError(
        f"Valkey did not start on {LOOPBACK} in {PORT_ATTEMPTS} attempts. Its log, {home.valkey_log}, ends:\n"
        f"{last_lines(home.valkey_log)}"
    )


def stop_valkey(home: Home) -> bool:
    """Stop it. False where none ran."""
    process = find_valkey(home)
    if process is None:
        return False
    end_process(process, gently=signal.SIGTERM, then=signal.SIGKILL, grace_s=10)
    return True


def _folder(home: Home) -> Path:
    return home.folder / "valkey"


def _try_start(home: Home, binaries: Binaries, address: _Address) -> bool:
    folder = _folder(home)
    (folder / "valkey.pid").unlink(missing_ok=True)
    settings = _SETTINGS.format(
        host=LOOPBACK,
        port=address.port,
        password=address.password,
        folder=_quoted(folder),
        pidfile=_quoted(folder / "valkey.pid"),
        log=_quoted(home.valkey_log),
    )
    write_private(folder / "valkey.conf", settings, home.account)
    home.valkey_log.unlink(missing_ok=True)
    done = home.account.run([binaries.valkey, folder / "valkey.conf"], timeout_s=30)
    if done.returncode != 0:
        raise EmbeddedError(f"Valkey did not start in {folder}. It said:\n{(done.stdout + done.stderr).strip()}")
    return _comes_up(home)


def _comes_up(home: Home) -> bool:
    """Wait for the first answer; False as soon as Valkey's log says that it gave up (mostly: the port is taken)."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if answers(home):
            return True
        if "Failed listening" in last_lines(home.valkey_log):
            return False
        time.sleep(0.03)
    return False


def _read_address(home: Home) -> _Address | None:
    """Valkey's own settings are the one place where port and password are kept."""
    try:
        lines = (_folder(home) / "valkey.conf").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    settings = dict(line.split(" ", 1) for line in lines if line and not line.startswith("#"))
    try:
        return _Address(port=int(settings["port"]), password=settings["requirepass"])
    except (KeyError, ValueError):
        return None


def _quoted(path: Path) -> str:
    """A path as Valkey's settings want it; blanks need the quotes."""
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
