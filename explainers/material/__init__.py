"""The data sets that predictors are trained on and studies draw from."""

from __future__ import annotations

from collections.abc import Mapping

from explainers.errors import UnknownName
from explainers.material.adult import ADULT
from explainers.material.base import Material
from explainers.material.mnist import MNIST
from explainers.material.movies import MOVIES

MATERIAL: Mapping[str, Material] = {material.name: material for material in (ADULT, MOVIES, MNIST)}


def material(name: str) -> Material:
    """Look a data set up; raises UnknownName with the names there are."""
    try:
        return MATERIAL[name]
    except KeyError:
        raise UnknownName(f"material: {name!r} is none of {', '.join(MATERIAL)}") from None
