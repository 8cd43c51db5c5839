"""Cut the fixture of a release: `python -m tests.releases.cut [TREE]` (TREE: a checkout of that version; this one).

Run it with DATABASE_URL naming an empty database of the embedded Postgres, or let it make one. The rows are made by
the code in TREE; the backup around them is written by this version's.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.releases.scratch import ROOT, SECRET, run, scratch_database

FIXTURES = ROOT / "tests" / "fixtures" / "releases"


def main(tree: Path) -> None:
    version = tomllib.loads((tree / "pyproject.toml").read_text())["project"]["version"]
    backup = FIXTURES / f"{version}.backup"
    backup.unlink(missing_ok=True)
    with scratch_database(os.environ["DATABASE_URL"]) as url:
        environment = {"DATABASE_URL": url, "FORETELL_SECRET_KEY": SECRET, "PYTHONPATH": str(tree)}
        run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], environment, cwd=tree)
        said = run([sys.executable, "tests/releases/fill.py"], environment, cwd=tree)
        meaning = json.loads(said.splitlines()[-1])
        run([sys.executable, "manage.py", "backup", str(backup)], {**environment, "PYTHONPATH": str(ROOT)}, cwd=ROOT)
    meaning["version"] = version
    with gzip.GzipFile(FIXTURES / f"{version}.meaning.json.gz", "wb", mtime=0) as file:
        file.write(json.dumps(meaning, ensure_ascii=False, indent=0).encode())
    for path in sorted(FIXTURES.glob(f"{version}.*")):
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    if "DATABASE_URL" in os.environ:
        main(Path(sys.argv[1]).absolute() if len(sys.argv) > 1 else ROOT)
    else:
        from studyapp.embedded import start

        services = start(Path(os.environ.get("FORETELL_DATA", ROOT / ".foretell")))
        again = {**os.environ, "DATABASE_URL": services.database_url, "PYTHONPATH": str(ROOT)}
        sys.exit(subprocess.run([sys.executable, "-m", "tests.releases.cut", *sys.argv[1:]], env=again).returncode)
