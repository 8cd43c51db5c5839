"""The allocation sequence: whole blocks, kept ratios, no way to guess it without the key."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studyapp.design.randomisation import PermutedBlocks

KEY = b"k" * 32
WEIGHTS = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 4), min_size=2)
MULTIPLES = st.lists(st.integers(1, 4), min_size=1, max_size=3)


@given(WEIGHTS, MULTIPLES, st.integers(1, 60))
def test_every_complete_block_keeps_the_ratio(weights, multiples, n):
    mechanism = PermutedBlocks(weights, multiples)
    places = [mechanism.place(KEY, "s", i) for i in range(n)]
    blocks: dict[int, list] = {}
    for place in places:
        blocks.setdefault(place.permuted_block, []).append(place)
    for block in blocks.values():
        if len(block) == block[0].block_size:
            counts = Counter(place.arm for place in block)
            units = block[0].block_size // len(mechanism.smallest_block())
            assert counts == Counter({arm: k * units for arm, k in Counter(mechanism.smallest_block()).items()})


def test_the_smallest_block_holds_every_arm_as_often_as_its_weight():
    """The analysis reads block sizes as multiples of the sum of the weights."""
    assert PermutedBlocks({"a": 1, "b": 2}, (1,)).smallest_block() == ("a", "b", "b")


def test_the_same_key_gives_the_same_sequence_and_another_key_another():
    mechanism = PermutedBlocks({"a": 1, "b": 1}, (1, 2))

    def sequence(key: bytes, stratum: str) -> list[str]:
        return [mechanism.place(key, stratum, i).arm for i in range(64)]

    assert sequence(KEY, "s") == sequence(KEY, "s")
    assert sequence(KEY, "s") != sequence(b"x" * 32, "s")
    assert sequence(KEY, "s") != sequence(KEY, "t")


PINNED = [
    ("senn", 0, 4),
    ("lime", 0, 4),
    ("none", 0, 4),
    ("senn", 0, 4),
    ("senn", 1, 4),
    ("none", 1, 4),
    ("lime", 1, 4),
    ("senn", 1, 4),
]


def test_the_sequence_is_fixed_for_ever():
    """An auditor must re-derive old allocations with a later version: these were drawn with this one."""
    mechanism = PermutedBlocks({"none": 1, "lime": 1, "senn": 2}, (1, 2))
    drawn = [mechanism.place(b"0123456789abcdef", "site=A", i) for i in range(8)]
    assert [(p.arm, p.permuted_block, p.block_size) for p in drawn] == PINNED


@pytest.mark.parametrize("arm", ["a", "b", "c"])
def test_first_places_are_uniform_over_keys(arm):
    """Binomial(3000, 1/3): five standard deviations are 129."""
    mechanism = PermutedBlocks({"a": 1, "b": 1, "c": 1}, (1, 2))
    first = Counter(mechanism.place(n.to_bytes(4, "big"), "s", 0).arm for n in range(3000))
    assert abs(first[arm] - 1000) < 129
