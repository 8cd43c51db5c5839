"""Max-sensitivity (Yeh et al. 2019, arXiv 1901.09392, equation 5; `captum.metrics.sensitivity_max`).

The largest ||e(x') - e(x)|| over neighbours x', divided by ||e(x)|| as captum does (by 1 where that is 0).
"""

from __future__ import annotations

from explainers.methods.base import Params
from explainers.metrics.neighbours import explanation_rows, lengths, neighbourhoods
from explainers.metrics.subject import Subject
from explainers.metrics.types import ItemValue


def values(subject: Subject, params: Params) -> list[ItemValue]:
    """The largest relative change for each item; details: `neighbours` and `mean_sensitivity` over them."""
    found = []
    for place, hood in enumerate(neighbourhoods(subject, params)):
        if not hood.inputs:
            found.append(ItemValue(None, problem="The item has no neighbour."))
            continue
        own, others = explanation_rows(subject, place, hood)
        changes = lengths(others - own) / (float(lengths(own)) or 1.0)
        details = {"neighbours": float(len(changes)), "mean_sensitivity": float(changes.mean())}
        found.append(ItemValue(float(changes.max()), details))
    return found
