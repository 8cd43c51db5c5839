"""Promise 32: who withdraws at any step and asks for it is found nowhere any more, within a minute."""

from __future__ import annotations

import io
import os
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import psycopg2.errors
import pytest
from django.test import Client

from studyapp import jobs
from studyapp.actions.data_code import data_code
from studyapp.actions.erasure import tables_of_people
from studyapp.actions.lifecycle import close_study
from studyapp.actions.reports import request_report
from studyapp.actions.respond import withdraw
from studyapp.embedded.postgres import APP_ROLE
from studyapp.exports.archive import write_archive
from studyapp.models import Assignment, Job, Link, Report, Response, Study
from studyapp.models.frozen import frozen_study
from studyapp.models.grants import role_exists
from studyapp.models.jobs import JobState
from studyapp.models.monitoring import flow_of
from tests import factories
from tests.journeys.walking import Walker, arrive
from tests.promises import traces
from tests.promises.ledger import Reached, scale

# What many systems call deleting: the state says so, and the trail.
FLAG_ALONE = """
CREATE OR REPLACE FUNCTION foretell_erase_enrolment(erased bigint, asked_by text) RETURNS jsonb
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    INSERT INTO studyapp_auditentry (study_id, lab_id, at, actor, verb, what, previous, entry_sha256)
        SELECT s.id, s.lab_id, now(), asked_by, 'erased', 'an enrolment', '', '' FROM studyapp_study s
        JOIN studyapp_enrolment e ON e.study_id = s.id WHERE e.id = erased;
    SELECT '{}'::jsonb
$$
"""
OURS = "SELECT pg_get_functiondef('foretell_erase_enrolment'::regproc)"
UNREADABLE = {"panel id", "personal code"}  # encrypted, or not stored at all
BYSTANDERS = 4  # people who stay, so that there is something to analyse


@pytest.fixture
def study(transactional_db: None) -> Study:
    return factories.make_open(document=factories.small_document(plan=quick_plan()))


def quick_plan() -> dict[str, object]:
    plan: dict[str, object] = dict(factories.small_document()["plan"])
    return {**plan, "draws": 199, "bootstrap_draws": 199}


def steps_of(study: Study) -> dict[str, int]:
    """At which positions somebody leaves: after the consent, at each kind of screen, and at the end."""
    steps = frozen_study(study.frozen.pk).steps(0)
    places = {step.kind: step.position for step in reversed(steps)}
    return {"consent": 0, **places, "completed": len(steps)}


def walk_to(link: Link, position: int) -> Walker:
    walker = arrive(link, f"PID{secrets.token_hex(12)}")
    walker.walk(lambda enrolment: enrolment.position >= position)
    return walker


def canaries_of(walker: Walker) -> dict[str, str]:
    """Everything that could tell who somebody is, or that it was they."""
    enrolment = walker.enrolment()
    keys = Response.objects.filter(enrolment=enrolment).values_list("key", flat=True)
    return {
        "panel id": walker.pid,
        "sealed panel id": bytes(enrolment.panel_identity.encrypted).decode(),
        "pseudonym": enrolment.participant.pseudonym,
        "number": enrolment.code,
        "run": str(enrolment.public_id),
        "personal code": data_code(enrolment).replace("-", ""),
        "its hash": enrolment.data_code_sha256,
        **{f"key {n}": str(key) for n, key in enumerate(keys)},
    }


def run_jobs() -> None:
    """What a worker would do now."""
    for key in Job.objects.filter(state=JobState.PENDING).values_list("pk", flat=True):
        jobs.run_job(str(key))


def by_own_browser(walker: Walker) -> None:
    reply = walker.client.post(f"{walker.run}your-data/erase/")
    assert (reply.status_code, reply["Location"]) == (303, "/your-data/erased/")


def by_code(walker: Walker) -> None:
    """From a device that never saw the study."""
    device = Client()
    reply = device.post("/your-data/", {"code": data_code(walker.enrolment()).lower()})
    assert reply.status_code == 303, reply.content.decode()
    assert device.post(f"{reply['Location']}erase/").status_code == 303


