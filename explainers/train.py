"""Train a predictor on its material and keep it with its card. The same seed gives the same weights."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from explainers.artifacts import load_predictor, save_predictor
from explainers.cards import Card, Variable, read_card
from explainers.errors import ArtifactError
from explainers.folders import data_folder
from explainers.material import material as find_material
from explainers.material.base import Labelled, Material, Splits, TabularSchema, split
from explainers.predictors import Entry
from explainers.predictors import entry as find_entry
from explainers.predictors.base import Predictor
from explainers.predictors.build import build_module, build_predictor
from explainers.predictors.fit import Encoded, fit, predictions
from explainers.predictors.image import ImagePredictor
from explainers.predictors.nets.prob_psenn import ProbPsenn
from explainers.predictors.nets.prototype import PrototypeNet
from explainers.predictors.senn import SennModule
from explainers.predictors.text import normalised
from explainers.types import ImageInput, Input, TabularInput, TextInput

MIN_COUNT = 2  # a word seen once in training is an unknown word
N_PROTOTYPES = 5


def predictor_folder(name: str) -> Path:
    """Where a trained predictor is kept unless told otherwise."""
    return data_folder() / "predictors" / name


def train(name: str, *, seed: int = 0, out: Path | None = None) -> tuple[Card, bool]:
    """Train a registered predictor, unless an intact one of the same recipe, data and seed is there already.

    Parameters
    ----------
    name : str
        A name of `PREDICTORS`.
    seed : int
        Of the training; the split belongs to the material, so that all predictors hold out the same items.
    out : Path, optional
        The folder to write; `predictor_folder(name)` when not given.

    Returns
    -------
    tuple of Card and bool
        The card, and whether it was trained just now.
    """
    entry = find_entry(name)
    folder = out or predictor_folder(name)
    known = _intact(folder, name, entry, seed)
    if known is not None:
        return known, False
    material = find_material(entry.material)
    splits = split(material.read(), material.shares, material.split_seed)
    return train_on(name, entry, material, splits, seed=seed, folder=folder), True


def train_on(name: str, entry: Entry, material: Material, splits: Splits, *, seed: int, folder: Path) -> Card:
    """Train by an entry's recipe on given splits and write the folder; returns the card."""
    started = time.perf_counter()
    blank = _blank_card(name, entry, material, splits, seed)
    module = build_module(blank)
    parts = {part: encoded(build_predictor(blank, module), items) for part, items in _parts(splits).items()}
    fit(module, parts["train"], parts["validation"], entry.recipe, seed)
    cells = {part: _cell_counts(module, data, len(material.classes)) for part, data in parts.items()}
    card = dataclasses.replace(
        blank,
        accuracy={part: _share_right(table) for part, table in cells.items()},
        cells=cells["test"],
        prototypes=_prototypes(build_predictor(blank, module), splits.train),
        seconds=round(time.perf_counter() - started, 2),
    )
    return save_predictor(folder, card, module)


def encoded(predictor: Predictor, items: Sequence[Labelled]) -> Encoded:
    """A whole part of the data as tensors."""
    labels = torch.tensor([item.label for item in items])
    return Encoded(predictor.encode([item.input for item in items]), labels)


def _cell_counts(module: nn.Module, data: Encoded, n_classes: int) -> tuple[tuple[int, ...], ...]:
    """How many items there are of each label (rows) and output (columns)."""
    places = data.labels * n_classes + predictions(module, data.items)
    counts = torch.bincount(places, minlength=n_classes**2).reshape(n_classes, n_classes).tolist()
    return tuple(map(tuple, counts))


def _parts(splits: Splits) -> dict[str, tuple[Labelled, ...]]:
    return {"train": splits.train, "validation": splits.validation, "test": splits.test}


def _share_right(cells: tuple[tuple[int, ...], ...]) -> float:
    right = sum(row[label] for label, row in enumerate(cells))
    return right / sum(map(sum, cells))


