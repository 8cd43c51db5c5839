"""Reading an enrolment, or a link, with its study and stage, as every page of a participant does first."""

from __future__ import annotations

import uuid

from studyapp.models.accounts import Lab
from studyapp.models.joined import Joined
from studyapp.models.participants import Enrolment
from studyapp.models.studies import Link, Stage, Study

RUN = Joined(
    Enrolment,
    Study,
    Stage,
    on="""JOIN studyapp_study ON studyapp_study.id = studyapp_enrolment.study_id
    JOIN studyapp_stage ON studyapp_stage.id = studyapp_enrolment.stage_id""",
)
LINK = Joined(
    Link,
    Stage,
    Study,
    Lab,
    on="""JOIN studyapp_stage ON studyapp_stage.id = studyapp_link.stage_id
    JOIN studyapp_study ON studyapp_study.id = studyapp_stage.study_id
    JOIN studyapp_lab ON studyapp_lab.id = studyapp_study.lab_id""",
)


def run_by_public_id(public_id: uuid.UUID) -> Enrolment:
    """The enrolment of a run; Enrolment.DoesNotExist when there is none."""
    return _run("studyapp_enrolment.public_id = %s", public_id)


def locked_run(enrolment_id: int) -> Enrolment:
    """The enrolment of a run, its row held until the transaction ends."""
    return _run("studyapp_enrolment.id = %s FOR UPDATE OF studyapp_enrolment", enrolment_id)


def link_by_token(token: str) -> Link | None:
    """The link with its stage, study and lab; None when there is none."""
    found = LINK.read("studyapp_link.token = %s", token)
    if found is None:
        return None
    link: Link
    link, stage, study, lab = found
    link.stage, stage.study, study.lab = stage, study, lab
    return link


def _run(where: str, key: uuid.UUID | int) -> Enrolment:
    found = RUN.read(where, key)
    if found is None:
        raise Enrolment.DoesNotExist(f"no run {key}")
    enrolment: Enrolment
    enrolment, study, stage = found
    enrolment.study, enrolment.stage, stage.study = study, stage, study
    return enrolment
