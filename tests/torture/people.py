"""Seeded participants: they consent, answer, send again until they know that it is kept, and write it all down."""

from __future__ import annotations

import hashlib
import http.client
import json
import random
import re
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, urlencode

from django.core.signing import b64_decode

from studyapp.rehearsal.browser import Browser, Form, Page
from tests.studyapp.views.participant_study import RIGHT_CHECK
from tests.torture import history as events
from tests.torture.history import History, Sent

WAIT_S = 0.1
LONG_S = 120
NOTICE = "You answered that screen before"
ENDED = b"data-done"
STAMP = re.compile(r'(name="(?:stamp|csrfmiddlewaretoken)" value=")[^"]*')
PASSING = re.compile(r'data-(?:place|run)="[^"]*"|\d+ of \d+|<p class="notice">[^<]*</p>\s*')


class TheEnd(Exception):
    """The storm is over; whoever is still on the way goes home."""


@dataclass
class World:
    """What all people share: where to go, what they hold against the server, and when to stop."""

    base: str
    code: str
    history: History
    over: threading.Event = field(default_factory=threading.Event)
    patient: bool = True  # whether they send again after a failure
    keep_alive: bool = True
    timeout_s: float = 15
    thinks_s: float = 0  # over each answer, on average


class Visitor(Browser):
    """A browser whose every answer is written down, and sent again, unchanged, until something comes of it."""

    def __init__(self, world: World, person: str, study: str, *, scripts: bool, cookies: dict[str, str]) -> None:
        super().__init__(scripts=scripts, cookies=cookies)
        self.world, self.person, self.study = world, person, study
        self.is_alone = True
        self.thinking = random.Random(person)

    def another_tab(self) -> Visitor:
        tab = Visitor(self.world, self.person, self.study, scripts=self.scripts, cookies=self.cookies)
        self.is_alone = tab.is_alone = False
        return tab

    def _request(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[http.client.HTTPResponse, bytes]:
        sent = sent_in(body) if method == "POST" else None
        has_fresh_token = False
        if sent is not None:
            time.sleep(self.thinking.uniform(0, 2 * self.world.thinks_s))
        while True:
            if self.world.over.is_set():
                raise TheEnd
            began = time.monotonic()
            try:
                response, content = self._request_once(method, url, body, headers)
            except (OSError, http.client.HTTPException) as error:
                self.close()
                self._note(events.LOST, sent, began, text=f"{method} {type(error).__name__}: {error}")
            else:
                if not self.world.keep_alive:
                    self.close()
                is_stale = sent is not None and response.status == 403 and not has_fresh_token
                if response.status < 500 and not is_stale:
                    self._note(self._kind(response.status, content), sent, began, status=response.status)
                    return response, content
                self._note(events.FAILED, sent, began, status=response.status, text=method)
                if is_stale:
                    body, has_fresh_token = with_fresh_token(body, self.cookies), True
            time.sleep(WAIT_S)
            if not self.world.patient:
                raise TheEnd

    def _note(self, kind: str, sent: Sent | None, began: float, **what: object) -> None:
        if sent is not None or kind in {events.LOST, events.FAILED}:
            took_s = time.monotonic() - began
            self.world.history.note(kind, self.person, self.study, sent=sent, took_s=took_s, **what)

    def _kind(self, status: int, content: bytes) -> str:
        if status not in {200, 303}:
            return events.REFUSED
        # The last page says nothing of which tab's answer was kept.
        superseded = NOTICE.encode() in content or (ENDED in content and not self.is_alone)
        return events.SUPERSEDED if superseded else events.ACKNOWLEDGED

    def _connect(self, url: str) -> http.client.HTTPConnection:
        connection = super()._connect(url)
        connection.timeout = self.world.timeout_s
        return connection


def with_fresh_token(body: bytes, cookies: Mapping[str, str]) -> bytes:
    """The same answer with the token that counts now, as our script does when another tab has got a newer one."""
    values = dict(parse_qsl(body.decode("ascii"), keep_blank_values=True))
    return urlencode(values | {"csrfmiddlewaretoken": cookies.get("csrftoken", "")}).encode("ascii")


def sent_in(body: bytes) -> Sent | None:
    """What a body with a stamp says; None for any other."""
    values = dict(parse_qsl(body.decode("ascii")))
    if "stamp" not in values:
        return None
    payload = b64_decode(values["stamp"].split(":")[0].encode())
    _, position, attempt, key, _ = json.loads(payload)
    choice = tuple(sorted((name, value) for name, value in values.items() if name.startswith("answer")))
    return Sent(key, position, attempt, choice, int(values.get("response_ms") or 0))


@dataclass
class Person:
    """One participant with habits of their own, all drawn from the seed."""

    world: World
    name: str
    link: str
    study: str
    dice: random.Random
    tabs: int = 1
    scripts: bool = True
    alters: float = 0.0  # the share of acknowledged answers that are sent again with another body

    def walk(self) -> None:
        """Every tab from the link to the end."""
        first = Visitor(self.world, self.name, self.study, scripts=self.scripts, cookies={})
        visitors = [first, *(first.another_tab() for _ in range(self.tabs - 1))]
        dice = [random.Random(self.dice.random()) for _ in visitors]
        threads = [
            threading.Thread(target=self._walk, args=pair, daemon=True)
            for pair in list(zip(visitors, dice, strict=True))[1:]
        ]
        for thread in threads:
            thread.start()
        self._walk(first, dice[0])
        for thread in threads:
            thread.join()

    def _walk(self, visitor: Visitor, dice: random.Random) -> None:
        try:
            page = visitor.get(f"{self.world.base}{self.link}?PROLIFIC_PID={self.name}")
            while (form := self._form(page)) is not None:
                self._look(page, form)
                answers = self._choose(form, dice)
                before, page = page, visitor.send(page, form, answers)
                if "stamp" in form.values and dice.random() < self.alters:
                    self._alter(visitor, before, form, answers)
                if page.status >= 400:  # the way on is where the server says
                    page = visitor.get(before.url)
            self._end(page)
        except TheEnd:
            pass
        finally:
            visitor.close()

    def _form(self, page: Page) -> Form | None:
        if self.world.code in page.text:
            return None
        return page.form_with("decision") or page.form_with("stamp")

    def _choose(self, form: Form, dice: random.Random) -> dict[str, str]:
        if "decision" in form.offers:
            return {"decision": "consent"}
        answers = {"response_ms": str(dice.randrange(1, 86_400_000))}
        if "answer-0" in form.offers:
            return answers | RIGHT_CHECK
        if "answer" in form.offers:
            answers["answer"] = dice.choice(form.offers["answer"])
        return answers

    def _look(self, page: Page, form: Form) -> None:
        """Keep what a page of a test trial says, so that twins can be compared."""
        if "answer" in form.offers and "screen-trial" in page.text:
            main = page.text[page.text.index("<main") : page.text.index("</main>")]
            digest = hashlib.sha256(PASSING.sub("", STAMP.sub(r"\1", main)).encode()).hexdigest()
            self.world.history.note(events.PAGE, self.name, self.study, text=digest)

    def _alter(self, visitor: Visitor, page: Page, form: Form, answers: Mapping[str, str]) -> None:
        """Send the same key with another body; what comes of it is noted as an alteration, not as an answer."""
        changed = {**form.values, **answers, "response_ms": str(int(answers["response_ms"]) + 1)}
        status, _ = post(self.world, visitor.cookies, page.url, changed)
        sent = sent_in(urlencode(changed).encode())
        self.world.history.note(events.ALTERED, self.name, self.study, sent=sent, status=status)

    def _end(self, page: Page) -> None:
        kind = events.CODE if self.world.code in page.text else events.ENDED
        self.world.history.note(kind, self.name, self.study, status=page.status, text=page.title)


def post(world: World, cookies: dict[str, str], url: str, values: Mapping[str, str]) -> tuple[int, bytes]:
    """Post these values, over and over until a reply comes that is no failure; its status and body."""
    quiet = replace(world, history=History())
    visitor = Visitor(quiet, "", "", scripts=True, cookies=cookies)
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Requested-With": "foretell",
        "Referer": url,
    }
    try:
        response, content = visitor._request("POST", url, urlencode(values).encode("ascii"), headers)
        return response.status, content
    finally:
        visitor.close()


