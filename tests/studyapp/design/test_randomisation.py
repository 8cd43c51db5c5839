"""The allocation sequence: whole blocks, kept ratios, no way to guess it without the key."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studyapp.design.prng import KeyedStream
from studyapp.design.randomisation import BlockStart, PermutedBlocks

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


@given(WEIGHTS, MULTIPLES, st.integers(0, 200), st.integers(0, 60))
def test_a_remembered_block_gives_the_same_place_as_the_walk_from_the_first(weights, multiples, sequence, before):
    mechanism = PermutedBlocks(weights, multiples)
    walked = mechanism.place(KEY, "s", sequence)
    remembered = mechanism.place(KEY, "s", max(0, sequence - before)).block
    assert mechanism.place(KEY, "s", sequence, after=remembered) == walked


def test_the_next_place_costs_at_most_two_blocks_however_many_came_before(monkeypatch):
    mechanism = PermutedBlocks({"a": 1, "b": 1}, (1, 2))
    last = mechanism.place(KEY, "s", 2_499)
    drawn = []
    monkeypatch.setattr(
        "studyapp.design.randomisation.KeyedStream", lambda key, label: drawn.append(label) or KeyedStream(key, label)
    )
    mechanism.place(KEY, "s", 2_500, after=last.block)
    assert len(drawn) <= 2


def test_a_place_before_the_remembered_block_is_refused():
    with pytest.raises(ValueError, match="3 is before 8"):
        PermutedBlocks({"a": 1, "b": 1}, (1,)).place(KEY, "s", 3, after=BlockStart(4, 8))
