from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.inference.allocation import Allocation


def an_allocation(weights, multiples, last_filled, seed):
    """Fill blocks of these multiples, the last one as far as asked."""
    rng = np.random.default_rng(seed)
    sizes = [multiple * sum(weights) for multiple in multiples]
    filled = [*sizes[:-1], min(last_filled, sizes[-1])]
    arm, block = [], []
    for number, (multiple, count) in enumerate(zip(multiples, filled, strict=True)):
        full = rng.permutation(np.repeat(np.arange(len(weights)), np.array(weights) * multiple))
        arm += full[:count].tolist()
        block += [number] * count
    return Allocation(np.array(arm), np.array(block), tuple(sizes), tuple(weights))


allocations = st.builds(
    an_allocation,
    weights=st.lists(st.integers(1, 3), min_size=2, max_size=4),
    multiples=st.lists(st.integers(1, 3), min_size=1, max_size=4),
    last_filled=st.integers(1, 40),
    seed=st.integers(0, 99),
)


@settings(max_examples=40, deadline=None)
@given(allocations, st.integers(0, 1000))
def test_no_redraw_breaks_a_quota_and_every_full_block_meets_it(allocation, seed):
    labels = np.concatenate(list(allocation.redraws(20, seed)))

    assert labels.shape == (20, len(allocation.arm))
    for block, size in enumerate(allocation.block_sizes):
        in_block = labels[:, allocation.permuted_block == block]
        for arm, quota in enumerate(allocation.content(size)):
            counts = (in_block == arm).sum(axis=1)
            assert (counts <= quota).all()
            if in_block.shape[1] == size:
                assert (counts == quota).all()


def test_redraws_are_as_likely_as_the_mechanism_makes_them():
    # Content AABB, two places filled. By hand: AA 2/4 * 1/3 = 1/6, BB 1/6, AB and BA 1/3 each.
    allocation = Allocation(np.array([0, 1]), np.array([0, 0]), (4,), (1, 1))

    drawn = np.concatenate(list(allocation.redraws(60_000, seed=1)))
    labels, probability = allocation.every()

    exact = {(0, 0): 1 / 6, (0, 1): 1 / 3, (1, 0): 1 / 3, (1, 1): 1 / 6}
    assert dict(zip(map(tuple, labels.tolist()), probability.tolist(), strict=True)) == pytest.approx(exact, abs=1e-15)
    shares = {pair: count / 60_000 for pair, count in Counter(map(tuple, drawn.tolist())).items()}
    assert shares == pytest.approx(exact, abs=0.01)  # five standard errors of a share of 1/3


def test_enumeration_is_the_brute_force_one_for_unequal_weights_and_unfilled_blocks():
    # Weights 2:1, a full block of three and a block of six with four places filled.
    allocation = Allocation(np.array([0, 0, 1, 0, 1, 0, 0]), np.array([0] * 3 + [1] * 4), (3, 6), (2, 1))

    labels, probability = allocation.every()

    first = Counter(permutations((0, 0, 1)))
    second = Counter(order[:4] for order in permutations((0, 0, 0, 0, 1, 1)))
    brute = {a + b: m * n / (6 * 720) for a, m in first.items() for b, n in second.items()}
    assert allocation.n_distinct() == len(brute)
    assert dict(zip(map(tuple, labels.tolist()), probability.tolist(), strict=True)) == pytest.approx(brute, abs=1e-15)


@settings(max_examples=40, deadline=None)
@given(allocations)
def test_count_of_distinct_allocations_needs_no_list_of_them(allocation):
    if allocation.n_distinct() <= 5000:
        labels, probability = allocation.every()
        assert len({tuple(row) for row in labels.tolist()}) == len(labels) == allocation.n_distinct()
        assert probability.sum() == pytest.approx(1, abs=1e-12)


def test_many_places_are_counted_without_listing_them():
    # 24! / (6!)^4 orders of one block of four arms, six places each.
    allocation = Allocation(np.repeat(np.arange(4), 6), np.zeros(24, dtype=np.int64), (24,), (1, 1, 1, 1))

    assert allocation.n_distinct() == 2_308_743_493_056


def test_others_held_in_place_leaves_permuted_blocks_of_two_arms():
    # Three arms, content 001122 with four places filled: 0, 2, 1, 0. Without arm 2: three of the places of 0011.
    allocation = Allocation(np.array([0, 2, 1, 0]), np.zeros(4, dtype=np.int64), (6,), (1, 1, 1))

    members, held = allocation.between((0, 1))

    assert members.tolist() == [0, 2, 3]
    assert (held.arm.tolist(), held.block_sizes, held.weights) == ([0, 1, 0], (4,), (1, 1, 0))
    assert held.content(4) == (2, 2, 0)


def test_chunks_do_not_change_the_number_of_redraws(monkeypatch):
    monkeypatch.setattr("analysis.inference.allocation.CHUNK_CELLS", 50)
    allocation = Allocation(np.array([0, 1] * 4), np.repeat([0, 1], 4), (4, 4), (1, 1))

    sizes = [len(labels) for labels in allocation.redraws(20, seed=0)]

    assert sizes == [6, 6, 6, 2]
