"""What every explainer of the registry promises, on a tiny predictor of every architecture.

A `Run` is a registry entry (a placebo once for each base method) on one predictor; methods bound to an architecture
run on that one alone. Mutants at the end turn the promises red.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch

import explainers.explain as explaining
from explainers.errors import ExplainerError, InputError, ParameterError, UnknownName
from explainers.explain import explain
from explainers.methods import gradients, lime
from explainers.methods.base import Attribution, Batch, BoolArray, method
from explainers.methods.masking import Masking
from explainers.predictors.base import Predictor
from explainers.registry import EXPLAINERS, Choice, base_name, base_of, checked, form_of, forms_of, needs_of
from explainers.types import (
    CaptionMatch,
    Composite,
    Concepts,
    Example,
    Examples,
    ExplainerSpec,
    Explanation,
    FeatureCard,
    FeatureCards,
    FeatureWeights,
    Form,
    FormulaCard,
    Formulas,
    Heatmap,
    Input,
    ItemRequest,
    Prototype,
    Prototypes,
    Rule,
    Step,
    Strip,
    TabularInput,
    TokenWeights,
    form_from_json,
)
from tests.contracts.tiny import BOUND, PREDICTORS, SHAPE, Case

# enough for promises, quick; the cells of four groups are of one size
FEW = {
    "n_samples": 200,
    "n_steps": 10,
    "n_copies": 8,
    "n_coalitions": 200,
    "n_groups": 4,
    "max_rows": 2000,
    "max_conditions": 2,
    "n_rounds": 20,
    "training_steps": 30,
    "active_share": 0.05,
}
# These placebos look at the real weights alone, so one base method for every kind of unit will do.
KINDS = (
    "occlusion",
    "gradient_x_input",
    "grad_cam",
    "senn",
    "anchors",
    "nearest_examples",
    "decision_boundary",
    "latent_shift",
    "prototypes",
    "probabilistic_prototypes",
    "concept_formulas",
)
BASES = {
    "placebo_random": KINDS,
    "placebo_edges": ("occlusion", "gradient_x_input", "grad_cam"),
    "placebo_uniform": ("occlusion", "grad_cam"),
}
DRAWING = {"lime", "kernel_shap", "smoothgrad", "anchors", "attention_adversarial", "composite"}
OF_OWN_SIZES = {"attention_uniform", "attention_adversarial"}  # placebos whose sizes are what they are about


@dataclass(frozen=True)
class Run:
    spec: ExplainerSpec
    case: str

    def __str__(self) -> str:
        base = self.spec.params.get("method")
        return "-".join([self.spec.name, *([str(base)] if base else []), self.case])

    @property
    def placebo(self) -> bool:
        return EXPLAINERS[self.spec.name].placebo

    @property
    def draws(self) -> bool:
        """Whether the item's seed changes the result; of five variables Kernel SHAP asks all combinations."""
        base = str(self.spec.params.get("method", self.spec.name))
        return base in DRAWING and not (base == "kernel_shap" and self.case.startswith("tabular"))

    @property
    def fewest_varied(self) -> int:
        """Of seven: two texts have one or two words; Grad-CAM's map is empty where nothing speaks for the class.

        A rule needs no condition where the output hardly ever changes.
        """
        return 2 if base_of(self.spec) in (EXPLAINERS["grad_cam"], EXPLAINERS["anchors"]) else 5

    @property
    def most_alike(self) -> int:
        """Of seven: with five variables a rank order can come twice by chance, a rule of one or two of them often.

        Two texts can have the same most active features, in a network with random weights above all.
        """
        if base_of(self.spec) is EXPLAINERS["feature_cards"]:
            return 2
        return 4 if base_of(self.spec) is EXPLAINERS["anchors"] else 1

    @property
    def has_weights(self) -> bool:
        """Whether the parts of an item are weighed, and not other items, changes, prototypes or several forms shown."""
        return not {"examples", "strip", "prototypes", "formulas", "composite"} & set(base_of(self.spec).forms.values())

    @property
    def is_attention(self) -> bool:
        """Shares of attention sum to 1 whatever the predictor answers."""
        return base_of(self.spec) in (EXPLAINERS["attention"], EXPLAINERS["attention_rollout"])

    @property
    def may_draw(self) -> bool:
        """Whether the seed may change the result: three placebos break ties at random, one draws everything."""
        drawing = {"placebo_random_weights", "placebo_edges", "placebo_random", "attention_frozen"}
        return self.draws or self.spec.name in drawing

    @property
    def is_uniform(self) -> bool:
        """Whether all parts weigh the same on purpose."""
        return self.spec.name in {"placebo_uniform", "attention_uniform"}


