"""The two roles of the database: the owner migrates and restores, the application reads and writes rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection
from psycopg2 import sql
from psycopg2.extensions import encrypt_password

from studyapp.models.grants import grant_rights, role_exists
from studyapp.settings import database

WHO = ("USER", "PASSWORD", "HOST", "PORT")


@contextmanager
def as_owner() -> Iterator[None]:
    """Do the block as the role of DATABASE_OWNER_URL; as the application itself where there is no such role."""
    if not settings.DATABASE_OWNER_URL:
        yield
        return
    owner = database(settings.DATABASE_OWNER_URL)
    application = {key: connection.settings_dict[key] for key in WHO}
    connection.close()
    connection.settings_dict.update({key: owner[key] for key in WHO})
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(application)


def equip(role: str, password: str) -> list[str]:
    """Make the application's role where it is missing, set its password, and give it its rights.

    Returns the tables that got none because nobody listed them. Call it as the owner.
    """
    with connection.cursor() as cursor:
        if not role_exists(role):
            cursor.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
        if password:
            # Only a hash of it travels, so that no log of the server can hold it.
            hashed = encrypt_password(password, role, scope=connection.connection, algorithm="scram-sha-256")
            statement = sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(hashed))
            cursor.execute(statement)
    return grant_rights(role)
