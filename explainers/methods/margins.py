"""Margins: how far a predictor leans to a class, as against the strongest of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from explainers.methods.base import FloatArray
from explainers.methods.masking import SHARED_ROWS, packed
from explainers.predictors.base import Predictor

DECIMALS = 6  # of a margin, so that the last bits do not decide between equals


def margins(predictor: Predictor, classes: Sequence[int], rows: Mapping[int, Tensor]) -> dict[int, FloatArray]:
    """The margin of each item's class for its rows, which share blocks of one shape (see `explainers.methods.blocks`).

    Parameters
    ----------
    classes : sequence of int
        The class explained for each place.
    rows : mapping
        From a place to encoded rows, shape (n_rows, ...).

    Returns
    -------
    dict
        From the place to float64 margins, shape (n_rows,), rounded to `DECIMALS` places.
    """
    found: dict[int, FloatArray] = {}
    shapes: dict[torch.Size, list[int]] = {}
    for place, own in rows.items():
        shapes.setdefault(own.shape[1:], []).append(place)
    for places in shapes.values():
        parts = (rows[place].to(predictor.device) for place in places)
        with torch.inference_mode():
            logits = torch.cat([predictor.logits(block)[:n].double().cpu() for block, n in packed(parts, SHARED_ROWS)])
        start = 0
        for place in places:
            found[place] = np.round(margin(logits[start : start + len(rows[place])], classes[place]).numpy(), DECIMALS)
            start += len(rows[place])
    return found


def margin(logits: Tensor, classes: int | Tensor) -> Tensor:
    """The logit of the class less the largest of the others, a row; `classes` may be one a row, shape (n_rows,)."""
    is_own = torch.zeros_like(logits, dtype=torch.bool)
    is_own[torch.arange(len(logits), device=logits.device), classes] = True
    return logits[is_own] - logits.masked_fill(is_own, -torch.inf).max(1).values
