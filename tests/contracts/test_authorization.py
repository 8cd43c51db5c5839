"""Who may come through which door: every address x method x kind of person, made from the resolver and the doors.

The table below says by hand what each address declares; an address that is not in it fails, and so does one that
declares something else. The matrix then checks that the doors hold what they declare.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver, path, reverse

from studyapp.actions.accounts import make_sign_in_link, remove_member
from studyapp.actions.enrol import enrol, read_arrival
from studyapp.actions.links import add_stage
from studyapp.models import Lab, Report, Role, Stage, Study, User
from studyapp.models.studies import StageKind
from studyapp.views.doors import Door, DoorsMiddleware, open_run
from tests.factories import add_member, main_link, make_lab, make_open, make_user, small_document

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
CANARY = "kanarienvogel"

VIEWER, ANALYST, DESIGNER, OWNER = Role.VIEWER, Role.ANALYST, Role.DESIGNER, Role.OWNER
GET, POST, BOTH = ("GET",), ("POST",), ("GET", "POST")
EXPECTED = {
    # anyone
    "join": Door("anyone", BOTH),
    "declined": Door("anyone", GET),
    "livez": Door("anyone", GET),
    "readyz": Door("anyone", GET),
    "sign_in": Door("anyone", BOTH),
    "sign_in_by_link": Door("anyone", BOTH),
    "design_schema": Door("anyone", GET),
    # who carries the run's cookie
    "run": Door("participant", BOTH),
    "withdraw": Door("participant", BOTH),
    # any researcher
    "home": Door("signed_in", GET),
    "sign_out": Door("signed_in", POST),
    "studies": Door("signed_in", GET),
    # members of the lab
    "study": Door("lab", GET, VIEWER),
    "design": Door("lab", BOTH, VIEWER),  # POST asks for a designer inside: a viewer reads, a designer edits
    "design_file": Door("lab", GET, VIEWER),
    "plan_file": Door("lab", GET, VIEWER),
    "preview": Door("lab", GET, VIEWER),
    "preview_screen": Door("lab", GET, VIEWER),
    "study_map": Door("lab", GET, VIEWER),
    "explanations": Door("lab", GET, VIEWER),
    "flow": Door("lab", GET, VIEWER),
    "rehearsals": Door("lab", GET, VIEWER),
    "reports": Door("lab", GET, VIEWER),
    "report": Door("lab", GET, VIEWER),
    "report_figure": Door("lab", GET, VIEWER),
    "report_file": Door("lab", GET, VIEWER),
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
    "rehearse": Door("lab", POST, DESIGNER),
    "new_link": Door("lab", POST, DESIGNER),
    "link_qr": Door("lab", GET, DESIGNER),
    "new_stage": Door("lab", POST, DESIGNER),
    "open": Door("lab", BOTH, OWNER),
    "pause": Door("lab", POST, OWNER),
    "resume": Door("lab", POST, OWNER),
    "close": Door("lab", BOTH, OWNER),
    "unblind": Door("lab", BOTH, OWNER),
    "members": Door("lab", BOTH, OWNER),
    "member_role": Door("lab", POST, OWNER),
}


def patterns(resolver: URLResolver) -> Iterator[URLPattern]:
    """Every address there is."""
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield from patterns(entry)
        else:
            yield entry


def test_every_address_declares_the_door_that_the_table_says() -> None:
    declared = {pattern.name: getattr(pattern.callback, "door", None) for pattern in patterns(get_resolver())}

    assert declared == EXPECTED


def test_a_view_without_a_door_is_refused_whatever_it_does() -> None:
    def undeclared(request: object) -> HttpResponse:
        return HttpResponse(CANARY)

    planted = path("planted/", undeclared, name="planted")

    assert not hasattr(planted.callback, "door")
    with pytest.raises(ImproperlyConfigured, match="undeclared declares no door"):
        DoorsMiddleware(undeclared).process_view(RequestFactory().get("/planted/"), undeclared, (), {})


@dataclass
class World:
    """A lab with an open study, another lab, and everybody who might knock."""

    lab: Lab
    study: Study
    stage: Stage  # of a rehearsal with a report
    bare_stage: Stage
    clients: dict[str, Client]
    roles: dict[str, Role] = field(default_factory=dict)


@pytest.fixture
def world(db: None, rf: RequestFactory) -> World:
    lab, other = make_lab(name=f"Lab {CANARY}"), make_lab(name="Another lab")
    study = make_open(lab, small_document(title=f"Study {CANARY}"))
    make_open(other, small_document(title="Their study"))
    stage, bare = (add_stage(study=study, kind=StageKind.REHEARSAL, capacity=4, actor="system") for _ in range(2))
    figures = [{"name": "effect", "title": "t", "caption": "c", "alt": "a", "svg": f"<svg>{CANARY}</svg>"}]
    Report.objects.create(stage=stage, document={"title": CANARY}, figures=figures)
    people: dict[str, User] = {f"lab {role}": add_member(lab, role) for role in (VIEWER, ANALYST, DESIGNER, OWNER)}
    removed = add_member(lab, DESIGNER, make_user(f"removed-{CANARY}@example.org"))
    people |= {"foreign owner": other.members.get(), "removed member": removed}
    clients = {"anonymous": visitor()} | {name: visitor(user) for name, user in people.items()}
    remove_member(lab=lab, user=removed, actor=people["lab owner"])
    clients["participant"] = participant(study, rf)
    return World(lab, study, stage, bare, clients, {f"lab {role}": role for role in (VIEWER, ANALYST, DESIGNER, OWNER)})


def visitor(user: User | None = None) -> Client:
    client = Client(raise_request_exception=False)
    if user:
        client.force_login(user)
    return client


def participant(study: Study, rf: RequestFactory) -> Client:
    link = main_link(study)
    enrolment = enrol(link=link, arrival=read_arrival({"PROLIFIC_PID": "p1"}), visitor="", consent_text="yes")
    response = HttpResponse()
    open_run(response, enrolment)
    client = visitor()
    client.cookies.update(response.cookies)
    return client


def address(world: World, pattern: URLPattern) -> str:
    """The address with the keys of the lab's own things; a new kind of key fails here."""
    owner = world.lab.members.order_by("pk").first()
    values = {
        "public_id": world.study.public_id,
        "lab_id": world.lab.pk,
        "stage_id": (world.bare_stage if pattern.name == "archive" else world.stage).pk,
        "link_id": main_link(world.study).pk,
        "member_id": world.lab.memberships.order_by("pk").first().pk,
        "template": "forward",
        "dataset": "adult",
        "name": "effect",
        "token": main_link(world.study).token if pattern.name == "join" else make_sign_in_link(user=owner),
    }
    return reverse(pattern.name, kwargs={key: values[key] for key in pattern.pattern.converters | _outer(pattern)})


