"""The keyed stream: the same everywhere, uniform, one label apart from another."""

from __future__ import annotations

import hmac
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studyapp.design.prng import KeyedStream, stream


def test_the_first_draw_is_the_first_word_of_the_hmac():
    """Closed form: HMAC(HMAC(key, label), counter), first 8 bytes, big-endian."""
    inner = hmac.digest(b"key", b"label", "sha256")
    word = int.from_bytes(hmac.digest(inner, bytes(8), "sha256")[:8], "big")
    assert KeyedStream(b"key", "label").below(1 << 63) == word % (1 << 63)


@given(st.lists(st.integers(), max_size=50), st.integers(0, 2**40))
def test_a_shuffle_keeps_every_thing(things, seed):
    assert Counter(stream(seed, "x").shuffled(things)) == Counter(things)


def test_permutations_of_three_are_equally_frequent():
    """Binomial(6000, 1/6): five standard deviations are 144."""
    counts = Counter(tuple(stream(seed, "x").shuffled("abc")) for seed in range(6000))
    assert len(counts) == 6
    assert all(abs(count - 1000) < 144 for count in counts.values())


def test_a_bound_below_one_is_refused():
    with pytest.raises(ValueError, match="bound: 0 is below 1"):
        stream(1, "x").below(0)
