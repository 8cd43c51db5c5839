"""Who may come through which door: every address x method x kind of person, made from the resolver and the doors.

The table below says by hand what each address declares; an address that is not in it fails, and so does one that
declares something else. The matrix then checks that the doors hold what they declare: whoever asks gets in, is sent to
sign in, or gets a 403 or 404; no reply holds a word of somebody else's in its bytes or headers; and keys of another
lab, wherever they stand, lead nowhere and change nothing.
"""

from __future__ import annotations

import hashlib
import io
import logging
import zipfile
from collections.abc import Iterator, Mapping

import pytest
from django import forms
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import models, transaction
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver, path, reverse

from studyapp.actions.accounts import remove_member
from studyapp.models import Lab, Report, Role, Stage, Study
from studyapp.views.doors import Door, DoorsMiddleware
from tests.contracts.worlds import Side, World, make_world, person, visitor
from tests.factories import add_member, make_open, small_document
from tests.promises.ledger import FULL, Reached

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

VIEWER, ANALYST, DESIGNER, OWNER = Role.VIEWER, Role.ANALYST, Role.DESIGNER, Role.OWNER
GET, POST, BOTH = ("GET",), ("POST",), ("GET", "POST")
EXPECTED = {
    # anyone
    "join": Door("anyone", BOTH),
    "declined": Door("anyone", GET),
    "run_worker": Door("anyone", GET),
    "livez": Door("anyone", GET),
    "readyz": Door("anyone", GET),
    "metrics": Door("operator", GET),
    "find_data": Door("anyone", BOTH),
    "erased": Door("anyone", GET),
    "sign_in": Door("anyone", BOTH),
    "sign_in_by_link": Door("anyone", BOTH),
    "account_login": Door("anyone", BOTH),  # the same page, as allauth calls it
    "mfa_authenticate": Door("anyone", BOTH),  # who has given a password and not yet the second factor
    "sign_out": Door("anyone", POST),
    "account_reset_password": Door("anyone", BOTH),
    "account_reset_password_done": Door("anyone", GET),
    "account_reset_password_from_key": Door("anyone", BOTH),
    "account_reset_password_from_key_done": Door("anyone", GET),
    "invitation": Door("anyone", BOTH),
    "design_schema": Door("anyone", GET),
    # who carries the run's cookie
    "run": Door("participant", BOTH),
    "withdraw": Door("participant", BOTH),
    "own_data": Door("participant", GET),
    "own_data_file": Door("participant", GET),
    "own_code": Door("participant", GET),
    "erase": Door("participant", BOTH),
    "consent_again": Door("participant", POST),
    "ahead": Door("participant", GET),
    "offline": Door("participant", GET),
    # any researcher
    "home": Door("signed_in", GET),
    "account": Door("signed_in", GET),
    "mfa_index": Door("signed_in", GET),  # the same page, as allauth calls it
    "account_reauthenticate": Door("signed_in", BOTH),
    "mfa_reauthenticate": Door("signed_in", BOTH),
    "account_change_password": Door("signed_in", BOTH),
    "account_set_password": Door("signed_in", BOTH, confirm="always"),
    "mfa_activate_totp": Door("signed_in", BOTH, confirm="always"),
    "mfa_deactivate_totp": Door("signed_in", BOTH, confirm="always"),
    "mfa_view_recovery_codes": Door("signed_in", GET, confirm="always"),
    "mfa_generate_recovery_codes": Door("signed_in", BOTH, confirm="always"),
    "mfa_download_recovery_codes": Door("signed_in", GET, confirm="always"),
    "end_session": Door("signed_in", POST),
    "end_other_sessions": Door("signed_in", POST),
    "studies": Door("signed_in", GET),
    # members of the lab
    "study": Door("lab", GET, VIEWER),
    "design": Door("lab", BOTH, VIEWER),  # POST asks for a designer inside: a viewer reads, a designer edits
    "design_file": Door("lab", GET, VIEWER),
    "plan_file": Door("lab", GET, VIEWER),
    "imported": Door("lab", BOTH, VIEWER),  # POST asks for a designer inside
    "imported_items": Door("lab", GET, DESIGNER),
    "preview": Door("lab", GET, VIEWER),
    "preview_screen": Door("lab", GET, VIEWER),
    "study_map": Door("lab", GET, VIEWER),
    "power": Door("lab", BOTH, VIEWER),  # POST asks for a designer inside
    "power_state": Door("lab", GET, VIEWER),
    "power_figure": Door("lab", GET, VIEWER),
    "cancel_power": Door("lab", POST, DESIGNER),
    "explanations": Door("lab", GET, VIEWER),
    "flow": Door("lab", GET, VIEWER),
    "rehearsals": Door("lab", GET, VIEWER),
    "reports": Door("lab", GET, VIEWER),
    "report": Door("lab", GET, VIEWER),
    "report_figure": Door("lab", GET, VIEWER),
    "report_file": Door("lab", GET, VIEWER),
    "rights": Door("lab", GET, VIEWER),
    "amend_consent": Door("lab", POST, OWNER),
    "payments": Door("lab", POST, OWNER, confirm="changes"),
    "paid": Door("lab", BOTH, OWNER, confirm="changes"),
    "keep_ids": Door("lab", POST, OWNER),
    "downloads": Door("lab", GET, VIEWER),
    "audit": Door("lab", GET, VIEWER),
    "audit_csv": Door("lab", GET, VIEWER),
    "run_report": Door("lab", POST, ANALYST),
    "archive": Door("lab", GET, ANALYST),
    "choose_template": Door("lab", BOTH, DESIGNER),
    "new_study": Door("lab", BOTH, DESIGNER),
    "design_json": Door("lab", BOTH, DESIGNER),
    "duplicate": Door("lab", POST, DESIGNER),
    "compute_ahead": Door("lab", POST, DESIGNER),
    "freeze": Door("lab", BOTH, DESIGNER),
    "retry_explanations": Door("lab", POST, DESIGNER),
    "stop_explanations": Door("lab", POST, DESIGNER),
    "resume_explanations": Door("lab", POST, DESIGNER),
    "rehearse": Door("lab", POST, DESIGNER),
    "new_link": Door("lab", POST, DESIGNER),
    "link_qr": Door("lab", GET, DESIGNER),
    "new_stage": Door("lab", POST, DESIGNER),
    "open": Door("lab", BOTH, OWNER),
    "pause": Door("lab", POST, OWNER),
    "resume": Door("lab", POST, OWNER),
    "close": Door("lab", BOTH, OWNER, confirm="changes"),
    "unblind": Door("lab", BOTH, OWNER, confirm="changes"),
    # whoever the request names; the action asks who that is
    "confirm_unblinding": Door("lab", BOTH, VIEWER, confirm="changes"),
    "refuse_unblinding": Door("lab", POST, VIEWER),
    "members": Door("lab", BOTH, OWNER, confirm="changes"),
    "member_role": Door("lab", POST, OWNER, confirm="changes"),
    "revoke_invitation": Door("lab", POST, OWNER, confirm="changes"),
    "quality": Door("lab", GET, VIEWER),
    "check_quality": Door("lab", POST, ANALYST),
    "reconcile": Door("lab", BOTH, DESIGNER),
    "arrival_keys": Door("lab", BOTH, OWNER, confirm="changes"),
    "new_arrival_secret": Door("lab", POST, OWNER, confirm="changes"),
}


