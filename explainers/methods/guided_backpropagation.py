"""Guided backpropagation (Springenberg et al. 2015, arXiv 1412.6806, section 3.4).

The gradient, but at each rectifier only what is positive both in the layer's input and in the gradient from above
goes on. The paper has ReLU; for smooth rectifiers (SiLU, GELU) the same rule is put on top of their own slope, which
for ReLU is the paper's. Note that the result depends on the weights less than a gradient does (Adebayo et al. 2018,
arXiv 1810.03292; Nie, Zhang & Patel 2018, arXiv 1805.07039): it draws edges.
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor, nn

from explainers.errors import ParameterError
from explainers.methods import saliency
from explainers.methods.base import Attribution, Batch
from explainers.methods.layers import rectifiers, with_layers


def explain(batch: Batch) -> list[Attribution]:
    """Absolute guided gradient of the centred logit, pooled as for saliency.

    Returns
    -------
    list of Attribution
        Weights of 0 or more: sizes without a direction. Diagnostics: `score`, the centred logit.

    Raises
    ------
    ParameterError
        When the predictor has no rectifier as a layer of its own.
    """
    names = rectifiers(batch.predictor.module)
    if not names:
        raise ParameterError(
            f"explainer: guided_backpropagation needs rectifying layers (ReLU, SiLU, ...), {batch.predictor.name} has "
            "none; choose saliency"
        )
    return saliency.explain(replace(batch, predictor=with_layers(batch.predictor, names, Guided)))


class Guided(nn.Module):
    """A rectifier whose gradient passes only where its input and the gradient from above are positive."""

    def __init__(self, rectifier: nn.Module) -> None:
        super().__init__()
        self.rectifier = rectifier

    def forward(self, values: Tensor) -> Tensor:
        out: Tensor = self.rectifier(values)
        if out.requires_grad:
            # elementwise, so both conditions can be put on the gradient from above
            out.register_hook(lambda gradient: gradient.clamp(min=0) * (values > 0))  # type: ignore[no-untyped-call]
        return out
