"""A site with everything in it that can be attacked, a way to ask it, and what its tables hold before and after."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from allauth.mfa.models import Authenticator
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from studyapp.actions.accounts import make_sign_in_link
from studyapp.actions.links import add_stage
from studyapp.models import Enrolment, Lab, Report, Stage, Study, User
from studyapp.models.studies import StageKind
from tests.contracts.worlds import visitor as signed_in
from tests.factories import main_link, make_draft, make_lab, make_open, owner_of, small_document
from tests.studyapp.views.participant_study import QUESTIONS, MadeStudy, consent, make_study, step

QUESTION = QUESTIONS["tabular"]
PANEL_ID = "5f3a9c-kanarienvogel"  # of the participant; must never stand in a log
# Sessions are the visitor's own, and how often somebody guessed wrong is counted on purpose.
UNCOUNTED = ("django_session", "django_migrations", "studyapp_consolesession", "studyapp_attempt", "studyapp_guess")


@dataclass
class World:
    """A lab with a draft and an open study, another lab, and two people in the middle of a run."""

    lab: Lab
    owner: User
    draft: Study
    study: Study
    stage: Stage
    foreign: Study
    made: MadeStudy
    enrolment: Enrolment
    clients: dict[str, Client]
    sign_in: str  # the token of a link that was never used

    def page(self, name: str, **kwargs: object) -> str:
        """The address of a page of the open study, or of what the keywords say."""
        return reverse(name, kwargs={"public_id": self.study.public_id, **kwargs})


def make_world() -> World:
    lab = make_lab(name="Lab under attack")
    owner = owner_of(lab)
    study = make_open(lab, small_document(title="Open study"))
    foreign = make_open(make_lab(name="Their lab"), small_document(title="Their study"))
    stage = add_stage(study=study, kind=StageKind.REHEARSAL, capacity=4, actor="system")
    figures = [{"name": "effect", "title": "t", "caption": "c", "alt": "a", "svg": "<svg/>"}]
    Report.objects.create(stage=stage, document={"title": "of no version"}, figures=figures)
    made = make_study()
    clients = {name: visitor() for name in ("anonymous", "participant", "other participant")}
    clients["owner"] = researcher(owner)
    consent(clients["other participant"], made, "?PROLIFIC_PID=somebody-else")
    enrolment = consent(clients["participant"], made, f"?PROLIFIC_PID={PANEL_ID}")
    for name in ("participant", "other participant"):
        while not is_trial(clients[name].get(made.run)):
            step(clients[name], made)
    draft = make_draft(lab, small_document(title="Draft"))
    token = make_sign_in_link(user=owner)
    return World(lab, owner, draft, study, stage, foreign, made, enrolment, clients, token)


def is_trial(page: HttpResponse) -> bool:
    """Whether a page asks what the model answers."""
    return b'name="answer"' in page.content and QUESTION in page.content.decode()


def researcher(user: User) -> Client:
    """A browser in which somebody has signed in with both factors."""
    Authenticator.objects.filter(user=user).delete()
    return signed_in(user)


def visitor() -> Client:
    return Client(raise_request_exception=False)


# --- addresses, from the resolver ---------------------------------------------------------------------------------


def patterns(resolver: URLResolver | None = None) -> Iterator[URLPattern]:
    """Every address there is, whoever added it."""
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            yield from patterns(entry)
        else:
            yield entry


def converters_of(pattern: URLPattern) -> Mapping[str, object]:
    """The keys of an address with their converters, those of the parts that include it too."""
    found: dict[str, object] = {}
    for _, _, _, converters in get_resolver().reverse_dict.getlist(pattern.name):
        found |= converters
    return found


def keys_of(world: World, pattern: URLPattern) -> dict[str, object]:
    """Keys of things that are there; of a kind that nobody thought of here, something that could be there."""
    known: dict[str, object] = {
        "public_id": world.made.study.public_id if _is_participants(pattern) else world.study.public_id,
        "lab_id": world.lab.pk,
        "stage_id": world.stage.pk,
        "link_id": main_link(world.study).pk,
        "member_id": world.lab.memberships.order_by("pk").first().pk,
        "template": "forward",
        "dataset": "adult",
        "name": "effect",
        "token": world.made.link.token if pattern.name == "join" else world.sign_in,
    }
    by_kind = {"IntConverter": 1, "UUIDConverter": uuid.UUID(int=7), "SlugConverter": "x", "StringConverter": "x"}
    return {
        key: known.get(key, by_kind.get(type(converter).__name__, "x"))
        for key, converter in converters_of(pattern).items()
    }


def _is_participants(pattern: URLPattern) -> bool:
    return getattr(getattr(pattern.callback, "door", None), "audience", "") == "participant"


def methods_of(pattern: URLPattern) -> tuple[str, ...]:
    return tuple(getattr(getattr(pattern.callback, "door", None), "methods", ("GET", "POST")))


# --- what the tables hold ------------------------------------------------------------------------------------------


def fingerprint() -> dict[str, tuple[int, str]]:
    """Rows and digest of every table."""
    tables = [name for name in connection.introspection.table_names() if not name.startswith(UNCOUNTED)]
    parts = [
        f"SELECT '{name}', count(*), coalesce(md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))), '') "
        f'FROM "{name}" t'
        for name in sorted(tables)
    ]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts))
        return {name: (count, digest) for name, count, digest in cursor.fetchall()}


@dataclass
class Asked:
    """A reply, and which tables the request changed."""

    response: HttpResponse
    changed: list[str]

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def text(self) -> str:
        streaming = getattr(self.response, "streaming", False)
        body = b"".join(self.response.streaming_content) if streaming else self.response.content
        return body.decode("utf-8", "replace")


def ask(
    client: Client,
    method: str,
    where: str,
    *,
    look: bool = True,
    after_refusal: dict[str, tuple[int, str]] | None = None,
    **options: object,
) -> Asked:
    """Send a request; what it changed is told and taken back, so that the next one finds the same site.

    Without `look` nothing is told, but that `after_refusal` is filled with the tables' fingerprints after a refusal.
    """
    cookies = {key: morsel.value for key, morsel in client.cookies.items()}
    with transaction.atomic():
        before = fingerprint() if look else {}
        with transaction.atomic():
            response = client.generic(method, where, **options)
            if getattr(response, "streaming", False):
                response.content_read = b"".join(response.streaming_content)
                response.streaming_content = iter([response.content_read])
            if response.status_code >= 500:
                transaction.set_rollback(True)
        after = fingerprint() if look else {}
        if after_refusal is not None and response.status_code >= 400:
            after_refusal |= fingerprint()
        transaction.set_rollback(True)
    client.cookies.clear()
    client.cookies.load(cookies)
    return Asked(response, [name for name in after if before.get(name) != after[name]])


def is_ours(asked: Asked) -> list[str]:
    """What is wrong with a page that refuses: it must be ours, calm, and safe."""
    response, text = asked.response, asked.text
    wrong = []
    if not response.headers.get("Content-Type", "").startswith("text/html"):
        wrong.append(f"it is {response.headers.get('Content-Type')}")
    wrong += [f"it lacks {part}" for part in ("tokens.css", "<h1") if part not in text]
    told = ("Traceback", "Exception Type", "psycopg2", "django.", "/site-packages/", PANEL_ID)
    wrong += [f"it tells {word!r}" for word in told if word in text]
    policy = response.headers.get("Content-Security-Policy", "")
    if "script-src 'self'" not in policy or "unsafe" in policy:
        wrong.append(f"its policy is {policy!r}")
    return wrong
