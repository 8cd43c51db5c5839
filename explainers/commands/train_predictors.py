"""`python -m explainers train`: train a predictor, several, or all of them, and keep each with its card."""

from __future__ import annotations

import argparse
from pathlib import Path

from explainers.cards import Card
from explainers.commands.options import Commands
from explainers.predictors import PREDICTORS
from explainers.train import predictor_folder, train

NAME = "train"


def add_parser(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    command = commands.add_parser(NAME, help="train a predictor on its material and keep it with its card")
    command.add_argument("names", nargs="+", choices=[*PREDICTORS, "all"], metavar="NAME", help="or all")
    command.add_argument("--seed", type=int, default=0, help="of the training; 0 unless given")
    command.add_argument("--out", type=Path, help="folder to write instead of <FORETELL_DATA>/predictors/NAME")


def run(options: argparse.Namespace) -> None:
    """Train and print a line for each predictor; raises ExplainerError or OSError."""
    names = tuple(PREDICTORS) if "all" in options.names else tuple(options.names)
    for name in names:
        out = options.out and (options.out / name if len(names) > 1 else options.out)
        card, is_new = train(name, seed=options.seed, out=out)
        print(_line(card, is_new, out or predictor_folder(name)), flush=True)


def _line(card: Card, is_new: bool, folder: Path) -> str:
    cells = ", ".join(
        f"{label}→{output} {count}"
        for label, row in zip(card.classes, card.cells, strict=True)
        for output, count in zip(card.classes, row, strict=True)
    )
    state = f"trained in {card.seconds:.1f} s" if is_new else "is there already, not trained again"
    return f"{card.name} (seed {card.seed}) {state}: {card.accuracy['test']:.1%} right on test; {cells}; {folder}"
