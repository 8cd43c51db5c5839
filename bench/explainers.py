"""How fast explanations are: against the bare passes through the predictor, and against captum.

`python -m bench.explainers` (or `python bench/explainers.py`) prints a table and writes `bench/explainers.json`.
The limit of a method is the time of the model passes alone for the same number of rows, in memory already, in the
best of three batch sizes: forward passes for LIME and SENN, forward and input gradient for the others. Ours is the
whole call of `explain`: encoding, the output's class and the forms are in it. Against captum it is the method alone,
since captum gives arrays. One thread; times are processor seconds, the best of three, taken in turn with the peer,
since neighbours on the machine move clock times by two and more.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import captum.attr as peer
import torch
from captum._utils.models.linear_model import SkLearnRidge
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from explainers.artifacts import load_predictor
from explainers.explain import explain
from explainers.material import material
from explainers.material.base import split
from explainers.methods.base import Batch
from explainers.methods.base import method as find_method
from explainers.methods.blocks import as_tabular, as_text, encode, own_classes
from explainers.methods.gradients import Points, points, scores
from explainers.methods.masking import grid
from explainers.predictors import PREDICTORS
from explainers.predictors.base import Predictor
from explainers.registry import checked
from explainers.train import predictor_folder, train
from explainers.types import ExplainerSpec, ItemRequest

CASES = ("adult-mlp", "adult-senn", "movies-gru", "movies-senn", "digits-cnn", "digits-senn")
WITH_CAPTUM = ("adult-mlp", "movies-gru", "digits-cnn")
N_ITEMS, N_SAMPLES, N_STEPS = 64, 1000, 50
N_LIME_ITEMS, N_CAPTUM_ITEMS = 8, 2
CAPTUM_PER_EVAL = 256
CELLS = 7
SIZES = (64, 512, 2048)  # batch sizes tried for the limit


@dataclass(frozen=True)
class Row:
    """A line of the table; `ratio` is ours over the limit (1 is the floor) or the peer's over ours (more is faster)."""

    case: str
    what: str
    ours: float
    peer: str
    theirs: float
    ratio: float
    unit: str


@dataclass(frozen=True)
class Subject:
    name: str
    predictor: Predictor
    requests: tuple[ItemRequest, ...]

    def batch(self, n_items: int) -> Batch:
        requests = self.requests[:n_items]
        classes = own_classes(self.predictor, [request.input for request in requests])
        return Batch(self.predictor, requests, classes, {"cells": CELLS}, 4096)


def subject(name: str) -> Subject:
    """The trained predictor, trained now if need be, with held-out items."""
    train(name)
    found = material(PREDICTORS[name].material)
    held_out = split(found.read(), found.shares, found.split_seed).test[:N_ITEMS]
    requests = tuple(ItemRequest(entry.input, seed=place) for place, entry in enumerate(held_out))
    return Subject(name, load_predictor(predictor_folder(name)), requests)


def seconds(*jobs: Callable[[], object], times: int = 3) -> list[float]:
    """The best processor time of several runs of each job, taken in turn."""
    best = [float("inf")] * len(jobs)
    for _ in range(times):
        for place, job in enumerate(jobs):
            started = time.process_time()
            job()
            best[place] = min(best[place], time.process_time() - started)
    return best


# --- limits ----------------------------------------------------------------------------------------------------------


def forward_passes(subject: Subject, n_items: int, n_rows: int, size: int) -> Callable[[], None]:
    """Bare forward passes of `n_rows` rows an item."""
    predictor = subject.predictor
    rows = [
        row.expand(size, *row.shape).contiguous()
        for group in encode(predictor, subject.batch(n_items).inputs)
        for row in group.rows
    ]

    def run() -> None:
        with torch.inference_mode():
            for item in rows:
                for start in range(0, n_rows, size):
                    predictor.logits(item[: min(size, n_rows - start)])

    return run


def gradient_passes(subject: Subject, n_items: int, n_rows: int, size: int) -> Callable[[], None]:
    """Bare forward and backward passes to the input, `n_rows` rows an item."""
    groups = [_repeated(group, n_rows) for group in points(subject.batch(n_items))]

    def run() -> None:
        for values, context, classes in groups:
            for start in range(0, len(values), size):
                part = slice(start, start + size)
                leaf = values[part].requires_grad_(True)
                torch.autograd.grad(scores(subject.predictor, leaf, context[part], classes[part]).sum(), leaf)

    return run


def _repeated(group: Points, n_rows: int) -> tuple[Tensor, Tensor, Tensor]:
    values, context, classes = (t.repeat_interleave(n_rows, 0) for t in (group.values, group.context, group.classes))
    return values.detach(), context, classes


def limit_rows(subject: Subject, method: str) -> Iterator[Row]:
    """Ours against the bare passes, and explanations a second."""
    n_items = N_LIME_ITEMS if method == "lime" else len(subject.requests)
    n_rows = {"lime": N_SAMPLES, "integrated_gradients": N_STEPS}.get(method, 1)
    passes = forward_passes if method in ("lime", "senn") else gradient_passes
    spec = ExplainerSpec(
        method, {"lime": {"n_samples": n_rows}, "integrated_gradients": {"n_steps": n_rows}}.get(method, {})
    )
    requests = subject.requests[:n_items]
    ours, *limits = seconds(
        lambda: explain(subject.predictor, spec, requests),
        *(passes(subject, n_items, n_rows, size) for size in SIZES),
    )
    what, limit = f"{method}, {n_rows} rows an item" if n_rows > 1 else method, min(limits)
    yield Row(subject.name, what, n_items / ours, "bare passes", n_items / limit, ours / limit, "explanations a second")


