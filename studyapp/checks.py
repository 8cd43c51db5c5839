"""System checks: settings that would break a promise are refused, with the fix named.

`manage.py check` says them all. Web server, relay and workers ask `refuse_unsafe_start` and do not start while one is
an error: a warning that scrolls by protects nobody.
"""

from __future__ import annotations

import ipaddress
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import ERROR, CheckMessage, Error, Tags, Warning, register, run_checks
from django.db import DatabaseError, connection
from django.db.migrations.recorder import MigrationRecorder

LOCAL_NAMES = {"localhost", "testserver", ""}
SHORTEST_SECRET = 50
SHORTEST_TOKEN = 32
FEWEST_EXPLAIN_ROWS = 64  # explainers.explain takes no fewer
BOOT_ERROR = 3  # gunicorn stops for it; for any other number it would try again for ever
# In these the only reader is the process that wrote, or nobody.
CACHES_OF_ONE_PROCESS = {
    "django.core.cache.backends.locmem.LocMemCache",
    "django.core.cache.backends.dummy.DummyCache",
}
UNSAFE_SOURCES = {"'unsafe-inline'", "'unsafe-eval'", "'unsafe-hashes'", "*", "http:", "https:", "data:", "blob:"}
CSP_MIDDLEWARE = "csp.middleware.CSPMiddleware"
# What Django says of a site without HTTPS; FORETELL_ALLOW_HTTP=1 takes that upon itself.
ABOUT_HTTPS = {"security.W004", "security.W005", "security.W008", "security.W012", "security.W016", "security.W021"}


def refuse_unsafe_start() -> None:
    """End this process, with what is wrong and what to do, where the settings or the database's guards are unsafe."""
    serious = [message for message in at_start() if message.level >= ERROR]
    if not connection.in_atomic_block:
        connection.close()
    if serious:
        print("Foretell does not start:", file=sys.stderr)
        for message in serious:
            advice = message.hint or "Change the setting that it names."
            print(f"  {message.id}: {message.msg}\n      → {advice}", file=sys.stderr)
        sys.stderr.flush()
        raise SystemExit(BOOT_ERROR)


def at_start() -> Iterator[CheckMessage]:
    yield from refuse_unsafe_settings()
    yield from database_checks()
    if not is_local():
        yield from _djangos_own()


def _djangos_own() -> Iterator[CheckMessage]:
    """Django's list for deployment; on a site that others reach each of them counts as an error."""
    for message in run_checks(tags=[Tags.security], include_deployment_checks=True):
        if not (settings.ALLOW_HTTP and message.id in ABOUT_HTTPS):
            yield Error(message.msg, hint=message.hint, id=message.id)


@register()
def refuse_unsafe_settings(**kwargs: object) -> list[CheckMessage]:
    """Everything that must not be so when other machines can reach the site, and some that must never be."""
    always = (_pickle, _caches, _broker, _database, _policy, _proxy, _metrics, _memory)
    return [message for check in (*always, *(() if is_local() else (_public,))) for message in check()]


@register(Tags.database)
def refuse_unsafe_database(databases: Sequence[str] | None = None, **kwargs: object) -> list[CheckMessage]:
    """The guards that the migrations made, as they are in the database; run by `check --database default`."""
    return database_checks() if databases else []


def database_checks() -> list[CheckMessage]:
    """What only the database can tell; nothing while it does not answer, which /readyz says."""
    try:
        return [*_triggers(), *_durability(), *_role()]
    except DatabaseError:
        return []


def is_local() -> bool:
    """Whether only this machine can reach the site."""
    return all(name in LOCAL_NAMES or is_loopback(name) for name in settings.ALLOWED_HOSTS)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its name or number."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _pickle() -> Iterator[CheckMessage]:
    if set(settings.CELERY_ACCEPT_CONTENT) != {"json"}:
        yield Error(
            "Celery accepts other content than JSON.", hint='Set CELERY_ACCEPT_CONTENT = ["json"].', id="foretell.E001"
        )
    if not settings.SESSION_SERIALIZER.endswith("JSONSerializer"):
        yield Error("Sessions are not kept as JSON.", hint="Use Django's JSONSerializer.", id="foretell.E002")


def _caches() -> Iterator[CheckMessage]:
    caches: Mapping[str, Mapping[str, object]] = settings.CACHES
    for alias, cache in caches.items():
        options = cache.get("OPTIONS", {})
        serializer = str(options.get("serializer", "")) if isinstance(options, Mapping) else ""
        if cache["BACKEND"] not in CACHES_OF_ONE_PROCESS and "json" not in serializer.lower():
            yield Error(
                f"The cache {alias!r} ({cache['BACKEND']}) unpickles what others can write to it.",
                hint="Use LocMemCache, or RedisCache with a JSON serializer in its OPTIONS.",
                id="foretell.E010",
            )


