"""The server fetches no address that a user gives: forty shapes in every field that could take one, and a listener."""

from __future__ import annotations

import socket
import threading
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlencode

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from studyapp import jobs
from studyapp.actions.lifecycle import open_study
from studyapp.actions.links import create_link
from studyapp.actions.rehearsals import start_rehearsal
from studyapp.actions.reports import request_report
from studyapp.actions.studies import create_study
from studyapp.errors import DesignRefused
from studyapp.models import Job, Stage, Study, User
from tests import factories
from tests.hostile.world import researcher
from tests.promises.ledger import Reached, scale
from tests.studyapp.views.participant_study import MadeStudy, consent

SHAPES = (
    "https://{at}/", "http://{at}/", "https://127.1:{port}/", "https://0x7f.1:{port}/",
    "https://0x7f000001:{port}/",
    "https://2130706433:{port}/", "https://0177.0.0.1:{port}/", "https://[::1]:{port}/",
    "https://[::ffff:127.0.0.1]:{port}/",
    "https://[::ffff:7f00:1]:{port}/",
    "https://localhost:{port}/", "https://LOCALHOST:{port}/", "https://localhost.:{port}/",
    "https://user@{at}/", "https://good.example@{at}/", "https://good.example:80@{at}/",
    "https://{at}#@good.example/",
    "https://{at}?@good.example/", "https://{at}/%2e%2e/",
    "https://{at}/redirect?to=http://169.254.169.254/", "//{at}/",
    "\\\\{at}\\share", "file:///etc/passwd", "gopher://{at}/_GET", "ftp://{at}/", "dict://{at}/info", "ldap://{at}/",
    "jar:http://{at}!/", "data:text/html,<img src=http://{at}/>", "javascript:fetch('http://{at}/')",
    "https://0.0.0.0:{port}/", "https://127.0.0.1.nip.example:{port}/", "https://①②⑦.⓪.⓪.①:{port}/",
    "https://127。0。0。1:{port}/",
    "https://{at}:443/", "https:///{at}/", "https:/{at}/", "https:{at}/", "HTTPS://{at}/", "https://{at}/\t/x",
)  # fmt: skip
TOGETHER = scale(full=1, quick=10)  # shapes in one study
FULL_JOBS = scale(full=len(SHAPES), quick=1)  # studies that are also rehearsed and analysed


@dataclass
class Listener:
    """A port at which somebody waits who should wait in vain, and every address this process connects to."""

    port: int
    accepted: int = 0
    connected: list[object] = field(default_factory=list)

    @property
    def at(self) -> str:
        return f"127.0.0.1:{self.port}"


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(50)
        heard = Listener(server.getsockname()[1])
        plain = socket.socket.connect

        def connect(self: socket.socket, address: object) -> None:
            heard.connected.append(address)
            plain(self, address)  # type: ignore[arg-type]

        monkeypatch.setattr(socket.socket, "connect", connect)
        thread = threading.Thread(target=accept, args=(server, heard), daemon=True)
        thread.start()
        yield heard


def accept(server: socket.socket, heard: Listener) -> None:
    with suppress(OSError):  # closed at the end
        while True:
            connection, _ = server.accept()
            heard.accepted += 1
            connection.close()


def shapes(listener: Listener) -> list[str]:
    return [shape.format(at=listener.at, port=listener.port) for shape in SHAPES]


def put_everywhere(addresses: Sequence[str], *, open_it: Callable[..., Study] = open_study) -> Study:
    """A study with the addresses in every text; the last that is taken for one is the redirect too."""
    lab = factories.make_lab(name=addresses[0][:100])
    owner = factories.owner_of(lab)
    factories.make_material()
    document = factories.small_document(title=addresses[0])
    document["texts"] = dict.fromkeys(document["texts"], " ".join(addresses)[:300])
    for address in addresses:
        with suppress(DesignRefused):
            completion = {"code": "DONE42", "redirect": address}
            create_study(lab=lab, document=document | {"completion": completion}, actor=owner)
            document["completion"] = completion
    study = open_it(study=factories.make_frozen(lab, document), actor=owner)
    stage = study.stages.get(kind="main")
    for address in addresses:
        create_link(stage=stage, label=address[:100], is_single_use=False, expires_at=None, actor=owner)
        look_at(study, address)
    return study


def look_at(study: Study, address: str) -> None:
    """Pages with the address in every parameter that could be followed."""
    query = "?" + urlencode({"next": address, "url": address, "callback": address, "PROLIFIC_PID": address})
    owner = researcher(factories.owner_of(study.lab))
    owner.defaults |= {"HTTP_REFERER": address, "HTTP_X_FORWARDED_HOST": address[:50].strip()}
    for name in ("study", "design", "preview", "downloads", "audit"):
        owner.get(reverse(name, args=[study.public_id]) + query)
    link = study.stages.get(kind="main").links.first()
    made = MadeStudy(study, link, 0)
    with suppress(AssertionError):  # not every shape is an id
        person = Client()
        consent(person, made, query)
        person.get(made.run)


def run_every_job(study: Study) -> None:
    owner = factories.owner_of(study.lab)
    start_rehearsal(study=study, participants=8, gain=0.1, seed=1, actor=owner)
    work()
    request_report(stage=Stage.objects.filter(study=study, kind="rehearsal").last(), actor=owner)
    work()


def work() -> None:
    for job in Job.objects.unfinished().order_by("pk"):
        jobs.run_job(str(job.pk))


def foreign(listener: Listener, base: str) -> list[object]:
    """Connections to anywhere but this site and the broker's and the database's sockets."""
    port = int(base.rpartition(":")[2])
    return [to for to in listener.connected if isinstance(to, tuple) and to[1] != port]


@pytest.mark.promise(36)
def test_no_shape_of_an_address_makes_the_server_connect(
    live_server,  # type: ignore[no-untyped-def]
    listener: Listener,
    settings: LazySettings,
    reached: Reached,
) -> None:
    settings.BASE_URL = live_server.url
    every = shapes(listener)
    studies = [put_everywhere(every[start : start + TOGETHER]) for start in range(0, len(every), TOGETHER)]
    for study in studies[:FULL_JOBS]:
        run_every_job(study)
    failed = Job.objects.exclude(state__in=["done", "pending"]).exclude(kind="explain")

    assert listener.accepted == 0
    assert foreign(listener, live_server.url) == []
    assert [f"{job.kind}: {job.error}" for job in failed] == []
    reached(f"0 connections for {len(every)} shapes in every field; {FULL_JOBS} studies rehearsed and analysed")


@pytest.mark.control(36, "an action that fetches the redirect before it opens the study")
def test_an_action_that_fetches_an_address_is_heard(db: None, listener: Listener, reached: Reached) -> None:
    def curious(*, study: Study, actor: User) -> Study:
        with suppress(OSError):
            urllib.request.urlopen(study.frozen.document["completion"]["redirect"], timeout=2)
        return open_study(study=study, actor=actor)

    put_everywhere([f"https://{listener.at}/"], open_it=curious)

    assert foreign(listener, "http://127.0.0.1:1") != []
    reached(f"{listener.accepted} connections")
