#!/usr/bin/env python
"""Foretell's commands: `python manage.py help`."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studyapp.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError as error:
        raise SystemExit("Django is not installed here: run `make demo` or `make test`, which set everything up") from error
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
