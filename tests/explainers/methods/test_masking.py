"""What a predictor is shown when units are absent."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch

from explainers.methods.base import Batch
from explainers.methods.blocks import forward_rows, own_classes
from explainers.methods.masking import _FEWEST_PIECED, TabularMasking, _numbers_of, baseline_masking, grid, masking
from explainers.types import ImageInput, TabularInput, TextInput
from tests.contracts.tiny import PREDICTORS, VARIABLES, Case


def neighbourhoods(case: Case, cells: int = 7):
    return masking(Batch(case.predictor, case.requests, own_classes(case.predictor, case.inputs), {"cells": cells}, 64))


def answer(case: Case, item, class_index: int) -> float:
    with torch.inference_mode():
        return float(case.predictor.logits(case.predictor.encode([item])).double().softmax(1)[0, class_index])


@pytest.mark.parametrize("name", PREDICTORS)
def test_with_every_unit_present_the_answer_is_that_to_the_item(name: str, cases: Mapping[str, Case]) -> None:
    found = neighbourhoods(cases[name])
    for place, output in enumerate(cases[name].predictor.outputs(cases[name].inputs)):
        masks = np.ones((1, found.n_units(place)), dtype=bool)

        assert found.predict(place, masks)[0] == pytest.approx(output.probability, abs=2e-6)


@pytest.mark.parametrize("name", ["text-gru", "text-transformer", "text-senn"])
def test_absent_tokens_leave_the_shorter_text(name: str, cases: Mapping[str, Case]) -> None:
    case, found = cases[name], neighbourhoods(cases[name])
    rng = np.random.default_rng(0)
    for place, item in enumerate(case.inputs):
        mask = rng.random(len(item.tokens)) < 0.5
        mask[rng.integers(len(mask))] = True
        shorter = TextInput(tuple(token for token, kept in zip(item.tokens, mask, strict=True) if kept))

        expected = answer(case, shorter, found.batch.classes[place])
        assert found.predict(place, mask[None])[0] == pytest.approx(expected, abs=2e-6)


def test_absent_cells_are_black(cases: Mapping[str, Case]) -> None:
    case, found = cases["image-cnn"], neighbourhoods(cases["image-cnn"], cells=4)
    item = case.inputs[0]
    mask = np.arange(16) % 3 > 0
    pixels = np.frombuffer(item.pixels, np.uint8).reshape(28, 28).copy()
    for cell in np.flatnonzero(~mask):
        row, column = divmod(int(cell), 4)
        pixels[row * 7 : row * 7 + 7, column * 7 : column * 7 + 7] = 0

    expected = answer(case, ImageInput(28, 28, 1, pixels.tobytes()), found.batch.classes[0])
    assert found.predict(0, mask[None])[0] == pytest.approx(expected, abs=2e-6)


def test_absent_variables_take_other_values_as_often_as_in_the_training_data(cases: Mapping[str, Case]) -> None:
    case = cases["tabular-mlp"]
    found = neighbourhoods(case)
    assert isinstance(found, TabularMasking)
    n = 20_000
    columns = found._prepared(0, np.zeros((n, len(VARIABLES)), dtype=bool)).numpy()
    item = case.inputs[0]
    assert isinstance(item, TabularInput)

    for unit, (variable, (_, value)) in enumerate(zip(VARIABLES, item.values, strict=True)):
        shares = np.array(variable.frequencies)
        others = np.where(np.array(variable.categories) == value, 0.0, shares)
        expected = others / others.sum() if others.sum() else shares  # a variable with one value keeps it
        start = sum(len(v.categories) for v in VARIABLES[:unit])
        counts = np.bincount(columns[:, unit] - start, minlength=len(shares))
        assert np.abs(counts / n - expected).max() < 4.5 * np.sqrt(0.25 / n)
        assert (counts[expected == 0] == 0).all()


def test_same_masks_give_the_same_bits_in_any_number(cases: Mapping[str, Case]) -> None:
    """Images and texts: a row's answer does not depend on how many rows are asked with it, from one block on."""
    for name in ("text-gru", "image-cnn"):
        found = neighbourhoods(cases[name])
        n_rows = forward_rows(784)
        masks = np.random.default_rng(0).random((3 * n_rows, found.n_units(6))) < 0.5

        assert np.array_equal(found.predict(6, masks)[:n_rows], found.predict(6, masks[:n_rows]))


def test_grid_covers_every_pixel_with_cells_of_almost_equal_size() -> None:
    for height, width, cells in ((28, 28, 7), (28, 28, 5), (10, 31, 4), (3, 5, 7)):
        found = grid(height, width, cells).reshape(height, width)
        down, across = min(cells, height), min(cells, width)
        heights = [len(set(np.flatnonzero((found // across == row).any(axis=1)))) for row in range(down)]

        assert set(found.ravel().tolist()) == set(range(down * across))
        assert max(heights) - min(heights) <= 1
    assert np.array_equal(grid(4, 4, 2).reshape(4, 4), [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3], [2, 2, 3, 3]])


@pytest.mark.parametrize("n_limits", [0, 1, 5, 64, 65, 300])
def test_a_draw_gives_the_same_value_by_comparing_as_by_searching(n_limits: int) -> None:
    rng = np.random.default_rng(n_limits)
    limits = np.sort(rng.random(n_limits))
    draws = np.concatenate([rng.random(200), limits, np.nextafter(limits, 0)])

    assert np.array_equal(_numbers_of(draws, limits[:, None]), np.searchsorted(limits, draws, side="right"))


def test_rows_put_together_from_pieces_are_those_made_one_by_one(cases: Mapping[str, Case]) -> None:
    """Few masks and many go different ways to the same average rows."""
    found = baseline_masking(neighbourhoods(cases["tabular-mlp"]).batch)
    masks = np.random.default_rng(0).random((_FEWEST_PIECED, len(VARIABLES))) < 0.5

    for place in (0, 2):
        whole = found._rows(place, found._prepared(place, masks))
        by_parts = [found._rows(place, found._prepared(place, masks[i : i + 9])) for i in range(0, len(masks), 9)]
        assert torch.equal(whole, torch.cat(by_parts))
