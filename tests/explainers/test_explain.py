"""Batches in which something goes wrong: memory that is not enough, items that cannot be explained."""

from __future__ import annotations

import copy
from math import inf

import pytest
import torch
from torch import Tensor, nn

from explainers.errors import ExplainerError, ParameterError, Stopped
from explainers.explain import explain, explain_each
from explainers.predictors.base import Predictor
from explainers.types import ExplainerSpec, Explanation
from tests.contracts.tiny import Case, case

SALIENCY = ExplainerSpec("saliency", {})


@pytest.fixture(scope="module")
def tabular() -> Case:
    return case("tabular-mlp")


class Cramped(nn.Module):
    """A module for which memory is not enough the first `n_fails` times that it is asked for gradients."""

    def __init__(self, module: nn.Module, n_fails: float, error: Exception) -> None:
        super().__init__()
        self.module, self.n_fails, self.error, self.n_asked = module, n_fails, error, 0

    def forward(self, values: Tensor) -> Tensor:
        self.n_asked += values.requires_grad
        if values.requires_grad and self.n_asked <= self.n_fails:
            raise self.error
        out: Tensor = self.module(values)
        return out


class Choosy(nn.Module):
    """A module that breaks at one item's row."""

    def __init__(self, module: nn.Module, row: Tensor) -> None:
        super().__init__()
        self.module, self.row = module, row

    def forward(self, values: Tensor) -> Tensor:
        if values.requires_grad and (values.detach() == self.row).all(1).any():
            raise RuntimeError("this row cannot be")
        out: Tensor = self.module(values)
        return out


def with_module(model: Predictor, module: nn.Module) -> Predictor:
    other = copy.copy(model)
    other.module = module
    return other


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried to allocate 1 bytes"),
    ],
)
def test_less_is_asked_at_once_where_memory_is_not_enough_and_the_result_is_the_same(
    tabular: Case, error: Exception
) -> None:
    requests = tabular.requests * 16
    expected = explain(tabular.predictor, SALIENCY, requests)
    cramped, done = Cramped(tabular.predictor.module, 2, error), []

    found = explain(with_module(tabular.predictor, cramped), SALIENCY, requests, progress=done.append)

    assert found == expected
    assert done[0] == len(requests) // 4  # halved twice


def test_memory_that_is_not_enough_for_one_item_is_said(tabular: Case) -> None:
    cramped = Cramped(tabular.predictor.module, inf, MemoryError())
    with pytest.raises(ExplainerError, match="the memory is not enough for one item; choose fewer samples"):
        explain(with_module(tabular.predictor, cramped), SALIENCY, tabular.requests)


def test_another_error_is_not_taken_for_memory(tabular: Case) -> None:
    cramped = Cramped(tabular.predictor.module, inf, RuntimeError("device-side assert"))
    with pytest.raises(RuntimeError, match="device-side assert"):
        explain(with_module(tabular.predictor, cramped), SALIENCY, tabular.requests)
    assert cramped.n_asked == 1


def test_an_item_that_cannot_be_explained_gives_its_reason_and_the_others_go_on(tabular: Case) -> None:
    row = tabular.predictor.encode([tabular.requests[2].input])[0]
    broken = with_module(tabular.predictor, Choosy(tabular.predictor.module, row))
    seen: list[int] = []

    found = explain_each(broken, SALIENCY, tabular.requests, progress=seen.append)

    whole = explain(tabular.predictor, SALIENCY, tabular.requests)
    same = [place for place, request in enumerate(tabular.requests) if request.input == tabular.requests[2].input]
    assert [place for place, one in enumerate(found) if isinstance(one, ExplainerError)] == same
    assert "RuntimeError: this row cannot be" in str(found[2])
    assert [one for one in found if isinstance(one, Explanation)] == [
        one for place, one in enumerate(whole) if place not in same
    ]
    assert seen[-1] == len(tabular.requests)


def test_where_nothing_can_be_explained_it_is_not_the_items_fault(tabular: Case) -> None:
    broken = with_module(tabular.predictor, Cramped(tabular.predictor.module, inf, RuntimeError("no device")))
    with pytest.raises(RuntimeError, match="no device"):
        explain_each(broken, SALIENCY, tabular.requests)
    with pytest.raises(ParameterError, match="needs a predictor of architecture senn"):
        explain_each(tabular.predictor, ExplainerSpec("senn", {}), tabular.requests)


def test_where_all_can_be_explained_nothing_is_asked_twice(tabular: Case) -> None:
    roomy = Cramped(tabular.predictor.module, 0, MemoryError())
    model = with_module(tabular.predictor, roomy)
    assert explain_each(model, SALIENCY, tabular.requests) == explain(tabular.predictor, SALIENCY, tabular.requests)
    assert roomy.n_asked == 1


class Patience:
    """Goes on for so many passes of the predictor."""

    def __init__(self, n_passes: int) -> None:
        self.n_passes, self.n_asked = n_passes, 0

    def __call__(self) -> bool:
        self.n_asked += 1
        return self.n_asked <= self.n_passes


@pytest.mark.parametrize("name", ["lime", "saliency", "placebo_random_weights"])
def test_a_batch_that_nobody_waits_for_ends_before_the_next_pass(tabular: Case, name: str) -> None:
    spec = ExplainerSpec(name, {})
    whole = Patience(1_000_000)
    expected = explain(tabular.predictor, spec, tabular.requests)
    assert explain_each(tabular.predictor, spec, tabular.requests, goes_on=whole) == expected  # asking changes nothing
    assert whole.n_asked >= 2

    patience = Patience(1)
    with pytest.raises(Stopped):
        explain_each(tabular.predictor, spec, tabular.requests, goes_on=patience)

    assert patience.n_asked == 2  # neither that item nor any other is tried again alone
    assert explain(tabular.predictor, spec, tabular.requests) == expected  # and nobody is asked any more
    assert patience.n_asked == 2
