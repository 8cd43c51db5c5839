"""Controls: a constant predictor has nothing to explain, and a placebo looks like an explanation without being one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from explainers.explain import explain
from explainers.registry import EXPLAINERS, base_name, base_of
from explainers.types import ExplainerSpec, Explanation, Form, Heatmap, Prototypes
from tests.contracts.explainer_runs import (
    OF_OWN_SIZES,
    RUNS,
    Results,
    Run,
    every_placebo_run,
    every_real_run,
    weights,
    with_weights,
)
from tests.contracts.tiny import Case


@every_real_run
def test_a_predictor_that_never_changes_its_answer_gets_zero_weights(run: Run, cases: Mapping[str, Case]) -> None:
    """Attention says where it looks, not what follows: a predictor that sees no difference looks at all alike."""
    constant = with_weights(cases[run.case].predictor, 0.0)

    explanations = explain(constant, run.spec, cases[run.case].requests)

    if isinstance(explanations[0].form, Prototypes):  # every class has some, equally like every item
        assert len({explanation.form for explanation in explanations}) == 1
        return
    for explanation in explanations:
        found = weights(explanation.form)
        expected = 1 / found.size if run.is_attention else 0.0
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=0)


@every_placebo_run
def test_placebo_differs_from_the_real_explanation(run: Run, results: Results) -> None:
    together = list(zip(results.of(run), results.of(base_run(run)), strict=True))
    if not run.has_weights:
        shown = [(p.form, r.form) for p, r in together if weights(r.form).size > 1]  # some items have nothing to change
        assert len(shown) >= run.fewest_varied
        assert all(placebo != real for placebo, real in shown)
        return
    pairs = [(weights(p.form), weights(r.form)) for p, r in together]
    varied = [pair for pair in pairs if pair[1].size > 2 and np.unique(pair[1]).size > 1]
    differing = [not np.array_equal(ours, theirs) for ours, theirs in varied]

    assert len(differing) >= run.fewest_varied
    assert sum(differing) >= len(differing) - run.most_alike


def base_run(run: Run) -> Run:
    """The real explanation that a placebo stands beside."""
    name = base_name(run.spec)
    params = {key: value for key, value in run.spec.params.items() if key in EXPLAINERS[name].params}
    return Run(ExplainerSpec(name, params), run.case)


def of_donors(run: Run, case: Case) -> list[Explanation]:
    """What the real explanation says of the items' donors, with the items' seeds."""
    requests = tuple(replace(request, input=request.donor) for request in case.requests)
    return explain(case.predictor, run.spec, requests)


@pytest.mark.parametrize("run", [r for r in RUNS if r.placebo and r.spec.name not in OF_OWN_SIZES], ids=str)
def test_placebo_has_the_sizes_of_a_real_explanation(run: Run, cases: Mapping[str, Case], results: Results) -> None:
    """Those of the item's own, exactly. Another item: no size that its donor's has not. Uniform: the same total."""
    of_donor = run.spec.name == "placebo_other_item"
    base = base_run(run)
    others = of_donors(base, cases[run.case]) if of_donor else results.of(base)
    for placebo, other in zip(results.of(run), others, strict=True):
        ours, theirs = np.abs(weights(placebo.form)), np.abs(weights(other.form))
        if of_donor:
            assert set(ours.tolist()) <= set(theirs.tolist())
        elif run.is_uniform:
            check_total(placebo.form, other.form)
        else:
            assert np.array_equal(np.sort(ours), np.sort(theirs))


def check_total(uniform: Form, other: Form) -> None:
    """Where the units of a map have several pixels, or of several sizes, the map's own total is another."""
    ours, theirs = np.abs(weights(uniform)), np.abs(weights(other))
    if isinstance(uniform, Heatmap):
        assert theirs.min() <= ours.max() <= theirs.max()
    else:
        assert ours.sum() == pytest.approx(theirs.sum(), rel=1e-6)


@every_placebo_run
def test_placebo_of_a_method_without_directions_has_none(run: Run, results: Results) -> None:
    signed = {bool((weights(explanation.form) < 0).any()) for explanation in results.of(run)}

    has_directions = base_of(run.spec).signed and not run.is_uniform
    assert True in signed if has_directions else signed == {False}
