"""The ladder of modules: who may import whom stands in pyproject.toml, and a stray module fails too."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    script = Path(sys.executable).with_name("lint-imports")
    # From inside the folder, so that its own packages are read and not the installed ones.
    command = [sys.executable, str(script), "--no-cache"]
    env = {"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=120)


def test_every_import_keeps_to_the_ladder():
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("module", "text", "contract"),
    [
        ("studyapp/utils.py", "", "Inside studyapp"),
        ("studyapp/models/shortcut.py", "from studyapp.actions import freeze", "Inside studyapp"),
        ("analysis/shortcut.py", "import django", "analysis imports nothing of ours"),
        ("studyapp/views/shortcut.py", "import explainers.run", "one door to explainers.run"),
        ("studyapp/design/shortcut.py", "from django.db import models", "design is plain Python"),
    ],
)
def test_a_module_that_breaks_it_is_seen(tmp_path, module, text, contract):
    for name in ("studyapp", "explainers", "analysis"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "static"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / module).write_text(f"{text}\n")
    done = lint_imports(tmp_path)
    assert done.returncode != 0
    assert contract in done.stdout + done.stderr or "exhaustive" in done.stdout + done.stderr