def _ms(total_s: float, n_items: int) -> float:
    return 1000 * total_s / n_items


# --- captum ----------------------------------------------------------------------------------------------------------


def captum_lime(subject: Subject) -> Callable[[], None]:
    """captum's LIME with ridge regression, item by item as its interface has it."""
    predictor, batch = subject.predictor, subject.batch(N_CAPTUM_ITEMS)
    explainer = peer.Lime(lambda rows: predictor.logits(rows).softmax(1), interpretable_model=SkLearnRidge(alpha=1.0))
    rows = [predictor.encode([item]) for item in batch.inputs]
    masks = [_feature_mask(predictor, row) for row in rows]

    def run() -> None:
        for row, mask, target in zip(rows, masks, batch.classes, strict=True):
            explainer.attribute(
                row, target=target, feature_mask=mask, n_samples=N_SAMPLES, perturbations_per_eval=CAPTUM_PER_EVAL
            )

    return run


def _feature_mask(predictor: Predictor, row: Tensor) -> Tensor:
    if predictor.modality == "tabular":
        groups = as_tabular(predictor).groups
        return torch.cat([torch.full((g.stop - g.start,), place) for place, g in enumerate(groups)])[None]
    if predictor.modality == "text":
        return torch.arange(row.shape[1])[None]
    return torch.from_numpy(grid(row.shape[2], row.shape[3], CELLS)).reshape(1, 1, *row.shape[2:])


def captum_gradients(subject: Subject, method: str) -> Callable[[], None]:
    """captum on whole batches, where it is at its best."""
    predictor = subject.predictor
    batch = subject.batch(len(subject.requests))

    def logits(values: Tensor, context: Tensor) -> Tensor:
        return (
            as_text(predictor).logits_from_embeddings(values, context) if context.shape[1] else predictor.logits(values)
        )

    explainers = {
        "saliency": lambda g: peer.Saliency(logits).attribute(g.values, g.classes, additional_forward_args=g.context),
        "gradient_x_input": lambda g: peer.InputXGradient(logits).attribute(
            g.values, g.classes, additional_forward_args=g.context
        ),
        "integrated_gradients": lambda g: peer.IntegratedGradients(logits).attribute(
            g.values,
            g.baseline.expand_as(g.values),
            g.classes,
            additional_forward_args=g.context,
            n_steps=N_STEPS,
            internal_batch_size=512,
        ),
    }

    def run() -> None:
        for group in points(batch):  # encoding and embedding are part of our time too
            leaf = Points(
                group.places, group.values.detach().requires_grad_(), group.baseline, group.context, group.classes
            )
            explainers[method](leaf)

    return run


def captum_rows(subject: Subject) -> Iterator[Row]:
    spec = ExplainerSpec("lime", {"n_samples": N_SAMPLES})
    requests = subject.requests[:N_CAPTUM_ITEMS]
    ours, theirs = seconds(lambda: explain(subject.predictor, spec, requests), captum_lime(subject), times=2)
    label = f"captum, {CAPTUM_PER_EVAL} a call"
    what = f"lime, {N_SAMPLES} rows an item"
    yield Row(
        subject.name, what, _ms(ours, len(requests)), label, _ms(theirs, len(requests)), theirs / ours, "ms an item"
    )
    for method in ("saliency", "gradient_x_input", "integrated_gradients"):
        spec = ExplainerSpec(method, {"n_steps": N_STEPS} if method == "integrated_gradients" else {})
        n_items = len(subject.requests)
        batch = replace(subject.batch(n_items), params=checked(spec).params)
        jobs = (lambda method=method, batch=batch: find_method(method)(batch), captum_gradients(subject, method))
        ours, theirs = seconds(*jobs)
        yield Row(
            subject.name,
            method,
            _ms(ours, n_items),
            "captum, one batch",
            _ms(theirs, n_items),
            theirs / ours,
            "ms an item",
        )


# --- table -----------------------------------------------------------------------------------------------------------


def rows() -> Iterator[Row]:
    """Every line of the table."""
    for name in CASES:
        found = subject(name)
        own = ("senn",) if found.predictor.architecture == "senn" else ()
        for method in ("lime", "saliency", "gradient_x_input", "integrated_gradients", *own):
            yield from limit_rows(found, method)
        if name in WITH_CAPTUM:
            yield from captum_rows(found)


def main() -> None:
    torch.set_num_threads(1)
    started = time.perf_counter()
    found = []
    print(f"{'case':12} {'what':40} {'ours':>10} {'theirs':>10} {'ratio':>7}  against, unit")
    for row in rows():
        found.append(row)
        print(
            f"{row.case:12} {row.what:40} {row.ours:10.3g} {row.theirs:10.3g} {row.ratio:7.2f}  {row.peer}, {row.unit}",
            flush=True,
        )
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps([asdict(row) for row in found], indent=1) + "\n")
    print(f"{len(found)} rows in {time.perf_counter() - started:.0f} s, written to {path.name}")


if __name__ == "__main__":
    main()
