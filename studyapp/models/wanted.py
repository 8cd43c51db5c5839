"""Reading what a design's items and explanations rest on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from studyapp.design.explaining import ExplainableItem, Wanted, wanted_explanations
from studyapp.design.sampling import DrawnItem
from studyapp.design.schema import Design
from studyapp.models.material import Item, Output, Perturbation, Predictor
from studyapp.models.studies import FrozenDesign, StudyItem


def study_items(
    design: Design, drawn: Mapping[str, Sequence[DrawnItem]], frozen: FrozenDesign | None
) -> list[StudyItem]:
    """Rows for drawn items, not yet saved, numbered within their set; `frozen` is None for a draft's preview.

    An item's key has room for the first letters of its set's; sets that begin alike are numbered on.
    """
    chosen = [item for items in drawn.values() for item in items]
    items = {row.key: row for row in Item.objects.filter(dataset__key=design.dataset, key__in=[i.key for i in chosen])}
    changed = {
        (row.item_id, row.key): row
        for row in Perturbation.objects.filter(key__in=[i.perturbation for i in chosen if i.perturbation])
    }
    said = _outputs(design.predictors()[0], items.values())
    rows, numbers = [], Counter[str]()
    for item_set, members in drawn.items():
        begins = item_set[:8]
        for member in members:
            numbers[begins] += 1
            item = items[member.key]
            perturbation = changed[item.pk, member.perturbation] if member.perturbation else None
            rows.append(
                StudyItem(
                    design=frozen,
                    key=f"{begins}-{numbers[begins]:03d}",
                    item_set=item_set,
                    item=item,
                    perturbation=perturbation,
                    label=item.label,
                    output=said[item.pk, None],
                    perturbed_output=said[item.pk, perturbation.pk] if perturbation else None,
                )
            )
    return rows


def _outputs(predictor_key: str, items: Collection[Item]) -> dict[tuple[int, int | None], int]:
    # Any of the design's predictors will do: items and perturbations are those on which they agree.
    rows = Output.objects.filter(predictor__key=predictor_key, predictor__is_current=True, item__in=items)
    return {
        (item, change): said for item, change, said in rows.values_list("item_id", "perturbation_id", "class_index")
    }


def _size(content: Mapping[str, Any]) -> int:
    return len(content.get("tokens") or content.get("values") or content.get("pixels") or ())


def wanted_by(design: Design, rows: Sequence[StudyItem]) -> list[Wanted]:
    """Every explanation that a design with these items needs."""
    weights = dict(
        Predictor.objects.filter(key__in=design.predictors(), is_current=True).values_list("key", "weights_sha256")
    )
    items = [ExplainableItem(row.key, row.item_set, row.item.key, row.output, _size(row.item.content)) for row in rows]
    return list(wanted_explanations(design, items, weights))
