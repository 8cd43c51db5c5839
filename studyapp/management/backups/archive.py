"""The tar inside a backup: written and read from front to back, a few megabytes at a time."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import IO, Any, Self

from studyapp.management.backups.container import DecryptingReader, EncryptingWriter, is_encrypted
from studyapp.management.backups.errors import BackupError
from studyapp.management.backups.tables import Content

HEADER, MANIFEST = "backup.json", "manifest.json"
TABLES, FILES = "tables", "files"
FORMAT = 1
PART = 4 << 20
LONGEST_JSON = 64 << 20
COMPRESSION = 6


@dataclass(frozen=True)
class Header:
    """What a backup is of."""

    format: int
    foretell: str
    made_at: str
    migrations: tuple[tuple[str, str], ...]
    columns: Mapping[str, tuple[str, ...]]
    key_check: str  # sealed with the site's secret key: tells whether another key can open what is sealed

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        if document.get("format") != FORMAT:
            raise BackupError(
                f"This backup is of form {document.get('format')!r}, and this version reads form {FORMAT}. "
                f"Restore it with the version of Foretell that wrote it ({document.get('foretell', 'unknown')})."
            )
        return cls(
            format=FORMAT,
            foretell=document["foretell"],
            made_at=document["made_at"],
            migrations=tuple((app, name) for app, name in document["migrations"]),
            columns={name: tuple(columns) for name, columns in document["columns"].items()},
            key_check=document["key_check"],
        )


@dataclass(frozen=True)
class KeptFile:
    """A file of the data folder."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a whole backup holds."""

    tables: Mapping[str, Content]
    sequences: Mapping[str, tuple[int, bool]]
    files: Mapping[str, KeptFile]

    @classmethod
    def from_json(cls, document: Mapping[str, Mapping[str, Any]]) -> Self:
        return cls(
            tables={name: Content(**content) for name, content in document["tables"].items()},
            sequences={name: (last, is_called) for name, (last, is_called) in document["sequences"].items()},
            files={name: KeptFile(**kept) for name, kept in document["files"].items()},
        )

    @property
    def rows(self) -> int:
        return sum(content.rows for content in self.tables.values())


class Writer:
    """Appends members to the tar of a backup."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar

    def document(self, name: str, content: Header | Manifest) -> None:
        self._member(name, json.dumps(asdict(content), indent=1).encode("utf-8"))

    @contextmanager
    def table(self, name: str) -> Iterator[IO[bytes]]:
        """A file for the rows of a table, cut into members of a size that fits into memory."""
        parts = _Parts(lambda number, data: self._member(f"{TABLES}/{name}/{number:05d}", data))
        with io.BufferedWriter(parts, PART) as out:
            yield out

    def file(self, name: str, path: Path) -> KeptFile:
        """Copy a file of the data folder."""
        with path.open("rb") as source:
            member = _member(f"{FILES}/{name}", path.stat().st_size)
            hashed = _Hashed(source)
            self._tar.addfile(member, hashed)
        return KeptFile(member.size, hashed.sha256())

    def _member(self, name: str, data: bytes) -> None:
        self._tar.addfile(_member(name, len(data)), io.BytesIO(data))


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mtime, member.mode = size, int(time.time()), 0o600
    return member


class _Parts(io.RawIOBase):
    """Hands what is written to it on as numbered parts."""

    def __init__(self, put) -> None:  # type: ignore[no-untyped-def]
        self._put = put
        self._number = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        self._number += 1
        part = bytes(data)  # type: ignore[call-overload]
        self._put(self._number, part)
        return len(part)


class _Hashed:
    """A file that keeps the hash of what was read from it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._hash.update(data)
        return data

    def sha256(self) -> str:
        return self._hash.hexdigest()


@contextmanager
def writing(file: IO[bytes], passphrase: str) -> Iterator[Writer]:
    """The writer of a new backup; the file is whole when the block has ended."""
    with ExitStack() as stack:
        out: IO[bytes] = file
        if passphrase:
            out = stack.enter_context(io.BufferedWriter(EncryptingWriter(file, passphrase)))
        packed = stack.enter_context(gzip.GzipFile(filename="", fileobj=out, mode="wb", compresslevel=COMPRESSION))
        yield Writer(stack.enter_context(tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT)))


@dataclass(frozen=True)
class Part:
    """The next thing of a backup that is read: a table's rows or a file of the data folder."""

    kind: str  # TABLES or FILES
    name: str
    content: IO[bytes]


class Reader:
    """Reads a backup once, from front to back: `header` at once, the manifest when all parts have been read."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._members = ((member.name, self._open(tar, member)) for member in tar)
        name, content = next(self._members, ("", io.BytesIO()))
        if name != HEADER:
            raise BackupError("This is not a backup of Foretell.")
        self.header = Header.from_json(_json(content))
        self._manifest: Manifest | None = None

    @staticmethod
    def _open(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
        content = tar.extractfile(member)
        if content is None:
            raise BackupError(f"{member.name} is no ordinary file; this is not a backup of Foretell.")
        return content

    @property
    def manifest(self) -> Manifest:
        if self._manifest is None:
            raise BackupError("The backup was cut short: its last part is missing. Use another one.")
        return self._manifest

    def parts(self) -> Iterator[Part]:
        """Tables and files in the order in which they were written. Read each before asking for the next."""
        for (kind, name), members in groupby(self._members, key=lambda entry: _address(entry[0])):
            if kind == MANIFEST:
                self._manifest = Manifest.from_json(_json(next(members)[1]))
            else:
                yield Part(kind, name, _Joined(content for _, content in members))  # type: ignore[arg-type]


def _address(name: str) -> tuple[str, str]:
    """Kind and name of a member; the parts of a table have one address."""
    if name == MANIFEST:
        return MANIFEST, ""
    kind, _, rest = name.partition("/")
    if kind == TABLES:
        return kind, rest.rpartition("/")[0]
    if kind == FILES and ".." not in PurePosixPath(rest).parts and not rest.startswith("/"):
        return kind, rest
    raise BackupError(f"{name!r} has no place in a backup of Foretell.")


def _json(content: IO[bytes]) -> dict[str, Any]:
    try:
        document = json.loads(content.read(LONGEST_JSON))
    except ValueError as error:
        raise BackupError("A description inside this backup cannot be read; use another one.") from error
    if not isinstance(document, dict):
        raise BackupError("This is not a backup of Foretell.")
    return document


class _Joined:
    """Several files read as one."""

    def __init__(self, files: Iterator[IO[bytes]]) -> None:
        self._files = files
        self._current: IO[bytes] | None = next(files, None)

    def read(self, size: int = -1) -> bytes:
        while self._current is not None:
            if data := self._current.read(size):
                return data
            self._current = next(self._files, None)
        return b""


@contextmanager
def reading(path: Path, passphrase: str) -> Iterator[Reader]:
    """The reader of a backup; raises BackupError where the file is none, is damaged, or the passphrase is wrong."""
    if not path.is_file():
        raise BackupError(f"There is no file {path}.")
    try:
        with path.open("rb") as file, ExitStack() as stack:
            source: IO[bytes] = file
            if is_encrypted(file):
                if not passphrase:
                    raise BackupError("This backup is encrypted: put its passphrase into FORETELL_BACKUP_PASSPHRASE.")
                source = io.BufferedReader(DecryptingReader(file, passphrase))
            unpacked = stack.enter_context(gzip.GzipFile(fileobj=source))
            yield Reader(stack.enter_context(tarfile.open(fileobj=unpacked, mode="r|")))
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise BackupError(f"{path.name} is damaged or no backup of Foretell ({error}). Use another one.") from error
