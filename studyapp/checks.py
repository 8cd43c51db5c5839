"""System checks: settings that would break a promise are refused, with the fix named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

LOCAL = {"localhost", "127.0.0.1", "[::1]", "::1", ""}


@register()
def refuse_unsafe_settings(**kwargs: object) -> list[CheckMessage]:
    """Everything that must not be so when other machines can reach the site."""
    return [*_pickle(), *_broker(), *_database(), *([] if _is_local() else _public())]


def _is_local() -> bool:
    return set(settings.ALLOWED_HOSTS) <= LOCAL | {"testserver"}


def _pickle() -> Iterator[CheckMessage]:
    if set(settings.CELERY_ACCEPT_CONTENT) != {"json"}:
        yield Error(
            "Celery accepts other content than JSON.", hint='Set CELERY_ACCEPT_CONTENT = ["json"].', id="foretell.E001"
        )
    if not settings.SESSION_SERIALIZER.endswith("JSONSerializer"):
        yield Error("Sessions are not kept as JSON.", hint="Use Django's JSONSerializer.", id="foretell.E002")


def _broker() -> Iterator[CheckMessage]:
    parts = urlsplit(settings.REDIS_URL or "")
    if parts.hostname and parts.hostname not in LOCAL and not parts.password:
        yield Error(
            "The broker is on another machine and has no password.",
            hint="Give Valkey a password and put it into REDIS_URL (redis://:password@host:6379/0).",
            id="foretell.E003",
        )


def _database() -> Iterator[CheckMessage]:
    database = settings.DATABASES["default"]
    if database["ENGINE"] != "django.db.backends.postgresql":
        yield Error(
            "The database is not Postgres.", hint="Set DATABASE_URL to a postgresql:// address.", id="foretell.E004"
        )
    options = database.get("OPTIONS")
    started_with = options.get("options", "") if isinstance(options, Mapping) else ""
    if "synchronous_commit=on" not in started_with and settings.DATABASE_URL:
        yield Error(
            "A response could be acknowledged before it is on the disk.",
            hint="Keep `-c synchronous_commit=on` in the database's options.",
            id="foretell.E005",
        )
    if database.get("ATOMIC_REQUESTS"):
        yield Error(
            "A page would hold the allocation's lock while it renders.",
            hint="Leave ATOMIC_REQUESTS off; actions open their own transactions.",
            id="foretell.E006",
        )


def _public() -> Iterator[CheckMessage]:
    if settings.DEBUG:
        yield Error(
            "FORETELL_DEBUG is on while FORETELL_HOSTS names hosts that others can reach.",
            hint="Set FORETELL_DEBUG=0.",
            id="foretell.E007",
        )
    if "*" in settings.ALLOWED_HOSTS:
        yield Error("FORETELL_HOSTS allows every host.", hint="Name the hosts of this site.", id="foretell.E008")
    if len(settings.SECRET_KEY) < 40:
        yield Error(
            "FORETELL_SECRET_KEY is shorter than 40 characters.",
            hint="Make one: python -c 'import secrets; print(secrets.token_urlsafe(48))'",
            id="foretell.E009",
        )
    if not settings.HTTPS:
        yield Warning(
            "Pages and cookies travel without encryption.",
            hint="Serve through HTTPS and set FORETELL_HTTPS=1 (and FORETELL_BEHIND_PROXY=1 behind a proxy).",
            id="foretell.W001",
        )