def _intact(folder: Path, name: str, entry: Entry, seed: int) -> Card | None:
    """The card of a loadable predictor that the same training would make again, or None."""
    try:
        card = read_card(folder)
        load_predictor(folder)
    except ArtifactError:
        return None
    material = find_material(entry.material)
    made_from = (card.name, card.recipe, card.architecture, card.seed, card.material_sha256, card.torch_version)
    wanted = (name, entry.recipe, entry.architecture, seed, material.sha256, torch.__version__)
    same = made_from == wanted and (card.split_seed, card.split_shares) == (material.split_seed, material.shares)
    return card if same else None


def _blank_card(name: str, entry: Entry, material: Material, splits: Splits, seed: int) -> Card:
    """What is known before training: the names, the data and the encoding."""
    first = splits.train[0].input
    return Card(
        name=name,
        title=entry.title,
        material=material.name,
        modality=material.modality,
        architecture=entry.architecture,
        classes=material.classes,
        recipe=entry.recipe,
        seed=seed,
        material_sha256=material.sha256,
        split_seed=material.split_seed,
        split_shares=material.shares,
        sizes={part: len(items) for part, items in _parts(splits).items()},
        accuracy={},
        cells=(),
        weights_sha256="",
        torch_version=torch.__version__,
        seconds=0.0,
        notes=entry.notes,
        variables=variables_of(splits.train, material.schema) if material.schema else (),
        vocabulary=vocabulary_of(splits.train) if material.modality == "text" else (),
        shape=(first.channels, first.height, first.width) if isinstance(first, ImageInput) else None,
    )


def variables_of(train: Sequence[Labelled], schema: TabularSchema) -> tuple[Variable, ...]:
    """The schema's variables with the shares of their categories in the training data."""
    counts: Counter[tuple[str, str]] = Counter()
    for item in train:
        if isinstance(item.input, TabularInput):
            counts.update(item.input.values)
    return tuple(
        Variable(
            name=name,
            categories=categories,
            frequencies=tuple(counts[name, category] / len(train) for category in categories),
            ordinal=name in schema.ordinal,
        )
        for name, categories in schema.variables
    )


def vocabulary_of(train: Sequence[Labelled]) -> tuple[str, ...]:
    """Normalised words that occur at least `MIN_COUNT` times, the most frequent first, then by the alphabet."""
    texts = [item.input for item in train if isinstance(item.input, TextInput)]
    counts = Counter(normalised(token) for text in texts for token in text.tokens)
    kept = [word for word, count in counts.items() if count >= MIN_COUNT]
    return tuple(sorted(kept, key=lambda word: (-counts[word], word)))


def _prototypes(predictor: Predictor, train: Sequence[Labelled]) -> tuple[tuple[Input, ...], ...]:
    """For learned concepts of pictures: the training pictures that activate each most. Prototypes: see below."""
    if isinstance(predictor, ImagePredictor) and isinstance(predictor.module, PrototypeNet):
        return _compared(predictor, predictor.module, [item.input for item in train])
    if isinstance(predictor, ImagePredictor) and isinstance(predictor.module, ProbPsenn):
        return _drawn(predictor, predictor.module)
    if not (isinstance(predictor, ImagePredictor) and isinstance(predictor.module, SennModule)):
        return ()
    inputs = [item.input for item in train]
    with torch.inference_mode():
        strongest = predictor.concepts(predictor.encode(inputs)).argsort(dim=0, descending=True, stable=True)
    return tuple(tuple(inputs[index] for index in column[:N_PROTOTYPES]) for column in strongest.T.tolist())


def _compared(
    predictor: ImagePredictor, module: PrototypeNet, inputs: Sequence[Input]
) -> tuple[tuple[Input, ...], ...]:
    """Each prototype as the decoder draws it, and the training picture whose code is nearest to it."""
    with torch.inference_mode():
        drawn = predictor.pictures(module.decoder(module.prototypes.vectors))
        nearest = module.prototypes(module.encoder(predictor.encode(inputs))).argmin(0).tolist()
    return tuple((picture, inputs[index]) for picture, index in zip(drawn, nearest, strict=True))


def _drawn(predictor: ImagePredictor, module: ProbPsenn) -> tuple[tuple[Input, ...], ...]:
    """For each class what the decoder makes of every draw of its prototype, in the order of the draws."""
    with torch.inference_mode():
        classes = module.prototypes.draws().transpose(0, 1)
        return tuple(predictor.pictures(module.decoder(draws)) for draws in classes)
