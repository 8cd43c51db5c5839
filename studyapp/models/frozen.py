"""Reading a frozen design as plain objects. They never change, so a process keeps those it has read.

What answers the questions of a test (`truths`) is read apart and never kept: a page cannot leak what its process
does not hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from django.db.models import F

from explainers.types import Form, form_from_json, input_from_json
from studyapp.design.facts import ItemTruth, ShownItem
from studyapp.design.order import Step, plan_steps
from studyapp.design.schema import Design, parse_design
from studyapp.errors import MaterialMissing
from studyapp.models.explanations import ArmExplanation
from studyapp.models.material import Dataset
from studyapp.models.participants import Enrolment
from studyapp.models.studies import FrozenDesign, StudyItem


@dataclass(frozen=True)
class FrozenStudy:
    """A frozen design with its items, as participants may see them."""

    design_id: int
    sha256: str
    design: Design
    classes: tuple[str, ...]
    items: Mapping[str, ShownItem]
    item_sets: Mapping[str, Sequence[str]]
    given: Mapping[str, tuple[str, str]]  # item key to (label, output), for the sets the design itself shows

    def steps(self, order_seed: int) -> tuple[Step, ...]:
        """Every screen of a participant with this order seed."""
        return _steps(self.design_id, order_seed)

    def explanation(self, arm: str, item: str) -> Form | None:
        """What an arm shows with an item."""
        return arm_explanations(self.design_id, arm)[item]


@lru_cache(maxsize=64)
def frozen_study(design_id: int) -> FrozenStudy:
    """Read a frozen design once per process."""
    row = FrozenDesign.objects.get(pk=design_id)
    design = parse_design(row.document)
    classes = tuple(Dataset.objects.get(key=design.dataset).classes)
    rows = list(StudyItem.objects.filter(design=row).select_related("item", "perturbation").order_by("key"))
    item_sets: dict[str, list[str]] = {}
    for study_item in rows:
        item_sets.setdefault(study_item.item_set, []).append(study_item.key)
    items = {study_item.key: shown_item(study_item) for study_item in rows}
    return FrozenStudy(design_id, row.sha256, design, classes, items, item_sets, given_facts(design, rows, classes))


def given_facts(design: Design, rows: Sequence[StudyItem], classes: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Item key to (label, output on the original), only of the sets in which the design itself tells them."""
    told = {
        block.item_set
        for block in design.blocks()
        if block.task == "worked_example" or design.item_set(block.item_set).perturbed
    }
    return {row.key: (classes[row.label], classes[row.output]) for row in rows if row.item_set in told}


def study_of(enrolment: Enrolment) -> FrozenStudy:
    """The frozen study that an enrolment is in, without reading its documents again."""
    return frozen_by_study(enrolment.study_id)


def frozen_by_study(study_id: int) -> FrozenStudy:
    """The frozen study of a study's number; FrozenDesign.DoesNotExist while it is a draft."""
    return frozen_study(_design_id(study_id))


@lru_cache(maxsize=1024)
def _design_id(study_id: int) -> int:
    return FrozenDesign.objects.values_list("pk", flat=True).get(study=study_id)


@lru_cache(maxsize=4096)
def _steps(design_id: int, order_seed: int) -> tuple[Step, ...]:
    study = frozen_study(design_id)
    return plan_steps(study.design, study.item_sets, order_seed)


def shown_item(study_item: StudyItem) -> ShownItem:
    """A study item without what it is scored by."""
    perturbation = study_item.perturbation
    return ShownItem(
        key=study_item.key,
        input=input_from_json(study_item.item.content),
        perturbed=input_from_json(perturbation.content) if perturbation else None,
        changes=tuple((where, old, new) for where, old, new in perturbation.changes) if perturbation else (),
    )


@lru_cache(maxsize=256)
def arm_explanations(design_id: int, arm: str) -> Mapping[str, Form]:
    """Item key to what an arm shows with it; all of them are ready, or MaterialMissing (and nothing is kept)."""
    rows = (
        ArmExplanation.objects.filter(design_id=design_id, arm=arm)
        .annotate(item_key=F("study_item__key"))
        .select_related("explanation")
    )
    forms = {}
    for row in rows:
        if row.explanation.form is None:
            raise MaterialMissing(f"The explanations of arm {arm} are not all computed yet; wait until they are.")
        forms[row.item_key] = form_from_json(row.explanation.form)
    return forms


def truths(design_id: int, keys: Sequence[str] | None = None) -> dict[str, ItemTruth]:
    """What answers are scored by. Call it after the response is committed, never to build a page before."""
    classes = frozen_study(design_id).classes
    rows = StudyItem.objects.filter(design_id=design_id)
    if keys is not None:
        rows = rows.filter(key__in=keys)
    return {
        row.key: ItemTruth(
            label=classes[row.label],
            output=classes[row.output],
            perturbed_output=None if row.perturbed_output is None else classes[row.perturbed_output],
        )
        for row in rows
    }
