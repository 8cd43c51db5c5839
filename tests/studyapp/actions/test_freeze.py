"""Freezing: everything in one transaction, or nothing and a list of what is wrong."""

from __future__ import annotations

import pytest

from studyapp.actions.explain import retry_failed
from studyapp.actions.freeze import compute_for_draft, freeze
from studyapp.actions.lifecycle import close_study, launch_checks, open_study, pause_study
from studyapp.actions.studies import edit_draft, problems_of
from studyapp.errors import DesignRefused, WrongState
from studyapp.models import Dataset, Explanation, FrozenDesign, Job, Link, Output, Seal, Stage, Study, StudyItem
from studyapp.models.explanations import ExplanationState
from studyapp.models.progress import explanation_progress
from tests import factories

pytestmark = pytest.mark.django_db


def frozen(study: Study) -> FrozenDesign:
    return freeze(study=study, actor=factories.owner_of(study.lab))


def test_freezing_keeps_items_seal_stage_link_and_one_explanation_row_each():
    design = frozen(factories.make_draft())
    assert StudyItem.objects.filter(design=design).count() == 12
    assert Explanation.objects.of_design(design).pending().count() == 3 * 4
    assert explanation_progress(design).total == 12
    assert Seal.objects.filter(study=design.study).exists()
    assert Link.objects.filter(stage=Stage.objects.get(study=design.study)).count() == 1
    assert set(Job.objects.filter(study=design.study).values_list("kind", flat=True)) == {"explain"}


def test_a_refused_design_changes_nothing():
    study = factories.make_draft(document=factories.small_document(item_sets=[
        {"key": "learning", "n_items": 4}, {"key": "test", "n_items": 400},
    ]))  # fmt: skip
    with pytest.raises(DesignRefused, match=r"item_sets\[1\].n_items"):
        frozen(study)
    assert Study.objects.get(pk=study.pk).is_draft
    assert not FrozenDesign.objects.exists()
    assert not StudyItem.objects.exists()
    assert [problem.path for problem in problems_of(study.draft, study.lab)] == ["item_sets[1].n_items"] * 4


def test_items_of_sets_that_begin_alike_have_keys_of_their_own():
    document = factories.small_document()
    learning, test = document["item_sets"]
    document["item_sets"] = [{**learning, "n_items": 4}, {**learning, "key": "learning-again", "n_items": 4}, test]
    phase = next(phase for phase in document["phases"] if phase["kind"] == "learning")
    phase["blocks"] = [*phase["blocks"], {**phase["blocks"][0], "key": "again", "item_set": "learning-again"}]

    design = frozen(factories.make_draft(document=document))

    keys = list(StudyItem.objects.filter(design=design).order_by("pk").values_list("item_set", "key"))
    assert keys[:4] == [("learning", f"learning-00{n}") for n in range(1, 5)]
    assert keys[4:8] == [("learning-again", f"learning-00{n}") for n in range(5, 9)]


def test_a_study_is_frozen_once():
    study = factories.make_draft()
    frozen(study)
    with pytest.raises(WrongState, match="frozen already"):
        frozen(study)


def test_a_frozen_design_is_not_edited():
    study = factories.make_frozen()
    with pytest.raises(WrongState, match="frozen"):
        edit_draft(study=study, document=factories.small_document(), actor=factories.owner_of(study.lab))


def test_two_studies_on_the_same_material_share_their_explanations():
    first = factories.make_frozen()
    second = factories.make_draft(first.lab)
    design = frozen(second)
    assert explanation_progress(design).is_complete
    assert not Job.objects.filter(study=second).exists()


def test_the_same_material_and_seed_draw_the_same_items_and_another_seed_others():
    def hashes(seed: int) -> str:
        return frozen(factories.make_draft(document=factories.small_document(seed=seed))).items_sha256

    assert hashes(1) == hashes(1) != hashes(2)


def test_explanations_computed_for_a_draft_are_those_that_freezing_links():
    study = factories.make_draft()
    compute_for_draft(study=study, actor=factories.owner_of(study.lab))
    before = set(Explanation.objects.values_list("key", flat=True))
    design = frozen(study)
    assert set(Explanation.objects.of_design(design).values_list("key", flat=True)) == before


def test_items_of_arms_with_different_predictors_are_those_on_which_they_agree():
    study = factories.make_draft()
    dataset = Dataset.objects.get(key="adult")
    item = factories.make_item(dataset, factories.make_input("adult", 999_999), 0)
    for said, predictor in enumerate(dataset.predictors.order_by("pk")):
        Output.objects.create(predictor=predictor, item=item, class_index=said, probability=0.6)
    design = frozen(study)
    assert not StudyItem.objects.filter(design=design, item=item).exists()


def test_a_study_opens_only_when_every_explanation_is_ready():
    study = factories.make_frozen(explained=False)
    actor = factories.owner_of(study.lab)
    assert [check.passed for check in launch_checks(study) if check.blocking] == [False]
    with pytest.raises(WrongState, match="0 of 12"):
        open_study(study=study, actor=actor)
    factories.make_explanations_ready(study)
    assert open_study(study=study, actor=actor).state == "open"


def test_a_study_goes_its_way_and_no_other():
    study = factories.make_open()
    actor = factories.owner_of(study.lab)
    with pytest.raises(WrongState):
        factories.unblind(study)
    pause_study(study=study, actor=actor)
    open_study(study=study, actor=actor)
    close_study(study=study, actor=actor)
    with pytest.raises(WrongState):
        open_study(study=study, actor=actor)
    assert factories.unblind(study).state == "unblinded"


def test_failed_explanations_are_shown_with_their_reason_and_can_be_retried():
    study = factories.make_frozen(explained=False)
    Explanation.objects.of_design(study.frozen)
    job = Job.objects.filter(study=study).first()
    Job.objects.filter(pk=job.pk).update(state="failed")
    Explanation.objects.filter(job=job).update(state=ExplanationState.FAILED, error="no weights here")
    progress = explanation_progress(study.frozen)
    assert (progress.failed, progress.errors) == (4, ("no weights here",))
    assert retry_failed(design=study.frozen, actor=factories.owner_of(study.lab)) == 4
    assert explanation_progress(study.frozen).failed == 0
