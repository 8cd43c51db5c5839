"""The registered predictors on the real material: good enough to explain, wrong often enough to study.

They are trained into the data folder when they are not there yet (about a minute).
"""

from __future__ import annotations

import pytest

from explainers.artifacts import load_predictor
from explainers.candidates import candidates, cell_counts
from explainers.predictors import PREDICTORS
from explainers.predictors.base import Predictor
from explainers.train import predictor_folder, train
from explainers.types import Candidate

ACCURACY = {  # bounds on the share right of the test items
    "adult-mlp": (0.84, 0.88),
    "adult-senn": (0.84, 0.88),
    "movies-gru": (0.75, 0.82),
    "movies-senn": (0.75, 0.82),
    "movies-transformer": (0.75, 0.82),
    "digits-cnn": (0.75, 0.92),
    "digits-senn": (0.75, 0.92),
    "digits-prototype": (0.8, 0.92),
    "digits-prob-psenn": (0.84, 0.95),
    "digits-two-tower": (0.78, 0.95),
}
TOGETHER = {  # what the templates ask about side by side
    "adult": ("adult-mlp", "adult-senn"),
    "movies": ("movies-gru", "movies-senn"),
    "digits": ("digits-cnn", "digits-senn"),
}
PER_CELL = {"adult": 40, "movies": 40, "digits": 24}
FLIPPING_PER_CELL = 8  # items of a cell with a change that flips: what a counterfactual block takes at most


@pytest.fixture(scope="module", params=PER_CELL)
def material(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def both(material: str) -> list[Predictor]:
    names = TOGETHER[material]
    for name in names:
        train(name)
    return [load_predictor(predictor_folder(name)) for name in names]


@pytest.fixture(scope="module")
def found(both: list[Predictor], material: str) -> list[Candidate]:
    return candidates(both, per_cell=PER_CELL[material], seed=0)


@pytest.mark.parametrize("name", PREDICTORS)
def test_accuracy_is_in_its_bounds(name: str) -> None:
    card, _ = train(name)
    low, high = ACCURACY[name]
    assert low <= card.accuracy["test"] <= high


def test_every_cell_has_enough_items_on_which_both_agree(found: list[Candidate], material: str) -> None:
    assert cell_counts(found) == {(label, output): PER_CELL[material] for label in (0, 1) for output in (0, 1)}


def test_every_cell_has_enough_items_that_a_small_change_flips_and_that_one_does_not(found: list[Candidate]) -> None:
    for flips in (True, False):
        having = [item for item in found if any(_flips(item, one) == flips for one in range(len(item.perturbed)))]
        counts = cell_counts(having)
        assert len(counts) == 4
        assert min(counts.values()) >= FLIPPING_PER_CELL


def _flips(item: Candidate, place: int) -> bool:
    name = next(iter(item.outputs))
    return item.perturbed[place].outputs[name].class_index != item.outputs[name].class_index
