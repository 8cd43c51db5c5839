"""Placebo: every part weighs the same (the uniform control of Wiegreffe & Pinter 2019, arXiv 1908.04626, section 3.2).

The weight is the mean size of the weights in the real explanation of the same item, so the total is the real one's. It
shows that there is an explanation and says nothing at all; people see that no part stands out, so unlike the other
placebos it can be told from a real one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from explainers.methods.base import Attribution, Batch, method


def explain(batch: Batch) -> list[Attribution]:
    """The same weight for all units, in the total of the base method's explanation.

    Returns
    -------
    list of Attribution
        In the base method's units, without its diagnostics. Weights are 0 or more.
    """
    real = method(str(batch.params["method"]))(batch)
    return [replace(own, weights=np.full_like(own.weights, np.abs(own.weights).mean()), diagnostics={}) for own in real]
