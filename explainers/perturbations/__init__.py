"""Small changes to inputs, one way a modality. None of them asks a predictor; `candidates.py` does that afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from explainers.errors import MaterialError
from explainers.material.base import Labelled, Material
from explainers.perturbations.base import Proposer
from explainers.perturbations.image import change_drawing
from explainers.perturbations.tabular import change_variables
from explainers.perturbations.text import replace_words
from explainers.types import Modality


def _tabular(material: Material, train: Sequence[Labelled]) -> Proposer:
    if material.schema is None:
        raise MaterialError(f"{material.name}: tabular material needs a schema")
    return change_variables(train, material.schema)


# Each makes a proposer from a material and its training items.
PERTURBATIONS: Mapping[Modality, Callable[[Material, Sequence[Labelled]], Proposer]] = {
    "tabular": _tabular,
    "text": lambda _, train: replace_words(train),
    "image": lambda _material, _train: change_drawing,
}
