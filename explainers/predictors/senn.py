"""Self-explaining neural networks (Alvarez-Melis & Jaakkola 2018, arXiv 1806.07538): the form and its penalty.

logits_c(x) = sum_i theta_ic(x) h_i(x) + b_c with concepts h and relevances theta. We depart from the paper in two
points, both so that one relevance can be read alone: theta sums to 0 over the classes (the softmax does not see a
shift shared by all classes), and the bias is a constant rather than a further concept.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn


@dataclass(frozen=True)
class Parts:
    """The pieces of one forward pass.

    `point` (n, ...) is where the network is differentiated: the input itself, or for text the presence of each
    token (ones). `concepts` h has shape (n, k), `relevances` theta (n, k, n_classes).
    """

    point: Tensor
    concepts: Tensor
    relevances: Tensor


class SennModule(nn.Module, ABC):
    """A module whose logits are sum_i theta_i h_i plus one constant a class."""

    def __init__(self, n_classes: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(n_classes))

    @abstractmethod
    def parts(self, encoded: Tensor, *, differentiable: bool = False) -> Parts:
        """h and theta for an encoded batch; with `differentiable`, `point` is a leaf that both depend on."""

    def combine(self, parts: Parts) -> Tensor:
        """Logits (n, n_classes) from the parts."""
        return torch.einsum("nk,nkc->nc", parts.concepts, parts.relevances) + self.bias

    def forward(self, encoded: Tensor) -> Tensor:
        return self.combine(self.parts(encoded))


def centred(relevances: Tensor) -> Tensor:
    """Relevances (n, k, n_classes) less their mean over the classes."""
    return relevances - relevances.mean(-1, keepdim=True)


def robustness_penalty(parts: Parts, generator: Generator) -> Tensor:
    """One-probe estimate of || grad_x f - J_h^T theta ||^2 (Frobenius, all classes), one value an item.

    By the product rule the residual equals sum_i h_i grad theta_i, i.e. the gradient of s_c = sum_i theta_ic
    stopgrad(h_i). With a random sign v_c a class, E || grad (v . s) ||^2 is the sum over the classes, so one
    backward pass is enough. No penalty gradient reaches h.

    Parameters
    ----------
    parts : Parts
        From ``module.parts(encoded, differentiable=True)``; theta must be twice differentiable (Softplus, SiLU).
    generator : torch.Generator
        Draws the signs, on the CPU.

    Returns
    -------
    Tensor
        Shape (n,), in squared logits per squared unit of the input.
    """
    score = torch.einsum("nk,nkc->nc", parts.concepts.detach(), parts.relevances)
    signs = torch.randint(0, 2, score.shape, generator=generator).to(score) * 2 - 1
    (gradient,) = torch.autograd.grad((signs * score).sum(), parts.point, create_graph=True)
    return gradient.flatten(1).square().sum(1)
