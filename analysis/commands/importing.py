"""`python -m analysis import FILE --mapping MAPPING.json --out FOLDER`: a past study becomes the report's two files."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from analysis.commands.base import Commands, say
from analysis.importing import Imported, import_study
from analysis.importing.writing import write_table

NAME = "import"
EPILOG = """
examples:
  python -m analysis import trials.csv --mapping mapping.json --out imported
  python -m analysis import jspsych.json --mapping mapping.toml --key-file my.key --out imported

The mapping says which column is what and what its values mean; docs/importing.md explains it. FOLDER then holds
responses.csv and design.json, which the report is made from. Panel ids, IP addresses, coordinates and e-mail addresses
are refused; a participant's panel id is hashed where the mapping says so, with a key that you keep.
In Python: table, design = analysis.api.import_responses("trials.csv", "mapping.json").
"""


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        NAME,
        help="read a past study's file from elsewhere",
        description="Read a file from elsewhere (CSV, jsPsych, oTree, Gorilla) as a mapping says.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, help="the file of the answers; others that the mapping names lie beside it")
    parser.add_argument("--mapping", type=Path, required=True, help="JSON or TOML: what the file means")
    parser.add_argument("--out", type=Path, required=True, help="folder for responses.csv and design.json")
    parser.add_argument("--key-file", type=Path, help="a secret of 16 bytes or more, for hashing participants' ids")
    parser.add_argument("--everybody", action="store_true", help="leave nobody out, whatever the mapping's rules")


def run(options: argparse.Namespace) -> int:
    """Import, write both files, and say what came in."""
    key = options.key_file.read_bytes().strip() if options.key_file else None
    found = import_study(options.file, options.mapping, key=key, everybody=options.everybody)
    options.out.mkdir(parents=True, exist_ok=True)
    with (options.out / "responses.csv").open("w", encoding="utf-8", newline="") as file:
        write_table(found.table, file)
    (options.out / "design.json").write_text(found.design_text, encoding="utf-8")
    say("\n".join(_lines(found, options.out)))
    return 0


def _lines(found: Imported, folder: Path) -> Iterator[str]:
    table, design = found.table, found.design
    people = table.only(table.trial_type == "allocation").arm.tolist()
    shares = ", ".join(f"{people.count(arm.key)} in {arm.title}" for arm in design.arms)
    n_trials = len(table) - int(((table.trial_type == "allocation") | (table.trial_type == "completion")).sum())
    yield f"{len(people)} people ({shares}) and {n_trials} trials are in {folder / 'responses.csv'}."
    yield from (f"- {sentence}" for sentence in design.assumptions or ())
    if found.not_brought_in:
        yield f"- Not brought in, as it tells who people are: {', '.join(found.not_brought_in)}."
    yield f"Next: python -m analysis report {folder / 'responses.csv'} {folder / 'design.json'}"
