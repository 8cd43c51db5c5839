"""Trained predictors on disk: `model.safetensors` beside `card.json`. No pickle is ever read."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from explainers.background import training_inputs
from explainers.cards import WEIGHTS_FILE, Card, read_card, write_card
from explainers.errors import ArtifactError
from explainers.folders import write_whole
from explainers.predictors.base import Predictor
from explainers.predictors.build import build_module, build_predictor
from explainers.weights import Stored, read_header

WEIGHTS_SIZE_LIMIT = 500_000_000  # bytes
DTYPES = {"F32": torch.float32, "F64": torch.float64, "F16": torch.float16, "I64": torch.int64, "BOOL": torch.bool}


def save_predictor(folder: Path, card: Card, module: nn.Module) -> Card:
    """Write weights, then the card that names their digest; returns that card."""
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in module.state_dict().items()}
    content = safetensors.torch.save(state)
    card = dataclasses.replace(card, weights_sha256=hashlib.sha256(content).hexdigest())
    write_whole(folder / WEIGHTS_FILE, content)
    write_card(folder, card)
    return card


def load_predictor(folder: Path) -> Predictor:
    """Load a trained predictor, on the CPU.

    Raises
    ------
    ArtifactError
        When the card or the weights are missing or damaged, do not belong together, are of another architecture,
        or hold a number that is not finite.
    """
    card = read_card(folder)
    stored = read_header(folder / WEIGHTS_FILE)
    # Both may lie: the module takes memory only when the card's numbers are those of a file of a known size.
    with torch.device("meta"):
        _expect_shapes(stored, build_module(card), folder)
    state = _read_weights(folder / WEIGHTS_FILE, card)
    _expect_finite(state, folder)
    module = build_module(card)
    module.load_state_dict(state)
    return build_predictor(card, module).learned_from(partial(training_inputs, card))


def _read_weights(path: Path, card: Card) -> dict[str, Tensor]:
    try:
        if path.stat().st_size > WEIGHTS_SIZE_LIMIT:
            raise ArtifactError(f"{path}: larger than {WEIGHTS_SIZE_LIMIT} bytes; train the predictor again")
        content = path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{path}: weights were expected ({error.strerror}); train the predictor") from error
    came = hashlib.sha256(content).hexdigest()
    if came != card.weights_sha256:
        raise ArtifactError(
            f"{path}: the card promises sha256 {card.weights_sha256}, {came} came; train the predictor again"
        )
    try:
        state: dict[str, Tensor] = safetensors.torch.load(content)
    except SafetensorError as error:
        raise ArtifactError(f"{path}: no valid safetensors file ({error}); train the predictor again") from error
    return state


def _expect_shapes(stored: Mapping[str, Stored], module: nn.Module, folder: Path) -> None:
    expected = {name: (tensor.dtype, tuple(tensor.shape)) for name, tensor in module.state_dict().items()}
    came = {name: (DTYPES.get(entry.dtype, entry.dtype), entry.shape) for name, entry in stored.items()}
    for name in sorted(expected.keys() | came.keys()):
        if expected.get(name) != came.get(name):
            raise ArtifactError(
                f"{folder}: {name}: the card's architecture has {expected.get(name)}, the file has {came.get(name)}; "
                "train the predictor again"
            )


def _expect_finite(state: Mapping[str, Tensor], folder: Path) -> None:
    for name, tensor in state.items():
        if not torch.isfinite(tensor).all():
            raise ArtifactError(f"{folder}: {name} holds numbers that are not finite; train the predictor again")
