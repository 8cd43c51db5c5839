"""Drafts: making a study, changing its design, and everything that stands between it and freezing."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext

from analysis.planning import plan_problems
from analysis.quality.registry import problems_of as rule_problems
from studyapp.actions import audit
from studyapp.actions.imports import import_problems
from studyapp.actions.material import pool_of, predictor_facts
from studyapp.design.checks import find_problems
from studyapp.design.sampling import DrawnItems, draw_items
from studyapp.design.schema import Design, parse_design
from studyapp.errors import DesignRefused, Problem, WrongState
from studyapp.models import Lab, Study, User
from studyapp.tasktypes import task_facts


@transaction.atomic
def create_study(*, lab: Lab, document: dict[str, object], actor: User) -> Study:
    """A new draft from a design document; raises DesignRefused when it is no design at all."""
    design = parse_design(document)
    study = Study.objects.create(lab=lab, title=design.title, draft=design.document(), created_by=actor)
    audit.record("created", f"study {study.public_id}", actor=actor, study=study, after=design.sha256())
    return study


@transaction.atomic
def edit_draft(*, study: Study, document: dict[str, object], actor: User) -> Study:
    """Replace a draft's design; raises WrongState once it is frozen."""
    locked = locked_study(study)
    if not locked.is_draft:
        raise WrongState(gettext("This design is frozen. Duplicate the study to change it."))
    design = parse_design(document)
    before = parse_design(locked.draft).sha256()
    locked.draft, locked.title = design.document(), design.title
    locked.save(update_fields=["draft", "title"])
    audit.record("edited", f"study {locked.public_id}", actor=actor, study=locked, before=before, after=design.sha256())
    return locked


def duplicate_study(*, study: Study, actor: User) -> Study:
    """A new draft with the same design."""
    title = gettext("Copy of %(title)s") % {"title": study.title}
    return create_study(lab=study.lab, document={**study.draft, "title": title[:300]}, actor=actor)


def locked_study(study: Study) -> Study:
    """The study's row, held until the transaction ends."""
    return Study.objects.select_for_update(of=("self",)).select_related("lab").get(pk=study.pk)


def problems_of(document: object, lab: Lab) -> list[Problem]:
    """Everything that would refuse this design at freezing in this lab."""
    try:
        check_whole(parse_design(document), lab)
    except DesignRefused as refused:
        return list(refused.problems)
    return []


def check_whole(design: Design, lab: Lab) -> DrawnItems:
    """As `check_and_draw`, and hold the design against the lab's files of explanations too."""
    drawn = check_and_draw(design)
    problems = import_problems(design, drawn, lab)
    if problems:
        raise DesignRefused(problems)
    return drawn


def check_and_draw(design: Design) -> DrawnItems:
    """Check a design against the material and draw its items; raises DesignRefused with every problem."""
    facts = predictor_facts()
    problems = find_problems(design, task_facts(), facts, rule_problems, plan_problems)
    if problems:
        raise DesignRefused(problems)
    n_classes = facts[design.arms[0].predictor].n_classes
    return draw_items(design, pool_of(design.predictors()), n_classes)
