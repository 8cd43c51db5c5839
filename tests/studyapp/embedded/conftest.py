"""Data folders for real servers, erased at the end with whatever they keep elsewhere."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest

from studyapp import embedded


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """A folder with a short path that every user may pass through (pytest's own are closed to all but their owner)."""
    folder = Path(tempfile.mkdtemp(prefix="ft-", dir="/tmp"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def new_data(open_folder: Path) -> Iterator[Callable[[str], Path]]:
    made: list[Path] = []

    def make(name: str) -> Path:
        made.append(open_folder / name)
        return made[-1]

    yield make
    for data in made:
        embedded.erase(data)


@pytest.fixture
def data(new_data: Callable[[str], Path], request: pytest.FixtureRequest) -> Iterator[Path]:
    """A data folder of this test's own, not yet started."""
    folder = new_data(f"d{abs(hash(request.node.nodeid)) % 10**8}")
    yield folder
    embedded.erase(folder)


@pytest.fixture(scope="session")
def shared(new_data: Callable[[str], Path]) -> Path:
    """One data folder for the tests that leave its servers whole; making a cluster costs a second."""
    return new_data("shared")


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch, open_folder: Path) -> Path:
    """Where homes go that the data folder cannot hold."""
    folder = open_folder / "outside"
    monkeypatch.setenv("FORETELL_PG_HOME", str(folder))
    return folder


@pytest.fixture
def as_user() -> Callable[[int, Callable[[], str]], str]:
    """Run a function in a forked child of another user, as what it returns or the error it raises.

    A fork, because that user may not be allowed to start this Python.
    """
    if os.geteuid() != 0:
        pytest.skip("needs root, who alone may become another user")

    def run(uid: int, function: Callable[[], str]) -> str:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            try:
                said = function()
            except Exception as error:
                said = f"{type(error).__name__}: {error}"
            os.write(writing, said.encode())
            os._exit(0)
        os.close(writing)
        with open(reading, encoding="utf-8") as pipe:
            said = pipe.read()
        os.waitpid(child, 0)
        return said

    return run


@pytest.fixture
def write_row() -> Callable[[str, str], None]:
    def write(database_url: str, word: str) -> None:
        with psycopg2.connect(database_url) as connection, connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS kept; CREATE TABLE kept (word text)")
            cursor.execute("INSERT INTO kept VALUES (%s)", [word])
        connection.close()

    return write


@pytest.fixture
def read_rows() -> Callable[[str], list[str]]:
    def read(database_url: str) -> list[str]:
        connection = psycopg2.connect(database_url)
        with connection.cursor() as cursor:
            cursor.execute("SELECT word FROM kept ORDER BY word")
            rows = [word for (word,) in cursor.fetchall()]
        connection.close()
        return rows

    return read
