"""Agreement of two runs of a method on one item that differ in the seed alone."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np

from explainers.methods.base import FloatArray, Params, correlation
from explainers.metrics.removal import own_seed, varies
from explainers.metrics.subject import Subject, shown
from explainers.metrics.types import ItemValue

_RUNS = 100_000  # streams of an item's generator, one a run


def values(subject: Subject, params: Params) -> list[ItemValue]:
    """The mean Pearson r over all pairs of runs for each item; equal runs agree with r = 1; details: `runs`."""
    runs = [[shown(attribution) for attribution in subject.attributions]]
    for number in range(int(params["n_seeds"])):
        requests = [replace(request, seed=own_seed(request.seed, _RUNS + number)) for request in subject.requests]
        runs.append([shown(attribution) for attribution in subject.explained(requests, subject.classes)])
    return [_value([run[place] for run in runs]) for place in range(len(subject.requests))]


def _value(runs: list[FloatArray]) -> ItemValue:
    found = [r for first, second in combinations(runs, 2) if (r := _agreement(first, second)) is not None]
    details = {"runs": float(len(runs))}
    if not found:
        return ItemValue(None, details, problem="All weights of the item's parts are equal in one run.")
    return ItemValue(float(np.mean(found)), details)


def _agreement(first: FloatArray, second: FloatArray) -> float | None:
    if np.array_equal(first, second):
        return 1.0
    return correlation(first, second) if varies(first) and varies(second) else None
