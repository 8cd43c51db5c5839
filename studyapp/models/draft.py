"""A draft as if it were frozen, for previews: items drawn but not stored, explanations where they exist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from explainers.types import Form, form_from_json
from studyapp.design.order import Step, plan_steps
from studyapp.design.sampling import DrawnItem
from studyapp.design.schema import Design
from studyapp.models.explanations import Explanation
from studyapp.models.frozen import FrozenStudy, given_facts, shown_item
from studyapp.models.material import Dataset
from studyapp.models.wanted import study_items, wanted_by


@dataclass(frozen=True)
class DraftStudy(FrozenStudy):
    """Like a frozen study, but nothing of it is stored or kept."""

    forms: Mapping[tuple[str, str], Form]

    def steps(self, order_seed: int) -> tuple[Step, ...]:
        return plan_steps(self.design, self.item_sets, order_seed)

    def explanation(self, arm: str, item: str) -> Form | None:
        """None where it is not computed yet; the preview says so."""
        return self.forms.get((arm, item))


def draft_study(design: Design, drawn: Mapping[str, Sequence[DrawnItem]]) -> DraftStudy:
    """A study from a design and the items that freezing it would draw."""
    rows = study_items(design, drawn, None)
    classes = tuple(Dataset.objects.get(key=design.dataset).classes)
    item_sets: dict[str, list[str]] = {}
    for row in rows:
        item_sets.setdefault(row.item_set, []).append(row.key)
    wanted = wanted_by(design, rows)
    found = Explanation.objects.ready().filter(key__in=[w.address for w in wanted])
    ready = {row.key: form_from_json(row.form) for row in found if row.form is not None}
    return DraftStudy(
        design_id=0,
        sha256=design.sha256(),
        design=design,
        classes=classes,
        items={row.key: shown_item(row) for row in rows},
        item_sets=item_sets,
        given=given_facts(design, rows, classes),
        forms={(w.arm, w.item): ready[w.address] for w in wanted if w.address in ready},
    )
