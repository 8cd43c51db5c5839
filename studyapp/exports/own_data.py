"""What is kept of one person, as a file for that person: their own, and nothing of anybody else's."""

from __future__ import annotations

import json
from datetime import datetime

from studyapp.design.order import Step
from studyapp.models import Consent, Enrolment, Evidence, Response
from studyapp.models.frozen import study_of
from studyapp.models.studies import StudyState

Document = dict[str, object]


def own_data(enrolment: Enrolment, identity: Document | None) -> Document:
    """Everything kept of an enrolment. `identity` is what a panel said of the person, while it is kept.

    The arm is told once the study is unblinded; before, whoever knows it would know what the study is after.
    """
    study = study_of(enrolment)
    steps = study.steps(enrolment.order_seed)
    consents = Consent.objects.filter(enrolment=enrolment).select_related("text").order_by("pk")
    responses = Response.objects.filter(enrolment=enrolment).order_by("position", "attempt")
    document: Document = {
        "study": str(enrolment.study.public_id),
        "contact": study.design.texts.contact,
        "number": enrolment.code,
        "state": enrolment.state,
        "began": _time(enrolment.enrolled_at),
        "ended": _time(enrolment.ended_at),
        "consents": [_consent(consent) for consent in consents],
        "answers": [_answer(steps[response.position], response) for response in responses],
        "came": _came(enrolment),
        "from_the_panel": identity,
    }
    if enrolment.arm and enrolment.study.state == StudyState.UNBLINDED:
        document["group"] = study.design.arm(enrolment.arm).title
    return document


def own_data_json(enrolment: Enrolment, identity: Document | None) -> str:
    """The same as text to download."""
    return json.dumps(own_data(enrolment, identity), indent=2, ensure_ascii=False) + "\n"


def _came(enrolment: Enrolment) -> Document | None:
    found = Evidence.objects.filter(enrolment=enrolment).first()
    if found is None:
        return None
    return {"proof": found.proof, "panel": found.panel, "our_studies_before": found.seen_before}


def _consent(consent: Consent) -> Document:
    return {
        "version": consent.text.version,
        "approved_as": consent.text.approval_number,
        "agreed": _time(consent.consented_at),
        "text": consent.text.text,
        "text_sha256": consent.text_sha256,
    }


def _answer(step: Step, response: Response) -> Document:
    return {
        "screen": response.position + 1,
        "kind": step.kind,
        "part": step.phase,
        "about": step.key,
        "attempt": response.attempt,
        "answer": response.answer,
        "response_ms": response.response_ms,
        "server_ms": response.server_ms,
        "trail": response.trail,
        "received": _time(response.received_at),
    }


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
