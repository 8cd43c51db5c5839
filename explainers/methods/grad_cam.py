"""Grad-CAM (Selvaraju et al. 2017, arXiv 1610.02391, equations 1 and 2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from explainers.errors import ParameterError
from explainers.methods.base import Attribution, Batch, FloatArray
from explainers.methods.blocks import GRADIENT_ROWS, in_blocks
from explainers.methods.gradients import Points, points, scores
from explainers.methods.layers import rectifiers, with_layers
from explainers.predictors.base import Predictor


def explain(batch: Batch) -> list[Attribution]:
    """The maps of the last convolution, weighted by the mean gradient of the centred logit over each map.

    The rectified sum is brought to the picture's size by bilinear interpolation. The last convolution is taken behind
    its rectifier, where it has one.

    Returns
    -------
    list of Attribution
        Weights of 0 or more, in logits: where there is something that speaks for the class. The sum before it is
        rectified orders the pixels of weight 0. Diagnostics: `score`, the centred logit.

    Raises
    ------
    ParameterError
        When the predictor has no convolution over pictures.
    """
    name = last_maps(batch.predictor)
    tapped = with_layers(batch.predictor, [name], Tap)
    tap = tapped.module.get_submodule(name)
    assert isinstance(tap, Tap)
    found: dict[int, Attribution] = {}
    for group in points(batch):
        sums, own_scores = _weighted_sums(tapped, tap, group)
        size = group.values.shape[2:]
        before, after = (_resized(maps, size) for maps in (sums, sums.relu()))
        for place, own, order, score in zip(group.places, after, before, own_scores.tolist(), strict=True):
            found[place] = Attribution(_array(own), {"score": score}, order=_array(order))
    return [found[place] for place in range(len(batch.requests))]


def last_maps(predictor: Predictor) -> str:
    """The name of the last convolution, or of the rectifier right behind it; raises ParameterError."""
    layers = [(name, layer) for name, layer in predictor.module.named_modules() if not any(layer.children())]
    convolutions = [place for place, (_, layer) in enumerate(layers) if isinstance(layer, nn.Conv2d)]
    if not convolutions:
        raise ParameterError(
            f"explainer: grad_cam needs a convolution over pictures, {predictor.name} has none; choose another method"
        )
    last = convolutions[-1]
    behind = layers[last + 1][0] if last + 1 < len(layers) else ""
    return behind if behind in rectifiers(predictor.module) else layers[last][0]


class Tap(nn.Module):
    """A layer that keeps its last output, from which alone gradients flow: the way below it is not walked back."""

    kept: Tensor

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, values: Tensor) -> Tensor:
        with torch.no_grad():
            out: Tensor = self.layer(values)
        self.kept = out.requires_grad_()
        return self.kept


def _weighted_sums(tapped: Predictor, tap: Tap, group: Points) -> tuple[Tensor, Tensor]:
    """The weighted sums of the maps (n, rows, columns) and the scores (n,)."""
    sums, found = [], []
    blocks = zip(
        *(in_blocks(part, GRADIENT_ROWS) for part in (group.values, group.context, group.classes)), strict=True
    )
    for (values, n_true), (context, _), (classes, _) in blocks:
        with torch.enable_grad():
            score = scores(tapped, values, context, classes)
            (gradient,) = torch.autograd.grad(score.sum(), tap.kept)
        weights = gradient.mean((2, 3), keepdim=True)  # equation 1
        sums.append((weights * tap.kept.detach()).sum(1)[:n_true])  # equation 2 before its ReLU
        found.append(score.detach()[:n_true])
    return torch.cat(sums), torch.cat(found)


def _resized(maps: Tensor, size: torch.Size) -> Tensor:
    return functional.interpolate(maps[:, None], size=tuple(size), mode="bilinear", align_corners=False)[:, 0]


def _array(values: Tensor) -> FloatArray:
    return values.double().cpu().numpy().ravel()
