"""`python -m explainers metrics`: how good a method's explanations of held-out items are, without people."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from explainers.artifacts import load_predictor
from explainers.candidates import distinct
from explainers.errors import InputError, ParameterError
from explainers.folders import write_whole
from explainers.material import material as find_material
from explainers.material.base import split
from explainers.methods.blocks import own_classes
from explainers.metrics.measure import Arm, measure
from explainers.metrics.registry import METRICS
from explainers.metrics.registry import entry as metric_entry
from explainers.metrics.types import Measurement, MetricSpec
from explainers.predictors import PREDICTORS
from explainers.predictors import entry as predictor_entry
from explainers.predictors.base import Predictor
from explainers.registry import EXPLAINERS
from explainers.registry import entry as explainer_entry
from explainers.train import predictor_folder
from explainers.types import ExplainerSpec, Input, ItemRequest

NAME = "metrics"
_SEED_STEP = 1_000_003  # between the seeds of two runs, so that their items share none
_DESCRIPTION = """\
Explain held-out items of a trained predictor and judge the explanations by the metrics of the literature:
the mean over items with its interval, and in JSON the value of every item. The same seed gives the same numbers."""
_EXAMPLES = """\
examples:
  python -m explainers metrics --predictor adult-mlp --method lime --items 0:64
  python -m explainers metrics --predictor digits-cnn --method saliency --metric deletion --metric insertion
  python -m explainers metrics --predictor movies-gru --method lime --against gradient_x_input \\
      --set n_samples=1000 --set deletion.n_random_orders=10 --out lime.json"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    command = commands.add_parser(
        NAME,
        help="judge a method's explanations without people",
        description=_DESCRIPTION,
        epilog="\n\n".join(
            [_names("predictors", PREDICTORS), _names("methods", EXPLAINERS), _metrics_text(), _EXAMPLES]
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--predictor", required=True, choices=PREDICTORS, metavar="NAME", help="one that is trained")
    command.add_argument("--method", required=True, choices=EXPLAINERS, metavar="NAME", help="what explains it")
    command.add_argument(
        "--items",
        default="0:64",
        metavar="FROM:TO",
        help="which of the distinct held-out items; 0:64 unless given",
    )
    command.add_argument(
        "--metric",
        action="append",
        choices=METRICS,
        metavar="NAME",
        help="one of those below, as often as you like; all unless given",
    )
    command.add_argument(
        "--against", choices=EXPLAINERS, metavar="NAME", help="the method that agreement is measured with"
    )
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the method, or METRIC.NAME=VALUE of a metric; as often as you like",
    )
    command.add_argument("--seed", type=int, default=0, help="of the items' random numbers; 0 unless given")
    command.add_argument("--level", type=float, default=0.95, help="of the intervals; 0.95 unless given")
    command.add_argument("--folder", type=Path, help="the predictor's, instead of <FORETELL_DATA>/predictors/NAME")
    command.add_argument("--out", type=Path, metavar="FILE", help="write everything as JSON, every item's value too")
    command.add_argument("--json", action="store_true", help="print that JSON instead of the table")


def _names(title: str, names: Iterable[str]) -> str:
    return "\n".join([f"{title}:", *(f"  {line}" for line in _wrapped(", ".join(names)))])


def _metrics_text() -> str:
    """The metrics for `--help`: what each asks, and which direction is better."""
    lines = ["metrics:"]
    for name, found in METRICS.items():
        lines.append(f"  {name} ({found.better} is better)")
        lines += [f"      {line}" for line in _wrapped(found.summary)]
        defaults = ", ".join(f"{key}={param.default}" for key, param in found.params.items())
        lines += [f"      [{defaults}]"] if defaults else []
    return "\n".join(lines)


def _wrapped(text: str, width: int = 100) -> list[str]:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


# --- run -------------------------------------------------------------------------------------------------------------


