"""The predictors a study can ask about, by name, with the recipe each is trained by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from explainers.cards import Recipe
from explainers.errors import UnknownName


@dataclass(frozen=True)
class Entry:
    """A predictor to train: `material` names the data, `architecture` the kind of module; `notes` go on its card."""

    title: str
    material: str
    architecture: str
    recipe: Recipe
    notes: str = ""


FEW_PICTURES = (
    "Trained on few pictures at reduced resolution on purpose: a study needs errors of the predictor in every cell."
)

PREDICTORS: Mapping[str, Entry] = {
    "adult-mlp": Entry(
        title="Neural network on Adult income",
        material="adult",
        architecture="mlp",
        recipe=Recipe(width=64, epochs=6, batch=256, learning_rate=2e-3, weight_decay=1e-4),
    ),
    "adult-senn": Entry(
        title="Self-explaining network on Adult income",
        material="adult",
        architecture="senn",
        recipe=Recipe(width=64, epochs=6, batch=256, learning_rate=2e-3, weight_decay=1e-4, robustness=0.01),
    ),
    "movies-gru": Entry(
        title="Recurrent network with attention on movie reviews",
        material="movies",
        architecture="gru",
        recipe=Recipe(width=48, epochs=6, batch=128, learning_rate=3e-3, weight_decay=1e-2, word_dropout=0.4),
    ),
    "movies-senn": Entry(
        title="Self-explaining network on movie reviews",
        material="movies",
        architecture="senn",
        recipe=Recipe(
            width=32,
            epochs=5,
            batch=128,
            learning_rate=4e-3,
            weight_decay=1e-2,
            word_dropout=0.4,
            robustness=0.3,
            revision=3,
        ),
    ),
    "movies-transformer": Entry(
        title="Small transformer on movie reviews",
        material="movies",
        architecture="transformer",
        recipe=Recipe(width=32, epochs=4, batch=128, learning_rate=4e-3, weight_decay=1e-2, word_dropout=0.4),
    ),
    "digits-cnn": Entry(
        title="Convolutional network on handwritten digits",
        material="digits",
        architecture="cnn",
        recipe=Recipe(width=16, epochs=60, batch=16, learning_rate=2e-3, weight_decay=1e-3),
        notes=FEW_PICTURES,
    ),
    "digits-senn": Entry(
        title="Self-explaining network on handwritten digits",
        material="digits",
        architecture="senn",
        recipe=Recipe(
            width=64,
            epochs=200,
            batch=16,
            learning_rate=5e-3,
            weight_decay=1e-3,
            n_concepts=6,
            robustness=0.1,
            reconstruction=3.0,
            sparsity=0.02,
        ),
        notes=FEW_PICTURES,
    ),
    "digits-prototype": Entry(
        title="Prototype network on handwritten digits",
        material="digits",
        architecture="prototype",
        recipe=Recipe(
            width=64,
            epochs=600,
            batch=16,
            learning_rate=5e-3,
            weight_decay=1e-3,
            reconstruction=0.1,
            n_prototypes=8,
            n_dimensions=10,
            near_items=0.25,
            near_prototypes=0.25,
        ),
        notes=FEW_PICTURES,
    ),
    "digits-prob-psenn": Entry(
        title="Probabilistic prototype network on handwritten digits",
        material="digits",
        architecture="prob-psenn",
        recipe=Recipe(
            width=64,
            epochs=600,
            batch=16,
            learning_rate=5e-3,
            weight_decay=1e-3,
            reconstruction=0.05,
            n_dimensions=10,
            divergence=0.05,
        ),
        notes=FEW_PICTURES,
    ),
    "digits-two-tower": Entry(
        title="Pictures and captions of handwritten digits in one space",
        material="digits",
        architecture="two-tower",
        recipe=Recipe(
            width=64,
            epochs=600,
            batch=40,
            learning_rate=5e-3,
            weight_decay=1e-3,
            word_dropout=0.2,
            n_dimensions=16,
        ),
        notes=f"{FEW_PICTURES} Captions are written by rule: the digit, and thin, plain or thick by the share of ink.",
    ),
}


def entry(name: str) -> Entry:
    """Look a predictor up; raises UnknownName with the names there are."""
    try:
        return PREDICTORS[name]
    except KeyError:
        raise UnknownName(f"predictor: {name!r} is none of {', '.join(PREDICTORS)}") from None
