from __future__ import annotations

import pytest

from explainers.errors import MaterialError, UnknownName
from explainers.material import MATERIAL, material
from explainers.material.base import Labelled, split
from explainers.types import TextInput

ITEMS = tuple(Labelled(TextInput((str(number),)), number % 2) for number in range(50))


def test_split_cuts_into_disjoint_parts_that_hold_everything() -> None:
    parts = split(ITEMS, (0.6, 0.1), seed=3)

    assert [len(part) for part in (parts.train, parts.validation, parts.test)] == [30, 5, 15]
    assert {*parts.train, *parts.validation, *parts.test} == set(ITEMS)


def test_seed_decides_the_split() -> None:
    assert split(ITEMS, (0.6, 0.1), seed=3) == split(ITEMS, (0.6, 0.1), seed=3)
    assert split(ITEMS, (0.6, 0.1), seed=3) != split(ITEMS, (0.6, 0.1), seed=4)


def test_empty_part_is_refused() -> None:
    with pytest.raises(MaterialError, match="leave a part empty"):
        split(ITEMS[:3], (0.9, 0.1), seed=0)


def test_unknown_material_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(UnknownName, match="'iris' is none of adult, movies, digits"):
        material("iris")


def test_materials_are_listed_under_their_names() -> None:
    assert {name: entry.name for name, entry in MATERIAL.items()} == {name: name for name in MATERIAL}
