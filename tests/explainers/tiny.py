"""Tiny materials with a known rule, and predictors really trained on them in about a second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from explainers.artifacts import load_predictor
from explainers.cards import Recipe
from explainers.material.base import Labelled, Material, Splits, TabularSchema, split
from explainers.predictors import Entry
from explainers.predictors.base import Predictor
from explainers.train import train_on
from explainers.types import ImageInput, Modality, TabularInput, TextInput

SCHEMA = TabularSchema(
    variables=(("Size", ("small", "middle", "large")), ("Colour", ("red", "blue")), ("Shape", ("round", "square"))),
    ordinal=frozenset({"Size"}),
)
GOOD, BAD, OTHER = ("good", "great", "fine"), ("bad", "poor", "dull"), ("the", "film", "plot", "is", "was", "and", "so")


def tabular_items(n: int, seed: int) -> tuple[Labelled, ...]:
    """Large things are class 1, small ones class 0, middle ones by their colour; one label in ten is wrong."""
    rng = np.random.default_rng(seed)
    items = []
    for _ in range(n):
        values = tuple((name, str(rng.choice(categories))) for name, categories in SCHEMA.variables)
        seen = dict(values)
        label = int(seen["Size"] == "large" or (seen["Size"] == "middle" and seen["Colour"] == "red"))
        items.append(Labelled(TabularInput(values), label ^ int(rng.random() < 0.1)))
    return tuple(items)


def text_items(n: int, seed: int) -> tuple[Labelled, ...]:
    """Sentences with one to three words of their class's list among neutral ones."""
    rng = np.random.default_rng(seed)
    items = []
    for _ in range(n):
        label = int(rng.integers(2))
        telling = rng.choice(GOOD if label else BAD, size=rng.integers(1, 4)).tolist()
        words = rng.permutation(telling + rng.choice(OTHER, size=rng.integers(4, 9)).tolist()).tolist()
        items.append(Labelled(TextInput((words[0].capitalize(), *words[1:-1], words[-1] + ".")), label))
    return tuple(items)


def image_items(n: int, seed: int) -> tuple[Labelled, ...]:
    """A bright bar of ink at a random height, in the left half (class 0) or the right (class 1), with noise."""
    rng = np.random.default_rng(seed)
    items = []
    for _ in range(n):
        label, top = int(rng.integers(2)), int(rng.integers(0, 8))
        picture = rng.integers(0, 40, size=(12, 12))
        picture[top : top + 4, 1 + 6 * label : 5 + 6 * label] = 230
        items.append(Labelled(ImageInput(12, 12, 1, picture.astype(np.uint8).tobytes()), label))
    return tuple(items)


def _material(name: str, modality: Modality, items: tuple[Labelled, ...], schema: TabularSchema | None) -> Material:
    return Material(
        name=name,
        title=name,
        modality=modality,
        classes=("no", "yes"),
        question="no or yes?",
        source="generated",
        licence="none",
        sha256="0" * 64,
        read=lambda: items,
        shares=(0.5, 0.1),
        schema=schema,
    )


MATERIALS: Mapping[Modality, Material] = {
    "tabular": _material("tiny-tabular", "tabular", tabular_items(600, seed=1), SCHEMA),
    "text": _material("tiny-text", "text", text_items(600, seed=2), None),
    "image": _material("tiny-image", "image", image_items(300, seed=3), None),
}
ARCHITECTURES: tuple[tuple[Modality, str], ...] = (
    ("tabular", "mlp"),
    ("tabular", "senn"),
    ("text", "gru"),
    ("text", "transformer"),
    ("text", "senn"),
    ("image", "cnn"),
    ("image", "senn"),
    ("image", "prototype"),
    ("image", "prob-psenn"),
    ("image", "two-tower"),
)


@dataclass(frozen=True)
class Tiny:
    """A material, its splits and how a predictor of it is trained."""

    name: str
    entry: Entry
    material: Material
    splits: Splits

    def train(self, folder: Path, seed: int = 0) -> Predictor:
        train_on(self.name, self.entry, self.material, self.splits, seed=seed, folder=folder)
        return load_predictor(folder)


def tiny(modality: Modality, architecture: str) -> Tiny:
    material = MATERIALS[modality]
    senn = {"robustness": 0.01} if architecture == "senn" else {}
    concepts = {"n_concepts": 3, "reconstruction": 0.1, "sparsity": 0.01} if senn and modality == "image" else {}
    recipe = Recipe(width=8, epochs=6, batch=16, learning_rate=1e-2, word_dropout=0.1, **senn, **concepts)
    if architecture == "prototype":
        near = {"near_items": 0.25, "near_prototypes": 0.25}
        recipe = replace(recipe, epochs=20, reconstruction=0.02, n_prototypes=5, n_dimensions=4, **near)
    if architecture == "two-tower":
        recipe = replace(recipe, epochs=20, n_dimensions=6)
    if architecture == "prob-psenn":
        recipe = replace(recipe, epochs=30, reconstruction=0.05, n_dimensions=4, divergence=0.02)
    entry = Entry(f"Tiny {architecture}", material.name, architecture, recipe)
    splits = split(material.read(), material.shares, seed=0)
    return Tiny(f"{material.name}-{architecture}", entry, material, splits)
