"""The Python lines of `analysis/README.md`, run as they stand there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import analysis
from analysis.__main__ import COMMANDS
from tests.analysis.commands.test_importing import GAME, MAPPING

README = Path(analysis.__file__).parent / "README.md"


@pytest.fixture
def files(simulate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    study = simulate(24, n_items=6, gain={"lime": 0.2}, seed=2, draws=200, bootstrap_draws=50)
    (tmp_path / "responses.csv").write_text(study.csv, encoding="utf-8")
    (tmp_path / "design.json").write_text(study.json, encoding="utf-8")
    rows = [f"{p},{i},{['none', 'lime'][p % 2]},{t},{(p * 7 + i * 3 + t * (p % 2) * 2) % 5 < 3:d}"
            for p in range(20) for i in range(6) for t in (0, 1)]  # fmt: skip
    (tmp_path / "answers.csv").write_text("\n".join(["pid,item,arm,post,y", *rows]) + "\n", encoding="utf-8")
    (tmp_path / "trials.csv").write_text(GAME, encoding="utf-8")
    (tmp_path / "mapping.json").write_text(json.dumps(MAPPING), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_lines_of_the_readme_run(files: Path) -> None:
    (lines,) = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), flags=re.DOTALL)
    names: dict[str, object] = {}

    exec(compile(lines, str(README), "exec"), names)

    assert names["report"].primary[0].interval is not None  # type: ignore[attr-defined]
    assert names["model"]["post:armlime"].confidence_interval is not None  # type: ignore[index]
    assert len(names["table"]) > 0  # type: ignore[arg-type]
    assert 0 <= names["found"].by_arm[0] <= 1  # type: ignore[attr-defined]
    assert names["decision"][0].action == "go_on"  # type: ignore[index]
    assert names["adjusted"] == pytest.approx([0.003, 0.06, 0.2])


def test_every_command_is_named() -> None:
    text = README.read_text("utf-8")
    assert [command.NAME for command in COMMANDS if f"| `{command.NAME}" not in text] == []


def test_every_page_that_is_linked_is_there() -> None:
    links = re.findall(r"\]\((\.\./[^)]+)\)", README.read_text("utf-8"))
    assert links
    assert [link for link in links if not (README.parent / link).exists()] == []