def _specs() -> list[ExplainerSpec]:
    specs = []
    for name, found in EXPLAINERS.items():
        few = {key: value for key, value in FEW.items() if key in found.params}
        bases = BASES.get(name, found.params["method"].options) if "method" in found.params else (None,)
        specs += [ExplainerSpec(name, few if base is None else {**few, "method": base}) for base in bases]
    return specs


def _runs() -> list[Run]:
    return [Run(spec, case) for spec in _specs() for case in PREDICTORS if _is_run(spec, case)]


def _is_run(spec: ExplainerSpec, case: str) -> bool:
    """Methods of one architecture on that one; the others on all, but a slow third of texts on few of them.

    A composite's parts keep their promises by themselves, so one architecture of each modality will do for it.
    """
    modality, _, architecture = case.partition("-")
    needs, name = needs_of(spec), base_name(spec)
    fits = modality in forms_of(spec) and (not needs or architecture in needs)
    if name == "composite":
        return fits and architecture in {"mlp", "gru", "cnn"}
    few = case in BOUND or (architecture == "transformer" and name not in {"lime", "saliency"})
    return fits and (bool(needs) or not few)


RUNS = _runs()
every_run = pytest.mark.parametrize("run", RUNS, ids=str)
every_real_run = pytest.mark.parametrize("run", [run for run in RUNS if not run.placebo], ids=str)
every_weighing_run = pytest.mark.parametrize("run", [run for run in RUNS if run.has_weights], ids=str)
every_placebo_run = pytest.mark.parametrize("run", [run for run in RUNS if run.placebo], ids=str)
Results = Mapping[str, list[Explanation]]  # by the name of the run


@pytest.fixture(scope="module")
def results(cases: Mapping[str, Case]) -> Results:
    return {str(run): explain(cases[run.case].predictor, run.spec, cases[run.case].requests) for run in RUNS}


NUMBERS: Mapping[type, Callable[[Any], list[float]]] = {
    FeatureWeights: lambda form: [feature.weight for feature in form.features],
    TokenWeights: lambda form: list(form.weights),
    Heatmap: lambda form: list(form.values),
    Concepts: lambda form: [concept.relevance for concept in form.concepts],
    Examples: lambda form: [float(example.class_index) for example in form.examples],
    Prototypes: lambda form: [float(prototype.class_index) for prototype in form.prototypes],
    FeatureCards: lambda form: [card.effect for card in form.cards],
    Formulas: lambda form: [card.effect for card in form.cards],
    CaptionMatch: lambda form: [*form.picture.values, *form.caption.weights],
    Rule: lambda form: [float(part.is_condition) for part in form.parts],
    Strip: lambda form: [step.margin for step in form.steps],
    Composite: lambda form: [number for part in form.parts for number in weights(part.form)],
}


def weights(form: Form) -> np.ndarray:
    return np.array(NUMBERS[type(form)](form))


def as_bytes(explanations: list[Explanation]) -> list[str]:
    return [json.dumps([e.form.to_json(), e.explained_class, dict(e.diagnostics)]) for e in explanations]


def test_every_entry_is_run_on_every_modality_it_serves() -> None:
    covered = {(run.spec.name, run.case.partition("-")[0]) for run in RUNS}

    assert covered == {(name, modality) for name, found in EXPLAINERS.items() for modality in found.modalities}


# --- form ------------------------------------------------------------------------------------------------------------


@every_run
def test_form_is_the_one_the_registry_names(run: Run, cases: Mapping[str, Case], results: Results) -> None:
    expected = form_of(checked(run.spec), cases[run.case].modality)

    assert [explanation.form.form for explanation in results[str(run)]] == [expected] * 7


@every_run
def test_form_names_the_parts_of_its_own_input(run: Run, cases: Mapping[str, Case], results: Results) -> None:
    for item, explanation in zip(cases[run.case].inputs, results[str(run)], strict=True):
        form = explanation.form
        for shown in [part.form for part in form.parts] if isinstance(form, Composite) else [form]:
            check_names(shown, item, cases[run.case].predictor)


