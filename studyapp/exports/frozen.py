"""What an auditor checks a study by: the frozen items with their contents and, once unblinded, the whole allocation."""

from __future__ import annotations

from studyapp.design.auditor import Place, Revealed
from studyapp.models import Assignment, AuditEntry, FrozenDesign, Study, StudyItem, UnblindingRequest
from studyapp.models.sequence import mechanism, sequence_label
from studyapp.models.studies import StageKind


def frozen_document(frozen: FrozenDesign) -> dict[str, object]:
    """frozen.json: the hashes at freezing, and what they are over."""
    found = StudyItem.objects.filter(design=frozen).select_related("item", "perturbation")
    rows = sorted(found, key=lambda row: row.key)  # not by the database, whose order depends on its locale
    return {
        "design_sha256": frozen.sha256,
        "items_sha256": frozen.items_sha256,
        "items": [_item(row) for row in rows],
    }


def _item(row: StudyItem) -> dict[str, object]:
    return {
        "key": row.key,
        "item": row.item.key,
        "perturbation": row.perturbation.key if row.perturbation else None,
        "label": row.label,
        "output": row.output,
        "perturbed_output": row.perturbed_output,
        "content": row.item.content,
        "perturbed_content": row.perturbation.content if row.perturbation else None,
    }


def revealed_allocation(study: Study, key: bytes) -> Revealed:
    """Every place that was given to a person, with what it was drawn by."""
    given = Assignment.objects.filter(enrolment__study=study).exclude(enrolment__stage__kind=StageKind.REHEARSAL)
    rows = given.select_related("enrolment", "stratum__stage").order_by("stratum_id", "sequence")
    places = [
        Place(
            sequence_label(row.stratum.stage, row.stratum.key),
            row.sequence,
            row.enrolment.code,
            row.arm,
            row.permuted_block,
            row.block_size,
        )
        for row in rows
    ]
    return Revealed(mechanism(study.frozen.design), key, sealed_sha256(study), places)


def sealed_sha256(study: Study) -> str:
    """The hash of the key as the trail kept it at freezing; empty for a study frozen before it did."""
    froze = AuditEntry.objects.filter(study=study, verb="froze").first()
    return str(froze.after.get("key", "")) if froze and froze.after else ""


def allocation_document(study: Study, key: bytes) -> dict[str, object]:
    """allocation.json: the revealed allocation, and how the study came to be unblinded."""
    opened = UnblindingRequest.objects.filter(study=study).effective().select_related("answer").first()
    how: dict[str, object] = {}
    if opened:
        how = {
            "people": 1 if opened.is_alone else 2,
            "asked_at": opened.asked_at.isoformat(),
            "confirmed_at": None if opened.is_alone else opened.answer.at.isoformat(),
            "reason": opened.reason,
        }
    return {"study_id": str(study.public_id), "unblinded": how, **revealed_allocation(study, key).document()}
