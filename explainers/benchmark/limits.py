"""A method's time against its limit: the bare passes through the predictor, in memory already.

The limit is the time of the model passes alone for the same number of rows, in the best of three batch sizes: forward
passes for methods that only ask, forward and input gradient for the others (for Grad-CAM too, which goes back no
further than the last convolution). Ours is the whole call of `explain`: encoding, the output's class and the forms are
in it. Times are processor seconds, the best of three, taken in turn with the limit, since neighbours on the machine
move clock times by two and more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import version
from platform import python_version

import torch
from torch import Tensor

from explainers.explain import explain
from explainers.methods.base import Batch
from explainers.methods.blocks import encode, own_classes
from explainers.methods.gradients import Points, points, scores
from explainers.predictors.base import Predictor
from explainers.registry import entry
from explainers.types import ExplainerSpec, Explanation, ItemRequest

N_ITEMS, N_SAMPLES, N_STEPS = 64, 1000, 50
N_LIME_ITEMS, N_EXACT_ITEMS, N_ANCHOR_ITEMS = 8, 2, 32
JOB, MOST_ITEMS = 16, 512  # items of a worker's job, and of as many as a study has
CELLS = 7
SIZES = (64, 512, 2048)  # batch sizes tried for the limit
BARE_PASSES = "bare passes"


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
    made: str = ""  # when and with which versions


@dataclass(frozen=True)
class Subject:
    """A trained predictor with held-out items."""

    name: str
    predictor: Predictor
    requests: tuple[ItemRequest, ...]

    def batch(self, n_items: int) -> Batch:
        requests = self.requests[:n_items]
        classes = own_classes(self.predictor, [request.input for request in requests])
        return Batch(self.predictor, requests, classes, {"cells": CELLS}, 4096)


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
    n_rows: int = 0  # of an item, where its diagnostics do not say it
    training_items: bool = False  # whether they are asked too, once a batch


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
    "attention": Work(forward_passes),
    "attention_rollout": Work(forward_passes),
    "attention_uniform": Work(forward_passes),
    "attention_frozen": Work(forward_passes, n_rows=2),  # by the network, and by the one that looks at random
    "nearest_examples": Work(forward_passes, training_items=True),
    "decision_boundary": Work(forward_passes, N_ANCHOR_ITEMS),
    "latent_shift": Work(forward_passes, N_ANCHOR_ITEMS),
    "prototypes": Work(forward_passes),
    "probabilistic_prototypes": Work(forward_passes),
    "feature_cards": Work(forward_passes),
    "concept_formulas": Work(forward_passes),
    "similarity_saliency": Work(forward_passes, params={"cells": CELLS}, n_rows=CELLS**2 + 1),
}

# Methods of the registry that are held against no bare passes, and why.
WITHOUT_LIMIT: Mapping[str, str] = {
    "composite": "calls other methods one after the other, each of which has a line of its own",
    "attention_adversarial": "climbs through what lies above the attention alone, some hundred times; no pass is whole",
    "placebo_random_weights": "costs its method twice, once with the real weights and once with random ones",
    "placebo_other_item": "costs its method, asked about the donors",
    "placebo_random": "costs its method, whose sizes it hands out anew",
    "placebo_edges": "costs its method, whose sizes go to the picture's edges",
    "placebo_uniform": "costs its method, to be of the same form",
}


def limit_row(subject: Subject, method: str, n_items: int = 0) -> Row:
    """Ours against the bare passes, and explanations a second; of so many items a call, else of the method's number."""
    work = WORKS[method]
    spec, requests = ExplainerSpec(method, work.params), subject.requests[: n_items or work.n_items]
    n_rows = [work.n_rows or _n_rows(explanation) for explanation in explain(subject.predictor, spec, requests)]
    if work.training_items:
        n_rows[0] += len(subject.predictor.background.rows)
    ours, *limits = seconds(
        lambda: explain(subject.predictor, spec, requests),
        *(work.passes(subject, n_rows, size) for size in SIZES),
    )
    mean, limit = round(sum(n_rows) / len(n_rows)), min(limits)
    what = f"{method}, {mean} rows an item" if mean > 1 else method
    if n_items:
        what += f", {len(requests)} items a call"
    unit = "explanations a second"
    return Row(subject.name, what, len(requests) / ours, BARE_PASSES, len(requests) / limit, ours / limit, unit, made())


def made() -> str:
    """Today and the versions that times depend on."""
    return f"{date.today()}, Python {python_version()}, torch {version('torch')}, numpy {version('numpy')}"


def _n_rows(explanation: Explanation) -> int:
    """How many rows the predictor was asked about for an item."""
    facts = explanation.diagnostics
    asked = [facts[name] for name in ("samples", "steps", "copies") if name in facts]
    return int(asked[0] if asked else facts.get("patches", 0) + 1)


def measured(subject: Subject, methods: Sequence[str]) -> Iterator[str]:
    """Those of the methods that explain this predictor."""
    for name in methods:
        found = entry(name)
        fits = not found.needs or subject.predictor.architecture in found.architectures
        if fits and subject.predictor.modality in found.modalities:
            yield name
