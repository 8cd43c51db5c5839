"""Everything the console says of a study, to everybody who may ask: what the tests of blindness compare and search."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from django.db import connection, transaction
from django.http.response import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from studyapp.actions.respond import record_response
from studyapp.models import Enrolment, Lab, Role, Stage, Study, User
from studyapp.models.frozen import frozen_study, study_of
from studyapp.models.studies import StageKind
from tests import factories
from tests.promises.ledger import FULL
from tests.studyapp.actions.test_whole_run import answer_for, arrive, run_through, submission

# What differs from one serving of a page to the next, whatever is in the database.
PER_SERVING_HEADERS = {"Expires", "X-Request-Id"}
# Pages outside of any lab that show something of studies.
BESIDE_LABS = {"studies", "join", "metrics", "readyz"}
COUNTS_REQUESTS = "metrics"  # its numbers grow with every look; no label of it may name an arm
PER_SERVING = re.compile(rb'(name="(?:csrfmiddlewaretoken|stamp|arrival)" value="|nonce-)[^"\']*')

Said = Mapping[tuple[str, str], bytes]  # (who, which page) to what came, its headers included


@dataclass(frozen=True)
class Onlookers:
    """A study of real people, and everybody who might look at it."""

    study: Study
    rehearsal: Stage
    clients: Mapping[str, Client]


def onlookers(study: Study) -> Onlookers:
    """One client a role of the study's lab, an owner of another lab, and somebody who has not signed in."""
    from studyapp.actions.links import add_stage

    roles = list(Role) if FULL else [Role.OWNER, Role.ANALYST]
    people = {f"lab {role}": factories.add_member(study.lab, role) for role in roles}
    people["foreign owner"] = factories.owner_of(factories.make_lab())
    rehearsal = add_stage(study=study, kind=StageKind.REHEARSAL, capacity=4, actor="system")
    clients = {"anonymous": Client(), **{name: signed_in(user) for name, user in people.items()}}
    return Onlookers(study, rehearsal, clients)


def signed_in(user: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def addresses(study: Study, lab: Lab) -> Iterator[tuple[str, str]]:
    """Every address of the console that shows something, by name; one a stage where it is about a stage."""
    link = factories.main_link(study)
    known = {"public_id": study.public_id, "lab_id": lab.pk, "link_id": link.pk, "name": "effect"}
    known |= {"template": "forward", "dataset": "adult", "token": link.token}
    for pattern, keys in patterns(get_resolver(), ()):
        door = getattr(pattern.callback, "door", None)
        if door is None or "GET" not in door.methods or not (door.audience == "lab" or pattern.name in BESIDE_LABS):
            continue
        for stage in study.stages.order_by("pk") if "stage_id" in keys else [link.stage]:
            values = known | {"stage_id": stage.pk}
            if set(keys) <= set(values):
                about = f" of {stage}" if "stage_id" in keys else ""
                yield pattern.name + about, reverse(pattern.name, kwargs={key: values[key] for key in keys})


def patterns(resolver: URLResolver, above: tuple[str, ...]) -> Iterator[tuple[URLPattern, tuple[str, ...]]]:
    for entry in resolver.url_patterns:
        keys = (*above, *entry.pattern.converters)
        if isinstance(entry, URLResolver):
            yield from patterns(entry, keys)
        else:
            yield entry, keys


def walk(world: Onlookers, *, refusals: bool = False) -> Said:
    """What every page says to everybody and, if asked for, what it says to a wrong method or a wrong address."""
    said = {}
    for who, client in world.clients.items():
        for name, address in addresses(world.study, world.study.lab):
            with transaction.atomic():  # what a look changed must not be there for the next
                said[who, name] = content(client.get(address))
                if refusals:
                    said[who, f"{name}, refused"] = content(client.delete(address))
                    said[who, f"{name}, missing"] = content(client.get(f"{address}nothing/"))
                transaction.set_rollback(True)
    return said


def content(response: HttpResponseBase) -> bytes:
    """Status, headers and body; a zip is unpacked, so that compression hides nothing."""
    body = b"".join(response.streaming_content) if response.streaming else response.content  # type: ignore[attr-defined]
    if response.headers.get("Content-Type") == "application/zip":
        archive = zipfile.ZipFile(io.BytesIO(body))
        body = b"\n".join(name.encode() + b"\n" + archive.read(name) for name in sorted(archive.namelist()))
    head = "\n".join(
        f"{key}: {value}" for key, value in sorted(response.headers.items()) if key not in PER_SERVING_HEADERS
    )
    return PER_SERVING.sub(rb"\1", f"{response.status_code}\n{head}\n\n".encode() + body)


def differences(one: Said, other: Said) -> list[str]:
    return [
        f"{name} by {who}" for (who, name), text in one.items() if other[who, name] != text and name != COUNTS_REQUESTS
    ]


def behind_the_guards(*changes: Callable[[], object]) -> None:
    """Change what never changes, as the owner of the tables could: another world that differs in this alone."""
    tables = [f"studyapp_{name}" for name in ("assignment", "enrolment", "seal", "stratum")]
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for verb in ("DISABLE", "ENABLE"):
            for table in tables:
                cursor.execute(f"ALTER TABLE {table} {verb} TRIGGER USER")
            for change in changes if verb == "DISABLE" else ():
                change()
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def people_under_way(study: Study, n: int) -> None:
    """Real people of every kind: some through, some in the middle, one who has only consented."""
    for number in range(n):
        enrolment = arrive(study, f"pid-{number}")
        if number % 4 == 0:
            run_through(enrolment)
        else:
            walk_to_allocation(enrolment)
    arrive(study, "consented")


def walk_to_allocation(enrolment: Enrolment) -> Enrolment:
    study = frozen_study(study_of(enrolment).design_id)
    for step in study.steps(enrolment.order_seed):
        if enrolment.arm:
            break
        answer = answer_for(study, step)
        enrolment = record_response(enrolment_id=enrolment.pk, submission=submission(step.position, answer))
    return enrolment
