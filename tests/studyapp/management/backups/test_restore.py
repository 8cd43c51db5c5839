"""What a restore refuses, before it has touched anything."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from studyapp.management.backups.backup import write_backup
from studyapp.management.backups.errors import BackupError
from studyapp.management.backups.restore import restore, verify
from studyapp.models import Response
from tests import factories
from tests.studyapp.actions.test_whole_run import arrive, run_through

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def backup(settings, tmp_path) -> Path:
    """Of a small site; nothing of the database is changed after it."""
    settings.DATA_DIR = tmp_path / "data"
    weights = settings.DATA_DIR / "predictors" / "net" / "model.safetensors"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"weights")
    run_through(arrive(factories.make_open()))
    write_backup(tmp_path / "backup")
    return tmp_path / "backup"


def rewritten(path: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """The backup with members changed or, for None, left out."""
    target = path.with_name("changed")
    with tarfile.open(path) as old, tarfile.open(target, "w:gz") as new:
        for member in old:
            content = change(member.name, old.extractfile(member).read())
            if content is not None:
                member.size = len(content)
                new.addfile(member, io.BytesIO(content))
    return target


def test_a_database_that_holds_something_is_refused_and_the_loss_named(backup):
    with pytest.raises(BackupError, match=r"would destroy: .*1 enrolments.*--erase test_") as refused:
        restore(backup, say=print)
    assert f"{Response.objects.count()} responses" in str(refused.value)
    assert Response.objects.exists()


def test_the_name_of_another_database_erases_nothing(backup):
    with pytest.raises(BackupError, match="is not empty"):
        restore(backup, erase="foretell", say=print)


def test_a_newer_backup_is_refused_with_what_to_do(backup):
    def newer(name: str, content: bytes) -> bytes:
        if name == "backup.json":
            header = json.loads(content)
            header["migrations"].append(["studyapp", "0999_tomorrow"])
            return json.dumps(header).encode()
        return content

    with pytest.raises(BackupError, match=r"newer than this one.*studyapp.0999_tomorrow.*Install that version"):
        restore(rewritten(backup, newer), erase=connection.settings_dict["NAME"], say=print)
    assert Response.objects.exists()


def test_another_secret_key_is_refused_with_what_would_be_lost(backup, settings):
    settings.SECRET_KEY = "another secret key than the one of the backup, as long as it should be"
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(BackupError, match=r"FORETELL_SECRET_KEY is not the one.*--other-key"):
        restore(backup, erase=connection.settings_dict["NAME"], say=print)


@pytest.mark.parametrize(
    ("what", "change", "message"),
    [
        (
            "one changed answer",
            lambda name, data: data.replace(b"read", b"reed", 1) if "studyapp_response" in name else data,
            "table studyapp_response .* not what its manifest says",
        ),
        ("a table left out", lambda name, data: None if "studyapp_response" in name else data, "studyapp_response"),
        (
            "other weights",
            lambda name, data: b"weighty" if name.endswith("safetensors") else data,
            "predictors/net/model.safetensors",
        ),
        ("no manifest", lambda name, data: None if name == "manifest.json" else data, "cut short"),
        ("no header", lambda name, data: None if name == "backup.json" else data, "not a backup of Foretell"),
    ],
)
def test_a_changed_backup_is_refused_before_anything_is_touched(backup, what, change, message):
    with pytest.raises(BackupError, match=message):
        restore(rewritten(backup, change), erase=connection.settings_dict["NAME"], say=print)
    assert Response.objects.exists()


def test_a_path_out_of_the_data_folder_is_refused(backup):
    target = backup.with_name("climbing")
    with tarfile.open(backup) as old, tarfile.open(target, "w:gz") as new:
        for member in old:
            content = old.extractfile(member).read()
            member.name = member.name.replace("files/predictors", "files/../../predictors")
            new.addfile(member, io.BytesIO(content))
    with pytest.raises(BackupError, match="has no place"):
        verify(target, "")


def test_a_file_cut_short_or_another_is_refused(backup, tmp_path):
    whole = backup.read_bytes()
    (tmp_path / "half").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text").write_text("not a backup")
    for name in ("half", "text", "missing"):
        with pytest.raises(BackupError):
            verify(tmp_path / name, "")


def test_the_command_says_it_in_one_sentence(backup):
    with pytest.raises(CommandError, match="is not empty"):
        call_command("restore", str(backup))


def test_a_backup_never_overwrites_a_file(backup):
    with pytest.raises(CommandError, match="never overwrites"):
        call_command("backup", str(backup))
    verify(backup, "")
