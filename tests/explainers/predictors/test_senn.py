"""The penalty against the full Jacobian form, and what the parts of a SENN promise."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn

from explainers.errors import InputError
from explainers.material.base import Labelled
from explainers.predictors.base import Predictor
from explainers.predictors.initialise import initialise
from explainers.predictors.nets.image import ImageSenn
from explainers.predictors.nets.tabular import TabularSenn
from explainers.predictors.nets.text import TextSenn
from explainers.predictors.senn import Parts, SennModule, robustness_penalty
from explainers.types import Modality
from tests.explainers.tiny import MATERIALS

N_CLASSES = 3


def tabular() -> tuple[SennModule, Tensor]:
    return TabularSenn([0.2, 0.3, 0.5, 0.6, 0.4], N_CLASSES, width=6), torch.eye(5)[[0, 2, 4, 3]]


def text() -> tuple[SennModule, Tensor]:
    return TextSenn(9, N_CLASSES, width=6), torch.tensor([[2, 3, 0, 8, 1], [5, 5, 7, 0, 0]])


def image() -> tuple[SennModule, Tensor]:
    pictures = torch.rand((2, 1, 8, 8), generator=torch.Generator().manual_seed(5))
    return ImageSenn((1, 8, 8), N_CLASSES, width=6, n_concepts=4), pictures


MAKERS = {"tabular": tabular, "text": text, "image": image}


@pytest.fixture(params=MAKERS)
def case(request: pytest.FixtureRequest) -> tuple[SennModule, Tensor]:
    module, items = MAKERS[request.param]()
    for parameter in initialise(module, seed=11).double().parameters():
        parameter.data *= 3  # far from linear, so that the penalty is far from 0
    return module, items if items.dtype == torch.long else items.double()


def jacobian(values: Tensor, point: Tensor) -> Tensor:
    """d values (n, ...) / d point (n, ...), item by item: shape (n, values of an item, coordinates of an item)."""
    flat = values.flatten(1)
    rows = []
    for place in range(flat.shape[1]):
        (row,) = torch.autograd.grad(flat[:, place].sum(), point, retain_graph=True, allow_unused=True)
        rows.append((torch.zeros_like(point) if row is None else row).flatten(1))
    return torch.stack(rows, 1)


def full_penalty(module: SennModule, parts: Parts) -> Tensor:
    """|| grad_x f - J_h^T theta ||^2 by C + k backward passes, as the paper writes it."""
    of_logits = jacobian(module.combine(parts), parts.point)
    of_concepts = jacobian(parts.concepts, parts.point)
    residual = of_logits - torch.einsum("nkd,nkc->ncd", of_concepts, parts.relevances)
    return residual.square().sum((1, 2))


def test_mean_over_all_signs_equals_the_full_jacobian_form(case: tuple[SennModule, Tensor]) -> None:
    module, items = case
    parts = module.parts(items, differentiable=True)
    full = full_penalty(module, parts)

    probes = [
        robustness_penalty(module.parts(items, differentiable=True), torch.Generator().manual_seed(seed))
        for seed in range(4000)
    ]

    spread = torch.stack(probes).std(0) / 4000**0.5
    assert (full > 1e-6).all()
    assert ((torch.stack(probes).mean(0) - full).abs() <= 4.5 * spread + 1e-12).all()


def test_gradient_of_the_stopped_score_equals_the_residual_exactly(case: tuple[SennModule, Tensor]) -> None:
    module, items = case
    parts = module.parts(items, differentiable=True)

    score = torch.einsum("nk,nkc->nc", parts.concepts.detach(), parts.relevances)
    by_classes = jacobian(score, parts.point).square().sum((1, 2))

    torch.testing.assert_close(by_classes, full_penalty(module, parts), rtol=1e-9, atol=1e-12)


def test_penalty_is_zero_where_relevances_are_constant(case: tuple[SennModule, Tensor]) -> None:
    module, items = case
    last = [part for part in module.modules() if isinstance(part, nn.Linear)]
    for linear in last if isinstance(module, TextSenn) else [module.relevance[-2]]:
        linear.weight.data.zero_()

    penalty = robustness_penalty(module.parts(items, differentiable=True), torch.Generator().manual_seed(0))

    torch.testing.assert_close(penalty, torch.zeros_like(penalty), rtol=0, atol=1e-20)


def test_words_may_differ_in_relevance_without_a_penalty() -> None:
    """Where no word changes another's relevance the text is a bag of words, and the penalty has nothing to say."""
    module, items = text()
    assert isinstance(module, TextSenn)
    initialise(module, seed=1)
    with torch.no_grad():
        module.whole.weight.zero_()
        module.neighbours.weight[:, :, [0, 1, 3, 4]] = 0

    parts = module.parts(items, differentiable=True)

    assert parts.relevances[items > 0].std(0).min() > 1e-3
    torch.testing.assert_close(full_penalty(module, parts), torch.zeros(2), rtol=0, atol=1e-12)
    torch.testing.assert_close(robustness_penalty(parts, torch.Generator()), torch.zeros(2), rtol=0, atol=1e-12)


def test_mean_over_the_signs_is_the_full_jacobian_form_to_the_last_digit(case: tuple[SennModule, Tensor]) -> None:
    """One backward pass a sign vector; over all eight of them the mean is no longer an estimate."""
    module, items = case
    parts = module.parts(items, differentiable=True)
    score = torch.einsum("nk,nkc->nc", parts.concepts.detach(), parts.relevances)

    penalties = []
    for signs in itertools.product([-1.0, 1.0], repeat=N_CLASSES):
        (gradient,) = torch.autograd.grad((score * torch.tensor(signs)).sum(), parts.point, retain_graph=True)
        penalties.append(gradient.flatten(1).square().sum(1))

    torch.testing.assert_close(torch.stack(penalties).mean(0), full_penalty(module, parts), rtol=1e-9, atol=1e-12)


def test_no_penalty_gradient_reaches_the_concepts() -> None:
    module, items = image()
    initialise(module, seed=1)

    robustness_penalty(module.parts(items, differentiable=True), torch.Generator().manual_seed(0)).sum().backward()

    assert isinstance(module, ImageSenn)
    assert all(parameter.grad is None for parameter in module.encoder.parameters())
    assert any(
        parameter.grad.abs().sum() > 0 for parameter in module.relevance.parameters() if parameter.grad is not None
    )


@pytest.mark.parametrize("modality", ["tabular", "text", "image"])
def test_logits_are_concepts_times_relevances_plus_a_constant(
    predictors: Mapping[tuple[Modality, str], Predictor], modality: Modality
) -> None:
    predictor = predictors[modality, "senn"]
    encoded = predictor.encode([item.input for item in _items(modality)])

    h, theta = predictor.concepts(encoded), predictor.relevances(encoded)

    rebuilt = torch.einsum("nk,nkc->nc", h, theta) + predictor.senn.bias
    torch.testing.assert_close(rebuilt, predictor.logits(encoded), rtol=0, atol=1e-5)
    torch.testing.assert_close(theta.sum(2), torch.zeros(h.shape), rtol=0, atol=1e-5)


def test_plain_network_has_no_concepts(predictors: Mapping[tuple[Modality, str], Predictor]) -> None:
    plain = predictors["tabular", "mlp"]

    with pytest.raises(InputError, match="tiny-tabular-mlp is of architecture mlp, not senn"):
        plain.concepts(plain.encode([]))


def _items(modality: Modality) -> list[Labelled]:
    return list(MATERIALS[modality].read()[:20])
