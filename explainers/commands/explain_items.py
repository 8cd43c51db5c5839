"""`python -m explainers explain`: a method's explanations of held-out items, as JSON."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from explainers.commands.options import (
    Commands,
    Trained,
    add_command,
    add_items,
    add_params,
    counter,
    find_requests,
    find_trained,
    names,
    read_params,
)
from explainers.errors import ParameterError
from explainers.explain import explain
from explainers.folders import write_whole
from explainers.imports.reading import Header
from explainers.imports.writing import as_lines
from explainers.registry import EXPLAINERS, checked, entry, form_of, signed_of
from explainers.types import ExplainerSpec, Explanation, ItemRequest

NAME = "explain"
_DESCRIPTION = """\
Explain held-out items of a trained predictor: why it says what it says, in the form that a study would show.
The JSON has the predictor by its weights' digest, the method with every parameter, and of each item the input,
its seed, the explained class and the explanation. The same seed gives the same bytes. Progress goes to stderr.
A file whose name ends in .jsonl is written in the format of imported explanations instead
(docs/imported-explanations.md), as an example of it, and to show explanations of one machine on another."""
_EXAMPLES = """\
examples:
  python -m explainers explain --predictor adult --method lime --items 0:256 --param n_samples=2000 --out e.json
  python -m explainers explain --predictor digits-cnn --method grad_cam --items 0:8
  python -m explainers explain --predictor ./my-predictor --method placebo_other_item --param method=saliency

`python -m explainers list METHOD` says what each parameter does."""


def add_parser(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    command = add_command(
        commands,
        NAME,
        text="explain held-out items of a trained predictor",
        description=_DESCRIPTION,
        below=[names("methods", EXPLAINERS), _EXAMPLES],
    )
    add_items(command)
    command.add_argument("--method", required=True, choices=EXPLAINERS, metavar="NAME", help="what explains them")
    add_params(command)
    command.add_argument("--out", type=Path, metavar="FILE", help="write the JSON there instead of printing it")


def run(options: argparse.Namespace) -> None:
    """Explain and write; raises ExplainerError or OSError."""
    params = read_params(options.param)
    if set(params) - {""}:
        raise ParameterError("--param: NAME=VALUE without a point was expected")
    spec = checked(ExplainerSpec(options.method, params.get("", {})))
    trained = find_trained(options.predictor)
    requests = find_requests(trained, options.items, [spec], options.seed)
    found = explain(trained.predictor, spec, requests, progress=counter(len(requests)))
    as_import = options.out is not None and options.out.suffix == ".jsonl"
    text = (
        _as_import(trained, spec, requests, found) if as_import else _as_json(options, trained, spec, requests, found)
    )
    if options.out is None:
        print(text)
    else:
        write_whole(options.out, text.encode("utf-8"))


def _as_json(
    options: argparse.Namespace,
    trained: Trained,
    spec: ExplainerSpec,
    requests: Sequence[ItemRequest],
    found: Sequence[Explanation],
) -> str:
    card = trained.card
    first = int(options.items.partition(":")[0])
    pairs = zip(requests, found, strict=True)
    content = {
        "predictor": {"name": card.name, "weights_sha256": card.weights_sha256, "classes": list(card.classes)},
        "method": {"name": spec.name, "params": dict(spec.params)},
        "seed": options.seed,
        "items": [_item(first + place, request, own) for place, (request, own) in enumerate(pairs)],
    }
    return json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False)


def _as_import(
    trained: Trained, spec: ExplainerSpec, requests: Sequence[ItemRequest], found: Sequence[Explanation]
) -> str:
    card = trained.card
    title, reference = entry(spec.name).title, entry(spec.name).reference
    form = form_of(spec, trained.predictor.modality)
    header = Header(title, form, signed_of(spec), card.name, card.weights_sha256, reference)
    pairs = zip(requests, found, strict=True)
    return as_lines(header, [(request.input, own.form, own.explained_class) for request, own in pairs])


def _item(place: int, request: ItemRequest, own: Explanation) -> dict[str, Any]:
    return {
        "item": place,
        "seed": request.seed,
        "input": request.input.to_json(),
        "explained_class": own.explained_class,
        "explanation": own.form.to_json(),
        "diagnostics": dict(own.diagnostics),
    }
