"""Who the embedded servers run as.

Postgres refuses to run as root. Root therefore runs the servers as the owner of the data folder or, where that is
root too, as `nobody`. No user is created, and nobody's folders are opened for it.
"""

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from studyapp.embedded.errors import EmbeddedError

USER_VARIABLE = "FORETELL_PG_USER"
FALLBACK_USER = "nobody"
# The caller's PGDATA, PGOPTIONS, LD_LIBRARY_PATH and the like are not for our servers.
CLEAN_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True)
class Account:
    """The user and group that the servers run as."""

    uid: int
    gid: int

    @property
    def is_other(self) -> bool:
        """True where this process must change its user before it runs a server."""
        return self.uid != os.geteuid()

    @property
    def name(self) -> str:
        """The user's name, or its number where it has none."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return f"number {self.uid}"

    def own(self, target: Path | int) -> None:
        """Give a file, or an open descriptor of one, to this account."""
        if self.is_other:
            os.chown(target, self.uid, self.gid)

    def run(self, command: Sequence[str | Path], *, timeout_s: float = 180) -> subprocess.CompletedProcess[str]:
        """Run a command as this account, in `/` because the caller's folder may be closed to it."""
        return subprocess.run(  # noqa: S603  (our own binaries, no shell)
            [str(part) for part in command],
            user=self.uid if self.is_other else None,
            group=self.gid if self.is_other else None,
            extra_groups=[] if self.is_other else None,
            cwd="/",
            env=CLEAN_ENVIRONMENT,
            umask=0o077,
            start_new_session=True,  # a Ctrl-C is for this process; a server must not get it
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )

    def can_enter(self, folder: Path) -> bool:
        """Try it, rather than reading the modes of every folder above."""
        return self.run(["/bin/sh", "-c", 'cd "$0"', folder], timeout_s=30).returncode == 0

    def can_execute(self, program: Path) -> bool:
        try:
            return self.run([program, "--version"], timeout_s=30).returncode == 0
        except PermissionError:
            return False


def account_for(data: Path) -> Account:
    """The account that the servers of this data folder run as."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    owner = data.stat()
    if owner.st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    wanted = os.environ.get(USER_VARIABLE, FALLBACK_USER)
    try:
        entry = pwd.getpwnam(wanted)
    except KeyError:
        raise EmbeddedError(
            f"Postgres does not run as root, and this machine has no user {wanted!r} to run it as. "
            f"Name an unprivileged user in {USER_VARIABLE}, or start Foretell as an ordinary user."
        ) from None
    if entry.pw_uid == 0:
        raise EmbeddedError(f"{USER_VARIABLE} names {wanted!r}, which is root; Postgres needs an unprivileged user.")
    return Account(entry.pw_uid, entry.pw_gid)
