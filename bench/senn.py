"""How good self-explaining networks are: accuracy, stability, faithfulness, and what the penalty costs.

`python -m bench.senn` (or `python bench/senn.py`) trains the SENN of each of the demo's materials with several weights
lambda of the robustness penalty beside the plain net of the same material, prints the tables of `docs/senn.md` and
writes `bench/senn.json`. One thread. Accuracies are of the whole test set, the rest of the first items of it.
"""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from explainers.artifacts import load_predictor
from explainers.material import material
from explainers.material.base import Splits, split
from explainers.methods.base import correlation
from explainers.metrics.measure import Arm, measure
from explainers.metrics.types import MetricSpec
from explainers.predictors import PREDICTORS
from explainers.predictors.base import Predictor
from explainers.predictors.nets.text import TextSenn
from explainers.predictors.senn import Parts, SennModule, robustness_penalty
from explainers.train import train_on
from explainers.types import ExplainerSpec, Input, ItemRequest, TextInput

PLAIN = {"adult-senn": "adult-mlp", "movies-senn": "movies-gru", "digits-senn": "digits-cnn"}
LAMBDAS = (0.0, 0.01, 1.0, 100.0)
SEEDS = (0, 1, 2)
N_ITEMS, N_NEIGHBOURS, RADIUS = 60, 50, 0.05
N_EXPLAINED = 40
POST_HOC = (ExplainerSpec("lime", {"n_samples": 1000}), ExplainerSpec("gradient_x_input", {}))


@dataclass(frozen=True)
class Fit:
    """One training. `points` is the accuracy less the plain net's of the same seed, in percentage points.

    `lipschitz_h` and `lipschitz_x` are medians over items of the largest change of theta, brought to length 1, over
    that of h and of x; `variance` is the share of theta's mean square that differs between items.
    """

    case: str
    penalty: float  # lambda
    seed: int
    accuracy: float
    points: float
    lipschitz_h: float
    lipschitz_x: float
    variance: float
    r_theta: float
    r_theta_h: float


@dataclass(frozen=True)
class Judged:
    """A method on the trained SENN: the metrics' means over items, as the console shows them."""

    case: str
    method: str
    faithfulness: float | None
    lipschitz: float | None


@dataclass(frozen=True)
class Penalty:
    """The one-pass penalty against the paper's form, and the cost of a training step, in steps without a penalty."""

    case: str
    relative_error: float
    one_pass: float
    all_passes: float


# --- training --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Data:
    """A material's split, and where predictors of it go."""

    splits: Splits
    folder: Path

    def train(self, name: str, seed: int, penalty: float | None = None) -> tuple[Predictor, float]:
        """A predictor of the registry, with another lambda if one is given, and its test accuracy."""
        entry = PREDICTORS[name]
        if penalty is not None:
            entry = replace(entry, recipe=replace(entry.recipe, robustness=penalty))
        folder = self.folder / f"{name}-{penalty}-{seed}"
        card = train_on(name, entry, material(entry.material), self.splits, seed=seed, folder=folder)
        return load_predictor(folder), card.accuracy["test"]


def data_of(name: str, folder: Path) -> Data:
    found = material(PREDICTORS[name].material)
    return Data(split(found.read(), found.shares, found.split_seed), folder)


# --- what theta does around an item, and between items ---------------------------------------------------------------


def parts_at(module: SennModule, encoded: Tensor, noise: Tensor) -> Parts:
    """h and theta with the point of differentiation moved by `noise`: pixels, columns, or presences of words."""
    if isinstance(module, TextSenn):
        return module._parts(module.embedding(encoded), encoded, (encoded != 0).float() + noise)
    return module.parts(encoded + noise)


def of_class(parts: Parts, class_index: int) -> np.ndarray:
    """theta towards a class, (n, k)."""
    return parts.relevances[:, :, class_index].double().numpy()


def lipschitz(predictor: Predictor, item: Input, seed: int) -> tuple[float, float]:
    """The largest ||e' - e|| over ||h' - h|| and over ||x' - x||, e being theta brought to length 1."""
    encoded = predictor.encode([item])
    generator = torch.Generator().manual_seed(seed)
    with torch.inference_mode():
        here = predictor.senn.parts(encoded)
        class_index = int(predictor.senn.combine(here).argmax())
        shape = (N_NEIGHBOURS, *here.point.shape[1:])
        noise = torch.empty(shape).uniform_(-RADIUS, RADIUS, generator=generator)
        there = parts_at(predictor.senn, encoded.expand(N_NEIGHBOURS, *encoded.shape[1:]), noise)
    own, others = _unit(of_class(here, class_index)), _unit(of_class(there, class_index))
    moved = np.linalg.norm(others - own, axis=1)
    h = np.linalg.norm((there.concepts - here.concepts).double().numpy(), axis=1)
    x = np.linalg.norm(noise.flatten(1).double().numpy(), axis=1)
    return float((moved / h).max()), float((moved / x).max())


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-30)


