"""Several methods on one page."""

from __future__ import annotations

from collections.abc import Mapping

from explainers.registry.entries import Choice, Entry, Param
from explainers.registry.showing import SHOWING
from explainers.registry.weighing import WEIGHING

SINGLE: Mapping[str, Entry] = {**WEIGHING, **SHOWING}
_NAMES = tuple(SINGLE)
PARTS: Mapping[str, Param] = {
    "first": Choice("lime", _NAMES, help="Several on one page only: the method that stands first."),
    "second": Choice("nearest_examples", _NAMES, help="Several on one page only: the method under or beside it."),
    "third": Choice("none", ("none", *_NAMES), help="Several on one page only: a third method, or none."),
}
# Every parameter of every method: one name means the same in all of them.
PARAMS_OF_ALL: Mapping[str, Param] = {name: param for found in SINGLE.values() for name, param in found.params.items()}

COMPOSITE: Mapping[str, Entry] = {
    "composite": Entry(
        path="explainers.methods.composite:explain",
        title="Several methods on one page",
        forms={"tabular": "composite", "text": "composite", "image": "composite"},
        params={**PARTS, **PARAMS_OF_ALL},
        summary=(
            "Two or three of the other methods together, each as it would stand alone, for questions like whether "
            "examples help beside weights. A parameter counts for every method that has it."
        ),
        reference="Hase & Bansal 2020, Evaluating explainable AI, ACL, arXiv 2005.01831, section 4",
    ),
}
