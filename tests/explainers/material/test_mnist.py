from __future__ import annotations

import gzip
from collections import Counter

import pytest

from explainers.errors import MaterialError
from explainers.material.base import Labelled
from explainers.material.mnist import MNIST, parse
from explainers.types import ImageInput


def packed(*rows: list[int]) -> bytes:
    return gzip.compress("\n".join(",".join(f"{value:.1f}" for value in row) for row in rows).encode() + b"\n")


def test_pictures_of_the_two_digits_are_kept_with_their_place_as_label() -> None:
    four, nine, five = [0] * 783 + [255, 4], [7] + [0] * 783 + [9], [0] * 784 + [5]

    assert parse(packed(nine, five, four), (4, 9)) == (
        Labelled(ImageInput(28, 28, 1, bytes([7]) + bytes(783)), 1),
        Labelled(ImageInput(28, 28, 1, bytes(783) + bytes([255])), 0),
    )


@pytest.mark.parametrize(
    "content", [b"no gzip", packed([1, 2, 3]), packed([0] * 785)[:-9]], ids=["no gzip", "three columns", "cut short"]
)
def test_damaged_file_is_refused(content: bytes) -> None:
    with pytest.raises(MaterialError, match="rows of 784 grey values"):
        parse(content, (4, 9))


def test_published_file_has_five_hundred_pictures_of_each_digit() -> None:
    assert Counter(item.label for item in MNIST.read()) == {0: 500, 1: 500}
