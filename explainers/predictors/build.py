"""From a model card to a module and a predictor. Weights come afterwards: fresh from a seed, or from a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import nn

from explainers.cards import Card
from explainers.errors import ArtifactError
from explainers.predictors.base import Predictor
from explainers.predictors.image import ImagePredictor
from explainers.predictors.nets.image import Cnn, ImageSenn
from explainers.predictors.nets.prob_psenn import ProbPsenn
from explainers.predictors.nets.prototype import PrototypeNet
from explainers.predictors.nets.tabular import Mlp, TabularSenn
from explainers.predictors.nets.text import GruAttention, TextSenn
from explainers.predictors.nets.transformer import TextTransformer
from explainers.predictors.nets.two_tower import TwoTower
from explainers.predictors.tabular import TabularPredictor
from explainers.predictors.text import UNKNOWN, TextPredictor


def _frequencies(card: Card) -> list[float]:
    return [share for variable in card.variables for share in variable.frequencies]


def _n_ids(card: Card) -> int:
    return len(card.vocabulary) + UNKNOWN + 1


def _shape(card: Card) -> tuple[int, int, int]:
    if card.shape is None:
        raise ArtifactError(f"{card.name}: the card of an image predictor must give a shape")
    return card.shape


NETS: Mapping[tuple[str, str], Callable[[Card], nn.Module]] = {
    ("tabular", "mlp"): lambda card: Mlp(len(_frequencies(card)), len(card.classes), card.recipe.width),
    ("tabular", "senn"): lambda card: TabularSenn(_frequencies(card), len(card.classes), card.recipe.width),
    ("text", "gru"): lambda card: GruAttention(_n_ids(card), len(card.classes), card.recipe.width),
    ("text", "senn"): lambda card: TextSenn(_n_ids(card), len(card.classes), card.recipe.width),
    ("text", "transformer"): lambda card: TextTransformer(_n_ids(card), len(card.classes), card.recipe.width),
    ("image", "cnn"): lambda card: Cnn(_shape(card), len(card.classes), card.recipe.width),
    ("image", "senn"): lambda card: ImageSenn(
        _shape(card), len(card.classes), card.recipe.width, card.recipe.n_concepts
    ),
    ("image", "prototype"): lambda card: PrototypeNet(
        _shape(card), len(card.classes), card.recipe.width, card.recipe.n_prototypes, card.recipe.n_dimensions
    ),
    ("image", "two-tower"): lambda card: TwoTower(
        _shape(card), card.classes, card.recipe.width, card.recipe.n_dimensions
    ),
    ("image", "prob-psenn"): lambda card: ProbPsenn(
        _shape(card), len(card.classes), card.recipe.width, card.recipe.n_dimensions
    ),
}


def build_module(card: Card) -> nn.Module:
    """The module that the card describes; its weights are still those of its construction.

    Raises
    ------
    ArtifactError
        When no such architecture is known for the modality.
    """
    try:
        net = NETS[card.modality, card.architecture]
    except KeyError:
        known = ", ".join(f"{modality} {architecture}" for modality, architecture in NETS)
        raise ArtifactError(f"{card.name}: {card.modality} {card.architecture} is none of {known}") from None
    with torch.random.fork_rng(devices=[]):  # torch draws weights at construction: leave the global state alone
        return net(card)


def build_predictor(card: Card, module: nn.Module) -> Predictor:
    """The predictor of the card's modality around a module that has its weights."""
    match card.modality:
        case "tabular":
            return TabularPredictor(
                name=card.name,
                architecture=card.architecture,
                classes=card.classes,
                module=module,
                variables=card.variables,
            )
        case "text":
            return TextPredictor(
                name=card.name,
                architecture=card.architecture,
                classes=card.classes,
                module=module,
                vocabulary=card.vocabulary,
            )
        case "image":
            return ImagePredictor(
                name=card.name,
                architecture=card.architecture,
                classes=card.classes,
                module=module,
                shape=_shape(card),
                prototypes=card.prototypes,
            )
