"""`python -m explainers train NAME --seed 0`: train a predictor, or `all` of the demo; `... metrics` judges."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from explainers.cards import Card
from explainers.errors import ExplainerError
from explainers.metrics import command as metrics
from explainers.predictors import PREDICTORS, in_demo
from explainers.train import predictor_folder, train


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status (0, or 1 with a message on stderr)."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == metrics.NAME:
            metrics.run(options)
        else:
            _train(options)
    except (ExplainerError, OSError) as error:
        print(f"explainers: {error}", file=sys.stderr)
        return 1
    return 0


def _train(options: argparse.Namespace) -> None:
    names = in_demo() if options.name == "all" else (options.name,)
    for name in names:
        out = options.out and (options.out / name if options.name == "all" else options.out)
        card, is_new = train(name, seed=options.seed, out=out)
        print(_line(card, is_new, out or predictor_folder(name)), flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m explainers", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("train", help="train a predictor on its material and keep it with its card")
    command.add_argument("name", choices=[*PREDICTORS, "all"], help="all: the two of each data set that the demo needs")
    command.add_argument("--seed", type=int, default=0, help="of the training; 0 unless given")
    command.add_argument("--out", type=Path, help="folder to write instead of <FORETELL_DATA>/predictors/NAME")
    metrics.add_parser(commands)
    return parser


def _line(card: Card, is_new: bool, folder: Path) -> str:
    cells = ", ".join(
        f"{label}→{output} {count}"
        for label, row in zip(card.classes, card.cells, strict=True)
        for output, count in zip(card.classes, row, strict=True)
    )
    state = f"trained in {card.seconds:.1f} s" if is_new else "is there already, not trained again"
    return f"{card.name} (seed {card.seed}) {state}: {card.accuracy['test']:.1%} right on test; {cells}; {folder}"


if __name__ == "__main__":
    sys.exit(main())
