"""The same seed gives the same bytes, whatever else is in the batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch

from explainers.explain import explain
from explainers.methods import gradients, lime
from explainers.methods.base import BoolArray
from explainers.methods.masking import Masking
from explainers.types import ExplainerSpec
from tests.contracts.explainer_runs import Results, Run, as_bytes, every_run
from tests.contracts.tiny import Case


@every_run
def test_same_seed_gives_the_same_bytes(run: Run, cases: Mapping[str, Case], results: Results) -> None:
    again = explain(cases[run.case].predictor, run.spec, cases[run.case].requests)

    assert as_bytes(again) == as_bytes(results.of(run))


@every_run
def test_seed_matters_exactly_where_the_method_draws(run: Run, cases: Mapping[str, Case], results: Results) -> None:
    case = cases[run.case]
    others = explain(case.predictor, run.spec, [replace(request, seed=request.seed + 1) for request in case.requests])

    differs = as_bytes(others) != as_bytes(results.of(run))
    assert differs if run.draws else not differs or run.may_draw


def check_bytes_do_not_depend_on_the_batch(run: Run, case: Case, whole: list[str]) -> None:
    """Against `whole`: each item alone, all of them backwards, and more than a part of a batch."""
    alone = [explain(case.predictor, run.spec, [request])[0] for request in case.requests]
    backwards = explain(case.predictor, run.spec, case.requests[::-1], chunk_rows=64)
    many = explain(case.predictor, run.spec, case.requests * 3, chunk_rows=64)

    assert as_bytes(alone) == whole
    assert as_bytes(backwards)[::-1] == whole
    assert as_bytes(many) == whole * 3


def whole_batch(run: Run, case: Case) -> list[str]:
    """What a mutant makes of it, which no other test may be handed."""
    return as_bytes(explain(case.predictor, run.spec, case.requests))


@every_run
def test_bytes_do_not_depend_on_batch_order_or_chunk(run: Run, cases: Mapping[str, Case], results: Results) -> None:
    check_bytes_do_not_depend_on_the_batch(run, cases[run.case], as_bytes(results.of(run)))


@every_run
def test_global_random_state_is_left_alone(run: Run, cases: Mapping[str, Case]) -> None:
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    explain(cases[run.case].predictor, run.spec, cases[run.case].requests[:2])

    assert torch.equal(before[0], torch.get_rng_state())
    assert (before[1] == np.random.get_state()[1]).all()


def _in_blocks_of_any_shape(rows: torch.Tensor, size: int) -> Iterator[tuple[torch.Tensor, int]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size], len(rows[start : start + size])


@pytest.mark.parametrize("case", ["tabular-mlp", "text-gru", "image-cnn"])
def test_mutant_whose_passes_have_the_shape_of_the_batch_is_caught(
    case: str, cases: Mapping[str, Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gradients, "in_blocks", _in_blocks_of_any_shape)
    run = Run(ExplainerSpec("saliency", {}), case)

    with pytest.raises(AssertionError):
        check_bytes_do_not_depend_on_the_batch(run, cases[case], whole_batch(run, cases[case]))


def test_mutant_that_seeds_by_place_is_caught(cases: Mapping[str, Case], monkeypatch: pytest.MonkeyPatch) -> None:
    own = lime.draw_masks

    def by_place(neighbourhoods: Masking, place: int, n_samples: int, number: int = 0) -> BoolArray:
        requests = tuple(replace(r, seed=place) for place, r in enumerate(neighbourhoods.batch.requests))
        monkeypatch.setattr(neighbourhoods, "batch", replace(neighbourhoods.batch, requests=requests))
        return own(neighbourhoods, place, n_samples, number)

    monkeypatch.setattr(lime, "draw_masks", by_place)
    run, case = Run(ExplainerSpec("lime", {"n_samples": 200}), "tabular-mlp"), cases["tabular-mlp"]

    with pytest.raises(AssertionError):
        check_bytes_do_not_depend_on_the_batch(run, case, whole_batch(run, case))
