"""Explanations of what predictors say, on the command line: `python -m explainers COMMAND --help` tells of each."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from explainers.benchmark import command as benchmark
from explainers.commands import check_import, explain_items, list_methods, simulate_subject, train_predictors
from explainers.errors import ExplainerError
from explainers.metrics import command as metrics

_MODULES = (list_methods, train_predictors, explain_items, metrics, simulate_subject, benchmark, check_import)
COMMANDS = {module.NAME: module for module in _MODULES}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status (0, or 1 with a message on stderr)."""
    options = _parser().parse_args(arguments)
    try:
        COMMANDS[options.command].run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read it has seen enough, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains when it ends
    except (ExplainerError, OSError) as error:
        print(f"explainers: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m explainers", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for module in COMMANDS.values():
        module.add_parser(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
