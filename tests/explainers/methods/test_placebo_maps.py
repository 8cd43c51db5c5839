"""Placebos that need no other predictor and no other item: edges, weights in random places, the same everywhere."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage, stats

from explainers.errors import ParameterError
from explainers.explain import explain
from explainers.methods.base import FloatArray
from explainers.methods.placebo_edges import sobel
from explainers.methods.placebo_random import periodic_spectrum, shuffled, surrogate
from explainers.types import ExplainerSpec, ImageInput, ItemRequest
from tests.contracts.tiny import Case
from tests.explainers.methods.conftest import Cue

SMOOTH = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(28, 28)), 2)
ROUGH = np.random.default_rng(1).normal(size=(28, 28))


def picture(pixels: FloatArray) -> ImageInput:
    return ImageInput(*pixels.shape, 1, pixels.astype(np.uint8).tobytes())


def beside(values: FloatArray) -> float:
    """The correlation of neighbours."""
    pairs = [(values[:, 1:], values[:, :-1]), (values[1:], values[:-1])]
    return float(np.mean([np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in pairs]))


# --- random places ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_surrogate_of_a_smooth_map_is_as_smooth_and_of_a_rough_one_as_rough(seed: int) -> None:
    for real in (SMOOTH, ROUGH, np.maximum(SMOOTH, 0)):
        found = surrogate(real, np.random.default_rng(seed))

        assert beside(found) == pytest.approx(beside(real), abs=0.05)
        assert abs(np.corrcoef(found.ravel(), real.ravel())[0, 1]) < 0.5
    assert beside(SMOOTH) > 0.9 > 0.1 > abs(beside(ROUGH))


def test_surrogates_of_a_smooth_map_say_nothing_of_it_on_average() -> None:
    found = [surrogate(SMOOTH, np.random.default_rng(seed)) for seed in range(40)]
    agreement = [np.corrcoef(one.ravel(), SMOOTH.ravel())[0, 1] for one in found]

    assert abs(np.mean(agreement)) < 0.1
    assert np.std(agreement) > 0.05  # they are not all the same map


def test_periodic_component_of_a_ramp_is_flat_inside() -> None:
    """And of a map that is periodic already it is the map."""
    waves = np.add.outer(np.sin(np.arange(8) * np.pi / 4), np.cos(np.arange(12) * np.pi / 2))
    waves[0], waves[:, 0] = waves[-1], waves[:, -1]  # borders that meet without a jump
    ramp = np.fft.ifft2(periodic_spectrum(np.tile(np.arange(16.0), (16, 1)))).real

    np.testing.assert_allclose(np.fft.ifft2(periodic_spectrum(waves)).real, waves - waves.mean(), atol=1e-12)
    assert np.abs(ramp).max() < 0.5


MAPS = arrays.arrays(np.float64, st.tuples(st.integers(4, 9), st.integers(4, 9)), elements=st.floats(-5, 5, width=32))


@settings(max_examples=40)
@given(real=MAPS, seed=st.integers(0, 2**32))
def test_surrogate_and_shuffle_have_exactly_the_real_values(real: FloatArray, seed: int) -> None:
    assert np.array_equal(np.sort(surrogate(real, np.random.default_rng(seed)), axis=None), np.sort(real, axis=None))

    found = shuffled(real.ravel(), np.random.default_rng(seed))
    assert np.array_equal(np.sort(np.abs(found)), np.sort(np.abs(real.ravel())))
    assert (found < 0).sum() == (real < 0).sum()


def test_maps_of_cells_are_shuffled_as_cells(cases: Mapping[str, Case]) -> None:
    """LIME's seven by seven cells stay cells of one colour, and their number of neighbours alike stays near."""
    case = cases["image-cnn"]
    spec = ExplainerSpec("placebo_random", {"method": "lime", "n_samples": 200})
    for explanation in explain(case.predictor, spec, case.requests[:2]):
        cells = np.array(explanation.form.values).reshape(7, 4, 7, 4)
        assert (cells == cells[:, :1, :, :1]).all()
        assert np.unique(cells).size > 40


