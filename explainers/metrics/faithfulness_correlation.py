"""Faithfulness correlation (Alvarez-Melis & Jaakkola 2018, arXiv 1806.07538, section 5; `FaithfulnessEstimate` in
Quantus).

Pearson's r, over the parts of an item, between the part's weight and d_i = f(x) - f(x without part i). For weights
that only say how much, the size of d_i is taken.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from explainers.methods.base import Params, correlation
from explainers.metrics.removal import Removal, removals, varies
from explainers.metrics.subject import Subject
from explainers.metrics.types import ItemValue


def values(subject: Subject, params: Params) -> list[ItemValue]:
    """r for each item; details: `answer` at the item, `mean_drop` over the parts."""
    found = []
    for removal in removals(subject, params, n_replacements=int(params["n_replacements"])):
        attribution = subject.attributions[removal.place]
        if attribution.activations is not None and params["concept_weight"] == "relevance":
            removal = replace(removal, weights=attribution.weights)
        found.append(_value(removal, subject.signed))
    return found


def _value(removal: Removal, signed: bool) -> ItemValue:
    n_units = len(removal.weights)
    present = np.ones((1, n_units), dtype=np.bool_)
    answers = removal.answers(np.concatenate([present, ~np.eye(n_units, dtype=np.bool_)]))
    drops = answers[0] - answers[1:]
    details = {"answer": float(answers[0]), "mean_drop": float(drops.mean())}
    for what, numbers in (("weights", removal.weights), ("drops", drops)):
        if not varies(numbers):
            return ItemValue(None, details, problem=f"All {what} of the item's parts are equal.")
    return ItemValue(correlation(removal.weights, drops if signed else np.abs(drops)), details)