def check_names(shown: Form, item: Input, model: Predictor) -> None:
    match shown:
        case FeatureWeights(features=features):
            assert tuple((feature.name, feature.value) for feature in features) == item.values
        case TokenWeights(tokens=tokens, weights=values):
            assert (tokens, len(values)) == (item.tokens, len(item.tokens))
        case Heatmap(height=height, width=width, values=values):
            assert (height, width, len(values)) == (*SHAPE[1:], SHAPE[1] * SHAPE[2])
        case Concepts(concepts=concepts):
            assert tuple(concept.name for concept in concepts) == model.concept_names
            assert tuple(concept.prototypes for concept in concepts) == model.prototypes
        case Examples(examples=examples):
            check_examples(item, model, examples)
        case Prototypes(prototypes=prototypes):
            assert len({prototype.pictures for prototype in prototypes}) == (
                2 if model.architecture == "prob-psenn" else 3
            )
            check_prototypes(model, prototypes)
        case _:
            check_beside(shown, item, model)


def check_beside(shown: Form, item: Input, model: Predictor) -> None:
    match shown:
        case FeatureCards(cards=cards):
            check_cards(item, model, cards)
        case Formulas(cards=cards):
            check_formulas(item, cards)
        case CaptionMatch(picture=picture, caption=caption):
            check_names(picture, item, model)
            assert caption.tokens[1] in model.classes
            assert (caption.tokens[0], caption.tokens[2], len(caption.weights)) == ("a", "drawn", 4)
        case Rule(parts=parts):
            named = item.values if item.modality == "tabular" else tuple(("", token) for token in item.tokens)
            assert tuple((part.name, part.value) for part in parts) == named
        case Strip(steps=steps, own=own):
            check_strip(item, steps) if own == 0 else check_frames(item, steps, own)


def check_examples(item: Input, model: Predictor, examples: Sequence[Example]) -> None:
    """Three training items that are not the item, with the model's own outputs."""
    known = model.background.inputs
    assert len({example.input for example in examples} & set(known)) == 3
    assert item not in {example.input for example in examples}
    said = [output.class_index for output in model.outputs([example.input for example in examples])]
    assert [example.class_index for example in examples] == said


def check_prototypes(model: Predictor, prototypes: Sequence[Prototype]) -> None:
    """What the network has learned, the most alike first."""
    assert {picture for one in prototypes for picture in one.pictures} <= {p for row in model.prototypes for p in row}
    similarities = [prototype.similarity for prototype in prototypes]
    assert similarities == sorted(similarities, reverse=True)
    assert all(0 <= p.low <= p.similarity <= p.high <= 1 for p in prototypes)


def check_frames(item: Input, steps: Sequence[Step], own: int) -> None:
    """Two pictures on either side of the item, all of one size."""
    assert (len(steps), own) == (5, 2)
    sizes = {(step.input.height, step.input.width, step.input.channels, step.change) for step in steps}
    assert sizes == {(item.height, item.width, item.channels, None)}


def check_strip(item: Input, steps: Sequence[Step]) -> None:
    """The item itself, then one more part changed at each step."""
    assert (steps[0].input, steps[0].change) == (item, None)
    parts = dict(item.values) if isinstance(item, TabularInput) else dict(enumerate(item.tokens))
    for step in steps[1:]:
        where, old, new = step.change
        place = where if isinstance(item, TabularInput) else int(where)
        assert parts[place] == old != new
        parts[place] = new
        shown = step.input.values if isinstance(item, TabularInput) else step.input.tokens
        kept = (
            tuple(parts.items()) if isinstance(item, TabularInput) else tuple(part for part in parts.values() if part)
        )
        assert shown == kept


def check_cards(item: Input, model: Predictor, cards: Sequence[FeatureCard]) -> None:
    """Three features, each at a word of the item, told by seven pieces of training texts."""
    texts = [" ".join(text.tokens) for text in model.background.inputs]
    assert len({card.name for card in cards}) == 3
    assert all(0 <= card.place < len(item.tokens) for card in cards)
    pieces = [piece for card in cards for piece in (*card.top, *card.spread)]
    assert len(pieces) == 3 * 7
    shown = [" ".join(word for word in piece.words if word != "…") for piece in pieces]
    assert all(any(one in text for text in texts) for one in shown)


