from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from explainers.cards import CARD_FILE, Card, Recipe, Variable, read_card, write_card
from explainers.errors import ArtifactError
from explainers.types import ImageInput

CARD = Card(
    name="tiny",
    title="Tiny",
    material="tiny",
    modality="image",
    architecture="senn",
    classes=("4", "9"),
    recipe=Recipe(width=8, epochs=1, batch=4, learning_rate=0.1),
    seed=3,
    material_sha256="ab",
    split_seed=0,
    split_shares=(0.6, 0.1),
    sizes={"train": 6, "validation": 1, "test": 3},
    accuracy={"train": 1.0, "test": 2 / 3},
    cells=((1, 1), (0, 1)),
    weights_sha256="cd",
    torch_version="2.13.0",
    seconds=0.25,
    notes="Größe",
    variables=(Variable("Size", ("small", "large"), (0.1, 0.9), ordinal=True),),
    vocabulary=("good", "bad"),
    shape=(1, 1, 2),
    prototypes=((ImageInput(1, 2, 1, b"\x00\xff"),),),
)


def test_card_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_card(tmp_path, CARD)

    assert read_card(tmp_path) == CARD


def test_cards_are_read_without_torch() -> None:
    check = "import sys, explainers.cards; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_missing_card_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"card\.json: a model card was expected \(No such file"):
        read_card(tmp_path)


def _without(key: str) -> Callable[[dict], None]:
    return lambda data: data.pop(key)


def _with(**values: object) -> Callable[[dict], None]:
    return lambda data: data.update(values)


DAMAGE = {
    "a key is missing": _without("seed"),
    "unknown modality": _with(modality="sound"),
    "cells of another size": _with(cells=[[1, 2, 3], [4, 5, 6]]),
    "recipe with another field": _with(recipe={"width": 8, "depth": 2}),
    "frequencies do not fit": _with(variables=[{"name": "a", "categories": ["b"], "frequencies": [], "ordinal": True}]),
    "shape of another length": _with(shape=[1, 2]),
    "list where a table belongs": _with(sizes=[1]),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damaged_card_is_refused(tmp_path: Path, damage: Callable[[dict], None]) -> None:
    data = CARD.to_json()
    data = json.loads(json.dumps(data))
    damage(data)
    (tmp_path / CARD_FILE).write_text(json.dumps(data))

    with pytest.raises(ArtifactError, match="the model card is damaged"):
        read_card(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe"])
def test_file_that_is_no_card_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / CARD_FILE).write_bytes(content)

    with pytest.raises(ArtifactError, match="the model card is damaged"):
        read_card(tmp_path)


def test_huge_card_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / CARD_FILE).open("wb") as file:
        file.truncate(9_000_000)

    with pytest.raises(ArtifactError, match="larger than 8000000 bytes"):
        read_card(tmp_path)
