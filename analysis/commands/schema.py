"""`python -m analysis schema`: the JSON Schema of report.json (docs/report.schema.json is its output)."""

import argparse
import json

from analysis.commands.base import Commands, say
from analysis.report import report_schema

NAME = "schema"


def add_parser(commands: Commands) -> None:
    """Add the command."""
    commands.add_parser(NAME, help="print the JSON Schema of report.json")


def run(options: argparse.Namespace) -> int:
    """Print it."""
    say(schema_text())
    return 0


def schema_text() -> str:
    """Return the JSON Schema of report.json as text."""
    return json.dumps(report_schema(), indent=2)