def check_formulas(item: Input, cards: Sequence[FormulaCard]) -> None:
    """Three units, each with a formula that names words and says where in the item it holds, the strongest first."""
    assert len({card.name for card in cards}) == 3
    sizes = [abs(card.effect) for card in cards]
    assert sizes == sorted(sizes, reverse=True)
    for card in cards:
        assert 1 <= len(card.formula) <= 3
        assert card.formula[0].joint == "or"
        assert card.places == tuple(sorted(set(card.places) & set(range(len(item.tokens)))))
        assert all(bool(clause.words) == (clause.concept in {"word", "one_of"}) for clause in card.formula)
        assert 0 < card.iou <= 1


@every_run
def test_form_comes_back_from_json_unchanged(run: Run, results: Results) -> None:
    forms = [explanation.form for explanation in results[str(run)]]

    assert [form_from_json(json.loads(json.dumps(form.to_json()))) for form in forms] == forms


@every_run
def test_numbers_are_finite_and_of_seven_digits(run: Run, results: Results) -> None:
    for explanation in results[str(run)]:
        numbers = [*weights(explanation.form).tolist(), *explanation.diagnostics.values()]
        assert np.isfinite(numbers).all()
        assert numbers == [float(f"{number:.7g}") for number in numbers]


@every_weighing_run
def test_weights_are_not_all_alike(run: Run, results: Results) -> None:
    """A method that answers a constant would keep every other promise."""
    varied = [np.unique(weights(explanation.form)).size > 1 for explanation in results[str(run)]]

    assert sum(varied) == 0 if run.is_uniform else sum(varied) >= run.fewest_varied


# --- the explained class ---------------------------------------------------------------------------------------------


def check_explains_own_output(run: Run, case: Case) -> None:
    explained = [explanation.explained_class for explanation in explain(case.predictor, run.spec, case.requests)]

    assert explained == [output.class_index for output in case.predictor.outputs(case.inputs)]


@every_run
def test_the_predictors_own_output_is_explained(run: Run, cases: Mapping[str, Case]) -> None:
    check_explains_own_output(run, cases[run.case])


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


# --- seeds and batches -----------------------------------------------------------------------------------------------


@every_run
def test_same_seed_gives_the_same_bytes(run: Run, cases: Mapping[str, Case], results: Results) -> None:
    again = explain(cases[run.case].predictor, run.spec, cases[run.case].requests)

    assert as_bytes(again) == as_bytes(results[str(run)])


@every_run
def test_seed_matters_exactly_where_the_method_draws(run: Run, cases: Mapping[str, Case], results: Results) -> None:
    case = cases[run.case]
    others = explain(case.predictor, run.spec, [replace(request, seed=request.seed + 1) for request in case.requests])

    differs = as_bytes(others) != as_bytes(results[str(run)])
    assert differs if run.draws else not differs or run.may_draw


def check_bytes_do_not_depend_on_the_batch(run: Run, case: Case) -> None:
    whole = as_bytes(explain(case.predictor, run.spec, case.requests))

    alone = [explain(case.predictor, run.spec, [request])[0] for request in case.requests]
    backwards = explain(case.predictor, run.spec, case.requests[::-1], chunk_rows=64)
    many = explain(case.predictor, run.spec, case.requests * 3, chunk_rows=64)  # more than a part of a batch

    assert as_bytes(alone) == whole
    assert as_bytes(backwards)[::-1] == whole
    assert as_bytes(many) == whole * 3


@every_run
def test_bytes_do_not_depend_on_batch_order_or_chunk(run: Run, cases: Mapping[str, Case]) -> None:
    check_bytes_do_not_depend_on_the_batch(run, cases[run.case])


@every_run
def test_global_random_state_is_left_alone(run: Run, cases: Mapping[str, Case]) -> None:
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    explain(cases[run.case].predictor, run.spec, cases[run.case].requests[:2])

    assert torch.equal(before[0], torch.get_rng_state())
    assert (before[1] == np.random.get_state()[1]).all()


# --- controls --------------------------------------------------------------------------------------------------------


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


def with_weights(model: Predictor, value: float) -> Predictor:
    other = copy.copy(model)
    other.module = copy.deepcopy(model.module)
    with torch.no_grad():
        for weight in other.module.parameters():
            weight.fill_(value)
    return other


