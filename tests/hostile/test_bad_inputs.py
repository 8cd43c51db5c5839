"""Bad inputs that every site on the internet gets, one a row: refused with a calm page, nothing changed, nothing told.

Half are of the published sample (facts on trust, section 5); the other half are what else goes wrong in practice.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

import pytest
from django.core import signing

from studyapp.views.participant_stamp import SALT
from tests.factories import small_document
from tests.hostile.world import PANEL_ID, World, ask, is_ours
from tests.studyapp.views.participant_study import fields_of

pytestmark = pytest.mark.django_db

FORM = "application/x-www-form-urlencoded"
REFUSED = range(400, 500)
LONGEST_LOG = 4_500  # characters; the longest address that the server takes has 4,094


@dataclass(frozen=True)
class Bad:
    """A request that must do no harm. Another answer than 4xx is the page that comes without what was tried."""

    id: str
    who: str
    method: str
    where: Callable[[World], str]
    body: Callable[[World], bytes | str] = lambda world: b""
    content_type: str = FORM
    headers: Mapping[str, str] = field(default_factory=dict)
    answers: tuple[int, ...] | range = REFUSED


def join(query: str = "") -> Callable[[World], str]:
    return lambda world: world.made.join + query


def run(world: World) -> str:
    return world.made.run


def study(name: str, query: str = "", **keys: object) -> Callable[[World], str]:
    return lambda world: world.page(name, **keys) + query


def editor(name: str) -> Callable[[World], str]:
    return lambda world: world.page(name, public_id=world.draft.public_id)


def templates(world: World) -> str:
    return f"/labs/{world.lab.pk}/studies/new/"


def form(**fields: object) -> Callable[[World], str]:
    return lambda world: urlencode(fields, doseq=True)


def answering(**fields: object) -> Callable[[World], str]:
    """An answer under a good stamp, with these fields instead."""
    return lambda world: urlencode({**hidden(world, "participant"), "answer": "0", **fields}, doseq=True)


def hidden(world: World, who: str) -> dict[str, str]:
    return fields_of(world.clients[who].get(world.made.run))


def stamped_by(make: Callable[[World], object]) -> Callable[[World], str]:
    """An answer under a stamp that is signed, but says something else."""
    return lambda world: urlencode({"stamp": signing.dumps(make(world), salt=SALT), "answer": "0"})


def design(**changes: object) -> Callable[[World], str]:
    return lambda world: urlencode({"text": json.dumps({**small_document(), **changes})})


def text(document: str) -> Callable[[World], str]:
    return lambda world: urlencode({"text": document})


def parts(*heads: str, content: bytes = b"x", boundary: str = "b") -> Callable[[World], bytes]:
    lines = [f"--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + content for head in heads]
    return lambda world: b"\r\n".join(lines) + f"\r\n--{boundary}--\r\n".encode()


def longer(token: str) -> str:
    return f"{token[:-1]}x"


def look(id: str, where: Callable[[World], str], **more: object) -> Bad:
    return Bad(id, "anonymous", "GET", where, **more)  # type: ignore[arg-type]


def send(id: str, body: Callable[[World], bytes | str] = lambda world: b"", kind: str = FORM, **more: object) -> Bad:
    return Bad(id, "participant", "POST", run, body, kind, **more)  # type: ignore[arg-type]


def draft(id: str, body: Callable[[World], bytes | str], kind: str = FORM, **more: object) -> Bad:
    return Bad(id, "owner", "POST", editor("design_json"), body, kind, **more)  # type: ignore[arg-type]


def act(id: str, name: str, body: Callable[[World], bytes | str]) -> Bad:
    """A form on the study's own page, to which its refusal leads back."""
    return Bad(id, "owner", "POST", study(name), body, answers=(302,))


MULTIPART = "multipart/form-data; boundary=b"
ARMS = small_document()["arms"]
DEEP = "[" * 100_000 + "]" * 100_000

