"""Explanations that a lab brings: kept as they are, held against the design, shown by the arms that ask for them."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import QuerySet

from explainers.errors import ImportRefused
from explainers.imports.reading import Header
from explainers.imports.writing import as_lines
from explainers.types import (
    Composite,
    Example,
    Examples,
    FeatureWeights,
    Form,
    Input,
    Part,
    TextInput,
    TokenWeights,
    input_from_json,
)
from studyapp.actions import imports, studies
from studyapp.actions.freeze import compute_for_draft, freeze
from studyapp.actions.lifecycle import open_study
from studyapp.errors import DesignRefused, WrongState
from studyapp.models import (
    AuditEntry,
    Explanation,
    ExplanationUpload,
    Item,
    Job,
    Predictor,
    Study,
    UploadedExplanation,
)
from studyapp.models.draft import draft_study
from studyapp.models.frozen import frozen_study
from tests import factories

pytestmark = pytest.mark.django_db

Make = Callable[[Input, int], Form]


def own_form(item: Input, class_index: int) -> Form:
    """Weights that no other item has."""
    form = factories.make_form(item, "")
    number = zlib.crc32(str(item).encode()) % 99_991
    if isinstance(form, TokenWeights):
        return TokenWeights(form.tokens, tuple(number + n for n in range(len(form.tokens))))
    assert isinstance(form, FeatureWeights)
    return FeatureWeights(tuple(type(f)(f.name, f.value, number + n) for n, f in enumerate(form.features)))


def file_for(study: Study, make: Make = own_form, *, leave_out: int = 0, header: dict[str, Any] | None = None) -> bytes:
    """A file with an explanation of every item that the draft's arms show one of."""
    rows = explained(study)
    predictor = Predictor.objects.get(key=header_of(study, header).predictor, is_current=True)
    said = imports.outputs_of(predictor.pk, [row.item_id for row in rows])
    lines = []
    for row in rows[leave_out:]:
        item = input_from_json(row.item.content)
        lines.append((item, make(item, said[row.item_id]), said[row.item_id]))
    return as_lines(header_of(study, header), lines).encode()


def header_of(study: Study, changes: dict[str, Any] | None) -> Header:
    predictor = study.draft["arms"][0]["predictor"]
    form = {"adult": "feature_weights", "movies": "token_weights", "digits": "heatmap"}[study.draft["dataset"]]
    return Header(**{"method": "Our method", "form": form, "signed": True, "predictor": predictor, **(changes or {})})


def brought_by(upload: ExplanationUpload) -> QuerySet[UploadedExplanation]:
    """In the order of the file."""
    return UploadedExplanation.objects.filter(upload=upload).select_related("item").order_by("pk")


def explained(study: Study) -> list[Any]:
    design = studies.parse_design(study.draft)
    return imports.explained_items(design, studies.check_and_draw(design))


def bring(study: Study, content: bytes | None = None) -> ExplanationUpload:
    return imports.take_in(
        study=study,
        content=file_for(study) if content is None else content,
        name="mine.jsonl",
        actor=factories.owner_of(study.lab),
    )


def with_imports(study: Study, upload: ExplanationUpload, /, *, placebo: bool = True, **params: str) -> Study:
    """The draft's placebo and first explained arm show what was brought."""
    arms = [dict(arm) for arm in study.draft["arms"]]
    for arm in arms:
        if arm["role"] == "placebo" and placebo:
            arm["explainer"] = {"name": "imported_other_item", "params": {**upload.params, **params}}
        if arm["key"] == "lime":
            arm["explainer"] = {"name": "imported", "params": {**upload.params, **params}}
    document = {**study.draft, "arms": arms}
    return studies.edit_draft(study=study, document=document, actor=factories.owner_of(study.lab))


def shown_by(study: Study, arm: str) -> dict[str, Form]:
    """Item to what the arm shows with it."""
    rows = study.frozen.explanations.filter(arm=arm).select_related("explanation", "study_item__item")
    frozen = frozen_study(study.frozen.pk)
    return {row.study_item.item.key: frozen.explanation(arm, row.study_item.key) for row in rows}


