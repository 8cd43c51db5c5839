from __future__ import annotations

from collections.abc import Mapping

import pytest

from explainers.candidates import N_KEPT, candidates, cell_counts, distinct, draw
from explainers.errors import InputError
from explainers.material.base import Labelled
from explainers.predictors.base import Predictor
from explainers.types import Candidate, Modality, TextInput
from tests.explainers.tiny import tiny

Trained = Mapping[tuple[Modality, str], Predictor]
PAIRS: dict[Modality, tuple[str, str]] = {"tabular": ("mlp", "senn"), "text": ("gru", "senn"), "image": ("cnn", "senn")}


def drawn(predictors: Trained, modality: Modality, *, per_cell: int = 12, seed: int = 0) -> list[Candidate]:
    one = tiny(modality, "senn")
    return draw(pair(predictors, modality), one.material, one.splits, per_cell=per_cell, seed=seed)


def pair(predictors: Trained, modality: Modality) -> list[Predictor]:
    return [predictors[modality, architecture] for architecture in PAIRS[modality]]


@pytest.mark.parametrize("modality", PAIRS)
def test_candidates_are_held_out_items_with_their_labels_once_each(predictors: Trained, modality: Modality) -> None:
    splits = tiny(modality, "senn").splits
    known = {item.input: item.label for item in reversed(splits.test)}

    found = drawn(predictors, modality)

    assert found
    assert [item.label for item in found] == [known[item.input] for item in found]
    assert len({item.input for item in found}) == len(found)


@pytest.mark.parametrize("modality", PAIRS)
def test_all_predictors_agree_on_every_item_and_change(predictors: Trained, modality: Modality) -> None:
    both = pair(predictors, modality)
    names = [predictor.name for predictor in both]

    for item in drawn(predictors, modality):
        for one in (item, *item.perturbed):
            said = {predictor.name: predictor.outputs([one.input])[0] for predictor in both}
            assert list(one.outputs) == names
            assert {output.class_index for output in said.values()} == {one.outputs[names[0]].class_index}
            for name in names:
                assert one.outputs[name].class_index == said[name].class_index
                assert one.outputs[name].probability == pytest.approx(said[name].probability, abs=2e-6)


@pytest.mark.parametrize("modality", PAIRS)
def test_changes_that_flip_come_first_and_neither_kind_exceeds_its_number(
    predictors: Trained, modality: Modality
) -> None:
    found = drawn(predictors, modality)
    flips = [[_flips(item, place) for place in range(len(item.perturbed))] for item in found]

    assert any(True in row for row in flips)
    assert any(False in row for row in flips)
    for row in flips:
        assert row == sorted(row, reverse=True)
        assert row.count(True) <= N_KEPT
        assert row.count(False) <= N_KEPT
    for item in found:
        assert item.input not in {one.input for one in item.perturbed}


def _flips(item: Candidate, place: int) -> bool:
    name = next(iter(item.outputs))
    return item.perturbed[place].outputs[name].class_index != item.outputs[name].class_index


def test_cells_are_filled_up_to_the_number_asked_for(predictors: Trained) -> None:
    everything = cell_counts(drawn(predictors, "tabular", per_cell=1000))
    few = drawn(predictors, "tabular", per_cell=2)

    assert cell_counts(few) == {cell: min(count, 2) for cell, count in everything.items()}
    cells = [(item.label, next(iter(item.outputs.values())).class_index) for item in few]
    assert cells == sorted(cells)


def test_seed_decides_the_draw_and_a_larger_draw_keeps_the_smaller(predictors: Trained) -> None:
    small, again = (drawn(predictors, "text", per_cell=3, seed=1) for _ in range(2))
    large, other = drawn(predictors, "text", per_cell=6, seed=1), drawn(predictors, "text", per_cell=3, seed=2)

    assert small == again
    assert small != other
    assert all(item in large for item in small)


def test_identical_inputs_are_kept_once_with_the_first_label() -> None:
    first, second, other = TextInput(("a",)), TextInput(("a",)), TextInput(("b",))

    assert distinct([Labelled(first, 1), Labelled(second, 0), Labelled(other, 0)]) == [
        Labelled(first, 1),
        Labelled(other, 0),
    ]


def test_predictors_of_two_materials_twice_one_or_none_are_refused(predictors: Trained) -> None:
    one = tiny("tabular", "senn")
    with pytest.raises(InputError, match="one or more of different names"):
        draw([], one.material, one.splits, per_cell=1, seed=0)
    with pytest.raises(InputError, match="one or more of different names"):
        draw([predictors["tabular", "mlp"]] * 2, one.material, one.splits, per_cell=1, seed=0)
    with pytest.raises(InputError, match="per_cell: 0 is below 1"):
        draw([predictors["tabular", "mlp"]], one.material, one.splits, per_cell=0, seed=0)
    with pytest.raises(InputError, match="all must be of one material, none came"):
        candidates([], per_cell=1, seed=0)