def after_withdrawing(walker: Walker) -> None:
    """First left out, then erased."""
    assert walker.client.post(f"{walker.run}withdraw/").status_code == 303
    by_own_browser(walker)


WAYS: tuple[Callable[[Walker], None], ...] = (by_own_browser, by_code, after_withdrawing)


def archive_of(study: Study) -> bytes:
    file = io.BytesIO()
    write_archive(factories.main_link(study).stage, file)
    return file.getvalue()


def found_now(study: Study, canaries: Mapping[str, str], said: str) -> Counter[str]:
    """Every place where the platform could still come upon a canary."""
    return sum(
        (
            traces.in_tables(canaries),
            traces.in_broker(canaries),
            traces.in_zip(archive_of(study), canaries),
            traces.in_text("logs", said, canaries),
            traces.in_files(data_folder(), canaries, but="cluster"),
        ),
        Counter(),
    )


def data_folder() -> Path:
    return Path(os.environ["FORETELL_DATA"])


def left_in_postgres(canaries: Mapping[str, str]) -> tuple[Counter[str], int]:
    """What no query reaches: canaries in the bytes of the tables' files, and people's numbers in those of the log."""
    traces.as_superuser("CHECKPOINT")
    cluster = data_folder() / "servers" / "cluster"
    numbers = {name: canary for name, canary in canaries.items() if name.startswith("number")}
    ((ours,),) = traces.as_superuser("SELECT oid::text FROM pg_database WHERE datname = current_database()")
    in_tables = traces.in_files(cluster / "base" / str(ours), canaries)
    return in_tables, len(names_in(traces.in_files(cluster / "pg_wal", numbers)))


def names_in(found: Counter[str]) -> set[str]:
    """Which canaries were found, wherever."""
    return {hit.partition(" in ")[0] for hit in found}


def leavers(study: Study, rounds: int) -> dict[str, Walker]:
    """Somebody at every step, and people who stay."""
    link = factories.main_link(study)
    for _ in range(BYSTANDERS):
        walk_to(link, len(frozen_study(study.frozen.pk).steps(0)))
    steps = steps_of(study).items()
    return {f"{step} {n}": walk_to(link, position) for n in range(rounds) for step, position in steps}


def places_of(study: Study) -> Counter[tuple[object, ...]]:
    """The allocation, without who has which place."""
    rows = Assignment.objects.filter(stratum__stage__study=study)
    return Counter(rows.values_list("stratum", "sequence", "arm", "permuted_block", "block_size"))


def readable(canaries: Mapping[str, str]) -> set[str]:
    return {name for name in canaries if name.partition(" of ")[0] not in UNREADABLE}


@pytest.mark.promise(32)
def test_who_is_erased_at_any_step_is_found_nowhere(study: Study, capfd, reached: Reached) -> None:
    walkers = leavers(study, rounds=scale(full=5, quick=1))
    close_study(study=study, actor=factories.owner_of(study.lab))
    study = factories.unblind(study)
    stage = factories.main_link(study).stage
    request_report(stage=stage, actor="system")
    run_jobs()
    traces.as_superuser("ANALYZE")  # as the server itself does now and then
    canaries = {
        f"{what} of {who}": canary for who, walker in walkers.items() for what, canary in canaries_of(walker).items()
    }
    places, flow, before = places_of(study), flow_of(stage), traces.in_tables(canaries)

    begun = time.monotonic()
    for number, walker in enumerate(walkers.values()):
        WAYS[number % len(WAYS)](walker)
    run_jobs()
    seconds = time.monotonic() - begun

    assert names_in(before) == readable(canaries)  # each was there to be found
    assert found_now(study, canaries, "".join(capfd.readouterr())) == Counter()
    assert seconds < 60
    after = flow_of(stage)
    assert (places_of(study), after.consented, after.allocated) == (places, flow.consented, flow.allocated)
    assert after.withdrawn == len(walkers)
    assert Report.objects.filter(outdated_at=None, document__isnull=False).count() == 1
    freed, wal = left_in_postgres(canaries)
    assert freed == Counter(), traces.open_snapshots()
    reached(
        f"{len(walkers)} people, at each step: 0 of {len(canaries)} canaries in tables and their files, archive, "
        f"report, logs and broker, {seconds:.0f} s after the first click; allocation and flow as before. Postgres' "
        f"write-ahead log still names {wal} of them by number, until it is written over; no query reaches it"
    )


