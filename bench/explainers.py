"""How fast explanations are: against the bare passes through the predictor, captum and the `lime` package.

`python -m bench.explainers` (or `python bench/explainers.py`) prints a table and writes `bench/explainers.json`. The
lines against the bare passes are those of `python -m explainers bench`, which measures single methods again and keeps
the other lines of the file; see `explainers/benchmark/limits.py` for how. Methods of a single pass are measured with
the items of one worker's job and with those of a whole study too. Against captum's gradients it is the method alone,
since captum gives arrays; LIME is the whole call beside both. One thread; times are processor seconds, the best of
three, taken in turn with the peer.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import captum.attr as peer
import torch
from captum._utils.models.linear_model import SkLearnRidge
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.lime_package import lime_package
from explainers.benchmark.command import HEADING, limit_rows, line, subject, written
from explainers.benchmark.limits import (
    CELLS,
    JOB,
    MOST_ITEMS,
    N_ITEMS,
    N_SAMPLES,
    N_STEPS,
    WORKS,
    Row,
    Subject,
    limit_row,
    made,
    seconds,
)
from explainers.explain import explain
from explainers.methods.base import method as find_method
from explainers.methods.blocks import as_tabular, as_text
from explainers.methods.gradients import Points, points
from explainers.methods.masking import grid
from explainers.predictors import PREDICTORS
from explainers.predictors.base import Predictor
from explainers.registry import checked, entry
from explainers.types import ExplainerSpec

WITH_PEERS = ("adult-mlp", "movies-gru", "digits-cnn")
N_PEER_ITEMS = 2
CAPTUM_PER_EVAL = 256
SINGLE_PASS = ("saliency", "gradient_x_input", "occlusion")  # few rows an item: what a call costs once counts

# --- captum ----------------------------------------------------------------------------------------------------------


def _ms(total_s: float, n_items: int) -> float:
    return 1000 * total_s / n_items


def captum_lime(subject: Subject) -> Callable[[], None]:
    """captum's LIME with ridge regression, item by item as its interface has it."""
    predictor, batch = subject.predictor, subject.batch(N_PEER_ITEMS)
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
    batch = subject.batch(N_ITEMS)

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
    """captum's LIME item by item, its gradients on whole batches."""
    yield lime_row(subject, f"captum, {CAPTUM_PER_EVAL} a call", captum_lime(subject))
    for method in ("saliency", "gradient_x_input", "integrated_gradients"):
        spec = ExplainerSpec(method, {"n_steps": N_STEPS} if method == "integrated_gradients" else {})
        batch = replace(subject.batch(N_ITEMS), params=checked(spec).params)
        jobs = (lambda method=method, batch=batch: find_method(method)(batch), captum_gradients(subject, method))
        yield _against(subject, method, "captum, one batch", seconds(*jobs), N_ITEMS)


def lime_row(subject: Subject, peer: str, theirs: Callable[[], None]) -> Row:
    """LIME with as many samples, beside another implementation."""
    spec, requests = ExplainerSpec("lime", {"n_samples": N_SAMPLES}), subject.requests[:N_PEER_ITEMS]
    times = seconds(lambda: explain(subject.predictor, spec, requests), theirs, times=2)
    return _against(subject, f"lime, {N_SAMPLES} rows an item", peer, times, N_PEER_ITEMS)


def _against(subject: Subject, what: str, peer: str, times: Sequence[float], n_items: int) -> Row:
    ours, theirs = times
    return Row(subject.name, what, _ms(ours, n_items), peer, _ms(theirs, n_items), theirs / ours, "ms an item", made())


# --- table -----------------------------------------------------------------------------------------------------------


def rows() -> Iterator[Row]:
    """Every line of the table: all methods on three predictors, on the others those that are bound to their kind."""
    for name in PREDICTORS:
        found = subject(name)
        if name not in WITH_PEERS:
            yield from limit_rows(found, [method for method in WORKS if entry(method).needs])
            continue
        yield from limit_rows(found)
        for n_items in (JOB, MOST_ITEMS):
            yield from (limit_row(found, method, n_items) for method in SINGLE_PASS)
        yield from captum_rows(found)
        yield lime_row(found, f"lime {version('lime')}", lime_package(found, N_PEER_ITEMS))


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
