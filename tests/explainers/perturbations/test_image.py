from __future__ import annotations

import re

import numpy as np
import pytest
from numpy.typing import NDArray

from explainers.errors import InputError
from explainers.perturbations.base import Proposal
from explainers.perturbations.image import INK, change_drawing
from explainers.types import ImageInput, TextInput


def drawing() -> NDArray[np.uint8]:
    """Two upright bars, eight pixels apart."""
    picture = np.zeros((20, 20), dtype=np.uint8)
    picture[4:16, 4:6] = 255
    picture[4:16, 12:14] = 255
    return picture


def as_input(picture: NDArray[np.uint8]) -> ImageInput:
    return ImageInput(*picture.shape, 1, picture.tobytes())


def as_picture(item: ImageInput) -> NDArray[np.int64]:
    return np.frombuffer(item.pixels, dtype=np.uint8).reshape(item.height, item.width).astype(np.int64)


def proposals(kind: str, n: int = 200) -> list[Proposal]:
    rng = np.random.default_rng(0)
    drawn = (change_drawing(as_input(drawing()), rng) for _ in range(n))
    found = [one for one in drawn if one is not None and one.kind == kind]
    assert len(found) > 20
    return found


def test_patch_only_takes_ink_away_and_stroke_only_adds_it() -> None:
    before = drawing().astype(np.int64)

    for proposal in proposals("patch"):
        after = as_picture(proposal.input)
        assert ((after == before) | (after == 0)).all()
        assert (after < before).any()
    for proposal in proposals("stroke"):
        after = as_picture(proposal.input)
        assert (after >= before).all()
        assert ((after > INK) & (before <= INK)).sum() >= 5


@pytest.mark.parametrize(("kind", "new", "longest"), [("patch", "erased", 7), ("stroke", "stroke added", 17)])
def test_region_is_the_smallest_rectangle_around_the_change(kind: str, new: str, longest: int) -> None:
    for proposal in proposals(kind):
        rows, columns = np.nonzero(as_picture(proposal.input) != drawing())
        ((where, old, came),) = proposal.changes
        numbers = [int(number) - 1 for number in re.findall(r"\d+", where)]
        assert numbers == [rows.min(), rows.max(), columns.min(), columns.max()]
        assert (old, came) == ("as drawn", new)
        assert max(np.ptp(rows), np.ptp(columns)) < longest


def test_empty_picture_gives_no_proposal() -> None:
    empty, rng = as_input(np.zeros((9, 9), dtype=np.uint8)), np.random.default_rng(0)

    assert [change_drawing(empty, rng) for _ in range(10)] == [None] * 10


def test_same_generator_proposes_the_same() -> None:
    assert proposals("stroke") == proposals("stroke")


@pytest.mark.parametrize("item", [TextInput(("a",)), ImageInput(1, 1, 3, bytes(3))])
def test_what_is_no_grey_picture_is_refused(item: TextInput | ImageInput) -> None:
    with pytest.raises(InputError, match="a grey picture"):
        change_drawing(item, np.random.default_rng(0))