@every_placebo_run
def test_placebo_differs_from_the_real_explanation(run: Run, cases: Mapping[str, Case], results: Results) -> None:
    if not run.has_weights:
        pairs = list(zip(results[str(run)], real(run, cases), strict=True))
        shown = [(p.form, r.form) for p, r in pairs if weights(r.form).size > 1]  # some items have nothing to change
        assert len(shown) >= run.fewest_varied
        assert all(placebo != real for placebo, real in shown)
        return
    pairs = [(weights(p.form), weights(r.form)) for p, r in zip(results[str(run)], real(run, cases), strict=True)]
    varied = [pair for pair in pairs if pair[1].size > 2 and np.unique(pair[1]).size > 1]
    differing = [not np.array_equal(ours, theirs) for ours, theirs in varied]

    assert len(differing) >= run.fewest_varied
    assert sum(differing) >= len(differing) - run.most_alike


def real(run: Run, cases: Mapping[str, Case], *, of_donors: bool = False) -> list[Explanation]:
    """What the placebo's base method says of the items, or of their donors with the items' seeds."""
    name = base_name(run.spec)
    params = {key: value for key, value in run.spec.params.items() if key in EXPLAINERS[name].params}
    requests = cases[run.case].requests
    if of_donors:
        requests = tuple(replace(request, input=request.donor) for request in requests)
    return explain(cases[run.case].predictor, ExplainerSpec(name, params), requests)


@pytest.mark.parametrize("run", [r for r in RUNS if r.placebo and r.spec.name not in OF_OWN_SIZES], ids=str)
def test_placebo_has_the_sizes_of_a_real_explanation(run: Run, cases: Mapping[str, Case], results: Results) -> None:
    """Those of the item's own, exactly. Another item: no size that its donor's has not. Uniform: the same total."""
    of_donor = run.spec.name == "placebo_other_item"
    for placebo, other in zip(results[str(run)], real(run, cases, of_donors=of_donor), strict=True):
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
def test_placebo_of_a_method_without_directions_has_none(run: Run, cases: Mapping[str, Case], results: Results) -> None:
    signed = {bool((weights(explanation.form) < 0).any()) for explanation in results[str(run)]}

    has_directions = base_of(run.spec).signed and not run.is_uniform
    assert True in signed if has_directions else signed == {False}


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "key"), [(name, key) for name, found in EXPLAINERS.items() for key in found.params])
def test_parameters_out_of_bounds_are_refused_with_their_path(name: str, key: str, cases: Mapping[str, Case]) -> None:
    param = EXPLAINERS[name].params[key]
    wrong = ["unheard"] if isinstance(param, Choice) else [param.low - 1, param.high + 1, "many"]

    for value in wrong:
        with pytest.raises(ParameterError, match=rf"^explainer\.params\.{key}: "):
            explain(cases["tabular-mlp"].predictor, ExplainerSpec(name, {key: value}), [])


@pytest.mark.parametrize("name", EXPLAINERS)
def test_entry_says_what_the_web_server_shows(name: str) -> None:
    found = EXPLAINERS[name]

    assert callable(method(name))
    assert found.title
    assert found.summary.endswith(".")
    assert "arXiv" in found.reference or "AAAI" in found.reference
    assert all(param.help.endswith(".") for param in found.params.values())


@every_run
def test_an_input_of_another_modality_is_refused_with_its_place(run: Run, cases: Mapping[str, Case]) -> None:
    foreign = next(case for case in cases.values() if case.modality != cases[run.case].modality).requests[0]

    with pytest.raises(InputError, match=r"^requests\[1\]\.input: "):
        explain(cases[run.case].predictor, run.spec, [cases[run.case].requests[0], foreign])


@every_run
def test_a_number_that_is_not_finite_names_its_item(run: Run, cases: Mapping[str, Case]) -> None:
    broken = with_weights(cases[run.case].predictor, float("nan"))

    with pytest.raises(ExplainerError, match=r"^requests\[0\]"):
        explain(broken, run.spec, [replace(cases[run.case].requests[0])])


