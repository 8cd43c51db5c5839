"""What the relay takes for a database that has gone away, and what for a fault of its own."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, OperationalError, ProgrammingError, connection

from studyapp.management.commands.relay import is_away


@pytest.mark.django_db(transaction=True)
def test_a_server_that_dies_within_a_statement_is_away_and_a_wrong_statement_is_not() -> None:
    with pytest.raises(ProgrammingError) as wrong, connection.cursor() as cursor:
        cursor.execute("SELECT nothing FROM nowhere")
    assert not is_away(wrong.value)

    with pytest.raises(DatabaseError) as gone, connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert is_away(gone.value)
    assert is_away(DatabaseError("server closed the connection unexpectedly"))  # as psycopg2 tells it at times
    connection.close()
    assert is_away(OperationalError("connection refused"))
