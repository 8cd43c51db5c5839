#!/usr/bin/env python
"""Foretell's commands: `python manage.py help`."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Commands that a newcomer types first: they start the embedded servers where no others are named.
STARTS_SERVERS = {"demo", "screens"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studyapp.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError as error:
        raise SystemExit("Django is not installed here: `make demo` and `make test` set everything up.") from error
    if len(sys.argv) > 1 and sys.argv[1] in STARTS_SERVERS and "DATABASE_URL" not in os.environ:
        with embedded_servers():
            execute_from_command_line(sys.argv)
    else:
        execute_from_command_line(sys.argv)


@contextmanager
def embedded_servers() -> Iterator[None]:
    """Postgres and Valkey for as long as the command runs; those that ran before go on running."""
    from studyapp.embedded import EmbeddedError, start, stop

    data = Path(os.environ.get("FORETELL_DATA", Path(__file__).resolve().parent / ".foretell")).absolute()
    print(f"Servers: Postgres and Valkey, with their data in {data}", flush=True)
    try:
        services = start(data)
    except EmbeddedError as error:
        raise SystemExit(str(error)) from error
    os.environ.update(
        FORETELL_DATA=str(data),
        DATABASE_URL=services.app_url,
        DATABASE_OWNER_URL=services.database_url,
        REDIS_URL=services.redis_url or "",
    )
    try:
        yield
    finally:
        if services.started_here:
            stop(data)


if __name__ == "__main__":
    main()
