from __future__ import annotations

import dataclasses
import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor

from explainers.artifacts import load_predictor
from explainers.cards import WEIGHTS_FILE, read_card, write_card
from explainers.errors import ArtifactError
from tests.explainers.tiny import ARCHITECTURES, MATERIALS, tiny


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    tiny("tabular", "senn").train(folder)
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "copy"))


def rewrite(folder: Path, change: Callable[[dict[str, Tensor]], object]) -> None:
    """Other weights under a card that promises them, as somebody with a hand in both files could write."""
    state = safetensors.torch.load((folder / WEIGHTS_FILE).read_bytes())
    change(state)
    content = safetensors.torch.save(state)
    (folder / WEIGHTS_FILE).write_bytes(content)
    sign(folder, content)


def sign(folder: Path, content: bytes) -> None:
    write_card(folder, dataclasses.replace(read_card(folder), weights_sha256=hashlib.sha256(content).hexdigest()))


@pytest.mark.parametrize("key", ARCHITECTURES)
def test_loaded_predictor_says_what_the_card_says(key: tuple, tmp_path: Path) -> None:
    one = tiny(*key)
    predictor = one.train(tmp_path)
    card = read_card(tmp_path)

    outputs = predictor.outputs([item.input for item in one.splits.test])

    right = [output.class_index == item.label for output, item in zip(outputs, one.splits.test, strict=True)]
    assert sum(right) / len(right) == pytest.approx(card.accuracy["test"])
    assert sum(map(sum, card.cells)) == card.sizes["test"] == len(one.splits.test)
    assert (predictor.name, predictor.architecture, predictor.classes) == (card.name, key[1], MATERIALS[key[0]].classes)
    assert hashlib.sha256((tmp_path / WEIGHTS_FILE).read_bytes()).hexdigest() == card.weights_sha256


def test_one_flipped_bit_is_seen(folder: Path) -> None:
    content = bytearray((folder / WEIGHTS_FILE).read_bytes())
    content[-1] ^= 1
    (folder / WEIGHTS_FILE).write_bytes(content)

    with pytest.raises(ArtifactError, match="the card promises sha256"):
        load_predictor(folder)


def test_missing_weights_are_named(folder: Path) -> None:
    (folder / WEIGHTS_FILE).unlink()

    with pytest.raises(ArtifactError, match=r"model\.safetensors: weights were expected"):
        load_predictor(folder)


@pytest.mark.parametrize("content", [b"", b"\xff" * 64, b"\x80\x02}q\x00."])
def test_file_that_is_no_safetensors_is_refused(folder: Path, content: bytes) -> None:
    (folder / WEIGHTS_FILE).write_bytes(content)
    sign(folder, content)

    with pytest.raises(ArtifactError, match="no valid safetensors file"):
        load_predictor(folder)


def test_truncated_file_is_refused_by_its_header(folder: Path) -> None:
    content = (folder / WEIGHTS_FILE).read_bytes()[:-8]
    (folder / WEIGHTS_FILE).write_bytes(content)
    sign(folder, content)

    with pytest.raises(ArtifactError, match="no valid safetensors file"):
        load_predictor(folder)


CHANGES: dict[str, tuple[Callable[[dict[str, Tensor]], object], str]] = {
    "missing": (lambda state: state.pop("bias"), "bias: the card's architecture has"),
    "too many": (lambda state: state.update(extra=torch.zeros(1)), "extra: the card's architecture has None"),
    "other shape": (lambda state: state.update(bias=torch.zeros(5)), r"bias: .*\(5,\)"),
    "other type": (lambda state: state.update(bias=torch.zeros(2, dtype=torch.float64)), "bias: .*float64"),
    "not a number": (lambda state: state.update(bias=torch.tensor([0.0, float("nan")])), "bias holds numbers that are"),
    "infinite": (lambda state: state.update(bias=torch.tensor([0.0, float("inf")])), "bias holds numbers that are"),
}


@pytest.mark.parametrize(("change", "message"), CHANGES.values(), ids=CHANGES)
def test_weights_that_do_not_fit_are_refused(
    folder: Path, change: Callable[[dict[str, Tensor]], object], message: str
) -> None:
    rewrite(folder, change)

    with pytest.raises(ArtifactError, match=message):
        load_predictor(folder)


def test_unknown_architecture_is_refused(folder: Path) -> None:
    write_card(folder, dataclasses.replace(read_card(folder), architecture="transformer"))

    with pytest.raises(ArtifactError, match="tabular transformer is none of tabular mlp"):
        load_predictor(folder)
