"""Tiny predictors of every architecture with random weights, and items on which both outputs occur."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from explainers.predictors.base import Predictor
from explainers.predictors.image import ImagePredictor
from explainers.predictors.initialise import initialise
from explainers.predictors.nets.image import Cnn, ImageSenn
from explainers.predictors.nets.prob_psenn import ProbPsenn
from explainers.predictors.nets.prototype import PrototypeNet
from explainers.predictors.nets.tabular import Mlp, TabularSenn
from explainers.predictors.nets.text import GruAttention, TextSenn
from explainers.predictors.nets.transformer import TextTransformer
from explainers.predictors.nets.two_tower import TwoTower
from explainers.predictors.prototypes import N_DRAWS
from explainers.predictors.tabular import TabularPredictor, Variable
from explainers.predictors.text import TextPredictor
from explainers.types import ImageInput, Input, ItemRequest, Modality, TabularInput, TextInput

CLASSES = ("no", "yes")
VARIABLES = (
    Variable("Age", ("28 or younger", "29 to 37", "38 to 48", "49 or older"), (0.3, 0.25, 0.25, 0.2), ordinal=True),
    Variable("Work", ("private", "public", "own firm"), (0.7, 0.2, 0.1)),
    Variable("Hours a week", ("40 or fewer", "41 or more"), (0.7, 0.3), ordinal=True),
    Variable("Country", ("one",), (1.0,)),
    Variable("Schooling", ("school", "college", "master", "doctor", "none"), (0.4, 0.3, 0.2, 0.1, 0.0)),
)
VOCABULARY = tuple(f"word{number}" for number in range(30))
LENGTHS = (1, 2, 5, 8, 9, 13, 20)
SHAPE = (1, 28, 28)
N_CONCEPTS = 4
N_PROTOTYPES = 8
N_COLUMNS = sum(len(variable.categories) for variable in VARIABLES)


@dataclass(frozen=True)
class Case:
    """A predictor and seven requests, each with a donor of the same output."""

    predictor: Predictor
    requests: tuple[ItemRequest, ...]

    @property
    def modality(self) -> Modality:
        return self.predictor.modality

    @property
    def inputs(self) -> list[Input]:
        return [request.input for request in self.requests]


def items(modality: Modality, n_items: int, seed: int) -> list[Input]:
    """Random inputs; texts take their lengths from LENGTHS in turn and hold words out of the vocabulary."""
    rng = np.random.default_rng(seed)
    if modality == "tabular":
        return [
            TabularInput(tuple((variable.name, str(rng.choice(variable.categories))) for variable in VARIABLES))
            for _ in range(n_items)
        ]
    if modality == "text":
        words = (*VOCABULARY, "unheard")
        lengths = [LENGTHS[place % len(LENGTHS)] for place in range(n_items)]
        return [TextInput(tuple(str(word) for word in rng.choice(words, size=length))) for length in lengths]
    pictures = rng.integers(0, 256, (n_items, *SHAPE), dtype=np.uint8) * (rng.random((n_items, *SHAPE)) < 0.5)
    return [ImageInput(SHAPE[1], SHAPE[2], SHAPE[0], picture.astype(np.uint8).tobytes()) for picture in pictures]


def predictor(name: str, seed: int = 7) -> Predictor:
    """A predictor by "modality-architecture", with random weights large enough to matter."""
    modality, _, architecture = name.partition("-")
    common = {"name": f"tiny-{name}", "architecture": architecture, "classes": CLASSES}
    shares = [share for variable in VARIABLES for share in variable.frequencies]
    n_ids = len(VOCABULARY) + 2
    with torch.random.fork_rng(devices=[]):
        modules = {
            "tabular-mlp": lambda: Mlp(N_COLUMNS, 2, 8),
            "tabular-senn": lambda: TabularSenn(shares, 2, 8),
            "text-gru": lambda: GruAttention(n_ids, 2, 8),
            "text-transformer": lambda: TextTransformer(n_ids, 2, 8),
            "text-senn": lambda: TextSenn(n_ids, 2, 8),
            "image-cnn": lambda: Cnn(SHAPE, 2, 4),
            "image-senn": lambda: ImageSenn(SHAPE, 2, 8, N_CONCEPTS),
            "image-prototype": lambda: PrototypeNet(SHAPE, 2, 8, N_PROTOTYPES, 6),
            "image-prob-psenn": lambda: ProbPsenn(SHAPE, 2, 8, 6),
            "image-two-tower": lambda: TwoTower(SHAPE, CLASSES, 8, 6),
        }
        module = initialise(modules[name](), seed)
    with torch.no_grad():
        for weight in module.parameters():
            weight.mul_(3)
    if modality == "tabular":
        return TabularPredictor(**common, module=module, variables=VARIABLES)
    if modality == "text":
        return TextPredictor(**common, module=module, vocabulary=VOCABULARY)
    n_rows = {"senn": N_CONCEPTS, "prototype": N_PROTOTYPES}.get(architecture, 0)
    n_pictures = 2
    if architecture == "prob-psenn":
        n_rows, n_pictures = len(CLASSES), N_DRAWS
    prototypes = tuple(tuple(items("image", n_pictures, seed)) for seed in range(n_rows))
    return ImagePredictor(**common, module=module, shape=SHAPE, prototypes=prototypes)


PREDICTORS = (
    "tabular-mlp",
    "tabular-senn",
    "text-gru",
    "text-transformer",
    "text-senn",
    "image-cnn",
    "image-senn",
    "image-prototype",
    "image-prob-psenn",
    "image-two-tower",
)
# Layer normalisation of an untrained net makes gradients of hundreds, of which single precision keeps three digits.
STEEP = frozenset({"text-transformer"})
# There for the methods bound to their architecture; the others do without.
BOUND = frozenset({"image-prototype", "image-prob-psenn", "image-two-tower"})


def case(name: str) -> Case:
    """The predictor, its weights shifted so that both outputs occur, with seven items and their donors."""
    model = predictor(name)
    pool = items(model.modality, 42, seed=1)
    _balance(model, pool)
    model.learned_from(lambda: items(model.modality, 120, seed=3))
    classes = [output.class_index for output in model.outputs(pool)]
    if len(set(classes[:7])) == 1:  # bring in an item of the other output, of the same length if a text
        other = next(place for place in range(7, 42, 7) if classes[place] != classes[0])
        for both in (pool, classes):
            both[0], both[other] = both[other], both[0]
    requests = []
    for place, item in enumerate(pool[:7]):
        donors = [d for d, own in zip(pool[7:], classes[7:], strict=True) if own == classes[place] and d != item]
        donor = min(donors, key=lambda d: abs(_length(d) - _length(item)))
        requests.append(ItemRequest(item, seed=100 + place, donor=donor))
    return Case(model, tuple(requests))


def _length(item: Input) -> int:
    return len(item.tokens) if isinstance(item, TextInput) else 0


def _balance(model: Predictor, pool: Sequence[Input]) -> None:
    """Shift a bias so that half of the pool has each output: a SENN's own, else that of the last layer."""
    if isinstance(model.module, PrototypeNet):
        _balance_prototypes(model, model.module, pool)
        return
    if isinstance(model.module, ProbPsenn):
        means = model.module.prototypes.means
        away = torch.cat([means[0] - means[1], torch.zeros(means.shape[1])])
        _balance_codes(model, model.module.encoder[-1].bias, away, pool)
        return
    if isinstance(model.module, TwoTower):
        ids = model.module.captions.flatten(0, 1)
        texts = model.module.of_captions(ids, torch.ones_like(ids)).unflatten(0, model.module.captions.shape[:2])
        _balance_codes(model, model.module.picture[-1].bias, texts[0].mean(0) - texts[1].mean(0), pool)
        return
    biases = dict(model.module.named_parameters())
    bias = biases.get("bias", list(biases.values())[-1])
    with torch.no_grad():
        logits = model.logits(model.encode(pool))
        bias[0] -= (logits[:, 0] - logits[:, 1]).median() + 1e-3  # no item right between the outputs


def _balance_prototypes(model: Predictor, module: PrototypeNet, pool: Sequence[Input]) -> None:
    """Without a bias: the first class's weights less what the median item needs."""
    with torch.no_grad():
        logits = model.logits(model.encode(pool))
        sums = module.prototypes(module.encoder(model.encode(pool))).sum(1)
        module.last.weight[0] -= ((logits[:, 0] - logits[:, 1]) / sums).median() + 1e-4


def _balance_codes(model: Predictor, bias: torch.Tensor, away: torch.Tensor, pool: Sequence[Input]) -> None:
    """Codes are moved towards the first class or away from it, by halving the steps."""
    with torch.no_grad():
        before = bias.clone()
        place, step = 0.0, 8.0
        for _ in range(30):
            bias.copy_(before + place * away)
            logits = model.logits(model.encode(pool))
            place += step if (logits[:, 0] - logits[:, 1]).median() < 0 else -step
            step /= 2


def assert_captums(ours: np.ndarray, theirs: np.ndarray, name: str) -> None:
    """Equal to what captum gives, as far as single precision goes in this net."""
    atol = 1e-3 * float(np.abs(theirs).max()) if name in STEEP else 1e-6
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=atol)