def patterns(resolver: URLResolver) -> Iterator[URLPattern]:
    """Every address there is."""
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield from patterns(entry)
        else:
            yield entry


def every_address(only: str = "") -> list[URLPattern]:
    """Every address that the table knows; that it knows them all is a test of its own."""
    return [pattern for pattern in patterns(get_resolver()) if pattern.name in EXPECTED and only in {"", pattern.name}]


@pytest.fixture
def world(db: None, settings) -> World:  # type: ignore[no-untyped-def]
    settings.METRICS_TOKEN = "the operator's alone"
    return make_world()


@pytest.fixture(autouse=True)
def _no_log_of_refusals() -> Iterator[None]:
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


# --- what is declared --------------------------------------------------------------------------------------------


def test_every_address_declares_the_door_that_the_table_says() -> None:
    declared = {pattern.name: getattr(pattern.callback, "door", None) for pattern in patterns(get_resolver())}

    assert declared == EXPECTED


def test_a_view_without_a_door_is_refused_whatever_it_does() -> None:
    def undeclared(request: object) -> HttpResponse:
        return HttpResponse("everything")

    planted = path("planted/", undeclared, name="planted")

    assert not hasattr(planted.callback, "door")
    with pytest.raises(ImproperlyConfigured, match="undeclared declares no door"):
        DoorsMiddleware(undeclared).process_view(RequestFactory().get("/planted/"), undeclared, (), {})


