"""The servers by hand, as an operator types it."""

import subprocess
import sys
from pathlib import Path

from studyapp.embedded import recorded

ROOT = Path(__file__).parents[3]


def run(action: str, data: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "studyapp.embedded", action, "--data", str(data), *more]
    return subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def test_start_status_and_stop_say_what_is_so(data: Path) -> None:
    before = run("status", data)
    started = run("start", data)
    during = run("status", data)
    services = recorded(data)
    stopped = run("stop", data)
    again = run("stop", data)

    assert services is not None
    assert (before.returncode, before.stdout) == (1, f"The servers of {data} are not running.\n")
    assert (started.returncode, during.returncode, during.stdout) == (0, 0, started.stdout)
    assert started.stdout.splitlines()[0] == f"Postgres: {services.database_url}"
    assert services.redis_url.split(":")[2].partition("@")[0] not in started.stdout
    assert stopped.stdout == f"The servers of {data} are stopped.\n"
    assert again.stdout == f"The servers of {data} were not running.\n"


def test_nothing_is_erased_without_a_yes(data: Path) -> None:
    run("start", data)

    unsure = run("erase", data)
    still = run("status", data)
    sure = run("erase", data, "--yes")

    assert (unsure.returncode, still.returncode) == (1, 0)
    assert unsure.stdout.endswith("Nothing was deleted.\n")
    assert sure.stdout == f"The database of {data} is deleted.\n"
    assert not (data / "servers").exists()


def test_an_error_is_a_sentence_and_no_traceback(open_folder: Path) -> None:
    in_the_way = open_folder / "in-the-way"
    in_the_way.write_text("")

    said = run("start", in_the_way)

    assert said.returncode == 1
    assert said.stderr == (
        f"{in_the_way} should be a folder, but a file is in the way. Move it, or set FORETELL_DATA.\n"
    )
