"""Rows of several models, read together by a statement that is composed once.

The ORM spends more time composing such a statement than Postgres takes to answer it, and some are asked for with
every page. The draft of a study is left out: it is large, and no participant's page needs it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Field, Model

M = TypeVar("M", bound=Model)

LEFT_OUT = {"draft"}


class Joined:
    """The first model's rows with those that they point to, all by inner joins."""

    def __init__(self, *models: type[Model], on: str) -> None:
        self._fields = [(model, _fields(model)) for model in models]
        columns = ", ".join(f"{m._meta.db_table}.{field.column}" for m, fields in self._fields for field in fields)
        self._select = f"SELECT {columns} FROM {models[0]._meta.db_table} {on} WHERE "  # noqa: S608  (names of our own)

    def read(self, where: str, key: uuid.UUID | int | str) -> list[Any] | None:
        """One row of each model, in their order; None where there is none."""
        with connection.cursor() as cursor:
            cursor.execute(self._select + where, [key])
            row = cursor.fetchone()
        if row is None:
            return None
        values = iter(row)
        return [_made(model, fields, values) for model, fields in self._fields]


def _fields(model: type[Model]) -> list[Field[object, object]]:
    return [field for field in model._meta.concrete_fields if field.name not in LEFT_OUT]


def _made(model: type[M], fields: list[Field[object, object]], values: Iterator[object]) -> M:
    return model.from_db(connection.alias, [field.attname for field in fields], [next(values) for _ in fields])