# --- bringing --------------------------------------------------------------------------------------------------------


def test_a_file_is_kept_with_each_items_explanation_and_its_entry_in_the_trail() -> None:
    study = factories.make_draft()
    upload = bring(study)

    kept = {row.item.key: row.form for row in brought_by(upload)}
    lines = [json.loads(line) for line in file_for(study).decode().splitlines()[1:]]
    assert list(kept.values()) == [line["explanation"] for line in lines]
    assert (upload.method, upload.form, upload.is_signed, upload.name) == (
        "Our method",
        "feature_weights",
        True,
        "mine.jsonl",
    )
    entry = AuditEntry.objects.get(verb="uploaded explanations")
    assert entry.after == {"sha256": upload.sha256, "items": len(lines)}


def test_the_same_file_again_is_the_one_that_is_there_and_another_lab_keeps_its_own() -> None:
    study = factories.make_draft()
    other = factories.make_draft()
    first, again, theirs = bring(study), bring(study), bring(other)

    assert again == first
    assert (theirs.sha256, theirs.lab) == (first.sha256, other.lab)
    assert AuditEntry.objects.filter(verb="uploaded explanations").count() == 2


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ({"name": "movies-gru"}, "line 1: header.predictor.name: one of adult-mlp, adult-senn was expected, mov"),
        ({"weights_sha256": "0" * 64}, "line 1: header.predictor.weights_sha256: "),
    ],
)
def test_explanations_of_another_predictor_are_refused(header: dict[str, str], problem: str) -> None:
    study = factories.make_draft()
    factories.make_material("movies")
    content = file_for(study).decode().splitlines(keepends=True)
    head = json.loads(content[0])
    head["predictor"] = {"name": "adult-mlp"} | header

    with pytest.raises(ImportRefused) as refused:
        bring(study, "".join([json.dumps(head) + "\n", *content[1:]]).encode())
    assert refused.value.problems[0].startswith(problem)
    assert not ExplanationUpload.objects.exists()


def test_every_wrong_line_is_told_and_nothing_is_kept() -> None:
    study = factories.make_draft()
    head, *lines = [json.loads(line) for line in file_for(study).decode().splitlines()]
    lines[0]["item"] = "f" * 64
    lines[1]["explanation"]["features"][0][1] = "another age"
    lines[2]["explained_class"] = 1 - lines[2]["explained_class"]
    content = "".join(json.dumps(line) + "\n" for line in [head, *lines]).encode()

    with pytest.raises(ImportRefused) as refused:
        bring(study, content)
    assert [problem.partition(": ")[0] for problem in refused.value.problems] == ["line 2", "line 3", "line 4"]
    assert "is no item of adult-mlp's data" in refused.value.problems[0]
    assert "the predictor's output is class" in refused.value.problems[2]
    assert not ExplanationUpload.objects.exists()


def test_a_lab_brings_so_many_files_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    study = factories.make_draft()
    monkeypatch.setattr(imports, "MAX_UPLOADS", 1)
    bring(study)

    with pytest.raises(ImportRefused, match="This lab has 1 files already, which is the most"):
        bring(study, file_for(study, leave_out=1))
    assert bring(study)  # what is there stays so


def test_nothing_is_brought_to_a_frozen_design() -> None:
    study = factories.make_draft()
    content = file_for(study)
    freeze(study=study, actor=factories.owner_of(study.lab))
    study.refresh_from_db()

    with pytest.raises(WrongState, match="This design is frozen"):
        bring(study, content)


