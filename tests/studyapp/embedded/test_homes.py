"""Who runs the servers and where they live: root and others, open folders and closed ones, full disks."""

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest

from studyapp import embedded
from studyapp.embedded import EmbeddedError, postgres
from studyapp.embedded.accounts import Account, account_for
from studyapp.embedded.binaries import POSTGRES_PACKAGE, VALKEY_PACKAGE, binaries_for
from studyapp.embedded.homes import Home, existing_home, make_home

AsUser = Callable[[int, Callable[[], str]], str]
NOBODY = pwd.getpwnam("nobody").pw_uid
SOMEBODY = 61_234  # no entry in /etc/passwd


@pytest.fixture
def closed_data(as_user: AsUser, open_folder: Path, outside: Path) -> Iterator[Path]:
    """Root's data folder below a folder that only root may enter."""
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    yield closed / "data"
    for data in closed.iterdir():
        embedded.erase(data)
    shutil.rmtree(closed)


@pytest.fixture
def tiny_disk(as_user: AsUser, open_folder: Path) -> Iterator[Path]:
    folder = open_folder / "tiny"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m,mode=711", "tmpfs", str(folder)], check=False)
    if mounted.returncode != 0:
        pytest.skip("this machine does not let root mount a small disk")
    yield folder
    embedded.stop(folder / "data")
    subprocess.run(["umount", str(folder)], check=True)
    folder.rmdir()


def home_of(data: Path) -> Home:
    home = existing_home(data)
    assert home is not None
    return home


def start_and_say_who(data: Path) -> str:
    services = embedded.start(data, durable=False)
    psycopg2.connect(services.database_url).close()
    postmaster = postgres.find_postmaster(home_of(data))
    assert postmaster is not None
    said = f"{postmaster.uids().real} {services.home.stat().st_uid} {services.started_here}"
    embedded.stop(data)
    return said


def test_postgres_never_runs_as_root(data: Path) -> None:
    embedded.start(data, valkey=False, durable=False)

    postmaster = postgres.find_postmaster(home_of(data))

    assert postmaster is not None
    assert postmaster.uids().real == (os.geteuid() or NOBODY)


def test_an_ordinary_user_starts_in_a_folder_of_its_own(as_user: AsUser, open_folder: Path) -> None:
    private = open_folder / "private"
    private.mkdir(mode=0o700)
    os.chown(private, NOBODY, NOBODY)

    said = as_user(NOBODY, lambda: start_and_say_who(private / "data"))

    assert said == f"{NOBODY} {NOBODY} True"


def test_root_serves_a_users_folder_as_that_user_who_finds_it_usable_after(as_user: AsUser, open_folder: Path) -> None:
    theirs = open_folder / "theirs"
    theirs.mkdir(mode=0o711)
    os.chown(theirs, NOBODY, NOBODY)
    data = theirs / "data"
    assert as_user(NOBODY, lambda: start_and_say_who(data)) == f"{NOBODY} {NOBODY} True"

    assert start_and_say_who(data) == f"{NOBODY} {NOBODY} True"

    assert as_user(NOBODY, lambda: start_and_say_who(data)) == f"{NOBODY} {NOBODY} True"
    assert {path.name: path.stat().st_uid for path in data.iterdir()} == {"servers": NOBODY, "services.lock": NOBODY}


def test_a_stranger_on_the_machine_reaches_neither_socket_nor_files(as_user: AsUser, data: Path) -> None:
    services = embedded.start(data, valkey=False, durable=False)

    def connect() -> str:
        psycopg2.connect(services.database_url).close()
        return "connected"

    psycopg2.connect(services.database_url).close()
    assert "Permission denied" in as_user(SOMEBODY, connect)
    assert "Permission denied" in as_user(SOMEBODY, lambda: str(os.listdir(services.home)))
    assert "Permission denied" in as_user(SOMEBODY, (data / "services.json").read_text)


def test_a_folder_that_may_not_be_written_is_named_with_what_to_do(as_user: AsUser, open_folder: Path) -> None:
    readonly = open_folder / "readonly"
    readonly.mkdir(mode=0o755)

    for data in (readonly, readonly / "data"):
        said = as_user(NOBODY, lambda data=data: str(embedded.start(data)))  # type: ignore[misc]
        assert said.startswith(f"EmbeddedError: No right to write in {readonly}. Give this user the right")
        assert "FORETELL_DATA" in said


def test_a_folder_closed_to_the_servers_user_gets_a_home_outside(closed_data: Path, outside: Path) -> None:
    services = embedded.start(closed_data, durable=False)

    psycopg2.connect(services.database_url).close()
    assert services.home.parent == outside
    assert services.home.stat().st_mode & 0o777 == 0o700
    assert closed_data.parent.stat().st_mode & 0o777 == 0o700
    recorded = embedded.recorded(closed_data)
    assert recorded is not None
    assert recorded.home == services.home
    embedded.erase(closed_data)
    assert list(outside.iterdir()) == []


