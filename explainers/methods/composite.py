"""Composite: several methods on one page, each as it would stand alone (Hase & Bansal 2020, arXiv 2005.01831, sec. 4).

Its parts are made as if they were asked for one by one, so a part is the same here and alone. The placebo of a
composite is the composite of the placebos.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from explainers.methods.base import Attribution, Batch, method
from explainers.registry import base_of, parts_of
from explainers.types import ExplainerSpec


def explain(batch: Batch) -> list[Attribution]:
    """The methods that the parameters name, together.

    Returns
    -------
    list of Attribution
        Weights are those of all parts, one after the other. Diagnostics: those of the parts, with the method in front;
        `samples`, the sum of theirs, and `seed_r`, the lowest, where they have any.
    """
    return together(batch, "composite")


def together(batch: Batch, name: str) -> list[Attribution]:
    """The parts of a composite by its registry name, or of a placebo of one."""
    specs = parts_of(ExplainerSpec(name, batch.params))
    columns = [method(spec.name)(replace(batch, params=spec.params)) for spec in specs]
    signed = [base_of(spec).signed for spec in specs]
    names = [spec.name for spec in specs]
    return [_composite(names, signed, row) for row in zip(*columns, strict=True)]


def _composite(names: list[str], signed: list[bool], parts: tuple[Attribution, ...]) -> Attribution:
    pairs = list(zip(names, parts, strict=True))
    diagnostics = {f"{name}_{key}": value for name, part in pairs for key, value in part.diagnostics.items()}
    samples = [part.diagnostics["samples"] for part in parts if "samples" in part.diagnostics]
    agreements = [part.diagnostics["seed_r"] for part in parts if "seed_r" in part.diagnostics]
    if samples:
        diagnostics["samples"] = float(sum(samples))
    if agreements:
        diagnostics["seed_r"] = min(agreements)
    weights = np.concatenate([part.weights for part in parts])
    return Attribution(weights, diagnostics, parts=tuple(zip(signed, parts, strict=True)))
