"""Real servers, started, found, killed and healed."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg2
import pytest
import redis

from studyapp import embedded
from studyapp.embedded import EmbeddedError, postgres, valkey
from studyapp.embedded.homes import Home, existing_home

WriteRow = Callable[[str, str], None]
ReadRows = Callable[[str], list[str]]
ROOT = Path(__file__).parents[3]
START = "import sys; from pathlib import Path; from studyapp import embedded; "
START += "found = embedded.start(Path(sys.argv[1]), durable=False); print(found.started_here, found.database_url)"


def start(data: Path, *, with_valkey: bool = False) -> embedded.Services:
    return embedded.start(data, valkey=with_valkey, durable=False)


def home_of(data: Path) -> Home:
    home = existing_home(data)
    assert home is not None
    return home


def start_elsewhere(data: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", START, str(data)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def kill(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):  # Postgres's own processes end by themselves when it dies
            os.kill(pid, signal.SIGKILL)


def knock_for_ever(url: str) -> None:
    while True:
        psycopg2.connect(url).close()


def postgres_pids(home: Home) -> list[int]:
    postmaster = postgres.find_postmaster(home)
    assert postmaster is not None
    return [postmaster.pid, *(child.pid for child in postmaster.children(recursive=True))]


def test_first_start_gives_a_postgres_18_in_utf8_that_commits_to_disk(data: Path) -> None:
    services = embedded.start(data)

    connection = psycopg2.connect(services.database_url)
    with connection.cursor() as cursor:
        names = ("server_version_num", "server_encoding", "synchronous_commit", "fsync", "listen_addresses", "TimeZone")
        cursor.execute("SELECT " + ", ".join(f"current_setting('{name}')" for name in names))
        version, *rest = cursor.fetchone()
        cursor.execute("SELECT current_database(), current_user, rolsuper FROM pg_roles WHERE rolname = current_user")
        who = cursor.fetchone()
        cursor.execute("SELECT lower('ÄÉ'), array_agg(w ORDER BY w) FROM unnest(ARRAY['b', 'ä', 'A']) w")
        folded = cursor.fetchone()
    connection.close()
    assert int(version) // 10000 == 18
    assert rest == ["UTF8", "on", "on", "", "UTC"]
    assert who == ("foretell", "foretell", False)
    assert folded == ("äé", ["A", "b", "ä"])  # by code point, the same on every machine
    assert redis.Redis.from_url(services.redis_url).ping()
    assert services.started_here


def test_second_start_finds_the_running_servers(shared: Path) -> None:
    embedded.stop(shared)
    first = start(shared, with_valkey=True)
    pids = postgres_pids(home_of(shared))

    second = start(shared, with_valkey=True)

    assert (first.started_here, second.started_here) == (True, False)
    assert (second.database_url, second.redis_url) == (first.database_url, first.redis_url)
    assert postgres_pids(home_of(shared))[0] == pids[0]


def test_two_processes_that_start_at_once_share_one_server(data: Path) -> None:
    both = [start_elsewhere(data), start_elsewhere(data)]

    said = sorted(tuple(process.communicate(timeout=60)[0].split()) for process in both)

    url = postgres.database_url(home_of(data))
    assert said == [("False", url), ("True", url)]


def test_rows_are_found_again_after_stop_and_start(shared: Path, write_row: WriteRow, read_rows: ReadRows) -> None:
    write_row(start(shared).database_url, "before")
    assert embedded.stop(shared)
    assert embedded.running(shared) is None

    assert read_rows(start(shared).database_url) == ["before"]


def test_a_server_that_refuses_everybody_for_good_is_started_anew(
    shared: Path, write_row: WriteRow, read_rows: ReadRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "STUCK_S", 2.0)
    url = start(shared).database_url
    write_row(url, "committed")
    stays = psycopg2.connect(url)
    first = postgres_pids(home_of(shared))[0]
    os.kill(first, signal.SIGTERM)  # it lets nobody in any more, and waits for the one who stays
    with pytest.raises(psycopg2.OperationalError, match="shutting down"):
        knock_for_ever(url)

    again = start(shared)

    assert postgres_pids(home_of(shared))[0] != first
    assert read_rows(again.database_url) == ["committed"]
    stays.close()


def test_stop_says_whether_anything_ran(data: Path) -> None:
    assert embedded.stop(data) is False
    start(data)
    assert embedded.stop(data) is True
    assert embedded.stop(data) is False


def test_rows_are_found_again_after_postgres_was_killed(shared: Path, write_row: WriteRow, read_rows: ReadRows) -> None:
    write_row(start(shared).database_url, "committed")
    postgres.find_postmaster(home_of(shared)).send_signal(signal.SIGKILL)  # type: ignore[union-attr]

    again = start(shared)

    assert again.started_here
    assert read_rows(again.database_url) == ["committed"]


def test_rows_are_found_again_after_every_process_was_killed_at_once(
    shared: Path, write_row: WriteRow, read_rows: ReadRows
) -> None:
    write_row(start(shared, with_valkey=True).database_url, "committed")
    kill([*postgres_pids(home_of(shared)), valkey.find_valkey(home_of(shared)).pid])  # type: ignore[union-attr]

    again = start(shared, with_valkey=True)

    assert read_rows(again.database_url) == ["committed"]
    assert redis.Redis.from_url(again.redis_url).ping()


def test_a_dead_server_is_not_called_running_though_services_json_remains(shared: Path) -> None:
    start(shared)
    kill(postgres_pids(home_of(shared)))

    assert embedded.recorded(shared) is not None
    assert embedded.running(shared) is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"data": 1}', json.dumps({"database_url": "x"})])
def test_a_broken_services_json_is_written_anew(shared: Path, content: str) -> None:
    services = start(shared)
    (shared / "services.json").write_text(content)

    assert embedded.recorded(shared) is None
    start(shared)
    recorded = embedded.recorded(shared)
    assert recorded is not None
    assert recorded.database_url == services.database_url


def test_a_first_start_killed_in_the_middle_heals(data: Path) -> None:
    process = start_elsewhere(data)
    fresh = data / "servers" / "cluster.new"
    while not fresh.exists() and process.poll() is None:
        time.sleep(0.002)
    assert not (data / "servers" / "cluster").exists()
    for child in psutil.Process(process.pid).children(recursive=True):
        child.kill()
    process.kill()
    process.communicate()
    assert fresh.exists()

    services = start(data)

    psycopg2.connect(services.database_url).close()
    assert not fresh.exists()


def test_a_start_killed_before_the_database_was_made_heals(shared: Path) -> None:
    services = start(shared)
    url = postgres.database_url(home_of(shared), user="postgres", database="postgres")
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("DROP DATABASE foretell")
        cursor.execute("DROP ROLE foretell")
    connection.close()

    assert start(shared).database_url == services.database_url
    psycopg2.connect(services.database_url).close()


def test_a_finished_cluster_survives_the_leftovers_of_another(
    shared: Path, write_row: WriteRow, read_rows: ReadRows
) -> None:
    write_row(start(shared).database_url, "kept")
    embedded.stop(shared)
    (shared / "servers" / "cluster.new").mkdir()

    assert read_rows(start(shared).database_url) == ["kept"]


def test_a_pid_file_whose_number_belongs_to_a_stranger_heals(shared: Path) -> None:
    start(shared)
    home = home_of(shared)
    pid_file = home.cluster / "postmaster.pid"
    content = pid_file.read_text()
    embedded.stop(shared)
    # A stranger of the same user: Postgres alone would refuse to start ("lock file already exists").
    user = home.account.uid if home.account.is_other else None
    with subprocess.Popen(["sleep", "60"], user=user) as stranger:
        try:
            pid_file.write_text("\n".join([str(stranger.pid), *content.splitlines()[1:]]))
            assert start(shared).started_here
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_a_taken_port_is_left_to_its_owner(shared: Path) -> None:
    before = start(shared, with_valkey=True).redis_url
    embedded.stop(shared)
    port = int(before.rpartition(":")[2].partition("/")[0])
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", port))
        stranger.listen()

        after = start(shared, with_valkey=True).redis_url

    assert after != before
    assert redis.Redis.from_url(after).ping()
    recorded = embedded.recorded(shared)
    assert recorded is not None
    assert recorded.redis_url == after


def test_a_port_is_remembered_over_a_restart(shared: Path) -> None:
    before = start(shared, with_valkey=True).redis_url
    embedded.stop(shared)

    assert start(shared, with_valkey=True).redis_url == before


def test_valkey_asks_for_its_password_and_shows_it_to_nobody(shared: Path) -> None:
    services = start(shared, with_valkey=True)
    password = services.redis_url.split(":")[2].partition("@")[0]
    address = services.redis_url.replace(f":{password}@", "")

    with pytest.raises(redis.AuthenticationError):
        redis.Redis.from_url(address).ping()

    process = valkey.find_valkey(home_of(shared))
    assert process is not None
    assert password not in " ".join(process.cmdline())
    assert len(password) >= 40
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in (shared / "services.json", shared / "servers")}
    assert modes == {"services.json": "0o600", "servers": "0o700"}


def test_valkey_may_be_added_later(data: Path) -> None:
    assert start(data).redis_url == ""

    added = start(data, with_valkey=True)

    assert added.started_here
    assert redis.Redis.from_url(added.redis_url).ping()


def test_a_long_path_gets_a_short_socket(new_data: Callable[[str], Path]) -> None:
    data = new_data("long-" + "x" * 100)

    services = start(data)

    socket_folder = home_of(data).socket_folder
    psycopg2.connect(services.database_url).close()
    assert len(str(socket_folder)) < 60
    assert socket_folder.stat().st_mode & 0o777 == 0o700
    embedded.erase(data)
    assert not socket_folder.exists()


def test_a_socket_swept_away_comes_back(new_data: Callable[[str], Path]) -> None:
    data = new_data("swept-" + "x" * 100)
    start(data)
    shutil.rmtree(home_of(data).socket_folder)

    psycopg2.connect(start(data).database_url).close()
    embedded.erase(data)


def test_a_name_with_blanks_and_quotes_works(new_data: Callable[[str], Path]) -> None:
    data = new_data('it\'s a "folder"')

    services = start(data, with_valkey=True)

    psycopg2.connect(services.database_url).close()
    assert redis.Redis.from_url(services.redis_url).ping()
    embedded.erase(data)


def test_a_cluster_of_another_postgres_is_refused_and_left_alone(shared: Path) -> None:
    start(shared)
    embedded.stop(shared)
    version = home_of(shared).cluster / "PG_VERSION"
    version.write_text("17\n")

    with pytest.raises(EmbeddedError, match=r"made by Postgres 17, but .* brings Postgres 18"):
        start(shared)
    version.write_text("18\n")
    assert start(shared).started_here


@pytest.mark.parametrize("below", ["", "data"])
def test_a_file_in_the_way_is_named(open_folder: Path, below: str) -> None:
    in_the_way = open_folder / "file"
    in_the_way.write_text("")

    with pytest.raises(EmbeddedError, match=rf"^{in_the_way} should be a folder, but a file is in the way"):
        start(in_the_way / below)


def test_erase_leaves_nothing_of_the_servers(data: Path) -> None:
    start(data, with_valkey=True)
    (data / "mine.txt").write_text("not the servers'")
    home = home_of(data)
    pids = [*postgres_pids(home), valkey.find_valkey(home).pid]  # type: ignore[union-attr]

    embedded.erase(data)

    assert sorted(path.name for path in data.iterdir()) == ["mine.txt", "services.lock"]
    alive = [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]
    assert alive == []