def _outer(pattern: URLPattern) -> dict[str, object]:
    """Keys that stand in the part of an address that includes this one."""
    possible = get_resolver().reverse_dict.getlist(pattern.name)
    return {key: None for _, _, _, converters in possible for key in converters}


def allowed(world: World, door: Door, who: str) -> str:
    """What the door owes to somebody: in, sign in, 403 or 404."""
    match door.audience:
        case "anyone":
            return "in"
        case "participant":
            return "in" if who == "participant" else "404"
        case "signed_in":
            return "sign in" if who in {"anonymous", "participant"} else "in"
        case "lab" if who in {"anonymous", "participant"}:
            return "sign in"
        case "lab" if who not in world.roles:
            return "404"
    assert door.role is not None
    return "in" if world.roles[who].covers(door.role) else "403"


def what_came(response: HttpResponse) -> str:
    if response.status_code in {403, 404, 405}:
        return str(response.status_code)
    if response.status_code == 302 and response["Location"].startswith(reverse("sign_in") + "?next="):
        return "sign in"
    return "in" if response.status_code < 500 else f"error {response.status_code}"


def wrong_cells(world: World, only: str = "") -> list[str]:
    """Every cell of the matrix in which somebody got what is not theirs, or not what is; of one address, or of all."""
    cells = [
        (pattern.name, address(world, pattern), who, method)
        for pattern in patterns(get_resolver())
        if only in {"", pattern.name}
        for who in world.clients
        for method in METHODS
    ]
    return [wrong for cell in cells for wrong in wrongs_of(world, *cell)]


def wrongs_of(world: World, name: str, where: str, who: str, method: str) -> Iterator[str]:
    client = world.clients[who]
    carried = {key: morsel.value for key, morsel in client.cookies.items()}
    with transaction.atomic():  # what a request changed must not be there for the next
        response = client.generic(method, where)
        body = b"" if response.streaming else response.content
        transaction.set_rollback(True)
    client.cookies.clear()
    client.cookies.load(carried)
    owed, came = owed_to(world, name, who, method), what_came(response)
    if came != owed:
        yield f"{method} {name} by {who}: owed {owed}, came {came} ({response.status_code})"
    if owed != "in" and CANARY.encode() in body:
        yield f"{method} {name} by {who}: the refusal names what it guards"


def owed_to(world: World, name: str, who: str, method: str) -> str:
    door = EXPECTED[name]
    if method not in door.methods and not (method == "HEAD" and "GET" in door.methods):
        return "405"
    if (name, method) == ("design", "POST") and who in {"lab viewer", "lab analyst"}:
        return "403"
    return allowed(world, door, who)


@pytest.fixture(autouse=True)
def _no_log_of_refusals() -> Iterator[None]:
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def test_no_cell_of_the_matrix_is_wrong(world: World) -> None:
    assert wrong_cells(world) == []


def test_the_matrix_sees_a_role_that_opens_every_door(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studyapp.views.doors.Role", lambda role: CoversAll())

    assert "GET close by lab viewer: owed 403, came in (200)" in wrong_cells(world, "close")


class CoversAll:
    """A role as no role may be."""

    def covers(self, needed: object) -> bool:
        return True


def test_the_matrix_sees_studies_found_without_the_lab(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studyapp.models.studies.StudyQuerySet.of_member", lambda studies, user: studies)

    assert any("by foreign owner: owed 404" in line for line in wrong_cells(world, "study"))


def test_a_removed_member_is_out_at_the_next_request(world: World) -> None:
    client, page = visitor(user := add_member(world.lab, OWNER)), reverse("study", args=[world.study.public_id])
    before = client.get(page).status_code

    remove_member(lab=world.lab, user=user, actor="system")

    assert (before, client.get(page).status_code) == (200, 404)


def test_keys_of_another_study_of_the_same_lab_are_not_found(world: World) -> None:
    sibling = make_open(world.lab, small_document(title="Sibling"))
    owner = world.clients["lab owner"]
    kwargs = {"public_id": sibling.public_id}

    answers = {
        "stage": owner.get(reverse("report", kwargs={**kwargs, "stage_id": world.stage.pk})).status_code,
        "data": owner.get(reverse("archive", kwargs={**kwargs, "stage_id": world.stage.pk})).status_code,
        "link": owner.get(reverse("link_qr", kwargs={**kwargs, "link_id": main_link(world.study).pk})).status_code,
    }

    assert answers == {"stage": 404, "data": 404, "link": 404}