def test_the_servers_statistics_hold_no_value_of_a_person(study: Study) -> None:
    """Every column with statistics is one that says nothing of anybody: a new one is not forgotten."""
    walk_to(factories.main_link(study), 6)
    traces.as_superuser("ANALYZE")
    held = traces.as_superuser("SELECT tablename::text, attname::text FROM pg_stats WHERE schemaname = 'public'")

    rows = {"id", "lab_id", "study_id", "stage_id", "link_id", "participant_id", "enrolment_id", "text_id"}
    told = {"state", "arm", "position", "attempt", "erased_at", "is_verified", "must_consent_again"}
    assert {field for table, field in held if table in tables_of_people()} == rows | told
    assert ("studyapp_link", "label") not in held  # such a link may be somebody's name


@pytest.mark.parametrize(
    "statement", ["SELECT count(*) FROM studyapp_stage", "LOCK studyapp_response IN ACCESS SHARE MODE"]
)
def test_the_sweep_waits_for_those_who_began_before(study: Study, statement: str) -> None:
    """A snapshot from before the erasure keeps the dead rows alive; a lock keeps the table as it is."""
    walker = walk_to(factories.main_link(study), 6)
    canaries = {what: text for what, text in canaries_of(walker).items() if what.startswith("key")}
    with traces.transaction_of_another(statement) as other:
        by_own_browser(walker)
        leaves = threading.Timer(4.0, other.rollback)
        leaves.start()
        run_jobs()
        leaves.join()

    assert left_in_postgres(canaries)[0] == Counter()


@pytest.mark.promise(32)
def test_the_applications_role_erases_by_the_one_way_alone(study: Study, reached: Reached) -> None:
    if not role_exists(APP_ROLE):
        pytest.skip("this server has no role of the application")
    walker = walk_to(factories.main_link(study), 6)
    withdraw(enrolment_id=walker.enrolment_id)
    refused = [table for table in ("response", "consent", "enrolment", "participant") if is_refused(table)]
    erase = f"SELECT foretell_erase_enrolment({walker.enrolment_id}, 'participant')"
    file = "SELECT pg_relation_filepath('studyapp_response')"
    ((before,),) = traces.as_superuser(file)

    ((gone,),) = traces.as_role(APP_ROLE, erase)
    for table in tables_of_people():
        traces.as_role(APP_ROLE, f"VACUUM FULL {table}")

    assert (refused, gone["response"]) == (["response", "consent", "enrolment", "participant"], 6)
    assert traces.as_superuser(file) != [(before,)]
    reached(f"the application's role: deleting from {len(refused)} of 4 tables refused, erasing and sweeping done")


def is_refused(table: str) -> bool:
    try:
        traces.as_role(APP_ROLE, f"DELETE FROM studyapp_{table}")
    except psycopg2.errors.InsufficientPrivilege:
        return True
    return False


@pytest.mark.control(32, "soft delete: a flag")
def test_a_flag_leaves_everything_there(study: Study, capfd, reached: Reached) -> None:
    walker = walk_to(factories.main_link(study), 6)
    canaries = canaries_of(walker)
    ((ours,),) = traces.as_superuser(OURS)
    traces.as_superuser(FLAG_ALONE)
    try:
        by_own_browser(walker)
        run_jobs()
        found = found_now(study, canaries, "".join(capfd.readouterr()))
    finally:
        traces.as_superuser(str(ours))

    assert names_in(found) == readable(canaries)
    reached(f"{len(names_in(found))} of {len(canaries)} canaries still found, in {len(found)} places")
