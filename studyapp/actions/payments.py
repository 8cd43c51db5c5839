"""Panel ids: read for payment alone, by somebody who is named in the trail for it, and dropped when payment is done."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date

from django.db import models, transaction
from django.utils.translation import gettext

from studyapp.actions import audit
from studyapp.actions.sealing import unseal
from studyapp.actions.studies import locked_study
from studyapp.errors import WrongState
from studyapp.models import Enrolment, PanelIdentity, Study, User
from studyapp.models.participants import EnrolmentState
from studyapp.models.studies import StageKind


@dataclass(frozen=True)
class Payment:
    """Whom to pay. It carries no subject id: who holds the data and this list must not be able to join them."""

    panel: str
    panel_id: str
    parameters: str
    state: str


def identity_of(enrolment: Enrolment) -> dict[str, object] | None:
    """What the panel said of a person, opened; None when there is none or it was dropped."""
    sealed = PanelIdentity.objects.filter(enrolment=enrolment).first()
    if sealed is None:
        return None
    opened: dict[str, object] = json.loads(unseal(bytes(sealed.encrypted), "panel identity"))
    return opened


def held_ids(study: Study) -> int:
    """How many panel ids of real people are still kept."""
    return identities_of(study).count()


@transaction.atomic
def reveal_payments(*, study: Study, actor: User) -> list[Payment]:
    """Open the panel ids of a study; the trail keeps who looked, and at how many."""
    rows = [_payment(row) for row in identities_of(study).select_related("enrolment")]
    audit.record("revealed panel ids", f"study {study.public_id}", actor=actor, study=study, after=len(rows))
    return sorted(rows, key=lambda row: (row.panel, row.panel_id))


def _payment(row: PanelIdentity) -> Payment:
    opened = json.loads(unseal(bytes(row.encrypted), "panel identity"))
    parameters: dict[str, str] = opened["parameters"]
    names = {"prolific": "PROLIFIC_PID", "mturk": "workerId", "label": "participant"}
    panel_id = parameters.get(names.get(opened["panel"], ""), "")
    rest = {key: value for key, value in parameters.items() if value != panel_id}
    said = "; ".join(f"{key}={value}" for key, value in sorted(rest.items()))
    return Payment(opened["panel"] or "none", panel_id, said, row.enrolment.state)


@transaction.atomic
def payment_done(*, study: Study, actor: User) -> int:
    """Drop the panel ids of everybody who has ended; while a study is open those under way keep theirs."""
    locked = locked_study(study)
    rows = identities_of(locked)
    if not locked.is_closed:
        rows = rows.exclude(enrolment__state=EnrolmentState.ACTIVE)
    return drop_identities(study=locked, rows=rows, actor=actor)


def drop_identities(*, study: Study, rows: models.QuerySet[PanelIdentity], actor: User | str) -> int:
    """Delete panel ids for good; raises WrongState when there is none."""
    count, _ = rows.delete()
    if not count:
        raise WrongState(gettext("No panel id is kept that could be dropped."))
    audit.record("dropped panel ids", f"study {study.public_id}", actor=actor, study=study, before=count, after=0)
    return count


@transaction.atomic
def keep_ids_until(*, study: Study, until: date, actor: User) -> None:
    """Keep panel ids longer than the design said, when payment takes longer."""
    locked = locked_study(study)
    before = locked.payment_until
    locked.payment_until = until
    locked.save(update_fields=["payment_until"])
    audit.record(
        "kept panel ids longer",
        f"study {locked.public_id}",
        actor=actor,
        study=locked,
        before=before.isoformat() if before else None,
        after=until.isoformat(),
    )


def identities_of(study: Study) -> models.QuerySet[PanelIdentity]:
    """The sealed panel ids of a study's real people."""
    return PanelIdentity.objects.filter(enrolment__study=study).exclude(enrolment__stage__kind=StageKind.REHEARSAL)
