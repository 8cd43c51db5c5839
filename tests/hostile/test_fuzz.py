"""Random calls of every address there is: what schemathesis makes of an OpenAPI document, and bytes of no form at all.

The document is made from the resolver and from the forms that stand on the pages, so that a new address or field is
called without being named here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import quote, unquote, urlencode, urlsplit

import pytest
import schemathesis
from django.urls import Resolver404, resolve, reverse
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode

from tests.hostile.world import Asked, World, ask, converters_of, fingerprint, is_ours, keys_of, methods_of, patterns
from tests.promises.ledger import scale

pytestmark = pytest.mark.django_db

EXAMPLES = scale(full=25, quick=2)  # of every address, method and kind of person
RAW = scale(full=5_000, quick=150)
WHO = ("anonymous", "participant", "owner")
FORM = "application/x-www-form-urlencoded"
KINDS = {"IntConverter": {"type": "integer"}, "UUIDConverter": {"type": "string", "format": "uuid"}}


class Forms(HTMLParser):
    """The forms of a page: where each goes, and its fields with what they offer."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.page = page
        self.found: dict[str, dict[str, list[str]]] = {}
        self._fields: dict[str, list[str]] | None = None
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        if tag == "form":
            self._fields = self.found.setdefault(urlsplit(given.get("action") or self.page).path, {})
        elif self._fields is not None and given.get("name") and tag in {"input", "select", "textarea", "button"}:
            offers = self._fields.setdefault(given["name"], [])
            offers.append(given.get("value", ""))
            self._select = given["name"] if tag == "select" else ""
        elif self._fields is not None and tag == "option" and self._select:
            self._fields[self._select].append(given.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._fields = None


@dataclass(repr=False)
class Site:
    """The world, its document, and the state that no refused call may change."""

    world: World
    document: dict[str, object]
    before: Mapping[str, object]
    called: int = 0
    statuses: dict[int, int] = field(default_factory=dict)


@pytest.fixture(scope="module")
def site(world: World) -> Site:
    return Site(world, document_of(world), fingerprint())


def document_of(world: World) -> dict[str, object]:
    """Every address and method with its parameters and the fields of the forms that lead there."""
    fields = dict(forms_of(world))
    paths: dict[str, dict[str, object]] = {}
    for pattern in patterns():
        if not pattern.name:
            continue
        known = keys_of(world, pattern)
        path = template_of(pattern.name, known)
        parameters = [parameter(key, converter, known[key]) for key, converter in converters_of(pattern).items()]
        for method in methods_of(pattern):
            operation: dict[str, object] = {"parameters": parameters, "responses": {"200": {"description": ""}}}
            if method == "POST":
                operation["requestBody"] = {"content": {FORM: {"schema": body(fields.get(pattern.name, {}))}}}
            else:
                operation["parameters"] = [*parameters, *(query(name) for name in QUERIES)]
            paths.setdefault(path, {})[method.lower()] = operation
    return {"openapi": "3.0.3", "info": {"title": "every address", "version": "1"}, "paths": paths}


QUERIES = ("page", "position", "arm", "width", "next", "PROLIFIC_PID", "participant", "assignmentId", "order_by")


def query(name: str) -> dict[str, object]:
    return {"name": name, "in": "query", "required": False, "schema": {"type": "string"}}


def template_of(name: str, known: Mapping[str, object]) -> str:
    """The address with names in braces where its keys stand."""
    path = unquote(reverse(name, kwargs=dict(known)))
    for key, value in sorted(known.items(), key=lambda pair: -len(str(pair[1]))):
        path = path.replace(f"/{value}", f"/{{{key}}}", 1)
    return path


def parameter(key: str, converter: object, known: object) -> dict[str, object]:
    """A key of an address: most often one that is there, else any of its kind."""
    anything = KINDS.get(type(converter).__name__, {"type": "string", "minLength": 1})
    return {"name": key, "in": "path", "required": True, "schema": {"anyOf": [{"enum": [_plain(known)]}, anything]}}


def _plain(known: object) -> object:
    return known if isinstance(known, int) else str(known)


def body(fields: Mapping[str, list[str]]) -> dict[str, object]:
    properties = {
        name: {"anyOf": [{"type": "string"}, *([{"enum": sorted(set(offers))}] if offers else [])]}
        for name, offers in fields.items()
        if name != "csrfmiddlewaretoken"
    }
    return {"type": "object", "properties": properties, "required": list(properties)[:40]}


def forms_of(world: World) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """The fields that pages send, by the name of the address that takes them."""
    found: dict[str, dict[str, list[str]]] = {}
    for pattern in patterns():
        if "GET" not in methods_of(pattern) or not pattern.name:
            continue
        for keys in (keys_of(world, pattern), {**keys_of(world, pattern), "public_id": world.draft.public_id}):
            if not set(keys) <= set(converters_of(pattern)):
                continue
            page = reverse(pattern.name, kwargs=keys)
            for who in WHO:
                forms = Forms(page)
                forms.feed(ask(world.clients[who], "GET", page, look=False).text)
                for action, fields in forms.found.items():
                    found.setdefault(name_of(action), {}).update(fields)
    yield from found.items()


def name_of(action: str) -> str:
    try:
        return str(resolve(action).view_name)
    except Resolver404:
        return ""


def wrongs(site: Site, who: str, method: str, where: str, **options: object) -> list[str]:
    """What is wrong with the answer to a call."""
    state: dict[str, tuple[int, str]] = {}
    asked = call(site, who, method, where, state, **options)
    site.called += 1
    site.statuses[asked.status] = site.statuses.get(asked.status, 0) + 1
    found = [f"{asked.status} came"] if asked.status >= 500 and "readyz" not in where else []
    if asked.status >= 400:
        found += [f"it changed {name}" for name in state if site.before.get(name) != state[name]]
        html = asked.response.headers.get("Content-Type", "").startswith("text/html")
        found += is_ours(asked) if html and method != "HEAD" else []
    return [f"{method} {where} by {who}: {wrong}" for wrong in found]


def call(site: Site, who: str, method: str, where: str, state: dict[str, tuple[int, str]], **options: object) -> Asked:
    return ask(site.world.clients[who], method, where, look=False, after_refusal=state, **options)


SETTINGS = {
    "deadline": None,
    "database": None,
    "derandomize": True,
    "phases": [Phase.generate],
    "suppress_health_check": list(HealthCheck),
}


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["of its form", "of no form"])
@pytest.mark.parametrize("who", WHO)
def test_no_call_of_any_address_breaks_it_or_changes_what_it_refuses(
    site: Site, who: str, mode: GenerationMode
) -> None:
    schema = schemathesis.openapi.from_dict(site.document)
    found: list[str] = []
    operations = [result.ok() for result in schema.get_all_operations()]
    for operation in operations:
        if mode == GenerationMode.NEGATIVE and not (operation.body or operation.path_parameters or operation.query):
            continue

        @settings(max_examples=EXAMPLES, **SETTINGS)  # type: ignore[arg-type]
        @given(case=operation.as_strategy(generation_mode=mode))
        def try_it(case: Case) -> None:
            found.extend(wrongs(site, who, case.method, where_of(case), **body_of(case)))

        try_it()

    assert found == []
    assert len(operations) >= 40
    assert site.called >= len(operations)