# --- the matrix --------------------------------------------------------------------------------------------------


def keys_of(pattern: URLPattern) -> set[str]:
    """The keys in an address, also in the part that includes it."""
    possible = get_resolver().reverse_dict.getlist(pattern.name)
    return {key for _, _, _, converters in possible for key in converters}


def address(side: Side, pattern: URLPattern, other: Mapping[str, object] | None = None) -> str:
    """The address with the keys of one lab's own things, some of them replaced."""
    values = side.keys() | side.key_of(pattern.name) | (other or {})
    return reverse(pattern.name, kwargs={key: values[key] for key in keys_of(pattern)})


def is_signed_in(who: str) -> bool:
    return who != "anonymous" and "participant" not in who


def owed(world: World, name: str, who: str, method: str) -> str:
    """What is owed to somebody: in, sign in, 403, 404 or 405."""
    door = EXPECTED[name]
    if method not in door.methods and not (method == "HEAD" and "GET" in door.methods):
        return "405"
    match door.audience:
        case "anyone" | "operator":
            return owed_at_an_open_door(name, who)
        case "participant":
            return "in" if who in {"participant a", "participant b"} else "404"
        case _ if not is_signed_in(who):
            return "sign in"
        case "signed_in":
            return "404" if name == "end_session" and who != "lab owner" else "in"
    return owed_in_the_lab(world, name, who, method)


def owed_at_an_open_door(name: str, who: str) -> str:
    if name == "invitation" and is_signed_in(who):
        return "403"  # it is for another address
    return "404" if EXPECTED[name].audience == "operator" else "in"


def owed_in_the_lab(world: World, name: str, who: str, method: str) -> str:
    role, needed = world.roles.get(who), EXPECTED[name].role
    assert needed is not None
    if (name, method) in {("design", "POST"), ("power", "POST"), ("imported", "POST")}:
        needed = DESIGNER
    if role is None:
        return "404"
    return "in" if role.covers(needed) else "403"


def may_read(world: World, name: str, who: str) -> set[str]:
    """The planted words that may stand in a reply to somebody at an address of lab 1."""
    ours, theirs = {world.ours.told, world.ours.inner}, {world.theirs.told, world.theirs.inner}
    words = {"foreign owner": theirs | {world.theirs.called}, "foreign participant": {world.theirs.told}}.get(
        who, set()
    )
    if who in world.roles:
        words = words | ours | {world.ours.called}
    if who in {"participant a", "participant b"}:
        words = words | {world.ours.told, person(who[-1])}
    if name == "join":
        words = words | {world.ours.told}  # the text of consent is for whoever has the link
    if name == "invitation" and not is_signed_in(who):
        words = words | {world.ours.inner, world.ours.called}  # who has the link reads who invites whom, into what
    if name == "payments" and who == "lab owner":
        words = words | {person("a"), person("b")}  # whom to pay
    return words


def planted_words(world: World) -> set[str]:
    sides = (world.ours, world.theirs)
    words = {word for side in sides for word in (side.told, side.inner, side.called)}
    return words | {person(name) for name in ("a", "b", "foreign")}


def what_came(response: HttpResponse) -> str:
    if response.status_code in {403, 404, 405}:
        return str(response.status_code)
    if response.status_code == 302 and response["Location"].startswith(reverse("sign_in") + "?next="):
        return "sign in"
    return "in" if response.status_code < 500 else f"error {response.status_code}"


def said(response: HttpResponse) -> bytes:
    """All that a reply says: headers, cookies, body, and what is packed in an archive."""
    body = b"".join(response.streaming_content) if response.streaming else response.content
    if zipfile.is_zipfile(io.BytesIO(body)):
        archive = zipfile.ZipFile(io.BytesIO(body))
        body = b"".join(name.encode() + archive.read(name) for name in archive.namelist())
    return str(response.headers).encode() + str(response.cookies).encode() + body


