"""How fast the mixed model is, against the one good Python package (`glmm`, Rust), to the same maximum.

`python -m bench.mixed` prints a table and writes `bench/mixed.json`. Studies are simulated: 32 trials a person of 64
items, half before and half after. One thread; processor seconds, the best of several, taken in turn with the peer,
since neighbours on the machine move clock times by two and more. Both make standard errors from the Hessian.
"""

from __future__ import annotations

import os

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", RAYON_NUM_THREADS="1")

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import glmm
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from analysis.inference.mixed import MixedFit, fit_binomial

REPEATS = 5
N_ITEMS, N_TRIALS = 64, 32


@dataclass(frozen=True)
class Case:
    """A study to fit; with `slope` people differ in what they gain from before to after."""

    name: str
    n_people: int
    n_arms: int
    slope: bool = False


@dataclass(frozen=True)
class Row:
    """A line of the table: processor seconds a fit, the peer's over ours, and how far the maxima are apart."""

    case: str
    ours_s: float
    peer_s: float
    ratio: float
    loglik_difference: float
    largest_coefficient_difference_in_se: float


CASES = (
    Case("100 people, 2 arms", 100, 2),
    Case("100 people, 2 arms, slopes", 100, 2, slope=True),
    Case("600 people, 2 arms", 600, 2),
    Case("600 people, 5 arms", 600, 5),
    Case("600 people, 6 arms, slopes", 600, 6, slope=True),
)


def simulate(case: Case, seed: int = 7) -> dict[str, np.ndarray]:
    """Draw a study with a gain of 0.35 on the logit scale in every arm but the first."""
    draw = np.random.default_rng(seed)
    person = np.repeat(np.arange(case.n_people), N_TRIALS)
    post = np.tile(np.repeat([0, 1], N_TRIALS // 2), case.n_people)
    item = np.concatenate([draw.permutation(N_ITEMS)[:N_TRIALS] for _ in range(case.n_people)])
    arm = draw.permutation(np.arange(case.n_people) % case.n_arms)[person]
    slopes = 0.5 * draw.normal(size=case.n_people)[person] * post if case.slope else 0.0
    eta = 0.4 + 0.1 * post + 0.35 * post * (arm > 0) + slopes
    eta = eta + 0.8 * draw.normal(size=case.n_people)[person] + 0.8 * draw.normal(size=N_ITEMS)[item]
    correct = (draw.random(len(eta)) < 1 / (1 + np.exp(-eta))).astype(int)
    return {"person": person, "item": item, "post": post, "arm": arm, "correct": correct}


def ours(case: Case, data: dict[str, np.ndarray]) -> MixedFit:
    """Fit with our engine."""
    arms = [(data["arm"] == arm).astype(float) for arm in range(1, case.n_arms)]
    columns = [np.ones(len(data["post"])), data["post"].astype(float), *arms, *(arm * data["post"] for arm in arms)]
    return fit_binomial(
        correct=data["correct"].astype(float),
        fixed=np.stack(columns, axis=1),
        names=[str(number) for number in range(len(columns))],
        participants=data["person"],
        items=data["item"],
        participant_slopes=data["post"].astype(float) if case.slope else None,
    )


def peers(case: Case, data: dict[str, np.ndarray]) -> glmm.Fit:
    """Fit with the peer."""
    people = "(1 + post | person)" if case.slope else "(1 | person)"
    text = {name: [f"{name}{value}" for value in data[name]] for name in ("person", "item", "arm")}
    table = {"correct": data["correct"], "post": data["post"].astype(float), **text}
    return glmm.fit(table, f"correct ~ post * arm + {people} + (1 | item)", family="binomial")


def seconds(work: Callable[[], object]) -> float:
    """Return the processor seconds of one call."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def compare(case: Case) -> Row:
    """Time both in turn and hold their results together."""
    data = simulate(case)
    mine, theirs = ours(case, data), peers(case, data)
    pairs = [(seconds(lambda: ours(case, data)), seconds(lambda: peers(case, data))) for _ in range(REPEATS)]
    best, other = min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)
    difference = np.sort(mine.coefficients) - np.sort(np.asarray(theirs.beta))
    return Row(
        case.name,
        round(best, 4),
        round(other, 4),
        round(other / best, 2),
        float(mine.loglik - theirs.loglik),
        float(np.abs(difference / mine.standard_errors.min()).max()),
    )


def main() -> None:
    """Print the table and keep it."""
    rows = [compare(case) for case in CASES]
    print(f"{'':32}{'ours':>9}{'glmm':>9}{'ratio':>8}{'d loglik':>12}{'d b / SE':>10}")
    for row in rows:
        print(
            f"{row.case:32}{row.ours_s:9.3f}{row.peer_s:9.3f}{row.ratio:8.2f}{row.loglik_difference:12.1e}"
            f"{row.largest_coefficient_difference_in_se:10.1e}"
        )
    kept = {"peer": f"glmm {version('glmm')}", "rows": [asdict(row) for row in rows]}
    Path(__file__).with_suffix(".json").write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
