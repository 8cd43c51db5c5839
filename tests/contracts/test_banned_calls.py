"""What no line of ours may call: pickles and whatever else runs data as code, and clients that could fetch an address.

An abstract syntax tree sees every import and call, whatever it is renamed to at the import.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.promises.ledger import Reached

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("studyapp", "explainers", "analysis", "docker", "bench")

# Modules whose import alone is too much: their loaders run what they load.
CODE_FROM_DATA = {
    "pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "yaml", "ruamel",
    "jsonpickle", "xml.etree", "xml.dom", "xml.sax.expatreader", "lxml", "imp", "code", "codeop",
}  # fmt: skip
CODE_CALLS = {
    "eval", "exec", "compile", "__import__", "torch.load", "torch.jit.load", "torch.hub.load", "torch.package",
    "torch.serialization.load", "numpy.load", "numpy.fromfile", "pandas.read_pickle", "pandas.read_hdf",
    "os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "runpy.run_path",
    "shutil.unpack_archive", "PIL.Image.open", "celery.result", "logging.config.listen",
}  # fmt: skip
HTTP_CLIENTS = {
    "requests", "httpx", "aiohttp", "urllib3", "http.client", "urllib.request", "ftplib", "smtplib", "telnetlib",
    "pycurl", "socket", "websockets", "websocket",
}  # fmt: skip

# Who may open a connection, and where to. Everything else reaches the database and the broker through their drivers.
CONNECTS = {
    "docker/gunicorn.conf.py": "stops reading from a socket that listens",
    "docker/healthcheck.py": "this machine's own /livez",
    "studyapp/management/station.py": "this machine's own /livez",
    "studyapp/embedded/": "this machine's own Postgres and Valkey",
    "studyapp/rehearsal/browser.py": "this site's own pages, at BASE_URL",
    "studyapp/management/backups/drill.py": "the restored site on this machine, at /readyz",
    "studyapp/management/commands/relay.py": "the name of this machine",
}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(), str(path))


def names_in(tree: ast.Module) -> dict[str, str]:
    """What each name that a module imports really is."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return found


def imports_of(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def calls_of(tree: ast.Module) -> Iterator[tuple[int, str, ast.Call]]:
    """Every call by its full name: `np.load(...)` is numpy.load."""
    names = names_in(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            parts = ast.unparse(node.func).split(".")
            yield node.lineno, ".".join([names.get(parts[0], parts[0]), *parts[1:]]), node


def is_or_in(name: str, banned: set[str]) -> bool:
    return any(name == entry or name.startswith(f"{entry}.") for entry in banned)


def code_from_data(where: str, tree: ast.Module) -> Iterator[str]:
    """Every place that could run what it reads."""
    for line, name in imports_of(tree):
        if is_or_in(name, CODE_FROM_DATA):
            yield f"{where}:{line} imports {name}"
    for line, name, call in calls_of(tree):
        if is_or_in(name, CODE_CALLS) or name.endswith((".extractall", ".read_pickle", ".from_pretrained")):
            yield f"{where}:{line} calls {name}"
        for keyword in call.keywords:
            if keyword.arg in {"allow_pickle", "shell", "trust_remote_code"} and ast.unparse(keyword.value) != "False":
                yield f"{where}:{line} calls {name} with {keyword.arg}"
            if keyword.arg == "weights_only":
                yield f"{where}:{line} loads a pickle, with whatever flag"


def connects(where: str, tree: ast.Module) -> Iterator[str]:
    """Every place that could open a connection to an address of its choice."""
    if any(where.startswith(known) for known in CONNECTS):
        return
    for line, name in imports_of(tree):
        if is_or_in(name, HTTP_CLIENTS):
            yield f"{where}:{line} imports {name}"


@pytest.mark.promise(17)
def test_nothing_of_ours_runs_what_it_reads(reached: Reached) -> None:
    checked = list(modules())

    assert [line for where, tree in checked for line in code_from_data(where, tree)] == []
    reached(f"0 banned imports or calls in {len(checked)} modules")


@pytest.mark.promise(36)
def test_nothing_of_ours_has_a_client_for_foreign_addresses(reached: Reached) -> None:
    checked = list(modules())

    assert [line for where, tree in checked for line in connects(where, tree)] == []
    reached(f"0 clients in {len(checked)} modules, but for {len(CONNECTS)} that call this machine alone")


def test_every_exception_is_still_needed() -> None:
    paths = [where for where, tree in modules() if any(is_or_in(n, HTTP_CLIENTS) for _, n in imports_of(tree))]

    assert [known for known in CONNECTS if not any(path.startswith(known) for path in paths)] == []


PLANTED = {
    "import pickle": 1,
    "from torch import load as take\ntake('a.pt')": 1,
    "import numpy as np\nnp.load('a.npz', allow_pickle=True)": 2,
    "import torch\ntorch.load('a', weights_only=True)": 2,
    "import subprocess\nsubprocess.run('ls', shell=True)": 1,
    "eval('1')": 1,
    "import joblib as j": 1,
    "from xml.etree import ElementTree": 1,
}


@pytest.mark.control(17, "a loader of pickles, planted in the code")
@pytest.mark.parametrize(("code", "n"), PLANTED.items(), ids=PLANTED)
def test_the_lint_sees_a_planted_loader(code: str, n: int, reached: Reached) -> None:
    found = list(code_from_data("planted.py", ast.parse(code)))

    assert len(found) == n
    reached(found[0])


@pytest.mark.control(36, "a client, planted in the code")
@pytest.mark.parametrize(
    "code", ["import requests", "from urllib.request import urlopen", "import socket", "import http.client as c"]
)
def test_the_lint_sees_a_planted_client(code: str) -> None:
    assert len(list(connects("studyapp/actions/planted.py", ast.parse(code)))) == 1
    assert list(connects("docker/healthcheck.py", ast.parse(code))) == []
