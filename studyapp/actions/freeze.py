"""Freezing: the design, its items, its sealed sequence and its explanations, in one transaction or not at all."""

from __future__ import annotations

import hashlib
import secrets

from django.db import transaction
from django.utils.translation import gettext

from studyapp.actions import audit
from studyapp.actions.consent_texts import add_first_text
from studyapp.actions.explain import request_explanations
from studyapp.actions.links import add_link
from studyapp.actions.sealing import seal
from studyapp.actions.studies import check_whole, locked_study
from studyapp.design.canonical import sha256_of
from studyapp.design.schema import Design, parse_design
from studyapp.errors import WrongState
from studyapp.models import ArmExplanation, FrozenDesign, Seal, Stage, Study, StudyItem, User
from studyapp.models.studies import StageKind, StudyState
from studyapp.models.wanted import study_items, wanted_by


@transaction.atomic
def freeze(*, study: Study, actor: User) -> FrozenDesign:
    """Freeze a draft and queue its explanations.

    Raises DesignRefused with every problem, and WrongState when it is frozen already; then nothing has changed.
    """
    locked = locked_study(study)
    if not locked.is_draft:
        raise WrongState(gettext("This design is frozen already."))
    design = parse_design(locked.draft)
    drawn = check_whole(design, locked.lab)
    frozen = FrozenDesign(study=locked, document=design.document(), sha256=design.sha256(), frozen_by=actor)
    rows = study_items(design, drawn, frozen)
    frozen.items_sha256 = items_sha256(rows)
    frozen.save()
    add_first_text(frozen)
    for row in rows:
        row.design = frozen
    StudyItem.objects.bulk_create(rows)
    _link_explanations(locked, frozen, design, rows)
    key = secrets.token_bytes(32)
    Seal.objects.create(study=locked, encrypted_key=seal(key, "allocation"))
    main = Stage.objects.create(study=locked, kind=StageKind.MAIN, capacity=design.allocation.capacity)
    add_link(main, label=gettext("Main study"))
    locked.state = StudyState.FROZEN
    locked.save(update_fields=["state"])
    audit.record(
        "froze",
        f"study {locked.public_id}",
        actor=actor,
        study=locked,
        before=StudyState.DRAFT,
        # The key's hash tells nothing of the key, and later that the key revealed is the one sealed here.
        after={
            "state": StudyState.FROZEN,
            "design": frozen.sha256,
            "items": frozen.items_sha256,
            "key": hashlib.sha256(key).hexdigest(),
        },
    )
    return frozen


def _link_explanations(study: Study, frozen: FrozenDesign, design: Design, rows: list[StudyItem]) -> None:
    wanted = wanted_by(design, rows)
    explanations = request_explanations(wanted, study=study)
    by_key = {row.key: row for row in rows}
    ArmExplanation.objects.bulk_create(
        ArmExplanation(design=frozen, arm=w.arm, study_item=by_key[w.item], explanation=explanations[w.address])
        for w in wanted
    )


def items_sha256(rows: list[StudyItem]) -> str:
    """Hash of what the items are and what they are scored by; equal on another machine for the same material."""
    return sha256_of(
        [
            [
                row.key,
                row.item.key,
                row.perturbation.key if row.perturbation else None,
                row.label,
                row.output,
                row.perturbed_output,
            ]
            for row in sorted(rows, key=lambda row: row.key)
        ]
    )


@transaction.atomic
def compute_for_draft(*, study: Study, actor: User) -> int:
    """Compute a draft's explanations ahead, for previews; freezing the same design finds them done."""
    locked = locked_study(study)
    if not locked.is_draft:
        raise WrongState(gettext("This design is frozen; its explanations are computed already."))
    design = parse_design(locked.draft)
    rows = study_items(design, check_whole(design, locked.lab), None)
    found = request_explanations(wanted_by(design, rows), study=locked)
    audit.record("computed ahead", f"study {locked.public_id}", actor=actor, study=locked, after=len(found))
    return len(found)