def ask(
    world: World, who: str, method: str, where: str, body: Mapping[str, object] | None = None
) -> tuple[HttpResponse, bytes]:
    """One request, whose changes are undone: they must not be there for the next."""
    client = world.clients[who]
    carried = {key: morsel.value for key, morsel in client.cookies.items()}
    with transaction.atomic():
        response = client.generic(method, where) if body is None else client.post(where, body)
        words = said(response)
        transaction.set_rollback(True)
    client.cookies.clear()
    client.cookies.load(carried)
    return response, words


def wrong_cells(world: World, only: str = "") -> list[str]:
    """Every cell of the matrix in which somebody got what is not theirs, or not what is; of one address, or of all."""
    return [
        wrong
        for name, where in {pattern.name: address(world.ours, pattern) for pattern in every_address(only)}.items()
        for who in world.clients
        for method in methods_of(name, who)
        for wrong in wrongs_of(world, name, where, who, method)
    ]


def methods_of(name: str, who: str) -> tuple[str, ...]:
    """All of them in a full run; in a quick one, who tries what no door takes is a stranger and the owner."""
    return METHODS if FULL or who in {"anonymous", "lab owner"} else (*EXPECTED[name].methods, "HEAD")


def wrongs_of(world: World, name: str, where: str, who: str, method: str) -> Iterator[str]:
    response, words = ask(world, who, method, where)
    expected, came = owed(world, name, who, method), what_came(response)
    if came != expected:
        yield f"{method} {name} by {who}: owed {expected}, came {came} ({response.status_code})"
    readable = may_read(world, name, who) if expected == "in" else may_read(world, "", who) - {world.ours.inner}
    for word in sorted(planted_words(world) - readable):
        if word.encode() in words:
            yield f"{method} {name} by {who}: the reply holds {word}"


@pytest.mark.promise(16)
def test_no_cell_of_the_matrix_is_wrong(world: World, reached: Reached) -> None:
    wrong = wrong_cells(world)

    assert wrong == [], "\n".join(wrong)
    n_cells = sum(len(methods_of(pattern.name, who)) for pattern in every_address() for who in world.clients)
    reached(
        f"{len(every_address())} addresses, {len(world.clients)} kinds of people: {n_cells} cells, {len(wrong)} wrong"
    )


def test_the_planted_words_stand_where_they_could_leak_from(world: World) -> None:
    found: dict[str, int] = dict.fromkeys(sorted(planted_words(world)), 0)
    for pattern in every_address():
        for who in ("lab owner", "foreign owner", "participant a", "participant b"):
            side = world.theirs if who.startswith("foreign") else world.ours
            for method in EXPECTED[pattern.name].methods:
                _, words = ask(world, who, method, address(side, pattern))
                for word in found:
                    found[word] += word.encode() in words

    for side in (world.ours, world.theirs):
        assert found[side.told] >= 5
        assert found[side.inner] >= 10
        assert found[side.called] >= 1
    assert all(found[person(name)] >= 1 for name in ("a", "b", "foreign"))


@pytest.mark.control(16, "studies are found without the lab of who asks")
def test_the_matrix_sees_studies_found_without_the_lab(
    world: World, monkeypatch: pytest.MonkeyPatch, reached: Reached
) -> None:
    monkeypatch.setattr("studyapp.models.studies.StudyQuerySet.of_member", lambda studies, user: studies)

    wrong = wrong_cells(world, "study")

    assert any("by foreign owner: owed 404" in line for line in wrong)
    reached(f"{len(wrong)} cells of one address wrong")


