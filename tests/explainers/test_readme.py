"""The lines of `explainers/README.md`: those in Python run as they stand there, commands on fewer items."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import explainers
from explainers.__main__ import COMMANDS, main
from tests.explainers.tiny import SCHEMA

README = Path(explainers.__file__).parent / "README.md"
LINES = re.findall(r"^    python -m explainers (.+?)(?: +#.*)?$", README.read_text("utf-8"), flags=re.MULTILINE)


def test_lines_of_the_readme_run(registered: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On a tiny predictor under the name that the lines use."""
    (lines,) = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), flags=re.DOTALL)

    exec(compile(lines, str(README), "exec"), {})

    said = capsys.readouterr().out.splitlines()
    assert [line.partition(" is ")[0] for line in said] == [name for name, _ in SCHEMA.variables]
    assert all(re.fullmatch(r".+ is .+: [+-]\d\.\d{3}", line) for line in said)


def test_the_readme_has_a_line_for_every_command() -> None:
    assert {line.split()[0] for line in LINES} == set(COMMANDS)
    assert set(COMMANDS) >= {"list", "explain", "metrics", "bench"}


@pytest.mark.parametrize("command", ["explain", "metrics"])
def test_commands_of_the_readme_run(
    command: str, registered: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a tiny predictor, which has twelve different items."""
    monkeypatch.chdir(registered)
    (line,) = [line for line in LINES if line.startswith(command)]
    fewer, n_changed = re.subn(r"--items \d+:\d+", "--items 0:4", line)

    assert (n_changed, main(shlex.split(fewer))) == (1, 0)
    if command == "metrics":
        assert capsys.readouterr().out.startswith("LIME on adult-mlp, 4 held-out items\n")
    else:
        assert (registered / "e.json").exists()
