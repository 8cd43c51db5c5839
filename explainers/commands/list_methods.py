"""`python -m explainers list`: the methods with their forms, parameters and papers, and the predictors."""

from __future__ import annotations

import argparse
import json
from typing import Any

from explainers.cards import CARD_FILE
from explainers.commands.options import Commands, wrapped
from explainers.predictors import PREDICTORS
from explainers.predictors import Entry as PredictorEntry
from explainers.registry import EXPLAINERS, IMPORTS, Choice, Digest, Entry, Param, entry
from explainers.train import predictor_folder

NAME = "list"
_DESCRIPTION = """\
Without a name: every method in a few lines, and every predictor with whether it is trained here.
With a method's name: all there is to know of it, each parameter with its bounds and what it does."""


def add_parser(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    command = commands.add_parser(
        NAME,
        help="the methods with their forms, parameters and papers, and the predictors",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("name", nargs="?", metavar="METHOD", help="tell everything of this method")
    command.add_argument("--json", action="store_true", help="print JSON instead")


def run(options: argparse.Namespace) -> None:
    """Print the list; raises UnknownName."""
    chosen = {**EXPLAINERS, **IMPORTS} if options.name is None else {options.name: entry(options.name)}
    shown = {} if options.name else PREDICTORS
    if options.json:
        content = {
            "methods": {name: _as_json(found) for name, found in chosen.items()},
            "predictors": {name: _predictor_as_json(name, found) for name, found in shown.items()},
        }
        print(json.dumps(content, ensure_ascii=False, indent=1))
        return
    lines = [line for name, found in chosen.items() for line in _method(name, found, in_full=bool(options.name))]
    print("\n".join([*lines, *(_predictor(name, found) for name, found in shown.items())]))


def _method(name: str, found: Entry, *, in_full: bool) -> list[str]:
    forms = ", ".join(f"{modality}: {form.replace('_', ' ')}" for modality, form in found.forms.items())
    needs = f"; needs a predictor of architecture {' or '.join(found.architectures)}" if found.needs else ""
    lines = [f"{name} – {found.title}", *_indented(found.summary), f"    {forms}{needs}"]
    if in_full:
        lines += [line for key, param in found.params.items() for line in _param(key, param)]
    elif found.params:
        lines += _indented("parameters: " + ", ".join(f"{key}={param.default}" for key, param in found.params.items()))
    return [*lines, *_indented(found.reference), ""]


def _param(key: str, param: Param) -> list[str]:
    return [f"    {key}={param.default} ({_range(param)})", *(f"    {line}" for line in _indented(param.help))]


def _range(param: Param) -> str:
    match param:
        case Choice():
            return ", ".join(param.options)
        case Digest():
            return "64 hexadecimal digits"
    return f"{param.low} to {param.high}"


def _predictor(name: str, found: PredictorEntry) -> str:
    state = "trained" if _is_trained(name) else f"not trained yet: python -m explainers train {name}"
    return f"{name} – {found.title} ({found.architecture}; {state})"


def _is_trained(name: str) -> bool:
    return (predictor_folder(name) / CARD_FILE).exists()


def _indented(text: str) -> list[str]:
    return [f"    {line}" for line in wrapped(text)]


def _as_json(found: Entry) -> dict[str, Any]:
    return {
        "title": found.title,
        "summary": found.summary,
        "forms": dict(found.forms),
        "needs": list(found.architectures),
        "placebo": found.placebo,
        "params": {key: _param_as_json(param) for key, param in found.params.items()},
        "reference": found.reference,
    }


def _param_as_json(param: Param) -> dict[str, Any]:
    match param:
        case Choice():
            limits: dict[str, Any] = {"options": list(param.options)}
        case Digest():
            limits = {"pattern": "^[0-9a-f]{64}$"}
        case _:
            limits = {"low": param.low, "high": param.high}
    return {"default": param.default, **limits, "help": param.help}


def _predictor_as_json(name: str, found: PredictorEntry) -> dict[str, Any]:
    return {
        "title": found.title,
        "material": found.material,
        "architecture": found.architecture,
        "is_trained": _is_trained(name),
    }
