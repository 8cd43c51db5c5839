"""`python -m explainers metrics`: how good a method's explanations of held-out items are, without people."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from explainers.commands.options import (
    Commands,
    add_command,
    add_items,
    add_params,
    counter,
    find_requests,
    find_trained,
    names,
    read_params,
    wrapped,
)
from explainers.errors import ParameterError
from explainers.folders import write_whole
from explainers.metrics.measure import Arm, measure
from explainers.metrics.registry import METRICS
from explainers.metrics.registry import entry as metric_entry
from explainers.metrics.types import Measurement, MetricSpec
from explainers.predictors.base import Predictor
from explainers.registry import EXPLAINERS
from explainers.registry import entry as explainer_entry
from explainers.types import ExplainerSpec

NAME = "metrics"
_DESCRIPTION = """\
Explain held-out items of a trained predictor and judge the explanations by the metrics of the literature:
the mean over items with its interval, and in JSON the value of every item. The same seed gives the same numbers."""
_EXAMPLES = """\
examples:
  python -m explainers metrics --predictor adult-mlp --method lime --items 0:64
  python -m explainers metrics --predictor digits-cnn --method saliency --metric deletion --metric insertion
  python -m explainers metrics --predictor movies-gru --method lime --against gradient_x_input \\
      --param n_samples=1000 --param deletion.n_random_orders=10 --out lime.json"""


def add_parser(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    command = add_command(
        commands,
        NAME,
        text="judge a method's explanations without people",
        description=_DESCRIPTION,
        below=[names("methods", EXPLAINERS), _metrics_text(), _EXAMPLES],
    )
    add_items(command)
    command.add_argument("--method", required=True, choices=EXPLAINERS, metavar="NAME", help="what explains it")
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
    add_params(command, "a parameter of the method, or METRIC.NAME=VALUE of a metric")
    command.add_argument("--level", type=float, default=0.95, help="of the intervals; 0.95 unless given")
    command.add_argument("--out", type=Path, metavar="FILE", help="write everything as JSON, every item's value too")
    command.add_argument("--json", action="store_true", help="print that JSON instead of the table")


def _metrics_text() -> str:
    """The metrics for `--help`: what each asks, and which direction is better."""
    lines = ["metrics:"]
    for name, found in METRICS.items():
        lines.append(f"  {name} ({found.better} is better)")
        lines += [f"      {line}" for line in wrapped(found.summary)]
        defaults = ", ".join(f"{key}={param.default}" for key, param in found.params.items())
        lines += [f"      [{defaults}]"] if defaults else []
    return "\n".join(lines)


# --- run -------------------------------------------------------------------------------------------------------------


def run(options: argparse.Namespace) -> None:
    """Measure, print the table, write the file; raises ExplainerError or OSError."""
    params = read_params(options.param, "NAME=VALUE or METRIC.NAME=VALUE")
    arm = Arm(ExplainerSpec(options.method, params.get("", {})))
    against = Arm(ExplainerSpec(options.against, {})) if options.against else None
    specs = [MetricSpec(name, params.get(name, {})) for name in options.metric or METRICS]
    _expect_used(params, specs)
    trained = find_trained(options.predictor)
    predictor = trained.predictor
    requests = find_requests(trained, options.items, [one.spec for one in (arm, against) if one], options.seed)
    found = measure(
        predictor,
        arm,
        requests,
        specs,
        against=against,
        level=options.level,
        progress=counter(len(requests)),
    )
    text = _as_json(predictor.name, options, found)
    if options.out is not None:
        write_whole(options.out, text.encode("utf-8"))
    print(text if options.json else _table(predictor, arm, found, len(requests)))


def _expect_used(params: dict[str, dict[str, int | float | str]], specs: Sequence[MetricSpec]) -> None:
    unused = sorted(set(params) - {"", *(spec.name for spec in specs)})
    if unused:
        raise ParameterError(f"--param {unused[0]}: no such metric is computed; name it with --metric")


# --- output ----------------------------------------------------------------------------------------------------------


def _as_json(predictor: str, options: argparse.Namespace, found: Sequence[Measurement]) -> str:
    content = {
        "predictor": predictor,
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
