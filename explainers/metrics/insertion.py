"""Insertion area (Petsiuk, Das & Saenko 2018, arXiv 1806.07421, section 4.2): higher is better.

It starts from all parts absent; the paper starts pictures from a blurred one.
"""

from __future__ import annotations

from explainers.methods.base import Params
from explainers.metrics.curves import curve_values
from explainers.metrics.subject import Subject
from explainers.metrics.types import ItemValue


def values(subject: Subject, params: Params) -> list[ItemValue]:
    """The area for each item, with the curve from nothing to the whole item; see `curves.curve_values`."""
    return curve_values(subject, params, insert=True)
