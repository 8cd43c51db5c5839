"""The export is the database at one moment, also while people answer, and it takes little memory."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import threading
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, connections

from studyapp.exports import archive
from studyapp.exports.participants import participant_rows
from studyapp.models import Assignment, Consent, Enrolment, Participant, Response, Stage, Study
from studyapp.models.frozen import frozen_study
from tests import factories
from tests.journeys.processes import ROOT, database_url, wait_until
from tests.promises.ledger import FULL, scale
from tests.studyapp.actions.test_whole_run import answer_for as answer_at
from tests.studyapp.actions.test_whole_run import arrive, run_through, submission

pytestmark = pytest.mark.django_db(transaction=True)

WITHOUT_RESPONSE = {"consent", "allocation", "completion", "withdrawal"}


@contextmanager
def people_answer(study: Study) -> Iterator[list[int]]:
    """Two people after the other who answer until the block ends; yields a list that grows with each answer."""
    done = threading.Event()
    answered: list[int] = []

    def answer(number: int) -> None:
        from studyapp.actions.respond import record_response

        frozen = frozen_study(study.frozen.pk)
        try:
            for person in range(10_000):
                enrolment = arrive(study, f"meanwhile-{number}-{person}")
                for step in frozen.steps(enrolment.order_seed):
                    if done.is_set():
                        return
                    sent = submission(step.position, answer_at(frozen, step))
                    enrolment = record_response(enrolment_id=enrolment.pk, submission=sent)
                    answered.append(1)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=answer, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield answered
    finally:
        done.set()
        for thread in threads:
            thread.join()


def exported(study: Study, write: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> zipfile.ZipFile:
    """A stage's archive, written while people answer: between its files more answers come in, or it waits for them."""
    with people_answer(study) as answered:
        wait_until(lambda: len(answered) > 5, what="the first answers", seconds=60)

        def later(design, rows):  # type: ignore[no-untyped-def]
            so_far = len(answered)
            wait_until(lambda: len(answered) > so_far + 5, what="answers between two files", seconds=60)
            return participant_rows(design, rows)

        monkeypatch.setattr(archive, "participant_rows", later)
        file = io.BytesIO()
        write(Stage.objects.select_related("study__frozen").get(pk=factories.main_link(study).stage_id), file)
    return zipfile.ZipFile(file)


def table(file: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file.read(name).decode())))


def disagreements(file: zipfile.ZipFile) -> tuple[int, list[str]]:
    """How many exported answers are the database's, and where the files differ from it or from one another."""
    rows = table(file, "responses.csv")
    stored: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for row in Response.objects.select_related("enrolment").order_by("enrolment", "position", "attempt"):
        at = row.received_at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        said = str(row.answer.get("choice", row.answer.get("rating", "")))
        stored[row.enrolment.code].append((str(row.attempt), str(row.response_ms), str(row.server_ms), at, said))
    found: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for row in rows:
        if row["trial_type"] not in WITHOUT_RESPONSE:
            said = "" if row["trial_type"] == "comprehension_check" else row["response"] or row["rating"]
            found[row["subject_id"]].append((row["attempt"], row["rt"], row["server_ms"], row["answered_at"], said))
    equal = sum(mine == theirs for code in found for mine, theirs in zip(found[code], stored[code], strict=False))
    wrong = [f"{code} is not as stored" for code in found if found[code] != stored[code][: len(found[code])]]
    long, wide = Counter(row["subject_id"] for row in rows), table(file, "participants.csv")
    wrong += [f"{row['subject_id']}: {row['n_rows']}" for row in wide if long[row["subject_id"]] != int(row["n_rows"])]
    wrong += [code for code in long if code not in {row["subject_id"] for row in wide}]
    return equal, wrong


