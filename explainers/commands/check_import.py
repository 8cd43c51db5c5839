"""`python -m explainers check-import FILE`: whether a file of explanations can be taken in, and if not, why."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from explainers.commands.options import Commands, find_trained
from explainers.errors import ImportRefused
from explainers.imports.forms import MOST_CLASSES
from explainers.imports.inputs import input_sha256
from explainers.imports.reading import MAX_BYTES, ImportFile, KnownItem, check_items, read_import
from explainers.imports.schema import json_schema
from explainers.types import Input

NAME = "check-import"
_DESCRIPTION = """\
Check a file of explanations that were made elsewhere, as the console does when it is uploaded; every problem comes with
its line and field. docs/imported-explanations.md describes the format, --schema prints its JSON Schema.
Without --predictor only items that stand in the file in full can be held against their explanations."""
_EXAMPLES = """\
examples:
  python -m explainers check-import mine.jsonl
  python -m explainers check-import mine.jsonl --predictor digits-cnn
  python -m explainers explain --predictor digits-cnn --method saliency --items 0:8 --out saliency.jsonl"""


def add_parser(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    command = commands.add_parser(
        NAME,
        help="check a file of explanations that were made elsewhere",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = command.add_mutually_exclusive_group(required=True)
    what.add_argument("file", nargs="?", type=Path, help="JSON Lines: a header, then one item a line")
    what.add_argument("--schema", action="store_true", help="print the JSON Schema of a line")
    command.add_argument(
        "--predictor", metavar="NAME", help="hold items and classes against this trained predictor and its data"
    )


def run(options: argparse.Namespace) -> None:
    """Check and say what is in the file; raises ExplainerError with every problem, or OSError."""
    if options.schema:
        print(json.dumps(json_schema(), indent=2))
        return
    with options.file.open("rb") as file:
        found = read_import(file.read(MAX_BYTES + 1))
    n_checked = _check_by_itself(found) if options.predictor is None else _check_against(found, options.predictor)
    print(_said(found, n_checked))


def _check_by_itself(file: ImportFile) -> int:
    """Hold the items that stand in the file against their explanations; gives how many."""
    items = tuple(one for one in file.items if one.item in file.inputs)
    classes = {one.item: one.explained_class or 0 for one in items}
    whole = ImportFile(file.sha256, file.header, items, file.inputs)
    check_items(whole, lambda key: KnownItem(file.inputs[key], classes[key]), MOST_CLASSES)
    return len(items)


def _check_against(file: ImportFile, name: str) -> int:
    trained = find_trained(name)
    header, card = file.header, trained.card
    if header.predictor != card.name or header.weights_sha256 not in {"", card.weights_sha256}:
        ours, theirs = f"{card.name} {card.weights_sha256[:12]}", f"{header.predictor} {header.weights_sha256[:12]}"
        raise ImportRefused([f"line 1: header.predictor: {ours} was expected, {theirs.strip()} came"])
    inputs: dict[str, Input] = {input_sha256(item): item for item in trained.held_out()} | dict(file.inputs)
    asked = [one.item for one in file.items if one.item in inputs]
    outputs = trained.predictor.outputs([inputs[key] for key in asked])
    known = {key: KnownItem(inputs[key], output.class_index) for key, output in zip(asked, outputs, strict=True)}
    check_items(file, known.get, len(card.classes))
    return len(file.items)


def _said(file: ImportFile, n_checked: int) -> str:
    header, n_items = file.header, len(file.items)
    direction = "signed" if header.signed else "not signed"
    lines = [
        f"{n_items} explanations of {header.predictor} by {header.method} ({header.form}, {direction}): all is well"
    ]
    if n_checked < n_items:
        lines.append(
            f"{n_items - n_checked} items are named by their SHA-256 alone; --predictor holds them against the items"
        )
    return "\n".join([*lines, f"SHA-256 of the file: {file.sha256}"])
