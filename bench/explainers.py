"""How fast explanations are: against the bare passes through the predictor, and against captum.

`python -m bench.explainers` (or `python bench/explainers.py`) prints a table and writes `bench/explainers.json`. The
lines against the bare passes are those of `python -m explainers bench`, which measures single methods again and keeps
the other lines of the file; see `explainers/benchmark/limits.py` for how. Against captum it is the method alone, since
captum gives arrays. One thread; times are processor seconds, the best of three, taken in turn with the peer.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import captum.attr as peer
import torch
from captum._utils.models.linear_model import SkLearnRidge
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from explainers.benchmark.command import HEADING, limit_rows, line, subject, written
from explainers.benchmark.limits import CELLS, N_SAMPLES, N_STEPS, Row, Subject, seconds
from explainers.explain import explain
from explainers.methods.base import method as find_method
from explainers.methods.blocks import as_tabular, as_text
from explainers.methods.gradients import Points, points
from explainers.methods.masking import grid
from explainers.predictors import PREDICTORS
from explainers.predictors.base import Predictor
from explainers.registry import checked
from explainers.types import ExplainerSpec

WITH_CAPTUM = ("adult-mlp", "movies-gru", "digits-cnn")
N_CAPTUM_ITEMS = 2
CAPTUM_PER_EVAL = 256

# --- captum ----------------------------------------------------------------------------------------------------------


def _ms(total_s: float, n_items: int) -> float:
    return 1000 * total_s / n_items


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
    for name in PREDICTORS:
        found = subject(name)
        yield from limit_rows(found)
        if name in WITH_CAPTUM:
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
