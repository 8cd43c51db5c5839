"""Items: exact balance over label x output, half of the perturbations flip, or a refusal that says what is short."""

from __future__ import annotations

from collections import Counter
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studyapp.design.sampling import PoolItem, PoolPerturbation, draw_items
from studyapp.design.schema import Design, parse_design
from studyapp.design.templates import TEMPLATES
from studyapp.errors import DesignRefused


def pool(per_cell: int, *, flips: tuple[bool, ...] = (True, False)) -> list[PoolItem]:
    return [
        PoolItem(
            f"{label}{output}-{n:03d}", label, output,
            tuple(PoolPerturbation(f"{label}{output}-{n}-{flip}", 1 - output if flip else output) for flip in flips),
        )
        for label, output, n in product((0, 1), (0, 1), range(per_cell))
    ]  # fmt: skip


def design(item_sets: list[dict[str, object]], seed: int = 1) -> Design:
    document = {**TEMPLATES["forward"].make("adult"), "item_sets": item_sets, "seed": seed}
    return parse_design(document)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 1000))
def test_every_cell_of_every_set_holds_the_same_number(learning, test, seed):
    items = {item.key: item for item in pool(12)}
    drawn = draw_items(
        design([{"key": "learning", "n_items": 4 * learning}, {"key": "test", "n_items": 4 * test}], seed),
        items.values(), 2,
    )  # fmt: skip
    for key, per_cell in (("learning", learning), ("test", test)):
        assert Counter(items[i.key].cell for i in drawn[key]) == dict.fromkeys(product((0, 1), (0, 1)), per_cell)


@pytest.mark.parametrize("n_items", [8, 12, 16, 32])
def test_half_of_the_perturbations_flip_in_every_output(n_items):
    """Hase & Bansal: 8 a cell of label x output and 8 a cell of output x perturbed output, of 32."""
    items = {item.key: item for item in pool(10)}
    drawn = draw_items(design([{"key": "changed", "n_items": n_items, "perturbed": True}]), items.values(), 2)
    flips = Counter((items[i.key].output, i.perturbation.endswith("True")) for i in drawn["changed"])
    assert flips == dict.fromkeys(product((0, 1), (False, True)), n_items // 4)


def test_no_item_stands_in_two_sets():
    drawn = draw_items(design([{"key": "a", "n_items": 16}, {"key": "b", "n_items": 16}]), pool(8), 2)
    keys = [item.key for items in drawn.values() for item in items]
    assert len(keys) == len(set(keys)) == 32


def test_a_short_cell_is_named_and_nothing_is_drawn():
    short = [item for item in pool(8) if item.cell != (1, 0)] + [PoolItem("one", 1, 0)]
    with pytest.raises(DesignRefused) as refused:
        draw_items(design([{"key": "test", "n_items": 16}]), short, 2)
    assert [str(problem) for problem in refused.value.problems] == [
        "item_sets[0].n_items: 4 items needed with label 1 and output 0, 1 found; "
        "ask for fewer items or other predictors"
    ]


def test_a_number_that_cannot_be_balanced_is_refused_with_its_neighbours():
    with pytest.raises(DesignRefused, match=r"item_sets\[0\].n_items: 10 items .* take 8 or 12"):
        draw_items(design([{"key": "test", "n_items": 10}]), pool(8), 2)


def test_the_draw_depends_on_the_seed_and_not_on_the_order_of_the_pool():
    sets = [{"key": "test", "n_items": 16}]
    one = draw_items(design(sets, 1), pool(10), 2)
    assert one == draw_items(design(sets, 1), reversed(pool(10)), 2)
    assert one != draw_items(design(sets, 2), pool(10), 2)


def test_items_without_the_wished_perturbation_are_passed_over():
    only_flips = pool(8, flips=(True,))
    with pytest.raises(DesignRefused, match="perturbed items needed"):
        draw_items(design([{"key": "changed", "n_items": 16, "perturbed": True}]), only_flips, 2)