def _broker() -> Iterator[CheckMessage]:
    parts = urlsplit(settings.REDIS_URL or "")
    if parts.hostname and not is_loopback(parts.hostname) and not parts.password:
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


def _policy() -> Iterator[CheckMessage]:
    policy = getattr(settings, "CONTENT_SECURITY_POLICY", None) or {}
    directives = policy.get("DIRECTIVES", {})
    if CSP_MIDDLEWARE not in settings.MIDDLEWARE or "default-src" not in directives:
        yield Error(
            "Pages go out without a content security policy.",
            hint=f"Keep {CSP_MIDDLEWARE} in MIDDLEWARE and CONTENT_SECURITY_POLICY with default-src.",
            id="foretell.E011",
        )
    for name in ("default-src", "script-src", "style-src", "object-src", "base-uri"):
        unsafe = sorted(UNSAFE_SOURCES & {str(source) for source in directives.get(name) or ()})
        if unsafe:
            yield Error(
                f"The content security policy allows {', '.join(unsafe)} in {name}.",
                hint="Serve scripts and styles as files of this site, and remove it.",
                id="foretell.E012",
            )


def _proxy() -> Iterator[CheckMessage]:
    if settings.USE_X_FORWARDED_HOST:
        yield Error(
            "The host's name is taken from a header that any client can send.",
            hint="Leave USE_X_FORWARDED_HOST off; let the proxy pass the Host header on.",
            id="foretell.E013",
        )
    if settings.SECURE_PROXY_SSL_HEADER and not settings.HTTPS:
        yield Error(
            "FORETELL_BEHIND_PROXY is on without FORETELL_HTTPS: any client could claim to have come by HTTPS.",
            hint="Set FORETELL_HTTPS=1, or FORETELL_BEHIND_PROXY=0 where no proxy stands in front.",
            id="foretell.E014",
        )


def _metrics() -> Iterator[CheckMessage]:
    if 0 < len(settings.METRICS_TOKEN) < SHORTEST_TOKEN:
        yield Error(
            f"FORETELL_METRICS_TOKEN is shorter than {SHORTEST_TOKEN} characters.",
            hint="Make one: python -c 'import secrets; print(secrets.token_urlsafe(32))', or leave it empty.",
            id="foretell.E015",
        )


def _memory() -> Iterator[CheckMessage]:
    if settings.EXPLAIN_ROWS < FEWEST_EXPLAIN_ROWS:
        yield Error(
            f"FORETELL_EXPLAIN_ROWS is {settings.EXPLAIN_ROWS}: no explanation can be computed.",
            hint=f"Set it to {FEWEST_EXPLAIN_ROWS} at least: so many rows a worker keeps at once, whatever its memory.",
            id="foretell.E023",
        )


def _public() -> Iterator[CheckMessage]:
    yield from _public_django()
    yield from _secret()
    if not settings.REQUIRE_MFA:
        yield Warning(
            "Owners sign in by a password alone.", hint="Leave FORETELL_REQUIRE_MFA unset or 1.", id="foretell.W002"
        )
    if not settings.SENDS_MAIL:
        yield Warning(
            "There is no mail server: a forgotten password cannot be replaced, invitations are handed over by hand.",
            hint="Set FORETELL_EMAIL_URL (smtp://user:password@host:587) and FORETELL_EMAIL_FROM.",
            id="foretell.W003",
        )
    if not settings.HTTPS:
        kind = Warning if settings.ALLOW_HTTP else Error
        yield kind(
            "Pages and cookies travel without encryption.",
            hint="Serve through HTTPS and set FORETELL_HTTPS=1 (and FORETELL_BEHIND_PROXY=1 behind a proxy). For a "
            "closed network without HTTPS set FORETELL_ALLOW_HTTP=1.",
            id="foretell.W001" if settings.ALLOW_HTTP else "foretell.E016",
        )