# --- in a design -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dataset", ["adult", "movies"])
def test_arms_show_what_was_brought_and_the_placebo_another_items(dataset: str) -> None:
    study = factories.make_draft(dataset=dataset)
    study = with_imports(study, upload := bring(study))
    assert studies.problems_of(study.draft, study.lab) == []

    freeze(study=study, actor=factories.owner_of(study.lab))

    kept = {row.item.key: row.form for row in upload.explanations.select_related("item")}
    real, placebo = shown_by(study, "lime"), shown_by(study, "placebo")
    assert {key: form.to_json() for key, form in real.items()} == kept
    assert real.keys() == placebo.keys()
    for key, form in placebo.items():
        item = input_from_json(Item.objects.get(key=key).content)
        assert form != real[key]
        assert weights(form) in [weights(other) for other in real.values()]
        parts = form.tokens if isinstance(item, TextInput) else tuple((f.name, f.value) for f in form.features)
        assert parts == (item.tokens if isinstance(item, TextInput) else item.values)


def weights(form: Form) -> list[float]:
    return list(form.weights) if isinstance(form, TokenWeights) else [feature.weight for feature in form.features]


def test_imported_explanations_need_no_job_and_are_ready_at_once() -> None:
    study = factories.make_draft()
    study = with_imports(study, bring(study))
    freeze(study=study, actor=factories.owner_of(study.lab))

    rows = Explanation.objects.of_design(study.frozen)
    states = set(rows.values_list("explainer", "state"))
    assert states == {("imported", "ready"), ("imported_other_item", "ready"), ("senn", "pending")}
    assert set(rows.filter(explainer__startswith="imported").values_list("job", flat=True)) == {None}
    assert set(Job.objects.filter(study=study).values_list("explanations__explainer", flat=True)) == {"senn"}
    said = imports.outputs_of(rows.get(key=rows.ready()[0].key).predictor_id, rows.values_list("item_id", flat=True))
    assert all(row.explained_class == said[row.item_id] for row in rows.ready())

    factories.make_explanations_ready(study)
    study.refresh_from_db()
    assert open_study(study=study, actor=factories.owner_of(study.lab)).state == "open"


def test_a_preview_shows_them_before_freezing() -> None:
    study = factories.make_draft()
    study = with_imports(study, bring(study))
    compute_for_draft(study=study, actor=factories.owner_of(study.lab))

    design = studies.parse_design(study.draft)
    shown = draft_study(design, studies.check_and_draw(design))
    assert all(shown.explanation("lime", key) for key in shown.item_sets["learning"])


def test_a_file_that_lacks_items_keeps_the_design_from_being_frozen() -> None:
    study = factories.make_draft()
    names = [row.key for row in explained(study)]
    study = with_imports(study, bring(study, file_for(study, leave_out=2)), placebo=False)

    expected = f"the file lacks 2 of the {len(names)} items that are explained: {names[0]}, {names[1]}"
    (problem,) = studies.problems_of(study.draft, study.lab)
    assert str(problem) == f"arms[2].explainer.params.upload: {expected}"
    with pytest.raises(DesignRefused, match="the file lacks 2"):
        freeze(study=study, actor=factories.owner_of(study.lab))
    study.refresh_from_db()
    assert study.is_draft


def test_another_seed_draws_other_items_which_the_file_lacks() -> None:
    study = factories.make_draft()
    study = with_imports(study, bring(study), placebo=False)
    document = {**study.draft, "seed": study.draft["seed"] + 1}

    (problem,) = studies.problems_of(document, study.lab)
    assert "the file lacks" in problem.message


def test_a_file_of_another_lab_is_none() -> None:
    study, other = factories.make_draft(), factories.make_draft()
    study = with_imports(study, bring(other), placebo=False)

    (problem,) = studies.problems_of(study.draft, study.lab)
    assert problem.message == "the lab has no such file; upload it, or choose another"


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"direction": "sizes"}, "arms[2].explainer.params.direction: the file has signed, sizes came"),
        ({"form": "rule"}, "arms[2].explainer.params.form: the file has feature_weights, rule came"),
        ({"form": "heatmap"}, "arms[2].explainer.name: Imported explanations does not explain tabular inputs"),
        ({"form": "picture"}, "arms[2].explainer.params.form: 'picture' is none of feature_weights, "),
        ({"upload": "x"}, "arms[2].explainer.params.upload: 'x' is no SHA-256 of an uploaded file"),
    ],
)
def test_an_arm_that_says_other_than_its_file_is_refused(params: dict[str, str], problem: str) -> None:
    study = factories.make_draft()
    study = with_imports(study, bring(study), placebo=False, **params)

    (found,) = studies.problems_of(study.draft, study.lab)
    assert str(found).startswith(problem)