def variance_share(predictor: Predictor, inputs: list[Input]) -> float:
    """How much of theta's mean square is variance between items, 0 to 1: 0 for a theta that is always the same.

    The thetas of one concept or column are compared over the items; in texts those of one word over its occurrences.
    """
    groups: dict[object, list[float]] = {}
    with torch.inference_mode():
        for item in inputs:
            encoded = predictor.encode([item])
            theta = of_class(predictor.senn.parts(encoded), 1)[0].tolist()
            keys = encoded[0].tolist() if isinstance(item, TextInput) else range(len(theta))
            for key, value in zip(keys, theta, strict=True):
                groups.setdefault(key, []).append(value)
    values = [np.array(group) for group in groups.values() if len(group) > 1]
    inside = sum(((group - group.mean()) ** 2).sum() for group in values)
    return float(inside / sum((group**2).sum() for group in values))


def by_concepts(predictor: Predictor, item: Input) -> tuple[float, float]:
    """The paper's faithfulness: r of the drop of p_c, with h_i set to 0 and theta kept, with theta and theta h."""
    with torch.inference_mode():
        parts = predictor.senn.parts(predictor.encode([item]))
        logits = predictor.senn.combine(parts)[0]
        class_index = int(logits.argmax())
        terms = (parts.concepts.unsqueeze(2) * parts.relevances)[0]
        p = functional.softmax(logits.double(), 0)[class_index]
        without = functional.softmax((logits - terms).double(), 1)[:, class_index]
    drops = (p - without).numpy()
    theta = parts.relevances[0, :, class_index].double().numpy()
    return correlation(theta, drops), correlation(terms[:, class_index].double().numpy(), drops)


def fits(name: str, data: Data) -> Iterator[Fit]:
    """Every lambda and seed of a case."""
    inputs = [item.input for item in data.splits.test[:N_ITEMS]]
    for seed in SEEDS:
        plain = data.train(PLAIN[name], seed)[1]
        for penalty in LAMBDAS:
            predictor, accuracy = data.train(name, seed, penalty)
            steep = np.array([lipschitz(predictor, item, place) for place, item in enumerate(inputs)])
            r = np.array([by_concepts(predictor, item) for item in inputs])
            yield Fit(
                case=name,
                penalty=penalty,
                seed=seed,
                accuracy=accuracy,
                points=100 * (accuracy - plain),
                lipschitz_h=float(np.median(steep[:, 0])),
                lipschitz_x=float(np.median(steep[:, 1])),
                variance=variance_share(predictor, [item.input for item in data.splits.test[:400]]),
                r_theta=float(r[:, 0].mean()),
                r_theta_h=float(r[:, 1].mean()),
            )


# --- beside other methods --------------------------------------------------------------------------------------------


def judged(name: str, data: Data) -> Iterator[Judged]:
    """SENN's own explanation and two others of the registered SENN, with the metrics that the console shows."""
    predictor, _ = data.train(name, 0)
    requests = [ItemRequest(item.input, place) for place, item in enumerate(data.splits.test[:N_EXPLAINED])]
    for spec in (ExplainerSpec("senn", {}), *POST_HOC):
        weights = ("relevance", "contribution") if predictor.modality == "image" and spec.name == "senn" else ("",)
        for weight in weights:
            params = {"concept_weight": weight} if weight else {}
            wanted = [MetricSpec("faithfulness_correlation", params), MetricSpec("local_lipschitz")]
            found = measure(predictor, Arm(spec), requests, wanted)
            what = {"": "theta h", "relevance": "theta", "contribution": "theta h"}[weight]
            label = f"{spec.name}, {what}" if spec.name == "senn" else spec.name
            yield Judged(name, label, found[0].summary.mean, found[1].summary.median)


# --- the penalty -----------------------------------------------------------------------------------------------------


def jacobian(values: Tensor, point: Tensor, *, create_graph: bool = False) -> Tensor:
    """d values (n, v) / d point, shape (n, v, coordinates), one backward pass a column of `values`."""
    rows = []
    for place in range(values.shape[1]):
        (row,) = torch.autograd.grad(
            values[:, place].sum(), point, retain_graph=True, create_graph=create_graph, allow_unused=True
        )
        rows.append((torch.zeros_like(point) if row is None else row).flatten(1))
    return torch.stack(rows, 1)


def as_written(module: SennModule, parts: Parts, *, create_graph: bool = False) -> Tensor:
    """|| grad_x f - J_h^T theta ||^2 by C + k backward passes, on the logits."""
    of_logits = jacobian(module.combine(parts), parts.point, create_graph=create_graph)
    of_concepts = jacobian(parts.concepts, parts.point, create_graph=create_graph)
    expected = torch.einsum("nkd,nkc->ncd", of_concepts, parts.relevances)
    return (of_logits - expected).square().sum((1, 2))