def run(options: argparse.Namespace) -> None:
    """Measure, print the table, write the file; raises ExplainerError or OSError."""
    params = _params(options.set)
    arm = Arm(ExplainerSpec(options.method, params.get("", {})))
    against = Arm(ExplainerSpec(options.against, {})) if options.against else None
    specs = [MetricSpec(name, params.get(name, {})) for name in options.metric or METRICS]
    _expect_used(params, specs)
    predictor = load_predictor(options.folder or predictor_folder(options.predictor))
    first, last = _slice(options.items)
    requests = _requests(predictor, arm, against, slice(first, last), options.seed)
    found = measure(
        predictor,
        arm,
        requests,
        specs,
        against=against,
        level=options.level,
        progress=_counter(len(requests)) if sys.stderr.isatty() else None,
    )
    text = _as_json(options, found)
    if options.out is not None:
        write_whole(options.out, text.encode("utf-8"))
    print(text if options.json else _table(predictor, arm, found, len(requests)))


def _params(settings: Sequence[str]) -> dict[str, dict[str, int | float | str]]:
    """Parameters by the metric's name, those of the method under an empty one."""
    found: dict[str, dict[str, int | float | str]] = {}
    for setting in settings:
        path, mark, value = setting.partition("=")
        owner, _, name = path.rpartition(".")
        if not (mark and name):
            raise ParameterError(f"--set {setting}: NAME=VALUE or METRIC.NAME=VALUE was expected")
        found.setdefault(owner, {})[name] = _number(value)
    return found


def _number(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _expect_used(params: dict[str, dict[str, int | float | str]], specs: Sequence[MetricSpec]) -> None:
    unused = sorted(set(params) - {"", *(spec.name for spec in specs)})
    if unused:
        raise ParameterError(f"--set {unused[0]}: no such metric is computed; name it with --metric")


def _slice(text: str) -> tuple[int, int]:
    first, mark, last = text.partition(":")
    if mark and first.isdecimal() and last.isdecimal() and int(first) < int(last):
        return int(first), int(last)
    raise InputError(f"--items {text}: FROM:TO with FROM below TO was expected, such as 0:64")


def _requests(predictor: Predictor, arm: Arm, against: Arm | None, where: slice, seed: int) -> list[ItemRequest]:
    """The slice of the distinct held-out items, with a seed each, and with donors where a placebo needs them."""
    material = find_material(predictor_entry(predictor.name).material)
    held_out = distinct(split(material.read(), material.shares, material.split_seed).test)
    if where.stop > len(held_out):
        raise InputError(f"--items {where.start}:{where.stop}: there are {len(held_out)} distinct held-out items")
    inputs = [item.input for item in held_out[where]]
    seeds = [seed * _SEED_STEP + place for place in range(where.start, where.stop)]
    arms = [one for one in (arm, against) if one]
    if not any(explainer_entry(one.spec.name).needs_donor for one in arms):
        return [ItemRequest(item, own) for item, own in zip(inputs, seeds, strict=True)]
    donors = _donors(predictor, inputs)
    return [ItemRequest(item, own, donor) for item, own, donor in zip(inputs, seeds, donors, strict=True)]


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


def _counter(n_items: int) -> Callable[[int], None]:
    def count(done: int) -> None:
        print(f"\r{done} of {n_items} items", end="\n" if done == n_items else "", file=sys.stderr, flush=True)

    return count


# --- output ----------------------------------------------------------------------------------------------------------


def _as_json(options: argparse.Namespace, found: Sequence[Measurement]) -> str:
    content = {
        "predictor": options.predictor,
        "items": options.items,
        "seed": options.seed,
        "measurements": [measurement.to_json() for measurement in found],
    }
    return json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False)


def _table(predictor: Predictor, arm: Arm, found: Sequence[Measurement], n_items: int) -> str:
    lines = [f"{explainer_entry(arm.spec.name).title} on {predictor.name}, {n_items} held-out items", ""]
    for measurement in found:
        entry = metric_entry(measurement.metric.name)
        lines.append(f"{entry.title:44} {entry.better:7} {_said(measurement)}")
    return "\n".join(lines)


def _said(measurement: Measurement) -> str:
    summary = measurement.summary
    if measurement.reason:
        return f"does not apply. {measurement.reason}"
    if summary.mean is None:
        return f"undefined for every item: {measurement.items[0].problem}" if measurement.items else "no items"
    interval = "" if summary.low is None else f"  [{summary.low:.3g}, {summary.high:.3g}]"
    missing = f"  ({summary.n_undefined} undefined)" if summary.n_undefined else ""
    return f"{summary.mean:8.3g}{interval}{missing}"
