"""Start, find and stop the embedded servers of a data folder."""

import errno
import json
import os
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

from studyapp.embedded import postgres, valkey
from studyapp.embedded.binaries import binaries_for
from studyapp.embedded.errors import EmbeddedError
from studyapp.embedded.files import describe, locked, write_private
from studyapp.embedded.homes import NOTE, adopt_home, existing_home, make_home, owner_of

SERVICES_FILE = "services.json"
LOCK_FILE = "services.lock"


@dataclass(frozen=True)
class Services:
    """Where the servers of a data folder are reached."""

    database_url: str  # of the role that owns the tables
    app_url: str  # of the application's role, which owns nothing
    redis_url: str  # empty where Valkey was not asked for and does not run
    data: Path
    home: Path  # the servers' own files: under `data`, or outside where the servers' user may not enter it
    started_here: bool = False  # True where this very call started one of them

    def to_json(self) -> str:
        fields = asdict(self) | {"data": str(self.data), "home": str(self.home)}
        del fields["started_here"]
        return json.dumps(fields, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises ValueError, KeyError or TypeError where the text is not what `to_json` wrote."""
        fields = json.loads(text)
        return cls(
            database_url=str(fields["database_url"]),
            app_url=str(fields["app_url"]),
            redis_url=str(fields["redis_url"]),
            data=Path(fields["data"]),
            home=Path(fields["home"]),
        )


def start(data: Path, *, valkey: bool = True, durable: bool = True) -> Services:
    """Bring up Postgres, and Valkey unless told not to, for this data folder; find them where they run already.

    The servers outlive this process, until `stop`. `durable=False` gives up safety against a power cut for speed,
    which only throw-away test databases may do; it counts from the next start of the server.

    Raises EmbeddedError with what is wrong and what to do.
    """
    data = Path(os.path.abspath(data))
    try:
        _make_data_folder(data)
        with locked(data / LOCK_FILE, owner_of(data)):
            return _start_locked(data, with_valkey=valkey, durable=durable)
    except OSError as error:
        raise describe(error, _nearest(error, data)) from error


def running(data: Path) -> Services | None:
    """The servers of this data folder if its Postgres answers now; `redis_url` is empty where Valkey does not."""
    data = Path(os.path.abspath(data))
    try:
        home = existing_home(data)
        if home is None or not postgres.answers(home):
            return None
        redis_url = valkey.redis_url(home) if valkey.answers(home) else ""
    except OSError as error:
        raise describe(error, _nearest(error, data)) from error
    app_url = postgres.database_url(home, user=postgres.APP_ROLE)
    return Services(postgres.database_url(home), app_url, redis_url, data, home.folder)


def recorded(data: Path) -> Services | None:
    """What `services.json` says, without asking the servers: quick, and perhaps out of date."""
    try:
        return Services.from_json((data / SERVICES_FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return None
    except OSError as error:
        raise describe(error, _nearest(error, data)) from error


def stop(data: Path) -> bool:
    """Stop the servers of this data folder and wait until they are gone. False where none ran."""
    data = Path(os.path.abspath(data))
    if not data.is_dir():
        return False
    try:
        with locked(data / LOCK_FILE, owner_of(data)):
            return _stop_locked(data)
    except OSError as error:
        raise describe(error, _nearest(error, data)) from error


def erase(data: Path) -> None:
    """Stop the servers of this data folder and delete their files for good, those outside the folder too."""
    data = Path(os.path.abspath(data))
    if not data.is_dir():
        return
    try:
        with locked(data / LOCK_FILE, owner_of(data)):
            home = existing_home(data)
            _stop_locked(data)
            if home is not None:
                for folder in (home.socket_folder, home.folder):
                    if folder.is_dir():
                        shutil.rmtree(folder)
            (data / NOTE).unlink(missing_ok=True)
    except OSError as error:
        raise describe(error, _nearest(error, data)) from error


def _make_data_folder(data: Path) -> None:
    # Root's servers run as another user, who must pass through; every file in the folder is closed by itself.
    data.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
    if not os.access(data, os.W_OK | os.X_OK):
        raise PermissionError(13, "Permission denied", str(data))


def _start_locked(data: Path, *, with_valkey: bool, durable: bool) -> Services:
    adopt_home(data)
    found = running(data)
    if found is None or (with_valkey and not found.redis_url):
        home = make_home(data)
        binaries = binaries_for(home.account, home.folder)
        if found is None:
            postgres.start_postgres(home, binaries, durable=durable)
        if with_valkey:
            valkey.start_valkey(home, binaries)
        found = running(data)
        if found is None:
            raise EmbeddedError(f"Postgres started in {home.folder}, then went away. See {home.postgres_log}.")
        found = replace(found, started_here=True)
    if recorded(data) != replace(found, started_here=False):
        home = make_home(data)
        postgres.make_database(home)  # a server that an earlier version started lacks what this one adds
        write_private(data / SERVICES_FILE, found.to_json(), owner_of(data))
    return found


def _stop_locked(data: Path) -> bool:
    home = existing_home(data)
    stopped = False
    if home is not None:
        stopped = valkey.stop_valkey(home)
        stopped = postgres.stop_postgres(home) or stopped
    (data / SERVICES_FILE).unlink(missing_ok=True)
    return stopped


def _nearest(error: OSError, data: Path) -> Path:
    """What the error is about: the folder, or the file that stands where a folder should."""
    path = Path(error.filename) if isinstance(error.filename, str) else data
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        return next((part for part in (path, *path.parents) if part.exists() and not part.is_dir()), path)
    return path if path.is_dir() else path.parent
