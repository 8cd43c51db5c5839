#!/usr/bin/env python
"""Foretell's commands: `python manage.py help`."""

import os
import sys
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
        start_servers()
    execute_from_command_line(sys.argv)


def start_servers() -> None:
    from studyapp.embedded import EmbeddedError, start

    data = Path(os.environ.get("FORETELL_DATA", Path(__file__).resolve().parent / ".foretell")).absolute()
    print(f"Servers: Postgres and Valkey, with their data in {data}", flush=True)
    try:
        services = start(data)
    except EmbeddedError as error:
        raise SystemExit(str(error)) from error
    os.environ.update(FORETELL_DATA=str(data), DATABASE_URL=services.database_url, REDIS_URL=services.redis_url or "")
    if services.started_here:
        os.environ["FORETELL_STOP_SERVERS"] = "1"  # who started them stops them


if __name__ == "__main__":
    main()
