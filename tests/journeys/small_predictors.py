"""Two predictors really trained in a second or two on invented sentences, registered like any other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from explainers.cards import Recipe
from explainers.material import MATERIAL
from explainers.material.base import Labelled, Material
from explainers.predictors import PREDICTORS, Entry
from explainers.train import train
from explainers.types import TextInput
from studyapp.actions.explain import artefact
from studyapp.actions.material import add_material
from studyapp.design.templates import TEMPLATES

NAME = "invented"
GOOD, BAD, OTHER = ("good", "great", "fine"), ("bad", "poor", "dull"), ("the", "film", "plot", "is", "was", "and", "so")
WRONG = 0.2  # of the labels, so that every cell of label x output has items


def sentences() -> tuple[Labelled, ...]:
    rng = np.random.default_rng(5)
    items = []
    for _ in range(800):
        label = int(rng.integers(2))
        telling = rng.choice(GOOD if label else BAD, size=rng.integers(1, 4)).tolist()
        words = rng.permutation(telling + rng.choice(OTHER, size=rng.integers(4, 9)).tolist()).tolist()
        items.append(Labelled(TextInput(tuple(words)), label ^ int(rng.random() < WRONG)))
    return tuple(items)


MADE = Material(
    name=NAME, title=NAME, modality="text", classes=("Negative", "Positive"), question="?", source="invented here",
    licence="none", sha256="0" * 64, read=sentences, shares=(0.4, 0.1),
)  # fmt: skip
ENTRIES = {
    f"{NAME}-{architecture}": Entry(
        f"Small {architecture}",
        NAME,
        architecture,
        Recipe(width=8, epochs=5, batch=16, learning_rate=1e-2, word_dropout=0.1, **senn),  # type: ignore[arg-type]
    )
    for architecture, senn in (("gru", {}), ("senn", {"robustness": 0.01}))
}


def add_small_predictors(setitem: Callable[[Any, str, object], None]) -> dict[str, Any]:
    """Register (with monkeypatch.setitem), train and take them in; the document of a study of them with four arms."""
    setitem(MATERIAL, NAME, MADE)
    for name, entry in ENTRIES.items():
        setitem(PREDICTORS, name, entry)
        train(name, out=artefact(name))
    add_material(list(ENTRIES), per_cell=8, seed=0)
    document = TEMPLATES["forward"].make("movies")
    own = {"movies-gru": f"{NAME}-gru", "movies-senn": f"{NAME}-senn"}
    document |= {"dataset": NAME, "arms": [{**arm, "predictor": own[arm["predictor"]]} for arm in document["arms"]]}
    for arm in document["arms"]:
        if arm["key"] == "lime":
            arm["explainer"] = {"name": "lime", "params": {"n_samples": 500}}
    return document
