"""How fast explanations are: against the bare passes through the predictor, and against captum.

`python -m bench.explainers` (or `python bench/explainers.py`) prints a table and writes `bench/explainers.json`. With
names of methods behind it only these are measured against the bare passes, and the file keeps its other rows.
The limit of a method is the time of the model passes alone for the same number of rows, in memory already, in the best
of three batch sizes: forward passes for methods that only ask, forward and input gradient for the others (for Grad-CAM
too, which goes back no further than the last convolution). Ours is the whole call of `explain`: encoding, the output's
class and the forms are in it. Against captum it is the method alone, since captum gives arrays. One thread; times are
processor seconds, the best of three, taken in turn with the peer, since neighbours on the machine move clock times by
two and more.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
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
from explainers.registry import checked, entry, needs_of
from explainers.train import predictor_folder, train
from explainers.types import ExplainerSpec, Explanation, ItemRequest

CASES = ("adult-mlp", "adult-senn", "movies-gru", "movies-senn", "digits-cnn", "digits-senn")
WITH_CAPTUM = ("adult-mlp", "movies-gru", "digits-cnn")
N_ITEMS, N_SAMPLES, N_STEPS = 64, 1000, 50
N_LIME_ITEMS, N_EXACT_ITEMS, N_ANCHOR_ITEMS, N_CAPTUM_ITEMS = 8, 2, 32, 2
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


@dataclass(frozen=True)
class Work:
    """How a method is measured: the kind of its passes, on how many items, with which parameters."""

    passes: Callable[[Subject, Sequence[int], int], Callable[[], None]]
    n_items: int = N_ITEMS
    params: Mapping[str, int] = field(default_factory=dict)


def forward_passes(subject: Subject, n_rows: Sequence[int], size: int) -> Callable[[], None]:
    """Bare forward passes of so many rows an item; what is in the rows does not count."""
    predictor = subject.predictor
    groups = [
        (group.rows[0].expand(size, *group.rows.shape[1:]).contiguous(), sum(n_rows[place] for place in group.places))
        for group in encode(predictor, subject.batch(len(n_rows)).inputs)
    ]

    def run() -> None:
        with torch.inference_mode():
            for rows, n_total in groups:
                for start in range(0, n_total, size):
                    predictor.logits(rows[: min(size, n_total - start)])

    return run


def gradient_passes(subject: Subject, n_rows: Sequence[int], size: int) -> Callable[[], None]:
    """Bare forward and backward passes to the input, as many rows for every item."""
    groups = [_repeated(group, n_rows[0]) for group in points(subject.batch(len(n_rows)))]

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


WORKS: Mapping[str, Work] = {
    "lime": Work(forward_passes, N_LIME_ITEMS, {"n_samples": N_SAMPLES}),
    "kernel_shap": Work(forward_passes, N_LIME_ITEMS, {"n_coalitions": N_SAMPLES}),
    "exact_shapley": Work(forward_passes, N_EXACT_ITEMS),
    "occlusion": Work(forward_passes),
    "saliency": Work(gradient_passes),
    "gradient_x_input": Work(gradient_passes),
    "smoothgrad": Work(gradient_passes, params={"n_copies": N_STEPS}),
    "integrated_gradients": Work(gradient_passes, params={"n_steps": N_STEPS}),
    "guided_backpropagation": Work(gradient_passes),
    "grad_cam": Work(gradient_passes),
    "senn": Work(forward_passes),
    "anchors": Work(forward_passes, N_ANCHOR_ITEMS),
}


def limit_row(subject: Subject, method: str) -> Row:
    """Ours against the bare passes, and explanations a second."""
    work = WORKS[method]
    spec, requests = ExplainerSpec(method, work.params), subject.requests[: work.n_items]
    n_rows = [_n_rows(explanation) for explanation in explain(subject.predictor, spec, requests)]
    ours, *limits = seconds(
        lambda: explain(subject.predictor, spec, requests),
        *(work.passes(subject, n_rows, size) for size in SIZES),
    )
    mean, limit, n_items = round(sum(n_rows) / len(n_rows)), min(limits), len(requests)
    what = f"{method}, {mean} rows an item" if mean > 1 else method
    return Row(
        subject.name, what, n_items / ours, "bare passes", n_items / limit, ours / limit, "explanations a second"
    )


def _n_rows(explanation: Explanation) -> int:
    """How many rows the predictor was asked about for an item."""
    facts = explanation.diagnostics
    asked = [facts[name] for name in ("samples", "steps", "copies") if name in facts]
    return int(asked[0] if asked else facts.get("patches", 0) + 1)


def measured(subject: Subject, methods: Sequence[str]) -> Iterator[str]:
    """Those of the methods that explain this predictor."""
    for name in methods:
        needs = needs_of(ExplainerSpec(name, {}))
        if subject.predictor.modality in entry(name).modalities and (
            not needs or subject.predictor.architecture in needs
        ):
            yield name


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


def rows(methods: Sequence[str]) -> Iterator[Row]:
    """Every line of the table; the lines beside captum when all methods are asked for."""
    for name in CASES:
        found = subject(name)
        for method in measured(found, methods or tuple(WORKS)):
            yield limit_row(found, method)
        if name in WITH_CAPTUM and not methods:
            yield from captum_rows(found)


def kept(path: Path, new: Sequence[Row], methods: Sequence[str]) -> list[Row]:
    """The rows of the file that were not measured again, and the new ones, by case."""
    before = [Row(**row) for row in json.loads(path.read_text())] if methods and path.exists() else []
    stay = [row for row in before if row.peer != "bare passes" or row.what.partition(",")[0] not in methods]
    return sorted([*stay, *new], key=lambda row: CASES.index(row.case))


def main(methods: Sequence[str]) -> None:
    torch.set_num_threads(1)
    started = time.perf_counter()
    found = []
    print(f"{'case':12} {'what':40} {'ours':>10} {'theirs':>10} {'ratio':>7}  against, unit")
    for row in rows(methods):
        found.append(row)
        print(
            f"{row.case:12} {row.what:40} {row.ours:10.3g} {row.theirs:10.3g} {row.ratio:7.2f}  {row.peer}, {row.unit}",
            flush=True,
        )
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps([asdict(row) for row in kept(path, found, methods)], indent=1) + "\n")
    print(f"{len(found)} rows in {time.perf_counter() - started:.0f} s, written to {path.name}")


if __name__ == "__main__":
    main(sys.argv[1:])
