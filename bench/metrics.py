"""How fast the metrics of explanations are: against the bare passes through the predictor, and against captum.

`python -m bench.metrics` (or `python bench/metrics.py`) prints a table and writes `bench/metrics.json`. The limit of a
metric is the time of the model passes that it cannot do without, in memory already, in the best of three batch sizes:
forward passes of the copies with parts taken away, or forward and backward passes of the neighbours. Ours is the
metric itself on explanations that are there. One thread; times are processor seconds, the best of three, taken in turn
with the peer, since neighbours on the machine move clock times by two and more.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import captum.metrics as peer
import torch
from captum.attr import InputXGradient
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from explainers.benchmark.command import HEADING, line, subject, written
from explainers.benchmark.limits import (
    BARE_PASSES,
    SIZES,
    Row,
    Subject,
    forward_passes,
    gradient_passes,
    made,
    seconds,
)
from explainers.explain import explain
from explainers.metrics.measure import Arm, measure
from explainers.metrics.types import MetricSpec
from explainers.types import ExplainerSpec, ImageInput, TabularInput, TextInput

CASES = ("adult-mlp", "movies-gru", "digits-cnn")
METHOD = ExplainerSpec("gradient_x_input", {})
N_ITEMS = 16
N_REPLACEMENTS, N_RANDOM_ORDERS, N_SAMPLES, N_NEIGHBOURS, N_MODELS, CELLS = 20, 3, 100, 10, 3, 7
UNIT = "ms an item"


@dataclass(frozen=True)
class Passes:
    """What a metric cannot do without: rows of an item, with gradients or without."""

    metric: MetricSpec
    n_rows: Callable[[int, int], int]  # from the parts of an item and its other values
    gradients: bool = False


METRICS = (
    Passes(MetricSpec("faithfulness_correlation"), lambda n_units, n_times: (n_units + 1) * n_times),
    Passes(MetricSpec("deletion"), lambda n_units, n_times: (1 + N_RANDOM_ORDERS) * (n_units + 1) * n_times),
    Passes(MetricSpec("infidelity"), lambda n_units, n_times: N_SAMPLES + 1),
    Passes(MetricSpec("max_sensitivity"), lambda n_units, n_times: N_NEIGHBOURS, gradients=True),
    Passes(MetricSpec("weight_randomization"), lambda n_units, n_times: N_MODELS, gradients=True),
)


def parts(found: Subject) -> int:
    """How many parts an item has, the mean over the items."""
    sizes = []
    for request in found.requests[:N_ITEMS]:
        match request.input:
            case TabularInput(values=values):
                sizes.append(len(values))
            case TextInput(tokens=tokens):
                sizes.append(len(tokens))
            case ImageInput():
                sizes.append(CELLS**2)
    return round(sum(sizes) / len(sizes))


def limit_rows(found: Subject) -> Iterator[Row]:
    """Each metric against the bare passes."""
    requests = found.requests[:N_ITEMS]
    arm = Arm(METHOD, tuple(explain(found.predictor, METHOD, requests)))
    n_times = N_REPLACEMENTS if found.predictor.modality == "tabular" else 1
    for entry in METRICS:
        n_rows = entry.n_rows(parts(found), n_times)
        passes = gradient_passes if entry.gradients else forward_passes
        ours, *limits = seconds(
            lambda entry=entry: measure(found.predictor, arm, requests, [entry.metric]),
            *(passes(found, [n_rows] * N_ITEMS, size) for size in SIZES),
        )
        what, limit = f"{entry.metric.name}, {n_rows} rows an item", min(limits)
        yield Row(found.name, what, _ms(ours), BARE_PASSES, _ms(limit), ours / limit, UNIT, made())


def _ms(total_s: float) -> float:
    return 1000 * total_s / N_ITEMS


def captum_rows(found: Subject) -> Iterator[Row]:
    """captum's two metrics on pictures and tables, item by item as their interfaces are used."""
    requests = found.requests[:N_ITEMS]
    arm = Arm(METHOD, tuple(explain(found.predictor, METHOD, requests)))
    for name, theirs in (("infidelity", captum_infidelity(found)), ("max_sensitivity", captum_sensitivity(found))):
        mine, other = seconds(lambda name=name: measure(found.predictor, arm, requests, [MetricSpec(name)]), theirs)
        yield Row(found.name, name, _ms(mine), "captum", _ms(other), other / mine, UNIT, made())


def _prepared(found: Subject) -> list[tuple[Tensor, Tensor, int]]:
    """Encoded item, attribution and class, one row each."""
    batch = found.batch(N_ITEMS)
    rows = [found.predictor.encode([item]) for item in batch.inputs]
    weights = [InputXGradient(found.predictor.logits).attribute(row.clone().requires_grad_(), target=target)
               for row, target in zip(rows, batch.classes, strict=True)]  # fmt: skip
    return list(zip(rows, [weight.detach() for weight in weights], batch.classes, strict=True))


def captum_infidelity(found: Subject) -> Callable[[], None]:
    predictor, prepared = found.predictor, _prepared(found)

    def perturb(rows: Tensor) -> tuple[Tensor, Tensor]:
        absent = torch.rand(rows.shape) < 0.5
        return absent.to(rows), rows * ~absent

    def run() -> None:
        for row, weights, target in prepared:
            peer.infidelity(
                lambda rows: predictor.logits(rows).softmax(1),
                perturb,
                row,
                weights,
                target=target,
                n_perturb_samples=N_SAMPLES,
                max_examples_per_batch=N_SAMPLES,
                normalize=True,
            )

    return run


def captum_sensitivity(found: Subject) -> Callable[[], None]:
    predictor, prepared = found.predictor, _prepared(found)
    explainer = InputXGradient(predictor.logits)

    def run() -> None:
        for row, _, target in prepared:
            peer.sensitivity_max(
                explainer.attribute, row.requires_grad_(), target=target, n_perturb_samples=N_NEIGHBOURS
            )

    return run


def rows() -> Iterator[Row]:
    """Every line of the table."""
    for name in CASES:
        found = subject(name)
        yield from limit_rows(found)
        if found.predictor.modality != "text":
            yield from captum_rows(found)


def main() -> None:
    torch.set_num_threads(1)
    started = time.perf_counter()
    found = []
    print(HEADING)
    for row in rows():
        found.append(row)
        print(line(row), flush=True)
    path = Path(__file__).with_suffix(".json")
    written(path, found)
    print(f"{len(found)} rows in {time.perf_counter() - started:.0f} s, written to {path.name}")


if __name__ == "__main__":
    main()