ROWS = [
    # --- who comes
    look("pid empty", join("?PROLIFIC_PID=")),
    look("pid of blanks", join("?PROLIFIC_PID=%20%09%20")),
    look("pid is the panel's placeholder", join("?PROLIFIC_PID={{%25PROLIFIC_PID%25}}")),
    look("pid twice", join("?PROLIFIC_PID=a&PROLIFIC_PID=b")),
    look("pid overlong", join("?PROLIFIC_PID=" + "a" * 3000)),
    look("pid with nul", join("?PROLIFIC_PID=a%00b")),
    look("pid with line ends", join("?PROLIFIC_PID=a%0d%0aSet-Cookie:%20a=b")),
    look("pid turned right to left", join("?PROLIFIC_PID=%E2%80%AEabc"), answers=(200,)),
    look("pid with a half character", join("?PROLIFIC_PID=%ED%A0%80")),
    Bad("preview of the panel stores nothing", "anonymous", "POST", join(), form(decision="consent")),
    look("link truncated", lambda world: world.made.join[:-4] + "/"),
    look("link altered", lambda world: f"/join/{longer(world.made.link.token)}/"),
    look("link of 4,000 characters", lambda world: f"/join/{'a' * 3900}/"),
    look("link with nul", lambda world: "/join/a%00b/"),
    look("link with a dash that looks like one", lambda world: f"/join/{quote('‐‑–—')}/"),
    Bad("arrival forged", "anonymous", "POST", join(), form(decision="consent", arrival="e30:1:forged")),
    # --- addresses
    look("path traversal", lambda world: "/static/../../../../etc/passwd"),
    look("path traversal escaped", lambda world: "/static/%2e%2e/%2e%2e/settings.py"),
    look("double slash", lambda world: "//join//x/"),
    Bad("number of 400 digits", "owner", "GET", lambda world: f"/labs/{'9' * 400}/members/"),
    Bad("number of 2^63", "owner", "GET", lambda world: f"/labs/{2**63}/members/"),
    Bad("number below nothing", "owner", "GET", lambda world: "/labs/-1/members/"),
    Bad("number in other digits", "owner", "GET", lambda world: f"/labs/{quote('٣')}/members/"),
    Bad("study that is nobody's", "owner", "GET", lambda world: f"/studies/{uuid.uuid4()}/"),
    Bad("study of another lab", "owner", "GET", lambda world: f"/studies/{world.foreign.public_id}/"),
    Bad("no uuid", "owner", "GET", lambda world: "/studies/null/"),
    look("path of broken UTF-8", lambda world: "/join/%ff%fe/"),
    Bad("page of a number below nothing", "owner", "GET", study("audit", "?page=-1"), answers=(200,)),
    Bad("page of 9,000 digits", "owner", "GET", study("audit", "?page=" + "9" * 3900), answers=(200,)),
    Bad("page that is nan", "owner", "GET", study("audit", "?page=nan&page_size=1e9"), answers=(200,)),
    Bad("order by a password", "owner", "GET", study("audit", "?order_by=owner__password"), answers=(200,)),
    Bad("1,100 parameters", "owner", "GET", study("audit", "?" + "a=1&" * 1_100 + "page=2")),
    # --- headers
    look("host of another site", join(), headers={"HTTP_HOST": "evil.example"}),
    look("host with a path", join(), headers={"HTTP_HOST": "localhost/../evil"}),
    look("host forwarded", join(), headers={"HTTP_X_FORWARDED_HOST": "evil"}, answers=(200,)),
    look(
        "address forwarded",
        join(),
        answers=(200,),
        headers={"HTTP_X_FORWARDED_FOR": "127.0.0.1, ' OR 1=1 --", "HTTP_X_REAL_IP": "\x00"},
    ),
    look("path rewritten by header", join("x"), headers={"HTTP_X_REWRITE_URL": "/studies/"}),
    Bad("method tampered by field", "owner", "POST", study("flow"), form(_method="GET")),
    Bad("method tampered by header", "owner", "GET", study("pause"), headers={"HTTP_X_HTTP_METHOD_OVERRIDE": "POST"}),
    Bad("method of nobody", "anonymous", "PROPFIND", join()),
    look("session with a nul in octal", join(), headers={"HTTP_COOKIE": r'sessionid="\000abcdefghij"'}),
    look("session garbled", join(), headers={"HTTP_COOKIE": "sessionid=" + "ÿ=;" * 90}, answers=(200,)),
    look("run's cookie garbled", run, headers={"HTTP_COOKIE": "run-0=e30:x:y; visitor=../../x"}),
    look("cookies of 8 KB", join(), headers={"HTTP_COOKIE": "a=" + "b" * 8000}, answers=(200,)),
    look("language of 5,000 tags", join(), answers=(200,), headers={"HTTP_ACCEPT_LANGUAGE": "x-" * 2500}),
    Bad(
        "charset that decodes backslashes",
        "owner",
        "GET",
        study("audit", r"?page=\ud800"),
        headers={"CONTENT_TYPE": "text/plain; charset=unicode_escape"},
    ),
    # --- bodies
    Bad("csrf token missing", "owner without token", "POST", study("pause")),
    Bad(
        "csrf token of somebody else", "owner without token", "POST", study("pause"), form(csrfmiddlewaretoken="a" * 64)
    ),
    send("body that is no form", lambda world: b"\xff\xfe\x00{}", "application/json"),
    send("xml with an entity", lambda world: b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>', "text/xml"),
    send("form in UTF-16", lambda world: "answer=0".encode("utf-16"), f"{FORM}; charset=utf-16"),
    draft("form of charset zip", parts('name="text"'), f"{MULTIPART}; charset=zip"),
    draft("multipart without an end", lambda world: b"--b\r\nContent-Dispo", MULTIPART, answers=(200, *REFUSED)),
    draft("multipart without boundary", parts('name="text"'), "multipart/form-data"),
    draft("multipart of 2,000 fields", parts(*['name="a"'] * 2000), MULTIPART),
    draft("multipart of 200 files", parts(*['name="f"; filename="f"'] * 200), MULTIPART),
    send("field 10,000 times", lambda world: "answer=0&" * 10_000 + "stamp=x"),
    send("body too large for a participant", lambda world: b"answer=" + b"0" * 300_000),
    draft("body too large for anybody", lambda world: b"text=" + b"0" * 1_400_000),
    send("body without a length", form(answer="0"), headers={"HTTP_TRANSFER_ENCODING": "chunked"}),
    send("length that is no number", headers={"CONTENT_LENGTH": "1e3"}),
    send("length below nothing", headers={"CONTENT_LENGTH": "-1"}),
    # --- answers
    send("stamp missing", form(answer="0")),
    send("stamp forged", form(answer="0", stamp="WyJhIl0:1:forged")),
    send("stamp cut short", lambda world: urlencode({**hidden(world, "participant"), "stamp": "x", "answer": "0"})),
    send("stamp of another person", lambda world: urlencode({**hidden(world, "other participant"), "answer": "0"})),
    send("stamp with a nul", lambda world: urlencode({**hidden(world, "participant"), "answer": "a\0b"})),
    send("stamp of another version", stamped_by(lambda world: ["a", 1])),
    send("answer that is no choice", answering(answer="../../etc")),
    send("answer of 100,000 characters", answering(answer="9" * 100_000)),
    send("answer missing", lambda world: urlencode(hidden(world, "participant"))),
    Bad("run without a cookie", "anonymous", "POST", run, form(answer="0", position="99", state="completed")),
    # --- designs
    draft("json nested 100,000 deep", text(DEEP)),
    draft("json with nan", design(seed=float("nan"))),
    draft("json with infinity", design(minutes=float("inf"))),
    draft("json with a number of 5,000 digits", text('{"seed": ' + "9" * 5000 + "}")),
    draft("json with a half character", design(title="\ud800")),
    draft("json with nul", design(title="a\0b")),
    draft("json with a bell", design(title="a\x07b")),
    draft("json with a name of half characters", design(**{"\ud800" * 40: 1})),
    draft("json that is a list", text("[1, 2]")),
    draft("json that is nothing", text("null")),
    draft("json of an unknown name", design(is_frozen=True, owner="me", state="open")),
    Bad(
        "design file that is a picture",
        "owner",
        "POST",
        templates,
        parts('name="file"; filename="design.json"', content=b"\x89PNG\r\n\x1a\n\0\0"),
        MULTIPART,
    ),
    draft("design with 0 arms", design(arms=[])),
    draft("design with weights below nothing", design(arms=[{**arm, "weight": -1} for arm in ARMS])),
    draft("permuted blocks of 10^9", design(allocation={"block_multiples": [10**9]})),
    draft("redirect that is a script", design(completion={"code": "DONE42", "redirect": "javascript:alert(1)"})),
    Bad(
        "arms of no number",
        "owner",
        "POST",
        editor("design"),
        form(**{"arms-TOTAL_FORMS": "x", "arms-INITIAL_FORMS": "-9"}),
    ),
    Bad(
        "another arm of no number",
        "owner",
        "POST",
        editor("design"),
        form(**{"arms-TOTAL_FORMS": "9" * 5000, "add_arm": "1"}),
        answers=(200, 422),
    ),
    Bad(
        "block multiples of 5,000 digits",
        "owner",
        "POST",
        editor("design"),
        form(**{"design-block_multiples": "9" * 5000}),
    ),
    # --- what is not theirs to set
    act("stage of another study", "new_link", lambda world: urlencode({"stage": world.foreign.stages.first().pk})),
    act("stage of a kind that is not offered", "new_stage", form(kind="rehearsal", capacity="10")),
    act("capacity of 10^12", "new_stage", form(kind="pilot", capacity=10**12)),
    act("rehearsal of nan", "rehearse", form(participants="nan", gain="inf", seed="1e9")),
    act("link that expired in year 0", "new_link", form(stage="x", expires_at="0000-00-00T99:99")),
    act("frozen design by its form", "design", form(**{"design-title": "Mine"})),
    Bad(
        "open redirect after signing in",
        "anonymous",
        "POST",
        lambda world: "/sign-in/?next=//evil.example",
        form(username="a@b.example", password="x"),
        answers=(200, *REFUSED),
    ),
    Bad(
        "sign-in with nul",
        "anonymous",
        "POST",
        lambda world: "/sign-in/",
        form(username="a\0@b.example", password="\0"),
        answers=REFUSED,
    ),
    Bad(
        "sign-in with a password of 100 KB",
        "anonymous",
        "POST",
        lambda world: "/sign-in/",
        form(username="a@b.example", password="x" * 100_000),
        answers=(200, *REFUSED),
    ),
]


def wrongs(world: World, row: Bad, log: pytest.CaptureFixture[str]) -> list[str]:
    """Everything that is wrong with the site's answer to a row."""
    client = world.clients[row.who.split(" without")[0]]
    client.handler.enforce_csrf_checks = row.who.endswith("without token")
    where, body = row.where(world), row.body(world)
    data = body if isinstance(body, bytes) else body.encode()
    log.readouterr()
    asked = ask(client, row.method, where, data=data, content_type=row.content_type, **row.headers)
    client.handler.enforce_csrf_checks = False
    found = []
    if asked.status not in row.answers:
        found.append(f"{asked.status} came")
    if asked.changed:
        found.append(f"it changed {', '.join(asked.changed)}")
    if "evil" in asked.response.headers.get("Location", ""):
        found.append("it leads to another site")
    if asked.status in REFUSED:
        found += is_ours(asked)
    return found + wrongs_of_log(log.readouterr().err)


def wrongs_of_log(said: str) -> list[str]:
    """What is wrong with what a process writes about a refusal: it must be short, without a trace or a person."""
    return [f"the log says {said[:300]}"] if len(said) > LONGEST_LOG or PANEL_ID in said or "File " in said else []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_bad_input_is_refused_calmly_and_changes_nothing(
    world: World, row: Bad, capfd: pytest.CaptureFixture[str]
) -> None:
    assert wrongs(world, row, capfd) == []


def test_there_are_more_rows_than_the_list_asks_for() -> None:
    assert len({row.id for row in ROWS}) == len(ROWS) >= 50
