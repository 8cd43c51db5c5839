"""Designs without a server.

`python -m studyapp.design` prints the JSON Schema of a design (docs/design.schema.json is its output),
`python -m studyapp.design hash design.json` the hash under which it is frozen, and
`python -m studyapp.design audit data.zip` checks a study's archive: the hashes, and every allocation after unblinding.
"""

from __future__ import annotations

import argparse
import json
import sys
import zipfile
from pathlib import Path

from studyapp.design.auditor import check_archive
from studyapp.design.canonical import sha256_of
from studyapp.design.schema import Design

CHECKED = ("design.json", "frozen.json", "allocation.json")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m studyapp.design", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", nargs="?", choices=["schema", "hash", "audit"], default="schema")
    parser.add_argument("file", nargs="?", type=Path, help="a design.json; for audit a zip, or its folder")
    options = parser.parse_args(arguments)
    if options.command == "schema":
        print(json.dumps(Design.model_json_schema(), indent=2))
        return 0
    if options.file is None:
        parser.error(f"{options.command} needs a file")
    try:
        return _hash(options.file) if options.command == "hash" else _audit(options.file)
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        print(f"{options.file} cannot be read: {error}", file=sys.stderr)
        return 2


def _hash(path: Path) -> int:
    print(sha256_of(json.loads(path.read_text(encoding="utf-8"))))
    return 0


def _audit(path: Path) -> int:
    findings = check_archive(_files(path))
    print("\n".join(map(str, findings)))
    return 0 if all(finding.is_good for finding in findings) else 1


def _files(path: Path) -> dict[str, str]:
    if path.is_dir():
        found = [path / name for name in CHECKED if (path / name).is_file()]
        return {file.name: file.read_text(encoding="utf-8") for file in found}
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name).decode("utf-8") for name in CHECKED if name in archive.namelist()}


if __name__ == "__main__":
    sys.exit(main())
