"""Reading an enrolment with its study and stage, as every page of a run does first.

One statement, written once from the models' own columns: the ORM spends more time composing it than Postgres takes to
answer. The study's draft is left out; it is large, and no page of a run needs it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import TypeVar

from django.db import connection
from django.db.models import Field, Model

from studyapp.models.participants import Enrolment
from studyapp.models.studies import Stage, Study

M = TypeVar("M", bound=Model)

LEFT_OUT = {"draft"}


def _fields(model: type[Model]) -> list[Field[object, object]]:
    return [field for field in model._meta.concrete_fields if field.name not in LEFT_OUT]


MODELS = (Enrolment, Study, Stage)
FIELDS: dict[type[Model], list[Field[object, object]]] = {model: _fields(model) for model in MODELS}
COLUMNS = ", ".join(f"{m._meta.db_table}.{field.column}" for m in MODELS for field in FIELDS[m])
ENROLMENT, STUDY, STAGE = (model._meta.db_table for model in MODELS)
READ = f"""SELECT {COLUMNS} FROM {ENROLMENT}
JOIN {STUDY} ON {STUDY}.id = {ENROLMENT}.study_id JOIN {STAGE} ON {STAGE}.id = {ENROLMENT}.stage_id
WHERE {ENROLMENT}."""  # noqa: S608  (names of our own tables)


def run_by_public_id(public_id: uuid.UUID) -> Enrolment:
    """The enrolment of a run; Enrolment.DoesNotExist when there is none."""
    return _read(f"{READ}public_id = %s", public_id)


def locked_run(enrolment_id: int) -> Enrolment:
    """The enrolment of a run, its row held until the transaction ends."""
    return _read(f"{READ}id = %s FOR UPDATE OF {ENROLMENT}", enrolment_id)


def _read(statement: str, key: uuid.UUID | int) -> Enrolment:
    with connection.cursor() as cursor:
        cursor.execute(statement, [key])
        row = cursor.fetchone()
    if row is None:
        raise Enrolment.DoesNotExist(f"no run {key}")
    values = iter(row)
    enrolment, study, stage = _made(Enrolment, values), _made(Study, values), _made(Stage, values)
    enrolment.study, enrolment.stage, stage.study = study, stage, study
    return enrolment


def _made(model: type[M], values: Iterator[object]) -> M:
    """The model of the next columns; to be called in the order of MODELS."""
    fields = FIELDS[model]
    return model.from_db(connection.alias, [field.attname for field in fields], [next(values) for _ in fields])