@pytest.mark.parametrize("base", [None, "placebo_random_weights", "placebo_other_item"])
@pytest.mark.parametrize("name", ["tabular-mlp", "text-gru", "image-cnn"])
def test_senn_is_refused_for_other_architectures(base: str | None, name: str, cases: Mapping[str, Case]) -> None:
    spec = ExplainerSpec("senn", {}) if base is None else ExplainerSpec(base, {"method": "senn"})

    with pytest.raises(ParameterError, match="needs a predictor of architecture senn"):
        explain(cases[name].predictor, spec, cases[name].requests)


def test_unknown_names_and_parameters_are_refused(cases: Mapping[str, Case]) -> None:
    model = cases["tabular-mlp"].predictor

    with pytest.raises(UnknownName, match="'limes' is none of lime, "):
        explain(model, ExplainerSpec("limes", {}), [])
    with pytest.raises(ParameterError, match=r"^explainer\.params\.samples: lime has no such parameter"):
        explain(model, ExplainerSpec("lime", {"samples": 100}), [])
    with pytest.raises(ParameterError, match=r"^chunk_rows: 63 is below 64"):
        explain(model, ExplainerSpec("lime", {}), [], chunk_rows=63)


@every_run
def test_no_requests_give_no_explanations(run: Run, cases: Mapping[str, Case]) -> None:
    assert explain(cases[run.case].predictor, run.spec, []) == []


@every_run
def test_progress_counts_up_to_the_number_of_items(run: Run, cases: Mapping[str, Case]) -> None:
    seen: list[int] = []
    base = base_of(run.spec)
    n_items = 20 if base.params and base.rows != 64 else 70  # with samples or steps, parts are smaller
    requests = cases[run.case].requests[:1] * n_items
    explain(cases[run.case].predictor, run.spec, requests, chunk_rows=64, progress=seen.append)

    assert seen == sorted(set(seen))
    assert seen[-1] == n_items
    assert len(seen) > 1


# --- mutants: each promise above can be broken ------------------------------------------------------------------------


def _the_other_class(own: Callable[..., tuple[int, ...]]) -> Callable[..., tuple[int, ...]]:
    return lambda model, inputs: tuple(1 - class_index for class_index in own(model, inputs))


@every_real_run
def test_mutant_that_explains_the_label_is_caught(
    run: Run, cases: Mapping[str, Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Labels that are wrong wherever the predictor's output stands."""
    monkeypatch.setattr(explaining, "own_classes", _the_other_class(explaining.own_classes))

    with pytest.raises(AssertionError):
        check_explains_own_output(run, cases[run.case])


def _in_blocks_of_any_shape(rows: torch.Tensor, size: int) -> Iterator[tuple[torch.Tensor, int]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size], len(rows[start : start + size])


@pytest.mark.parametrize("case", ["tabular-mlp", "text-gru", "image-cnn"])
def test_mutant_whose_passes_have_the_shape_of_the_batch_is_caught(
    case: str, cases: Mapping[str, Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gradients, "in_blocks", _in_blocks_of_any_shape)

    with pytest.raises(AssertionError):
        check_bytes_do_not_depend_on_the_batch(Run(ExplainerSpec("saliency", {}), case), cases[case])


def test_mutant_that_seeds_by_place_is_caught(cases: Mapping[str, Case], monkeypatch: pytest.MonkeyPatch) -> None:
    own = lime.draw_masks

    def by_place(neighbourhoods: Masking, place: int, n_samples: int, number: int = 0) -> BoolArray:
        requests = tuple(replace(r, seed=place) for place, r in enumerate(neighbourhoods.batch.requests))
        monkeypatch.setattr(neighbourhoods, "batch", replace(neighbourhoods.batch, requests=requests))
        return own(neighbourhoods, place, n_samples, number)

    monkeypatch.setattr(lime, "draw_masks", by_place)
    with pytest.raises(AssertionError):
        check_bytes_do_not_depend_on_the_batch(
            Run(ExplainerSpec("lime", {"n_samples": 200}), "tabular-mlp"), cases["tabular-mlp"]
        )


def test_requests_without_donor_are_refused_by_the_placebo_that_needs_one(cases: Mapping[str, Case]) -> None:
    case = cases["text-gru"]
    without = [case.requests[0], ItemRequest(case.inputs[1], seed=1)]

    with pytest.raises(InputError, match=r"^requests\[1\]\.donor: .* none came"):
        explain(case.predictor, ExplainerSpec("placebo_other_item", {"method": "saliency"}), without)
