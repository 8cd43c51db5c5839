"""Stages and links: who comes in where."""

from __future__ import annotations

import secrets
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.urls import reverse
from django.utils.translation import gettext

from studyapp.actions import audit
from studyapp.errors import WrongState
from studyapp.models import Link, Stage, Study, User
from studyapp.models.studies import StageKind

PROLIFIC_PARAMETERS = "PROLIFIC_PID={{%PROLIFIC_PID%}}&STUDY_ID={{%STUDY_ID%}}&SESSION_ID={{%SESSION_ID%}}"


def add_link(
    stage: Stage,
    *,
    label: str = "",
    is_single_use: bool = False,
    must_be_signed: bool = False,
    panel_study: str = "",
    expires_at: datetime | None = None,
) -> Link:
    """A new link into a stage."""
    return Link.objects.create(
        stage=stage,
        token=secrets.token_urlsafe(16),
        label=label,
        is_single_use=is_single_use,
        must_be_signed=must_be_signed,
        panel_study=panel_study,
        expires_at=expires_at,
    )


@transaction.atomic
def create_link(
    *,
    stage: Stage,
    actor: User,
    label: str = "",
    is_single_use: bool = False,
    must_be_signed: bool = False,
    panel_study: str = "",
    expires_at: datetime | None = None,
) -> Link:
    """A link that a researcher asked for."""
    link = add_link(
        stage,
        label=label,
        is_single_use=is_single_use,
        must_be_signed=must_be_signed,
        panel_study=panel_study,
        expires_at=expires_at,
    )
    audit.record("made link", f"{stage} {label}".strip(), actor=actor, study=stage.study, after=link.pk)
    return link


@transaction.atomic
def add_stage(*, study: Study, kind: StageKind, capacity: int, actor: User | str) -> Stage:
    """Another stage with a sequence and counts of its own; the main stage comes with freezing."""
    if study.is_draft:
        raise WrongState(gettext("Freeze the design first."))
    if kind == StageKind.MAIN:
        raise WrongState(gettext("A study has one main stage; add a top-up instead."))
    Study.objects.select_for_update(of=("self",)).get(pk=study.pk)  # numbers are given one at a time
    number = (study.stages.filter(kind=kind).aggregate(last=Max("number"))["last"] or 0) + 1
    stage = Stage.objects.create(study=study, kind=kind, number=number, capacity=capacity)
    audit.record("added stage", str(stage), actor=actor, study=study, after=capacity)
    return stage


def link_address(link: Link) -> str:
    """The address to hand out."""
    return settings.BASE_URL + reverse("join", args=[link.token])


def prolific_address(link: Link) -> str:
    """The address to paste into Prolific, whose placeholders it fills in."""
    return f"{link_address(link)}?{PROLIFIC_PARAMETERS}"
