"""Where the time of an explanation goes, beside the bare passes: the reasons for what `docs/performance.md` shows.

`python -m bench.stages` prints and writes `bench/stages.json`. The functions below are timed from inside, each
without the time of those within it, and the best of several calls of `explain` is kept; what no function stands for is
"the rest". Processor microseconds an item, on one thread. Timing itself costs about a microsecond a call.
"""

from __future__ import annotations

import functools
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from explainers import explain as explaining
from explainers.benchmark.command import subject
from explainers.benchmark.limits import N_ITEMS, WORKS, Subject, made
from explainers.methods import gradients, kernel_shap, lime, masking
from explainers.predictors.base import Predictor
from explainers.types import ExplainerSpec

ALL = ("lime", "kernel_shap", "exact_shapley", "occlusion", "saliency", "smoothgrad", "integrated_gradients")
CASES: Mapping[str, tuple[str, ...]] = {
    "adult-mlp": (*ALL, "anchors"),
    "movies-gru": ALL,
    "digits-cnn": (*ALL, "grad_cam"),
}
REPEATS = 3
PASSES, REST = "passes through the predictor", "the rest"
MASKINGS = (masking.TabularMasking, masking.AverageMasking, masking.TextMasking, masking.ImageMasking)
STAGES: tuple[tuple[Any, str, str], ...] = (
    (Predictor, "logits", PASSES),
    (gradients, "scores", PASSES),
    (torch.autograd, "grad", PASSES),
    *((kind, "_rows", "rows of the masks") for kind in MASKINGS),
    (masking.TabularMasking, "_prepared", "values of absent variables, drawn"),
    *((kind, "_prepared", "rows of the masks") for kind in MASKINGS[1:]),
    (masking, "packed", "rows of the masks"),
    (lime, "draw_masks", "masks, drawn"),
    (kernel_shap.Plan, "drawn", "masks, drawn"),
    (lime.Kernel, "weights", "kernel"),
    (lime, "_columns", "sums of squares"),
    (lime, "_products", "sums of squares"),
    (kernel_shap.Moments, "of", "sums of squares"),
    (kernel_shap.Moments, "enumerated", "sums of squares"),
    (lime, "solve", "regressions"),
    (kernel_shap, "solve", "regressions"),
    (masking, "probability", "softmax"),
    (explaining, "own_classes", "the output explained: encoding, one pass"),
    (masking, "encode", "encoding"),
    (gradients, "encode", "encoding"),
    (explaining, "_explanations", "numbers rounded, forms made"),
)


@dataclass(frozen=True)
class Share:
    """Microseconds an item of a stage, of `total_us`."""

    case: str
    method: str
    n_items: int
    stage: str
    us: float
    total_us: float
    made: str


class Stopwatch:
    """Processor time of each stage, without that of the stages within."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        self._open: list[str] = [REST]
        self._since = time.process_time()

    def _turn(self) -> None:
        now = time.process_time()
        self.spent[self._open[-1]] += now - self._since
        self._since = now

    def timed(self, function: Callable[..., Any], stage: str) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            self._turn()
            self._open.append(stage)
            try:
                return function(*args, **kwargs)
            finally:
                self._turn()
                self._open.pop()

        return wrapper

    def run(self, job: Callable[[], object]) -> dict[str, float]:
        """Seconds of each stage in one run."""
        self.spent.clear()
        self._since = time.process_time()
        job()
        self._turn()
        return dict(self.spent)


def shares(found: Subject, method: str) -> Iterator[Share]:
    """The stages of a method, the longest first."""
    n_items = min(WORKS[method].n_items, N_ITEMS)
    spec, requests = ExplainerSpec(method, WORKS[method].params), found.requests[:n_items]
    explaining.explain(found.predictor, spec, requests)
    watch = Stopwatch()
    with ExitStack() as stack:
        for owner, name, stage in STAGES:
            stack.enter_context(_watched(owner, name, stage, watch))
        runs = [watch.run(lambda: explaining.explain(found.predictor, spec, requests)) for _ in range(REPEATS)]
    best = min(runs, key=lambda run: sum(run.values()))
    total = 1e6 * sum(best.values()) / n_items
    for stage, spent in sorted(best.items(), key=lambda pair: -pair[1]):
        us = 1e6 * spent / n_items
        yield Share(found.name, method, n_items, stage, round(us, 2), round(total, 2), made())


def _watched(owner: Any, name: str, stage: str, watch: Stopwatch) -> Any:
    bound = vars(owner)[name]
    if isinstance(bound, classmethod):
        return patch.object(owner, name, classmethod(watch.timed(bound.__func__, stage)))
    return patch.object(owner, name, watch.timed(bound, stage))


def main() -> None:
    torch.set_num_threads(1)
    found = []
    for name, methods in CASES.items():
        known = subject(name)
        for method in methods:
            for share in shares(known, method):
                found.append(share)
                part = share.us / share.total_us
                print(f"{share.case:12} {share.method:22} {share.stage:44} {share.us:10.1f} {part:7.1%}", flush=True)
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps([asdict(share) for share in found], indent=1) + "\n")


if __name__ == "__main__":
    main()
