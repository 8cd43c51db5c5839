"""No pickle is ever loaded: canaries that make a file when somebody loads them, at every door that reads bytes."""

from __future__ import annotations

import base64
import io
import os
import pickle
import shutil
import uuid
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import kombu
import numpy as np
import pytest
import torch
from celery.contrib.testing.worker import start_worker
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.cache import caches
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from explainers.artifacts import load_predictor
from explainers.cards import CARD_FILE, WEIGHTS_FILE, read_card, write_card
from explainers.errors import ExplainerError
from explainers.material.fetch import unpack
from explainers.material.mnist import parse
from studyapp.celery import app
from tests.explainers.tiny import tiny
from tests.hostile.world import World, fingerprint, visitor
from tests.journeys.processes import wait_until
from tests.promises.ledger import Reached

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Canary:
    """Makes a file when it is unpickled."""

    path: str

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (self.path,)


class Nest:
    """Where canaries come to life."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def egg(self) -> Canary:
        return Canary(str(self.folder / uuid.uuid4().hex))

    @property
    def hatched(self) -> int:
        return len(list(self.folder.iterdir()))


@pytest.fixture
def nest(tmp_path: Path) -> Nest:
    return Nest(tmp_path / "nest")


def as_torch(egg: Canary) -> bytes:
    file = io.BytesIO()
    torch.save({"weight": egg}, file)
    return file.getvalue()


def as_npz(egg: Canary) -> bytes:
    file = io.BytesIO()
    np.savez(file, weights=np.array([egg], dtype=object))
    return file.getvalue()


def zipped(content: bytes, name: str = "data.pkl", depth: int = 3) -> bytes:
    for _ in range(depth):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr(name, content)
        content = file.getvalue()
    return content


FILES: dict[str, Callable[[Canary], bytes]] = {
    "weights.pt": as_torch,
    "weights.pth": as_torch,
    "pytorch_model.bin": lambda egg: pickle.dumps({"weight": egg}, protocol=2),
    "model.pkl": lambda egg: pickle.dumps(egg),
    "model.joblib": lambda egg: pickle.dumps([egg], protocol=4),
    "arrays.npz": as_npz,
    "nested.zip": lambda egg: zipped(pickle.dumps(egg)),
    "old text.pkl": lambda egg: pickle.dumps(egg, protocol=0),
    "model.safetensors": lambda egg: (len(pickle.dumps(egg))).to_bytes(8, "little") + pickle.dumps(egg),
}


def offered(world: World, trained: Path, folder: Path, nest: Nest) -> Iterator[str]:
    """Every file at every door; says which door refused it."""
    for name, make in FILES.items():
        content = make(nest.egg())
        for member in (WEIGHTS_FILE, CARD_FILE):
            copy = Path(shutil.copytree(trained, folder / uuid.uuid4().hex))
            (copy / member).write_bytes(content)
            (copy / name).write_bytes(content)
            if member == WEIGHTS_FILE:
                write_card(copy, replace(read_card(copy), weights_sha256=sha256(content).hexdigest()))
            with pytest.raises(ExplainerError):
                load_predictor(copy)
            yield f"{member} <- {name}"
        with pytest.raises(ExplainerError):
            parse(unpack(zipped(content, "digits", 1), ("digits",), 10_000_000), (4, 9))
        yield f"material <- {name}"
        for door in (reverse("design_json", args=[world.draft.public_id]), f"/labs/{world.lab.pk}/studies/new/"):
            before = fingerprint()
            reply = world.clients["owner"].post(door, {"file": SimpleUploadedFile(name, content)})
            assert (reply.status_code, fingerprint()) == (422, before)
            yield f"{door} <- {name}"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    tiny("tabular", "mlp").train(folder)
    return folder


@pytest.mark.promise(17)
def test_no_file_at_any_door_is_loaded_as_a_pickle(
    world: World, trained: Path, nest: Nest, tmp_path: Path, reached: Reached
) -> None:
    tried = list(offered(world, trained, tmp_path, nest))

    assert nest.hatched == 0
    reached(f"0 canaries of {len(tried)} files and doors came to life")


def poison_session(content: bytes) -> str:
    """A row of the session table, as somebody could write it who can write the database."""
    key = uuid.uuid4().hex
    text = base64.b64encode(b"0" * 40 + b":" + content).decode()
    Session.objects.create(session_key=key, session_data=text, expire_date=timezone.now() + timezone.timedelta(1))
    return key


@pytest.mark.promise(17)
def test_no_session_cookie_or_cache_is_loaded_as_a_pickle(world: World, nest: Nest, reached: Reached) -> None:
    values = [pickle.dumps(nest.egg(), protocol=protocol) for protocol in range(6)]
    with transaction.atomic():
        for content in values:
            text = base64.urlsafe_b64encode(content).decode()
            for cookie in (poison_session(content), text, f".{text}:1:x"):
                for name in ("sessionid", "messages", "visitor", "csrftoken"):
                    client = visitor()
                    client.cookies[name] = cookie
                    assert client.get("/studies/").status_code < 500
        transaction.set_rollback(True)
    pickling = [alias for alias in settings.CACHES if _is_shared(alias)]

    assert nest.hatched == 0
    assert pickling == [], "a cache that other processes can write holds pickles"
    reached(f"0 of {len(values) * 12} cookies and sessions; no cache that another process could poison")


def _is_shared(alias: str) -> bool:
    return not type(caches[alias]).__module__.endswith((".locmem", ".dummy"))


def publish(body: bytes, *, serializer: str = "pickle", queue: str = "analysis") -> None:
    """A message as somebody who can write the broker would put it there."""
    kinds = {"pickle": "application/x-python-serialize", "yaml": "application/x-yaml", "json": "application/json"}
    with app.connection_for_write() as connection:
        kombu.Producer(connection).publish(
            body,
            routing_key=queue,
            content_type=kinds[serializer],
            content_encoding="binary",
            headers={"task": "studyapp.run_job", "id": uuid.uuid4().hex, "lang": "py"},
            declare=[kombu.Queue(queue, kombu.Exchange(queue), routing_key=queue)],
            exchange=queue,
        )


def waiting(queue: str = "analysis") -> int:
    with app.connection_for_read() as connection:
        return int(connection.default_channel.client.llen(queue))


@pytest.mark.promise(17)
def test_a_worker_refuses_a_message_that_is_a_pickle_and_goes_on(
    nest: Nest, monkeypatch: pytest.MonkeyPatch, reached: Reached
) -> None:
    monkeypatch.setattr("studyapp.celery._beat", lambda *_: None, raising=False)  # rows that nobody would take back
    with app.connection_for_write() as connection:
        connection.default_channel.client.delete("analysis")
    bodies = [pickle.dumps(([nest.egg()], {}, {}), protocol=protocol) for protocol in range(6)]
    for body in bodies:
        publish(body)
        publish(body, serializer="yaml")
        publish(body, serializer="json")
    n = waiting()
    with start_worker(app, pool="solo", perform_ping_check=False, queues=["analysis"], loglevel="CRITICAL"):
        wait_until(lambda: waiting() == 0, what="the worker to take every message", seconds=60)

    assert (n, nest.hatched) == (3 * len(bodies), 0)
    reached(f"0 canaries of {n} messages to a real worker")


@pytest.mark.control(17, "torch.load in a worker's function, a consumer that accepts pickles")
def test_a_worker_that_loads_pickles_lets_every_canary_out(nest: Nest, tmp_path: Path, reached: Reached) -> None:
    weights = tmp_path / "weights.pt"
    weights.write_bytes(as_torch(nest.egg()))

    def careless(path: Path) -> object:
        return torch.load(path, weights_only=False)

    careless(weights)
    after_loading = nest.hatched
    with app.connection_for_write() as connection:
        connection.default_channel.client.delete("careless")
        publish(pickle.dumps(nest.egg()), queue="careless")
        message = kombu.Queue("careless", channel=connection.default_channel).get(accept=["pickle"])
        message.decode()

    assert (after_loading, nest.hatched) == (1, 2)
    reached("2 of 2 canaries came to life")
