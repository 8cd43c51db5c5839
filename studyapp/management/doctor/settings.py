"""Examinations that need no server: settings, static files, disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from django.conf import settings
from django.core.checks import ERROR, run_checks

from studyapp.checks import is_local
from studyapp.management.doctor.finding import Finding, bad, note, ok

LOW_BYTES, TOO_LOW_BYTES = 5_000_000_000, 1_000_000_000


def system_checks() -> Iterator[Finding]:
    """Everything that `manage.py check` says, on a public site with Django's own list for deployment."""
    messages = run_checks(include_deployment_checks=not is_local())
    for message in messages:
        make = bad if message.level >= ERROR else note
        yield make("settings", f"{message.msg} ({message.id})", message.hint or "See Django's documentation.")
    if not messages:
        where = "this machine alone" if is_local() else ", ".join(settings.ALLOWED_HOSTS)
        yield ok("settings", f"The settings are safe; the site is for {where}.")


def static_files() -> Iterator[Finding]:
    if (settings.STATIC_ROOT / "staticfiles.json").is_file():
        yield ok("static files", "Static files are collected.")
    elif is_local():
        yield note(
            "static files", "Static files are served from the code.", "manage.py collectstatic makes it quicker."
        )
    else:
        yield bad(
            "static files",
            f"Static files are not collected in {settings.STATIC_ROOT}: pages are slow and keep old styles.",
            "Run manage.py collectstatic --noinput, then start the web server again.",
        )


def disk() -> Iterator[Finding]:
    """Room for weights, logs and, where the database is embedded, for every answer."""
    free = shutil.disk_usage(settings.DATA_DIR).free
    said = f"{free / 1e9:.1f} GB are free on the disk of {settings.DATA_DIR}"
    if free < TOO_LOW_BYTES:
        yield bad("disk", f"Only {said}.", "Free some space now: on a full disk no answer can be kept.")
    elif free < LOW_BYTES:
        yield note("disk", f"Only {said}.", "Free some space soon.")
    else:
        yield ok("disk", f"{said}.")