def walk_all(people: Sequence[Person]) -> None:
    """Everybody at once, each to the end; who is still on the way after a long time goes home."""
    bell = threading.Timer(LONG_S, people[0].world.over.set)
    bell.start()
    with ThreadPoolExecutor(len(people)) as pool:
        for walked in [pool.submit(person.walk) for person in people]:
            walked.result()
    bell.cancel()


@dataclass
class Crowd:
    """Clients who walk through the studies one person after the other, until they are told to stop."""

    world: World
    links: Sequence[str]
    seed: int
    clients: int = 16
    errors: list[str] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)
    _no_more: threading.Event = field(default_factory=threading.Event)

    def begin(self) -> None:
        for client in range(self.clients):
            thread = threading.Thread(target=self._client, args=(client,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def end(self, patience_s: float) -> None:
        """Let those who are on their way arrive; then send everybody home."""
        self._no_more.set()
        deadline = time.monotonic() + patience_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self.world.over.set()
        for thread in self._threads:
            thread.join(self.world.timeout_s + 5)

    def _client(self, client: int) -> None:
        number = 0
        while not self._no_more.is_set() and not self.world.over.is_set():
            dice = random.Random(f"{self.seed}/{client}/{number}")
            try:
                self.person(f"p{client}-{number}", dice).walk()
            except Exception as error:  # a page that no participant should meet
                self.errors.append(f"p{client}-{number}: {type(error).__name__}: {error}")
            number += 1

    def person(self, name: str, dice: random.Random) -> Person:
        """Somebody with habits: some without script, some in two tabs, some who alter what they sent."""
        scripts = dice.random() < 0.8
        tabs = 2 if scripts and dice.random() < 0.25 else 1
        study = dice.randrange(len(self.links))
        alters = dice.choice((0.0, 0.0, 0.1))
        return Person(self.world, name, self.links[study], f"twin {study}", dice, tabs, scripts, alters)
