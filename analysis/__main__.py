"""`python -m analysis COMMAND`: the analysis without the rest of Foretell.

`python -m analysis responses.csv design.json` is short for the command `report`.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Final

from analysis.commands import adjust, fit, importing, power, report, schema, sequential
from analysis.errors import AnalysisError

COMMANDS: Final[tuple[ModuleType, ...]] = (report, importing, fit, power, sequential, adjust, schema)
USAGE: Final = "python -m analysis responses.csv design.json is short for the command report."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return 0, or 2 with a message on what to mend."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(_spelled_out(given))
    try:
        status: int = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read it has seen enough, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains when it ends
        return 0
    except (AnalysisError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return status


def _spelled_out(given: list[str]) -> list[str]:
    """With the command named; two files alone ask for the report."""
    names = {command.NAME for command in COMMANDS}
    is_short = bool(given) and given[0] not in names and not given[0].startswith("-")
    return [report.NAME, *given] if is_short else given


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m analysis", description="Say whether the explanations helped.", epilog=USAGE
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(commands)
        commands.choices[command.NAME].set_defaults(run=command.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
