"""Promise 8: nobody can know the next arm; when the study is unblinded, everybody can derive every allocation again."""

from __future__ import annotations

import base64
import json
import logging
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.urls import reverse

from studyapp.actions import audit, lifecycle
from studyapp.actions.sealing import seal, unseal
from studyapp.design.auditor import check_archive
from studyapp.models import Assignment, AuditEntry, Job, Seal, Study
from studyapp.models.sequence import mechanism, sequence_label
from studyapp.views.console import design
from tests import factories
from tests.promises.console_walk import (
    Onlookers,
    Said,
    behind_the_guards,
    differences,
    onlookers,
    signed_in,
    walk,
    walk_to_allocation,
)
from tests.promises.ledger import Reached, scale
from tests.studyapp.actions.test_whole_run import arrive

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]
N_PEOPLE = scale(full=200, quick=10)
ORDERS_AHEAD = 8


@pytest.fixture
def world(db: None, caplog: pytest.LogCaptureFixture) -> Onlookers:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("django.db.backends").setLevel(logging.WARNING)
    study = factories.make_open(document=factories.small_document(allocation={"block_multiples": [1, 2]}))
    for number in range(N_PEOPLE):
        walk_to_allocation(arrive(study, f"pid-{number}"))
    return onlookers(study)


def key_of(study: Study) -> bytes:
    return unseal(bytes(Seal.objects.get(study=study).encrypted_key), "allocation")


def spellings(key: bytes) -> Iterator[bytes]:
    """The key as bytes, as text in any common form, and inside of something larger that is written in base 64."""
    yield key
    yield from (text.encode() for text in (key.hex(), key.hex().upper(), repr(key)[2:-1], str(list(key))[1:-1]))
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for shift in range(3):
            yield encode(bytes(shift) + key)[4:40]


def next_arms(study: Study) -> Iterator[bytes]:
    """The arms of the next places in a row, as a list in JSON, a line of CSV or a column would show them."""
    stage = factories.main_link(study).stage
    given = Assignment.objects.filter(enrolment__study=study).count()
    drawn = [
        mechanism(study.frozen.design).place(key_of(study), sequence_label(stage, ""), given + n).arm
        for n in range(ORDERS_AHEAD)
    ]
    yield from (glue.join(drawn).encode() for glue in (",", ", ", '", "', '","', "\n", " ", ";", "|"))


def hits(study: Study, said: Said) -> list[str]:
    """Where the key, its sealed form or the next arms are told."""
    sealed = bytes(Seal.objects.get(study=study).encrypted_key)
    canaries = [*spellings(key_of(study)), sealed, *next_arms(study)]
    return [f"{name} by {who}" for (who, name), text in said.items() if any(canary in text for canary in canaries)]


def other_seal(study: Study) -> None:
    Seal.objects.filter(study=study).update(encrypted_key=seal(bytes(range(32)), "allocation"))


@pytest.mark.promise(8)
def test_no_page_file_job_entry_or_log_tells_the_key_or_the_next_arms(
    world: Onlookers, caplog: pytest.LogCaptureFixture, reached: Reached
) -> None:
    study = world.study
    said = dict(walk(world, refusals=True))
    with pytest.MonkeyPatch.context() as patch:  # an error page of a crash, and what is logged of it
        patch.setattr("studyapp.views.console.studies.overview_of", None)
        broken = world.clients["lab owner"].get(reverse("study", args=[study.public_id]))
    assert broken.status_code == 500
    said["lab owner", "a crash"] = broken.content
    said["operator", "jobs"] = json.dumps(list(Job.objects.values()), default=str).encode()
    said["operator", "trail"] = json.dumps(list(AuditEntry.objects.values()), default=str).encode()
    said["operator", "logs"] = caplog.text.encode()

    assert len(caplog.records) > 0
    assert hits(study, said) == []
    before = walk(world)
    behind_the_guards(lambda: other_seal(study))
    assert differences(before, walk(world)) == []
    reached(f"0 hits in {len(said):,} answers, jobs, entries and logs; 0 answers differ under another key")


def unblinded_archive(study: Study, to: Path) -> Path:
    lifecycle.close_study(study=study, actor=factories.owner_of(study.lab))
    factories.unblind(study)
    client, stage = signed_in(factories.owner_of(study.lab)), factories.main_link(study).stage
    address = reverse("archive", args=[study.public_id, stage.pk])
    to.write_bytes(b"".join(client.get(address).streaming_content))
    return to


