"""The Python lines of `explainers/README.md`, run as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import explainers
from tests.explainers.tiny import SCHEMA

README = Path(explainers.__file__).parent / "README.md"


def test_lines_of_the_readme_run(registered: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On a tiny predictor under the name that the lines use."""
    (lines,) = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), flags=re.DOTALL)

    exec(compile(lines, str(README), "exec"), {})

    said = capsys.readouterr().out.splitlines()
    assert [line.partition(" is ")[0] for line in said] == [name for name, _ in SCHEMA.variables]
    assert all(re.fullmatch(r".+ is .+: [+-]\d\.\d{3}", line) for line in said)