# --- edges -----------------------------------------------------------------------------------------------------------


def test_sobel_of_a_step_is_four_times_its_height() -> None:
    """The masks' weights on one side add up to 1 + 2 + 1 (Sobel & Feldman 1968)."""
    step = np.zeros((6, 6))
    step[:, 3:] = 10
    across, down = sobel(picture(step))

    assert across[2].tolist() == [0, 0, 40, 40, 0, 0]
    assert not down.any()


def test_all_channels_count_in_colour_pictures() -> None:
    pixels = np.zeros((4, 4, 3), np.uint8)
    pixels[:, 2:] = (1, 2, 3)
    across, _ = sobel(ImageInput(4, 4, 3, pixels.tobytes()))

    assert across[1].tolist() == [0, 24, 24, 0]


def test_largest_weights_stand_on_the_edges_and_flat_parts_fade_away_from_them(cue: Cue) -> None:
    spec = ExplainerSpec("placebo_edges", {"method": "smoothgrad"})
    square = np.zeros((12, 12))
    square[2:6, 2:6] = 200
    (found,) = explain(cue.predictor, spec, [ItemRequest(picture(square), 0)])
    values = np.array(found.form.values).reshape(12, 12)
    strength = np.hypot(*sobel(picture(square)))

    assert values[strength > 0].min() > values[strength == 0].max()
    assert (np.diff(values[7:, 3]) <= 0).all()  # below the square and away from it
    assert values[7, 3] > values[11, 3]


def test_edges_do_not_depend_on_the_predictor(cases: Mapping[str, Case]) -> None:
    """Where the base method gives every pixel a size of its own, another predictor orders the pixels alike."""
    case, spec = cases["image-cnn"], ExplainerSpec("placebo_edges", {"method": "saliency"})
    other = case.predictor.reinitialised(5)
    for ours, theirs in zip(
        explain(case.predictor, spec, case.requests), explain(other, spec, case.requests), strict=True
    ):
        assert ours.form != theirs.form
        ranks = [stats.rankdata(one.form.values, "dense") for one in (ours, theirs)]
        assert np.corrcoef(*ranks)[0, 1] > 0.99


def test_as_many_weights_speak_against_as_in_the_real_map(cases: Mapping[str, Case]) -> None:
    case = cases["image-cnn"]
    real = explain(case.predictor, ExplainerSpec("gradient_x_input", {}), case.requests)
    found = explain(case.predictor, ExplainerSpec("placebo_edges", {"method": "gradient_x_input"}), case.requests)

    for ours, theirs in zip(found, real, strict=True):
        assert (np.array(ours.form.values) < 0).sum() == (np.array(theirs.form.values) < 0).sum() > 0


def test_edges_are_refused_for_what_is_no_picture(cases: Mapping[str, Case]) -> None:
    spec = ExplainerSpec("placebo_edges", {"method": "lime"})

    with pytest.raises(ParameterError, match="placebo_edges serves image, not text; choose another method"):
        explain(cases["text-gru"].predictor, spec, cases["text-gru"].requests)


# --- uniform ---------------------------------------------------------------------------------------------------------


def test_every_word_weighs_the_mean_of_the_real_sizes(cases: Mapping[str, Case]) -> None:
    case = cases["text-gru"]
    real = explain(case.predictor, ExplainerSpec("gradient_x_input", {}), case.requests)
    found = explain(case.predictor, ExplainerSpec("placebo_uniform", {"method": "gradient_x_input"}), case.requests)

    for ours, theirs in zip(found, real, strict=True):
        expected = np.abs(theirs.form.weights).mean()
        assert ours.form.weights == pytest.approx([expected] * len(theirs.form.weights), rel=1e-6)