def over_all_signs(parts: Parts) -> Tensor:
    """The mean of the one-pass penalty over every vector of signs, which is its expectation."""
    score = torch.einsum("nk,nkc->nc", parts.concepts.detach(), parts.relevances)
    found = []
    for signs in itertools.product([-1.0, 1.0], repeat=score.shape[1]):
        (gradient,) = torch.autograd.grad((score * score.new_tensor(signs)).sum(), parts.point, retain_graph=True)
        found.append(gradient.flatten(1).square().sum(1))
    return torch.stack(found).mean(0)


def seconds(*jobs: Callable[[], object], times: int = 5) -> list[float]:
    """The best processor time of several runs of each job, taken in turn."""
    best = [float("inf")] * len(jobs)
    for _ in range(times):
        for place, job in enumerate(jobs):
            started = time.process_time()
            job()
            best[place] = min(best[place], time.process_time() - started)
    return best


def penalty_of(name: str, data: Data) -> Penalty:
    predictor, _ = data.train(name, 0)
    module = predictor.senn.requires_grad_(True)
    items = data.splits.train[: PREDICTORS[name].recipe.batch]
    encoded = predictor.encode([item.input for item in items])
    labels = torch.tensor([item.label for item in items])
    generator = torch.Generator().manual_seed(0)
    parts = module.parts(encoded[:8], differentiable=True)
    written, ours = as_written(module, parts).detach(), over_all_signs(parts)

    def step(extra: Callable[[Parts], Tensor] | None) -> Callable[[], None]:
        def run() -> None:
            found = module.parts(encoded, differentiable=True)
            loss = functional.cross_entropy(module.combine(found), labels)
            module.zero_grad()
            (loss if extra is None else loss + extra(found).mean()).backward()

        return run

    plain, one, full = seconds(
        step(None),
        step(lambda found: robustness_penalty(found, generator)),
        step(lambda found: as_written(module, found, create_graph=True)),
    )
    return Penalty(name, float(((ours - written).abs() / written).max()), one / plain, full / plain)


# --- the tables ------------------------------------------------------------------------------------------------------


def table_of_fits(found: list[Fit]) -> str:
    """Means over the seeds, as Markdown."""
    lines = [
        "| SENN | lambda | accuracy | less the plain net's, points | L over h | L over x | variance of theta "
        "| r, theta | r, theta h |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for case, penalty in itertools.product(PLAIN, LAMBDAS):
        rows = [fit for fit in found if (fit.case, fit.penalty) == (case, penalty)]
        if rows:
            mean = {key: float(np.mean([getattr(row, key) for row in rows])) for key in Fit.__dataclass_fields__
                    if key != "case"}  # fmt: skip
            lines.append(
                f"| {case} | {penalty:g} | {mean['accuracy']:.3f} | {mean['points']:+.1f} | {mean['lipschitz_h']:.2g} "
                f"| {mean['lipschitz_x']:.2g} | {mean['variance']:.1%} | {mean['r_theta']:.2f} "
                f"| {mean['r_theta_h']:.3f} |"
            )
    return "\n".join(lines)


def table_of_methods(found: list[Judged]) -> str:
    lines = ["| SENN | explanation | faithfulness r | local Lipschitz |", "|---|---|---|---|"]
    return "\n".join([*lines, *(f"| {j.case} | {j.method} | {_two(j.faithfulness)} | {_two(j.lipschitz)} |"
                                for j in found)])  # fmt: skip


def _two(number: float | None) -> str:
    return "none" if number is None else f"{number:.2f}"


def table_of_penalties(found: list[Penalty]) -> str:
    lines = ["| SENN | largest relative error | one pass | C + k passes |", "|---|---|---|---|"]
    return "\n".join([*lines, *(f"| {p.case} | {p.relative_error:.0e} | {p.one_pass:.1f} | {p.all_passes:.0f} |"
                                for p in found)])  # fmt: skip


def main() -> None:
    torch.set_num_threads(1)
    started = time.perf_counter()
    all_fits: list[Fit] = []
    methods: list[Judged] = []
    penalties: list[Penalty] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in PLAIN:
            data = data_of(name, Path(folder))
            penalties.append(penalty_of(name, data))
            methods += judged(name, data)
            all_fits += fits(name, data)
            print(f"{name}: {time.perf_counter() - started:.0f} s", flush=True)
    for table in (table_of_fits(all_fits), table_of_methods(methods), table_of_penalties(penalties)):
        print(f"\n{table}")
    found = {
        "torch": torch.__version__,
        "fits": [asdict(row) for row in all_fits],
        "methods": [asdict(row) for row in methods],
        "penalties": [asdict(row) for row in penalties],
    }
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(found, indent=1) + "\n")
    print(f"\n{time.perf_counter() - started:.0f} s, written to {path.name}")


if __name__ == "__main__":
    main()