def test_a_predictor_that_was_trained_anew_needs_new_explanations() -> None:
    study = factories.make_draft()
    study = with_imports(study, bring(study), placebo=False)
    old = Predictor.objects.get(key="adult-mlp")
    Predictor.objects.filter(pk=old.pk).update(is_current=False)
    new = Predictor.objects.create(
        dataset=old.dataset, key=old.key, title="new", architecture="mlp", weights_sha256="1" * 64, card={}
    )
    for row in old.outputs.all():
        row.pk, row.predictor = None, new
        row.save()

    (problem,) = studies.problems_of(study.draft, study.lab)
    assert problem.message.startswith("the file explains adult-mlp as it was trained then")


def test_a_placebo_that_would_show_the_item_with_its_output_is_refused() -> None:
    """The examples of every item are all the others: among those of the donor stands the item itself."""
    study = factories.make_draft()
    inputs = [input_from_json(row.item.content) for row in explained(study)]

    def others(item: Input, class_index: int) -> Form:
        return Examples(tuple(Example(other, class_index) for other in inputs if other != item)[:6])

    content = file_for(study, others, header={"form": "examples", "signed": False})
    study = with_imports(study, bring(study, content))

    problems = studies.problems_of(study.draft, study.lab)
    assert len(problems) == len(inputs)
    assert all("the item stands among the examples" in problem.message for problem in problems)


def test_examples_that_were_brought_are_refused_at_a_counterfactual_test() -> None:
    study = factories.make_draft(document=factories.small_document(template="counterfactual"))
    inputs = [input_from_json(item.content) for item in Item.objects.all()[:1]]
    form = {"form": "examples", "signed": False}
    content = file_for(study, lambda item, said: Examples((Example(inputs[0], said),)), leave_out=1, header=form)
    document = {**with_imports(study, bring(study, content), placebo=False).draft}
    document["phases"] = [
        {**phase, "blocks": [{**block, "explanation": phase["kind"] == "test"} for block in phase["blocks"]]}
        for phase in document["phases"]
    ]

    problems = studies.problems_of(document, study.lab)
    assert any("shows examples with the model's outputs" in problem.message for problem in problems)


def test_equal_explanations_of_two_labs_are_one_row() -> None:
    first, second = factories.make_draft(), factories.make_draft()
    for study in (first, second):
        freeze(study=with_imports(study, bring(study)), actor=factories.owner_of(study.lab))

    rows = Explanation.objects.filter(explainer="imported")
    assert rows.count() == len(explained(first))


def test_several_explanations_that_were_brought_are_refused_at_a_counterfactual_test() -> None:
    """There may be examples among them."""
    study = factories.make_draft(document=factories.small_document(template="counterfactual"))
    inputs = [input_from_json(item.content) for item in Item.objects.all()[:1]]
    examples = Part(Examples((Example(inputs[0], 0),)), False)
    form = {"form": "composite", "signed": True}
    content = file_for(study, lambda item, said: Composite((examples, examples)), leave_out=1, header=form)
    document = {**with_imports(study, bring(study, content), placebo=False).draft}
    document["phases"] = [
        {**phase, "blocks": [{**block, "explanation": phase["kind"] == "test"} for block in phase["blocks"]]}
        for phase in document["phases"]
    ]

    said = [problem.message for problem in studies.problems_of(document, study.lab)]
    assert any("shows several explanations, perhaps examples, with the model" in text for text in said)
