"""Folders and files that only their owner may read, written whole or not at all."""

import errno
import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from studyapp.embedded.accounts import Account
from studyapp.embedded.errors import EmbeddedError

LOCK_WAIT_S = 180.0
NEEDED_BYTES = 200 * 1024 * 1024


def describe(error: OSError, folder: Path) -> EmbeddedError:
    """What a person can do about an error of the file system."""
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return EmbeddedError(
            f"No right to write in {folder}. Give this user the right to write there, "
            f"or name another folder in FORETELL_DATA. ({error.strerror})"
        )
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return no_space(folder)
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return EmbeddedError(f"{folder} should be a folder, but a file is in the way. Move it, or set FORETELL_DATA.")
    return EmbeddedError(f"Cannot use the folder {folder}: {error.strerror}.")


def no_space(folder: Path) -> EmbeddedError:
    return EmbeddedError(
        f"The disk that holds {folder} is full: the database needs about {NEEDED_BYTES // 1024**2} MB to start. "
        "Free some space, or name a folder on another disk in FORETELL_DATA, then start again."
    )


def make_private_folder(folder: Path, account: Account) -> None:
    """Make a folder that only `account` (and root) may enter; close it again where it stood open."""
    if not folder.is_dir():
        folder.mkdir(mode=0o700)
        account.own(folder)
    status = folder.lstat()
    if folder.is_symlink() or status.st_uid != account.uid:
        raise EmbeddedError(
            f"{folder} should be a folder of user {account.name}, but belongs to user number {status.st_uid}"
            f"{' or is a link' if folder.is_symlink() else ''}. Move it away, then start again."
        )
    if status.st_mode & 0o077:
        folder.chmod(0o700)


def write_private(path: Path, text: str, account: Account) -> None:
    """Replace a file as a whole: a reader, or a crash, sees the old text or the new one.

    The temporary name is new and unguessable, so a link planted in a folder of `account` is never followed.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            account.own(descriptor)
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def locked(path: Path, owner: Account) -> Iterator[None]:
    """Hold the lock of a data folder; the system lets go of it when this process dies."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        owner.own(descriptor)
        _wait_for_lock(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def _wait_for_lock(descriptor: int, path: Path) -> None:
    deadline = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"Another process has been starting or stopping the servers of {path.parent} "
                    f"for {LOCK_WAIT_S:.0f} s. Look for it, end it, then start again."
                ) from None
            time.sleep(0.05)


def last_lines(path: Path, count: int = 15) -> str:
    """The end of a log, for an error message."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 64_000))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-count:])