def test_a_moved_data_folder_finds_its_home_outside_and_a_copied_one_is_refused(closed_data: Path) -> None:
    home = embedded.start(closed_data, valkey=False, durable=False).home
    embedded.stop(closed_data)
    moved, copied = closed_data.with_name("moved"), closed_data.with_name("copied")
    closed_data.rename(moved)
    assert embedded.start(moved, valkey=False, durable=False).home == home

    shutil.copytree(moved, copied)
    with pytest.raises(EmbeddedError, match=r"copied is a copy of .*moved, .* Remove .*copied/servers.json to begin"):
        embedded.start(copied, valkey=False)

    (copied / "servers.json").unlink()
    assert embedded.start(copied, valkey=False, durable=False).home != home


def test_an_unusable_place_outside_is_named(closed_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORETELL_PG_HOME", str(closed_data.parent))

    with pytest.raises(EmbeddedError, match=r"user nobody may not enter it\. Name a folder .* in FORETELL_PG_HOME"):
        embedded.start(closed_data)


def test_a_home_that_was_closed_later_is_named(as_user: AsUser, data: Path) -> None:
    embedded.start(data, valkey=False, durable=False)
    embedded.stop(data)
    data.chmod(0o700)

    with pytest.raises(EmbeddedError, match=r"cannot be reached by user nobody.*chmod o\+x"):
        embedded.start(data)
    data.chmod(0o711)


def test_programs_in_a_closed_folder_are_copied_once(
    as_user: AsUser, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = open_folder / "site"
    site.mkdir(mode=0o700)
    for package in (POSTGRES_PACKAGE, f"{POSTGRES_PACKAGE}.libs", VALKEY_PACKAGE):
        installed = next(Path(entry) / package for entry in sys.path if (Path(entry) / package).is_dir())
        shutil.copytree(installed, site / package, ignore=shutil.ignore_patterns("pginstall", "include", "*.a"))
    monkeypatch.syspath_prepend(site)
    data = open_folder / "copying"
    data.mkdir(mode=0o711)
    home = make_home(data)

    first = binaries_for(home.account, home.folder)
    made_at = first.postgres.stat().st_ino
    second = binaries_for(home.account, home.folder)

    assert first == second
    assert first.postgres.is_relative_to(home.folder)
    assert second.postgres.stat().st_ino == made_at
    assert start_and_say_who(data) == f"{NOBODY} {NOBODY} True"
    assert site.stat().st_mode & 0o777 == 0o700
    embedded.erase(data)


def test_a_copy_of_older_programs_is_replaced(
    as_user: AsUser, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = open_folder / "site"
    assert site.is_dir(), "runs after test_programs_in_a_closed_folder_are_copied_once"
    monkeypatch.syspath_prepend(site)
    data = open_folder / "upgrading"
    data.mkdir(mode=0o711)
    home = make_home(data)
    old = binaries_for(home.account, home.folder).postgres
    os.utime(old, (1, 1))

    new = binaries_for(home.account, home.folder).postgres

    assert new == old
    assert new.stat().st_mtime > 1
    embedded.erase(data)


def test_a_full_disk_is_named_before_anything_is_made(tiny_disk: Path) -> None:
    with pytest.raises(EmbeddedError, match=r"The disk that holds .* is full: the database needs about 200 MB"):
        embedded.start(tiny_disk / "data")


def test_a_disk_that_fills_while_the_database_is_made_is_named(
    tiny_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The look at the free space is blind to what others write a moment later.
    monkeypatch.setattr(postgres, "NEEDED_BYTES", 0)

    with pytest.raises(EmbeddedError, match=r"The disk that holds .* is full"):
        embedded.start(tiny_disk / "data")
    assert not (tiny_disk / "data" / "servers" / "cluster").exists()


def test_the_users_name_may_be_set_and_root_is_refused(
    as_user: AsUser, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = pwd.getpwnam("daemon")
    monkeypatch.setenv("FORETELL_PG_USER", "daemon")
    assert account_for(open_folder) == Account(entry.pw_uid, entry.pw_gid)

    monkeypatch.setenv("FORETELL_PG_USER", "root")
    with pytest.raises(EmbeddedError, match="which is root"):
        account_for(open_folder)
    monkeypatch.setenv("FORETELL_PG_USER", "no-such-user")
    with pytest.raises(EmbeddedError, match="has no user 'no-such-user'"):
        account_for(open_folder)


def test_a_socket_folder_planted_by_a_stranger_is_refused(new_data: Callable[[str], Path]) -> None:
    data = new_data("planted-" + "x" * 100)
    data.mkdir(mode=0o711)
    planted = Home(data / "servers", account_for(data)).socket_folder
    planted.symlink_to(data)

    try:
        with pytest.raises(EmbeddedError, match="or is a link"):
            embedded.start(data)
    finally:
        planted.unlink()
