"""The model card of a trained predictor. Free of torch: the web server reads it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from explainers.errors import ArtifactError, InputError
from explainers.folders import write_whole
from explainers.types import Input, Json, Modality, input_from_json

CARD_FILE = "card.json"
WEIGHTS_FILE = "model.safetensors"
CARD_SIZE_LIMIT = 8_000_000  # bytes


@dataclass(frozen=True)
class Variable:
    """A variable as people see it; bins of an `ordinal` one are in their natural order.

    `frequencies` are the shares of the categories in the training data; they sum to 1.
    """

    name: str
    categories: tuple[str, ...]
    frequencies: tuple[float, ...]
    ordinal: bool = False


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights besides the data and the seed.

    `revision` is raised when the code of an architecture changes, so that older weights are trained again.
    `word_dropout` is the share of words hidden from a text predictor in each training step; `robustness` and
    `reconstruction` are lambda and xi of the SENN objective, `sparsity` the weight of its l1 term. Of a prototype
    network `n_dimensions` is the length of a code, and `reconstruction`, `near_items` and `near_prototypes` are lambda,
    lambda_1 and lambda_2; of a probabilistic one `divergence` is the weight of the KL term.
    """

    width: int
    epochs: int
    batch: int
    learning_rate: float
    weight_decay: float = 0.0
    word_dropout: float = 0.0
    n_concepts: int = 0
    robustness: float = 0.0
    reconstruction: float = 0.0
    sparsity: float = 0.0
    revision: int = 2
    n_prototypes: int = 0
    n_dimensions: int = 0
    near_items: float = 0.0
    near_prototypes: float = 0.0
    divergence: float = 0.0


@dataclass(frozen=True)
class Card:
    """A trained predictor: what it is, what it learned from, how well it does.

    `sizes` counts the items of train, validation and test; `accuracy` holds the shares right in each; `cells[l][o]`
    counts the test items of label l and output o. `variables`, `vocabulary`, `shape` (channels, height, width) and
    `prototypes` describe the encoding; only those of the modality are filled. `seconds` is the time of training.
    """

    name: str
    title: str
    material: str
    modality: Modality
    architecture: str
    classes: tuple[str, ...]
    recipe: Recipe
    seed: int
    material_sha256: str
    split_seed: int
    split_shares: tuple[float, float]
    sizes: Mapping[str, int]
    accuracy: Mapping[str, float]
    cells: tuple[tuple[int, ...], ...]
    weights_sha256: str
    torch_version: str
    seconds: float
    notes: str = ""
    variables: tuple[Variable, ...] = ()
    vocabulary: tuple[str, ...] = ()
    shape: tuple[int, int, int] | None = None
    prototypes: tuple[tuple[Input, ...], ...] = ()

    def to_json(self) -> dict[str, Any]:
        plain = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        plain["recipe"] = dataclasses.asdict(self.recipe)
        plain["variables"] = [dataclasses.asdict(variable) for variable in self.variables]
        plain["prototypes"] = [[item.to_json() for item in row] for row in self.prototypes]
        return plain


def write_card(folder: Path, card: Card) -> None:
    """Write the card as JSON into the predictor's folder, whole or not at all."""
    text = json.dumps(card.to_json(), ensure_ascii=False, indent=1, allow_nan=False)
    write_whole(folder / CARD_FILE, text.encode("utf-8"))


def read_card(folder: Path) -> Card:
    """Read and check a card.

    Raises
    ------
    ArtifactError
        When the file is missing, too large, no JSON, or lacks something; the message names the path.
    """
    path = folder / CARD_FILE
    try:
        if path.stat().st_size > CARD_SIZE_LIMIT:
            raise ArtifactError(f"{path}: larger than {CARD_SIZE_LIMIT} bytes; train the predictor again")
        return card_from_json(json.loads(path.read_text("utf-8")))
    except OSError as error:
        raise ArtifactError(f"{path}: a model card was expected ({error.strerror}); train the predictor") from error
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, InputError) as error:
        raise ArtifactError(f"{path}: the model card is damaged ({error!r}); train the predictor again") from error


def card_from_json(data: Json) -> Card:
    """The card written by `to_json`; raises KeyError, TypeError or ValueError when something is missing or odd."""
    card = Card(
        name=str(data["name"]),
        title=str(data["title"]),
        material=str(data["material"]),
        modality=_modality(data["modality"]),
        architecture=str(data["architecture"]),
        classes=tuple(map(str, data["classes"])),
        recipe=Recipe(**data["recipe"]),
        seed=int(data["seed"]),
        material_sha256=str(data["material_sha256"]),
        split_seed=int(data["split_seed"]),
        split_shares=_shares(data["split_shares"]),
        sizes={str(part): int(count) for part, count in data["sizes"].items()},
        accuracy={str(part): float(share) for part, share in data["accuracy"].items()},
        cells=tuple(tuple(map(int, row)) for row in data["cells"]),
        weights_sha256=str(data["weights_sha256"]),
        torch_version=str(data["torch_version"]),
        seconds=float(data["seconds"]),
        notes=str(data["notes"]),
        variables=tuple(map(_variable, data["variables"])),
        vocabulary=tuple(map(str, data["vocabulary"])),
        shape=None if data["shape"] is None else _shape(data["shape"]),
        prototypes=tuple(tuple(map(input_from_json, row)) for row in data["prototypes"]),
    )
    if len(card.cells) != len(card.classes) or any(len(row) != len(card.classes) for row in card.cells):
        raise ValueError(f"cells: {len(card.classes)} rows and columns were expected")
    return card


def _modality(value: object) -> Modality:
    match value:
        case "tabular" | "text" | "image":
            return value
        case _:
            raise ValueError(f"modality: {value!r} is none of tabular, text, image")


def _variable(data: Json) -> Variable:
    variable = Variable(
        name=str(data["name"]),
        categories=tuple(map(str, data["categories"])),
        frequencies=tuple(map(float, data["frequencies"])),
        ordinal=bool(data["ordinal"]),
    )
    if len(variable.categories) != len(variable.frequencies):
        raise ValueError(f"variables: {variable.name}: one frequency a category was expected")
    return variable


def _shares(data: object) -> tuple[float, float]:
    if not isinstance(data, list) or len(data) != 2:
        raise ValueError(f"split_shares: two numbers were expected, {data!r} came")
    return float(data[0]), float(data[1])


def _shape(data: object) -> tuple[int, int, int]:
    if not isinstance(data, list) or len(data) != 3:
        raise ValueError(f"shape: channels, height, width were expected, {data!r} came")
    return int(data[0]), int(data[1]), int(data[2])