@pytest.fixture
def study() -> Study:
    made = factories.make_open()
    run_through(arrive(made))
    each = Response.objects.count()
    clone(Enrolment.objects.get(), scale(full=10_000, quick=2_000) // each)
    return made


@pytest.mark.promise(21)
def test_the_export_is_the_database_at_one_moment(study, monkeypatch, reached):
    file = exported(study, archive.write_archive, monkeypatch)
    total = sum(row["trial_type"] not in WITHOUT_RESPONSE for row in table(file, "responses.csv"))
    equal, wrong = disagreements(file)
    assert wrong == []
    assert equal == total
    assert total < Response.objects.count(), "nobody answered meanwhile"
    reached(f"{equal:,} of {total:,} answers equal, long and wide table of one moment, while people answered")


@pytest.mark.control(21, "an export whose files are read one after the other, without a snapshot")
def test_an_export_of_many_moments_disagrees_with_itself(study, monkeypatch, reached):
    file = exported(study, archive.write_archive.__wrapped__, monkeypatch)
    _, wrong = disagreements(file)
    assert wrong != []
    reached(f"{len(wrong)} people are other in one file than in another")


MEASURED = """
import re, sys, time
import django; django.setup()
from studyapp.exports.archive import write_archive
from studyapp.models import Stage
stage = Stage.objects.select_related("study__frozen").get(kind="main")
started = time.monotonic()
with open(sys.argv[1], "wb") as file:
    write_archive(stage, file)
peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) // 1024
print(peak, round(time.monotonic() - started, 1))
"""


@pytest.mark.skipif(not FULL, reason="size is shown in a full run")
@pytest.mark.promise(21)
def test_a_large_export_takes_no_more_memory_than_a_small_one(tmp_path, reached):
    study = factories.make_open()
    run_through(arrive(study))
    template, each = Enrolment.objects.get(), Response.objects.count()
    small, _ = measured(tmp_path / "small.zip")
    clone(template, 200_000 // each)
    large, seconds = measured(tmp_path / "large.zip")
    rows = Response.objects.count()
    assert large - small < 60
    reached(
        f"{rows:,} answers in {seconds:.0f} s; {large} MB of memory, {large - small} MB more than {each} answers take"
    )


def measured(path) -> tuple[int, float]:  # type: ignore[no-untyped-def]
    import os

    environment = {**os.environ, "DATABASE_URL": database_url(), "PYTHONPATH": str(ROOT)}
    environment["DJANGO_SETTINGS_MODULE"] = "studyapp.settings"
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(path)], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    megabytes, seconds = done.stdout.split()
    return int(megabytes), float(seconds)


def clone(person: Enrolment, n: int) -> None:
    """Many people who did what this one did, written by the database itself: a site's worth of rows in seconds."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE people AS SELECT n, NULL::bigint AS id FROM generate_series(1, %s) n", [n])
        copy(cursor, Participant, {"id": "nextval(pg_get_serial_sequence('studyapp_participant', 'id'))",
                                   "pseudonym": "'clone-' || n"}, f"id = {person.participant_id}")  # fmt: skip
        copy(cursor, Enrolment, {
            "id": "nextval(pg_get_serial_sequence('studyapp_enrolment', 'id'))", "public_id": "gen_random_uuid()",
            "code": "upper(left(md5('clone-' || n), 12))",
            "participant_id": "(SELECT p.id FROM studyapp_participant p WHERE p.pseudonym = 'clone-' || n)",
        }, f"id = {person.pk}")  # fmt: skip
        cursor.execute(
            "UPDATE people SET id = e.id FROM studyapp_enrolment e WHERE e.code = upper(left(md5('clone-' || n), 12))"
        )
        copy(cursor, Consent, {"enrolment_id": "people.id"}, f"enrolment_id = {person.pk}")
        copy(cursor, Assignment, {"enrolment_id": "people.id", "sequence": "1000 + n"}, f"enrolment_id = {person.pk}")
        copy(cursor, Response, {"enrolment_id": "people.id", "key": "gen_random_uuid()"}, f"enrolment_id = {person.pk}")
        cursor.execute("DROP TABLE people")


def copy(cursor, model, changes: dict[str, str], where: str) -> None:  # type: ignore[no-untyped-def]
    """Insert a model's rows again for everybody in `people`, every column as it is but for these."""
    fields = [field for field in model._meta.concrete_fields if field.column != "id" or "id" in changes]
    columns = [field.column for field in fields]
    values = [changes.get(f.column, "NULL" if f.unique and f.null else f"old.{f.column}") for f in fields]
    name = model._meta.db_table
    chosen = f"SELECT {', '.join(values)} FROM {name} old, people WHERE old.{where}"
    cursor.execute(f"INSERT INTO {name} ({', '.join(columns)}) {chosen}")