def audit_on_a_laptop(archive: Path) -> subprocess.CompletedProcess[str]:
    """In a process of its own that knows no database and no secret."""
    return subprocess.run(
        [sys.executable, "-m", "studyapp.design", "audit", archive],
        cwd=ROOT, env={"PATH": "", "FORETELL_DATA": str(archive.parent)}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.promise(8)
@pytest.mark.promise(22)
def test_an_auditor_derives_every_allocation_and_every_hash_from_the_archive_alone(
    world: Onlookers, tmp_path: Path, reached: Reached
) -> None:
    given = Assignment.objects.filter(enrolment__study=world.study).count()
    archive = unblinded_archive(world.study, tmp_path / "data.zip")

    found = audit_on_a_laptop(archive)

    assert (found.returncode, found.stderr) == (0, "")
    assert f"{given} of {given} allocations follow from the key" in found.stdout
    assert "the key is the one that was sealed at freezing" in found.stdout
    assert f"design: sha256 {world.study.frozen.sha256}\n" in found.stdout
    assert f"items: sha256 {world.study.frozen.items_sha256}\n" in found.stdout
    call_command("audit_allocation", str(world.study.public_id))
    reached(f"{given} of {given} allocations derived again, and both hashes equal, in another process")


def altered(archive: Path, name: str, change) -> list[str]:  # type: ignore[no-untyped-def]
    """What the auditor says of an archive in which one file was changed."""
    with zipfile.ZipFile(archive) as opened:
        files = {n: opened.read(n).decode() for n in ("design.json", "frozen.json", "allocation.json")}
    document = json.loads(files[name])
    change(document)
    return [str(f) for f in check_archive({**files, name: json.dumps(document)}) if not f.is_good]


def other_arm(document) -> None:  # type: ignore[no-untyped-def]
    place = document["places"][3]
    place["arm"] = next(arm for arm, _ in document["weights"] if arm != place["arm"])


@pytest.mark.control(8, "one person given another arm than the sequence's")
def test_the_auditor_names_who_is_in_another_arm_and_sees_every_other_change(
    world: Onlookers, tmp_path: Path, reached: Reached
) -> None:
    archive = unblinded_archive(world.study, tmp_path / "data.zip")
    changes = {
        "another arm": ("allocation.json", other_arm, "place 3 of main/1/"),
        "a person left out": ("allocation.json", lambda d: d["places"].pop(2), "some missing or twice"),
        "a person twice": ("allocation.json", lambda d: d["places"].append(d["places"][0]), "some missing or twice"),
        "another key": ("allocation.json", lambda d: d.update(key="00" * 32), "the key is not the one"),
        "another label": (
            "frozen.json",
            lambda d: d["items"][0].update(label=1 - d["items"][0]["label"]),
            "was frozen",
        ),
        "another input": ("frozen.json", lambda d: d["items"][0].update(content={}), "11 of 12 inputs"),
        "another design": ("design.json", lambda d: d.update(title="Other"), "was frozen"),
    }

    said = {what: altered(archive, name, change) for what, (name, change, _) in changes.items()}

    assert [what for what, (_, _, words) in changes.items() if not any(words in line for line in said[what])] == []
    reached(f"{len(said)} of {len(changes)} changes found: {', '.join(changes)}")


@pytest.mark.control(8, "the key printed in the study's JSON")
def test_a_key_in_the_designs_file_is_found(
    world: Onlookers, monkeypatch: pytest.MonkeyPatch, reached: Reached
) -> None:
    whole = design.design_text
    monkeypatch.setattr(design, "design_text", lambda frozen: whole(frozen) + key_of(world.study).hex())

    found = hits(world.study, walk(world))

    assert {name.split(" ")[0] for name in found} == {"design_file"}
    reached(f"{len(found)} answers tell it")


@pytest.mark.control(8, "the next arm in the audit trail")
def test_the_next_arms_in_the_trail_are_found(world: Onlookers, reached: Reached) -> None:
    ahead = next(next_arms(world.study)).decode()
    audit.record("peeked", "sequence", actor="system", study=world.study, after=ahead)

    found = hits(world.study, walk(world))

    assert {name.split(" ")[0] for name in found} >= {"audit_csv"}
    reached(f"{len(found)} answers tell it")
