"""Where the servers of a data folder keep their files.

Usually `<data>/servers`. Where the account that runs the servers may not enter the data folder (root's clone in a
folder that only root may enter), a folder of their own under `/var/lib/foretell` or $FORETELL_PG_HOME; a note in the
data folder names it. No folder's mode is changed to let the account in.
"""

import json
import os
import re
import secrets
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from studyapp.embedded.accounts import Account, account_for
from studyapp.embedded.errors import EmbeddedError
from studyapp.embedded.files import describe, make_private_folder, write_private

OUTSIDE_VARIABLE = "FORETELL_PG_HOME"
OUTSIDE_DEFAULT = "/var/lib/foretell"
NOTE = "servers.json"
# sockaddr_un holds 108 bytes on Linux and 104 on macOS, its closing zero included.
LONGEST_SOCKET_PATH = 100


@dataclass(frozen=True)
class Home:
    """The servers' own folder and the account that owns it."""

    folder: Path
    account: Account

    @property
    def cluster(self) -> Path:
        return self.folder / "cluster"

    @property
    def postgres_log(self) -> Path:
        return self.folder / "postgres.log"

    @property
    def valkey_log(self) -> Path:
        return self.folder / "valkey.log"

    @property
    def socket_folder(self) -> Path:
        """Inside the home, or a short folder of the same account where that path is no good for a socket."""
        inside = self.folder / "socket"
        length = len(os.fsencode(inside / ".s.PGSQL.5432"))
        if length <= LONGEST_SOCKET_PATH and re.fullmatch(r"[\w./+-]+", str(inside), re.ASCII):
            return inside
        name = sha256(os.fsencode(self.folder)).hexdigest()[:16]
        return Path(f"/tmp/foretell-{self.account.uid}-{name}")  # noqa: S108  (owner and mode are checked when it is made)


def existing_home(data: Path) -> Home | None:
    """The home of this data folder if one was made, wherever it is."""
    if not data.is_dir():
        return None
    account = account_for(data)
    inside = data / "servers"
    if inside.is_dir():
        return Home(inside, account)
    noted = _noted_home(data)
    return None if noted is None else Home(noted, account)


def make_home(data: Path) -> Home:
    """Find or make the home of this data folder, closed to everybody but the account."""
    account = account_for(data)
    home = existing_home(data) or Home(_new_home(data, account), account)
    try:
        make_private_folder(home.folder, account)
        make_private_folder(home.socket_folder, account)
    except OSError as error:
        raise describe(error, home.folder) from error
    if account.is_other and not account.can_enter(home.folder):
        raise EmbeddedError(
            f"The servers' folder {home.folder} cannot be reached by user {account.name}, who runs them: a folder "
            "above it is now closed. Open that folder again (chmod o+x), or move the data folder to another place."
        )
    return home


def _new_home(data: Path, account: Account) -> Path:
    if not account.is_other or account.can_enter(data):
        return data / "servers"
    base = Path(os.environ.get(OUTSIDE_VARIABLE, OUTSIDE_DEFAULT))
    try:
        # Others may pass through, not look around; each home below is closed.
        base.mkdir(mode=0o711, parents=True, exist_ok=True)
    except OSError as error:
        raise _no_outside(base, account, error.strerror or str(error)) from error
    if not account.can_enter(base):
        raise _no_outside(base, account, f"user {account.name} may not enter it")
    home = base / secrets.token_hex(8)
    # The note comes first: a home that nothing points to could not be found again.
    _write_note(data, home)
    return home


def _no_outside(base: Path, account: Account, reason: str) -> EmbeddedError:
    return EmbeddedError(
        f"User {account.name}, who runs Postgres, may not enter the data folder, and {base} cannot be used instead: "
        f"{reason}. Name a folder that user {account.name} may enter in {OUTSIDE_VARIABLE}."
    )


def adopt_home(data: Path) -> None:
    """Let the note of a moved data folder name its new path, so that a copy made later can be told from it."""
    if not (data / "servers").is_dir() and (home := _noted_home(data)) is not None:
        _write_note(data, home)


def _write_note(data: Path, home: Path) -> None:
    write_private(data / NOTE, json.dumps({"home": str(home), "data": str(data)}, indent=2) + "\n", owner_of(data))


def _noted_home(data: Path) -> Path | None:
    """The home outside the data folder, as the note says; a moved folder is followed, a copied one refused."""
    note = data / NOTE
    if not note.is_file():
        return None
    home, noted_data = _read_note(note)
    if noted_data != data and _names_same_home(noted_data / NOTE, home):
        raise EmbeddedError(
            f"{data} is a copy of {noted_data}, and its note {note} names that folder's database, which two folders "
            f"must not share. Remove {note} to begin with an empty database."
        )
    return home


def _read_note(note: Path) -> tuple[Path, Path]:
    try:
        content = json.loads(note.read_text(encoding="utf-8"))
        return Path(content["home"]), Path(content["data"])
    except (ValueError, KeyError, TypeError) as error:
        raise EmbeddedError(
            f"{note} should name the database's folder, but cannot be read ({error}). Restore it from a backup, "
            f"or remove it to begin with an empty database."
        ) from error


def _names_same_home(note: Path, home: Path) -> bool:
    return note.is_file() and _read_note(note)[0] == home


def owner_of(data: Path) -> Account:
    """Files beside the servers' home belong to whoever owns the data folder."""
    status = data.stat()
    if os.geteuid() == 0:
        return Account(status.st_uid, status.st_gid)
    return Account(os.geteuid(), os.getegid())