def where_of(case: Case) -> str:
    path = case.formatted_path
    return f"{path}?{urlencode(case.query, doseq=True)}" if case.query else path


def body_of(case: Case) -> dict[str, object]:
    if isinstance(case.body, dict):
        text = urlencode({str(k): v for k, v in case.body.items()}, doseq=True, errors="replace")
        return {"data": text.encode(), "content_type": FORM}
    if case.body is None or not isinstance(case.body, str | bytes | int | float | list | bool):
        return {}
    return {"data": str(case.body).encode("utf-8", "replace"), "content_type": FORM}


@settings(max_examples=RAW, **SETTINGS)  # type: ignore[arg-type]
@given(
    data=st.data(),
    content=st.one_of(
        st.binary(max_size=300), st.builds(lambda b: b"--b\r\n" + b + b"\r\n--b--", st.binary(max_size=200))
    ),
    kind=st.sampled_from(
        [FORM, "multipart/form-data; boundary=b", "application/json", "text/plain", "", "a/b; charset=x"]
    ),
    query_of=st.binary(max_size=60),
)
def test_no_bytes_break_an_address(site: Site, data: st.DataObject, content: bytes, kind: str, query_of: bytes) -> None:
    pattern = data.draw(st.sampled_from([pattern for pattern in patterns() if pattern.name]))
    who = data.draw(st.sampled_from(WHO))
    method = data.draw(st.sampled_from(["GET", "POST", "POST", "POST", "PUT", "HEAD"]))
    where = f"{reverse(pattern.name, kwargs=keys_of(site.world, pattern))}?{quote(query_of)}"

    assert wrongs(site, who, method, where, data=content, content_type=kind) == []
