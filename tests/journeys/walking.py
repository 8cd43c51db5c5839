"""Walking through pages in this process, with Django's client: every reply is kept, byte for byte."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from django.http import HttpResponse
from django.test import Client

from studyapp.models import Enrolment, Link, Study
from studyapp.models.frozen import frozen_study
from studyapp.models.participants import EnrolmentState
from studyapp.rehearsal.browser import Form, read_html

SCRIPT = {"X-Requested-With": "foretell"}


def form_with(reply: HttpResponse, name: str) -> Form | None:
    """The form of a page that has this field."""
    _, forms = read_html(reply.content.decode())
    return next((form for form in forms if name in form.values or name in form.offers), None)


@dataclass
class Walker:
    """Somebody at a link. `replies` holds every reply with the number of answers committed before it."""

    link: Link
    pid: str
    query: str = ""
    scripts: bool = False
    client: Client = field(default_factory=Client)
    replies: list[tuple[int, HttpResponse]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)  # that each reply took
    took: float = 0.0

    @property
    def study(self) -> Study:
        return self.link.stage.study

    @property
    def run(self) -> str:
        return f"/run/{self.study.public_id}/"

    def enrolment(self) -> Enrolment:
        return Enrolment.objects.select_related("study", "stage").get(pk=self.enrolment_id)

    def ask(self, send: Callable[..., HttpResponse], *args: object, **how: object) -> HttpResponse:
        """Get or post, and note how long the reply took."""
        begun = time.perf_counter()
        reply = send(*args, **how)
        self.took = time.perf_counter() - begun
        return reply

    def keep(self, reply: HttpResponse) -> HttpResponse:
        self.seconds.append(self.took)
        done = self.enrolment().position if hasattr(self, "enrolment_id") else 0
        self.replies.append((done, reply))
        return reply

    def open_link(self) -> HttpResponse:
        return self.keep(self.ask(self.client.get, f"/join/{self.link.token}/?PROLIFIC_PID={self.pid}{self.query}"))

    def consent(self) -> Enrolment:
        page = self.open_link()
        form = form_with(page, "decision")
        assert form is not None, page.content.decode()
        before = set(Enrolment.objects.values_list("pk", flat=True))
        reply = self.ask(self.client.post, form.action, {**form.values, "decision": "consent"})
        assert reply.status_code == 303, reply.content.decode()
        self.enrolment_id = Enrolment.objects.exclude(pk__in=before).get(study=self.study).pk
        self.keep(reply)
        return self.enrolment()

    def look(self) -> HttpResponse:
        query = "?" + self.query.lstrip("&") if self.query else ""
        return self.keep(self.ask(self.client.get, self.run + query))

    def answer(self, page: HttpResponse, **extra: str) -> HttpResponse:
        """Answer a page as `choose` says (by default the option that the position picks) and hold the next one."""
        form = form_with(page, "stamp")
        assert form is not None, page.content.decode()
        sent = {**form.values, **self.choose(form), **extra}
        reply = self.keep(self.ask(self.client.post, self.run, sent, headers=SCRIPT if self.scripts else {}))
        return self.look() if reply.status_code == 303 else reply

    def choose(self, form: Form) -> Mapping[str, str]:
        design = frozen_study(self.study.frozen.pk).design
        checks = {f"answer-{n}": str(q.answer) for n, q in enumerate(design.comprehension.questions)}
        if "answer-0" in form.offers:
            return checks
        options = form.offers.get("answer", [])
        return {"answer": options[self.enrolment().position % len(options)]} if options else {}

    def walk(self, until: Callable[[Enrolment], bool] = lambda enrolment: False) -> HttpResponse:
        """Answer page after page to the end, or until the enrolment is somewhere; the page that stands then."""
        page = self.look()
        while (enrolment := self.enrolment()).state == EnrolmentState.ACTIVE and not until(enrolment):
            page = self.answer(page)
        return page


def arrive(link: Link, pid: str = "", **how: object) -> Walker:
    """Somebody who has consented."""
    walker = Walker(link, pid or uuid.uuid4().hex, **how)  # type: ignore[arg-type]
    walker.consent()
    return walker


def allocated(enrolment: Enrolment) -> bool:
    return bool(enrolment.arm)