def _public_django() -> Iterator[CheckMessage]:
    if settings.DEBUG:
        yield Error(
            "FORETELL_DEBUG is on while FORETELL_HOSTS names hosts that others can reach.",
            hint="Set FORETELL_DEBUG=0.",
            id="foretell.E007",
        )
    if "*" in settings.ALLOWED_HOSTS:
        yield Error("FORETELL_HOSTS allows every host.", hint="Name the hosts of this site.", id="foretell.E008")
    base = urlsplit(settings.BASE_URL)
    if not any(_covers(pattern, base.hostname or "") for pattern in settings.ALLOWED_HOSTS):
        yield Error(
            f"FORETELL_BASE_URL is {settings.BASE_URL}, which FORETELL_HOSTS does not name: links would lead nowhere.",
            hint="Let FORETELL_BASE_URL be the address that people type, and FORETELL_HOSTS hold its host.",
            id="foretell.E017",
        )
    elif settings.HTTPS and base.scheme != "https":
        yield Error(
            f"FORETELL_BASE_URL is {settings.BASE_URL}, so links are handed out without HTTPS.",
            hint="Begin it with https://.",
            id="foretell.E018",
        )


def _covers(pattern: str, host: str) -> bool:
    return pattern in {"*", host} or (pattern.startswith(".") and f".{host}".endswith(pattern))


def _secret() -> Iterator[CheckMessage]:
    how = "Make one: python -c 'import secrets; print(secrets.token_urlsafe(48))'"
    if len(settings.SECRET_KEY) < SHORTEST_SECRET or len(set(settings.SECRET_KEY)) < 10:
        yield Error(
            f"FORETELL_SECRET_KEY is shorter than {SHORTEST_SECRET} characters, or no random text.",
            hint=how,
            id="foretell.E009",
        )
    if settings.SECRET_KEY_IS_LOCAL:
        yield Error(
            "FORETELL_SECRET_KEY is not set, so the key lies in the data folder, beside what it seals.",
            hint=f"Set it, and keep it apart from backups. {how}. A site with data: move its key out of "
            f"{settings.DATA_DIR}/secret_key.",
            id="foretell.E019",
        )


# --- what the database says ------------------------------------------------------------------------------------

TRIGGER = re.compile(
    r"(?P<verb>CREATE|DROP)\s+(?:OR\s+REPLACE\s+)?(?:CONSTRAINT\s+)?TRIGGER\s+(?:IF\s+EXISTS\s+)?(?P<name>\w+)"
    r"\b.*?\bON\s+(?P<table>\w+)",
    re.IGNORECASE | re.DOTALL,
)

PRESENT = """
SELECT t.tgname, c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND c.relnamespace = current_schema()::regnamespace
"""


def _triggers() -> Iterator[CheckMessage]:
    with connection.cursor() as cursor:
        cursor.execute(PRESENT)
        present = set(cursor.fetchall())
    missing = sorted(expected_triggers() - present)
    if missing:
        names = ", ".join(f"{name} on {table}" for name, table in missing[:5])
        yield Error(
            f"{len(missing)} guards of the database are missing or switched off: {names}.",
            hint="ALTER TABLE … ENABLE TRIGGER USER; where they are gone, restore the last backup into a new database.",
            id="foretell.E020",
        )


def expected_triggers() -> set[tuple[str, str]]:
    """Name and table of each trigger that the applied migrations leave, read from their own statements."""
    from django.db.migrations.loader import MigrationLoader
    from django.db.migrations.operations import RunSQL

    recorder = MigrationRecorder(connection)
    applied = recorder.applied_migrations() if recorder.has_table() else {}
    loader = MigrationLoader(None)
    expected: set[tuple[str, str]] = set()
    for key in sorted(key for key in applied if key[0] == "studyapp" and key in loader.disk_migrations):
        for operation in loader.disk_migrations[key].operations:
            if isinstance(operation, RunSQL):
                _follow(str(operation.sql), expected)
    return expected


def _follow(statements: str, expected: set[tuple[str, str]]) -> None:
    for found in TRIGGER.finditer(statements):
        trigger = (found["name"], found["table"])
        if found["verb"].upper() == "CREATE":
            expected.add(trigger)
        else:
            expected.discard(trigger)


def _role() -> Iterator[CheckMessage]:
    """A first try on one's own machine may use one role for everything; a site that others reach may not."""
    from studyapp.models.grants import excess_rights  # models cannot be read before the apps are

    reasons = excess_rights()
    if reasons and not is_local():
        yield Error(
            f"The application's database role may do too much: {', '.join(reasons)}.",
            hint="Name the role that owns the tables in DATABASE_OWNER_URL, another in DATABASE_URL; then migrate.",
            id="foretell.E022",
        )


def _durability() -> Iterator[CheckMessage]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off'")
        off = [name for (name,) in cursor.fetchall()]
    if off and not is_local():
        yield Error(
            f"Postgres runs with {', '.join(off)} off: acknowledged answers can be lost in a power cut.",
            hint=f"ALTER SYSTEM SET {off[0]} = on; then reload Postgres.",
            id="foretell.E021",
        )
