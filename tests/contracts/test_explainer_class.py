"""Every explainer explains the predictor's own output."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

import explainers.explain as explaining
from explainers.explain import explain
from explainers.methods.base import Attribution, Batch, method
from explainers.registry import EXPLAINERS, checked
from explainers.types import Explanation
from tests.contracts.explainer_runs import Results, Run, every_real_run, every_run
from tests.contracts.tiny import Case


def check_explains_own_output(explanations: Sequence[Explanation], case: Case) -> None:
    explained = [explanation.explained_class for explanation in explanations]

    assert explained == [output.class_index for output in case.predictor.outputs(case.inputs)]


@every_run
def test_the_predictors_own_output_is_explained(run: Run, cases: Mapping[str, Case], results: Results) -> None:
    check_explains_own_output(results.of(run), cases[run.case])


@every_real_run
def test_weights_point_towards_the_explained_class(run: Run, cases: Mapping[str, Case]) -> None:
    """With two classes, what speaks for one speaks against the other; sizes without direction stay.

    Grad-CAM and guided backpropagation keep what speaks for a class alone, and a rule holds one class fast, so each
    class has weights of its own.
    """
    case = cases[run.case]
    for_0, for_1 = (
        [directed(attribution) for attribution in method(run.spec.name)(batch(run, case, (class_index,) * 7))]
        for class_index in (0, 1)
    )
    sign = -1 if EXPLAINERS[run.spec.name].signed else 1

    if run.spec.name == "similarity_saliency":  # each class has a caption of its own
        assert not any(np.allclose(one, sign * other) for one, other in zip(for_0, for_1, strict=True))
        return
    if run.spec.name in {"grad_cam", "guided_backpropagation", "anchors"}:
        assert all(min(one.min(), other.min()) >= 0 for one, other in zip(for_0, for_1, strict=True))
        assert not all(np.array_equal(one, other) for one, other in zip(for_0, for_1, strict=True))
        return
    if "strip" in EXPLAINERS[run.spec.name].forms.values():  # the item leans as much to one as away from the other
        own = 2 if case.modality == "image" else 0
        for_0, for_1 = ([margins[own : own + 1] for margins in some] for some in (for_0, for_1))
    for one, other in zip(for_0, for_1, strict=True):
        np.testing.assert_allclose(one, sign * other, rtol=1e-4, atol=1e-6)


def directed(attribution: Attribution) -> np.ndarray:
    """The weights; of a composite those of its first part, which is LIME here."""
    return attribution.parts[0][1].weights if attribution.parts else attribution.weights


def batch(run: Run, case: Case, classes: tuple[int, ...]) -> Batch:
    return Batch(case.predictor, case.requests, classes, checked(run.spec).params, 4096)


def _the_other_class(own: Callable[..., tuple[int, ...]]) -> Callable[..., tuple[int, ...]]:
    return lambda model, inputs: tuple(1 - class_index for class_index in own(model, inputs))


@every_real_run
def test_mutant_that_explains_the_label_is_caught(
    run: Run, cases: Mapping[str, Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Labels that are wrong wherever the predictor's output stands."""
    case = cases[run.case]
    monkeypatch.setattr(explaining, "own_classes", _the_other_class(explaining.own_classes))
    of_the_label = explain(case.predictor, run.spec, case.requests)

    with pytest.raises(AssertionError):
        check_explains_own_output(of_the_label, case)
