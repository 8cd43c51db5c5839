"""What several commands take: a trained predictor, some of its held-out items, parameters, and progress."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from explainers.artifacts import load_predictor
from explainers.candidates import distinct
from explainers.cards import CARD_FILE, Card, read_card
from explainers.errors import InputError, ParameterError, UnknownName
from explainers.material import material as find_material
from explainers.material.base import split
from explainers.methods.blocks import own_classes
from explainers.predictors import PREDICTORS
from explainers.predictors.base import Predictor
from explainers.registry import entry
from explainers.train import predictor_folder, train
from explainers.types import ExplainerSpec, Input, ItemRequest

Commands = argparse._SubParsersAction  # argparse gives what `add_subparsers` returns no public name
_SEED_STEP = 1_000_003  # between the seeds of two runs, so that their items share none


@dataclass(frozen=True)
class Trained:
    """A trained predictor with its card."""

    predictor: Predictor
    card: Card

    def held_out(self) -> list[Input]:
        """The distinct items that the predictor has not learned from, in the order of the split."""
        found = find_material(self.card.material)
        items = split(found.read(), self.card.split_shares, self.card.split_seed).test
        return [item.input for item in distinct(items)]


def add_command(
    commands: Commands[argparse.ArgumentParser], name: str, *, text: str, description: str, below: Sequence[str]
) -> argparse.ArgumentParser:
    """A command whose `--help` tells what it does, the names of the predictors, and the paragraphs `below` them."""
    return commands.add_parser(
        name,
        help=text,
        description=description,
        epilog="\n\n".join([names("predictors", PREDICTORS), *below]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_items(command: argparse.ArgumentParser) -> None:
    """The options that say which items of which predictor."""
    command.add_argument(
        "--predictor",
        required=True,
        metavar="NAME",
        help="a predictor by its name, a material by its name (its first predictor), or the folder of a trained one",
    )
    command.add_argument(
        "--items",
        default="0:64",
        metavar="FROM:TO",
        help="which of the distinct held-out items; 0:64 unless given",
    )
    command.add_argument("--seed", type=int, default=0, help="of the items' random numbers; 0 unless given")


def add_params(command: argparse.ArgumentParser, text: str = "a parameter of the method") -> None:
    """The option that sets parameters."""
    command.add_argument(
        "--param", action="append", default=[], metavar="NAME=VALUE", help=f"{text}; as often as you like"
    )


# --- predictors ------------------------------------------------------------------------------------------------------


def find_trained(name: str) -> Trained:
    """The trained predictor of a name or folder; a registered one that is not there yet is trained, and stderr says so.

    Raises
    ------
    UnknownName
        When it is neither a registered predictor nor a material nor a folder with a card.
    ArtifactError
        When it is damaged.
    """
    folder = Path(name)
    if (registered := _registered(name)) is not None:
        folder = predictor_folder(registered)
        _train_once(registered, folder)
    elif not (folder / CARD_FILE).exists():
        raise UnknownName(f"--predictor {name}: none of {', '.join(PREDICTORS)}, and no folder with a {CARD_FILE}")
    return Trained(load_predictor(folder), read_card(folder))


def _train_once(name: str, folder: Path) -> None:
    if not (folder / CARD_FILE).exists():
        print(f"{name} is not trained yet: it is trained now, and kept in {folder}", file=sys.stderr, flush=True)
        card, _ = train(name)
        print(f"{name}: trained in {card.seconds:.1f} s", file=sys.stderr, flush=True)


def _registered(name: str) -> str | None:
    if name in PREDICTORS:
        return name
    return next((known for known, found in PREDICTORS.items() if found.material == name), None)


# --- items -----------------------------------------------------------------------------------------------------------


def find_requests(trained: Trained, items: str, specs: Sequence[ExplainerSpec], seed: int) -> list[ItemRequest]:
    """The slice of the distinct held-out items, with a seed each, and with donors where a method needs them.

    Raises
    ------
    InputError
        When the slice is no FROM:TO, reaches past the last item, or an item has no donor in it.
    """
    first, last = _slice(items)
    held_out = trained.held_out()
    if last > len(held_out):
        raise InputError(f"--items {items}: there are {len(held_out)} distinct held-out items")
    inputs = held_out[first:last]
    seeds = [seed * _SEED_STEP + place for place in range(first, last)]
    if not any(entry(spec.name).needs_donor for spec in specs):
        return [ItemRequest(item, own) for item, own in zip(inputs, seeds, strict=True)]
    donors = _donors(trained.predictor, inputs)
    return [ItemRequest(item, own, donor) for item, own, donor in zip(inputs, seeds, donors, strict=True)]


def _slice(text: str) -> tuple[int, int]:
    first, mark, last = text.partition(":")
    if mark and first.isdecimal() and last.isdecimal() and int(first) < int(last):
        return int(first), int(last)
    raise InputError(f"--items {text}: FROM:TO with FROM below TO was expected, such as 0:64")


def _donors(predictor: Predictor, inputs: Sequence[Input]) -> list[Input]:
    """For each item the next one with the same output."""
    classes = own_classes(predictor, inputs)
    donors = []
    for place, own in enumerate(classes):
        later = [other % len(inputs) for other in range(place + 1, place + len(inputs))]
        donor = next((other for other in later if classes[other] == own), None)
        if donor is None:
            raise InputError(
                f"--items: no other of these items has the output {predictor.classes[own]!r}; ask for more items"
            )
        donors.append(inputs[donor])
    return donors


# --- parameters ------------------------------------------------------------------------------------------------------


def read_params(settings: Iterable[str], form: str = "NAME=VALUE") -> dict[str, dict[str, int | float | str]]:
    """Parameters by their owner's name, the part before the last point; those without one under an empty name.

    Raises
    ------
    ParameterError
        When a setting has no name or no value.
    """
    found: dict[str, dict[str, int | float | str]] = {}
    for setting in settings:
        path, mark, value = setting.partition("=")
        owner, _, name = path.rpartition(".")
        if not (mark and name):
            raise ParameterError(f"--param {setting}: {form} was expected")
        found.setdefault(owner, {})[name] = _number(value)
    return found


def _number(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


# --- what is said ----------------------------------------------------------------------------------------------------


def counter(n_items: int, of_what: str = "items") -> Callable[[int], None]:
    """Tells on stderr how many items or other things are done: on one line of a screen, on their own in a log."""

    def count(done: int) -> None:
        on_screen = sys.stderr.isatty()
        start, end = ("\r" if on_screen else ""), ("" if on_screen and done < n_items else "\n")
        print(f"{start}{done} of {n_items} {of_what}", end=end, file=sys.stderr, flush=True)

    return count


def names(title: str, known: Iterable[str]) -> str:
    """A titled paragraph of names for `--help`."""
    return "\n".join([f"{title}:", *(f"  {line}" for line in wrapped(", ".join(known)))])


def wrapped(text: str, width: int = 100) -> list[str]:
    """The text in lines of fewer than `width` characters, broken at blanks."""
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