def test_the_matrix_sees_a_role_that_opens_every_door(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studyapp.views.doors.Role", lambda role: CoversAll())

    assert "GET close by lab viewer: owed 403, came in (200)" in wrong_cells(world, "close")


class CoversAll:
    """A role as no role may be."""

    def covers(self, needed: object) -> bool:
        return True


def test_the_matrix_sees_a_word_of_another_lab(world: World) -> None:
    Lab.objects.filter(pk=world.ours.lab.pk).update(name=f"Lab {world.theirs.inner}")

    wrong = wrong_cells(world, "members")

    assert f"GET members by lab owner: the reply holds {world.theirs.inner}" in wrong


# --- keys of another lab, in every place -------------------------------------------------------------------------


def foreign_keys_that_open(world: World) -> tuple[int, list[str]]:
    """Ask as the owner of lab 1 with one key of lab 2 in the path: how many were tried, and which led somewhere."""
    theirs = world.theirs.keys()
    ours, tried, wrong = world.ours.keys(), 0, []
    for pattern in every_address():
        door = EXPECTED[pattern.name]
        if door.audience not in {"lab", "signed_in"}:
            continue
        for key in sorted(key for key in keys_of(pattern) if ours[key] != theirs[key]):
            for method in door.methods:
                tried += 1
                response, words = ask(world, "lab owner", method, address(world.ours, pattern, {key: theirs[key]}))
                if response.status_code != 404 or holds_theirs(world, words):
                    wrong.append(f"{method} {pattern.name} with their {key}: {response.status_code}")
    return tried, wrong


def holds_theirs(world: World, words: bytes) -> bool:
    theirs = world.theirs
    return any(word.encode() in words for word in (theirs.told, theirs.inner, theirs.called, person("foreign")))


@pytest.mark.promise(16)
def test_a_key_of_another_lab_in_the_path_leads_nowhere(world: World, reached: Reached) -> None:
    tried, wrong = foreign_keys_that_open(world)

    assert wrong == []
    assert tried > 50
    reached(f"{tried} addresses with a foreign key in the path: {tried - len(wrong)} times 404")


def foreign_fields(side: Side) -> dict[str, object]:
    """A form that names things of another lab by every name that a field of ours has or might get."""
    keys = side.keys()
    ids = {
        "lab": keys["lab_id"],
        "stage": side.link.stage_id,
        "rehearsal": keys["stage_id"],
        "link": keys["link_id"],
        "study": side.study.pk,
        "public_id": keys["public_id"],
        "member": keys["member_id"],
        "membership": keys["member_id"],
        "user": side.owner.pk,
        "owner": side.owner.pk,
        "actor": side.owner.pk,
        "created_by": side.owner.pk,
        "second": side.owner.pk,
        "invitation": keys["invitation_id"],
        "session": keys["session_id"],
        "job": side.study.jobs.latest("created_at").pk,
        "enrolment": side.study.enrolments.latest("pk").pk,
        "participant": side.study.enrolments.latest("pk").participant_id,
        "report": Report.objects.get(stage=side.stage).pk,
        "id": side.study.pk,
        "pk": side.study.pk,
    }
    return ids | {f"{name}_id": value for name, value in ids.items()}


# What else the forms ask for, so that they are read to the end.
FILLED = {
    "label": "a label",
    "kind": "pilot",
    "capacity": "4",
    "participants": "2",
    "gain": "0",
    "seed": "1",
    "email": "new@example.org",
    "role": "viewer",
    "understood": "on",
    "sure": "on",
    "reason": "a reason",
    "confirm": "on",
}


def state_of(side: Side) -> str:
    """A hash over every row that belongs to a lab, however far from it."""
    known: dict[type[models.Model], set[object]] = {Lab: {side.lab.pk}}
    tables = [model for model in apps.get_app_config("studyapp").get_models() if model is not Lab]
    size = 0
    while size != (size := sum(map(len, known.values()))):  # until no step further finds another row
        for model in tables:
            links = [
                field
                for field in model._meta.fields
                if isinstance(field, models.ForeignKey) and field.related_model in known
            ]
            found = known.setdefault(model, set()) if links else set()
            for field in links:
                owners = {f"{field.name}__in": known[field.related_model]}
                found |= set(model._base_manager.filter(**owners).values_list("pk", flat=True))
    digest = hashlib.sha256()
    for model, pks in sorted(known.items(), key=lambda entry: entry[0].__name__):
        for row in model._base_manager.filter(pk__in=pks).order_by("pk").values_list():
            plain = [bytes(value) if isinstance(value, memoryview) else value for value in row]
            digest.update(f"{model.__name__} {plain}".encode())
    return digest.hexdigest()


def foreign_fields_that_work(world: World, only: str = "") -> tuple[int, list[str]]:
    """Post every form of lab 1 with keys of lab 2 in its fields: which changed, or told, something of lab 2."""
    before, tried, wrong = state_of(world.theirs), 0, []
    theirs = foreign_fields(world.theirs)
    for pattern in every_address(only):
        door = EXPECTED[pattern.name]
        if "POST" not in door.methods or door.audience not in {"lab", "signed_in"}:
            continue
        tried += 1
        client = world.clients["lab owner"]
        with transaction.atomic():
            response = client.post(address(world.ours, pattern), theirs | FILLED)
            words, after = said(response), state_of(world.theirs)
            transaction.set_rollback(True)
        if response.status_code >= 500 or after != before or holds_theirs(world, words):
            wrong.append(f"{pattern.name}: {response.status_code}, changed: {after != before}")
    return tried, wrong


@pytest.mark.promise(16)
def test_keys_of_another_lab_in_a_form_change_and_tell_nothing(world: World, reached: Reached) -> None:
    tried, wrong = foreign_fields_that_work(world)

    assert wrong == []
    assert tried > 25
    reached(f"{tried} forms with foreign keys in every field: 0 rows of the other lab changed or told")


@pytest.mark.control(16, "a form offers the stages of every lab")
def test_the_matrix_sees_a_form_that_takes_another_labs_stage(
    world: World, monkeypatch: pytest.MonkeyPatch, reached: Reached
) -> None:
    def of_everybody(field: forms.ModelChoiceField, queryset: object) -> None:
        field._queryset = Stage.objects.all()

    monkeypatch.setattr(forms.ModelChoiceField, "queryset", property(lambda field: field._queryset, of_everybody))

    _, wrong = foreign_fields_that_work(world, "new_link")

    assert wrong == ["new_link: 302, changed: True"]
    reached("; ".join(wrong))


def curious_queries(side: Side) -> Iterator[str]:
    """Filters, orders, pages and keys that nobody offered."""
    yield "&".join(f"{name}={value}" for name, value in foreign_fields(side).items())
    for order in ("-lab__pseudonym_key", "created_by__password", "lab_id", "seal__encrypted_key"):
        yield "&".join(f"{name}={order}" for name in ("order", "order_by", "ordering", "o", "sort"))
    yield "&".join(f"{name}={side.lab.pk}" for name in ("filter", "lab__in", "lab__pk", "study__lab", "q", "search"))
    yield "page=-1&page_size=1000000000&limit=-1&offset=-1&position=99999999999&arm=__class__&format=json"


@pytest.mark.promise(16)
def test_no_filter_order_or_page_shows_another_lab(world: World, reached: Reached) -> None:
    wrong, tried = [], 0
    for pattern in every_address():
        if "GET" not in EXPECTED[pattern.name].methods or EXPECTED[pattern.name].audience not in {"lab", "signed_in"}:
            continue
        for query in curious_queries(world.theirs):
            tried += 1
            response, words = ask(world, "lab owner", "GET", f"{address(world.ours, pattern)}?{query}")
            if response.status_code >= 500 or holds_theirs(world, words) or b"argon2" in words:
                wrong.append(f"{pattern.name}?{query}: {response.status_code}")

    assert wrong == []
    reached(f"{tried} queries that ask for another lab's: {len(wrong)} told anything")


def test_a_removed_member_is_out_at_the_next_request(world: World) -> None:
    client, page = visitor(user := add_member(world.ours.lab, OWNER)), address(world.ours, *every_address("study"))
    before = client.get(page).status_code

    remove_member(lab=world.ours.lab, user=user, actor="system")

    assert (before, client.get(page).status_code) == (200, 404)


def test_keys_of_another_study_of_the_same_lab_are_not_found(world: World) -> None:
    sibling: Study = make_open(world.ours.lab, small_document(title="Sibling"))
    theirs = {"public_id": sibling.public_id}
    numbers = {"stage_id", "link_id", "run_id"}
    with_two = [p for p in every_address() if "public_id" in keys_of(p) and keys_of(p) & numbers]

    answers = {
        pattern.name: ask(world, "lab owner", EXPECTED[pattern.name].methods[0], address(world.ours, pattern, theirs))
        for pattern in with_two
    }

    assert len(answers) >= 6
    assert {name for name, (response, _) in answers.items() if response.status_code != 404} == set()
