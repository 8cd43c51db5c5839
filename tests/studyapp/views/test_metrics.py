"""Numbers for Prometheus: who may read them, and what they tell."""

from __future__ import annotations

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from studyapp import queue
from studyapp.actions import audit
from studyapp.models.heartbeat import beat
from studyapp.models.upkeep import BACKED_UP
from tests import factories
from tests.journeys.test_export_snapshot import clone
from tests.studyapp.actions.test_whole_run import arrive, run_through

pytestmark = pytest.mark.django_db

TOKEN = "a token of this test that is long enough"


def read(client: Client, **extra: str) -> dict[str, dict[tuple[str, ...], float]]:
    reply = client.get("/metrics", **extra)
    assert reply.status_code == 200
    families = text_string_to_metric_families(reply.content.decode())
    return {
        family.name: {tuple(sample.labels.values()): sample.value for sample in family.samples} for family in families
    }


def test_they_tell_how_the_site_works(client):
    study = factories.make_open()
    run_through(arrive(study))
    queue.enqueue("report", queue=queue.ANALYSIS, args={"report": 1})
    beat("relay@here:1", "relay")
    beat("celery@here", "analysis,explain")
    audit.record(BACKED_UP, "database", actor=audit.SYSTEM)
    client.get("/livez")
    told = read(client)
    assert told["foretell_allocations"][()] == 1
    assert told["foretell_enrolments"] == {("completed",): 1}
    assert told["foretell_jobs"]["analysis", "pending"] == 1
    assert told["foretell_processes"] == {("analysis",): 1, ("explain",): 1, ("relay",): 1}
    assert 0 <= told["foretell_backup_age_seconds"][()] < 60
    assert told["foretell_drill_age_seconds"][()] == float("inf")
    assert told["foretell_responses"][()] >= 20
    assert told["foretell_explanations"][("ready",)] > 0
    assert told["foretell_requests"]["2xx", "livez"] >= 1
    assert told["foretell_allocation_lock_wait_seconds"] != {}
    assert told["foretell_outbox_age_seconds"][()] >= 0
    assert told["foretell_sample_ratio_alarms"][()] == 0


def test_a_failed_randomisation_rings_without_telling_the_arm(client):
    study = factories.make_open()
    enrolment = run_through(arrive(study))
    clone(enrolment, 60)  # all in the one arm
    text = client.get("/metrics").content.decode()
    assert read(client)["foretell_sample_ratio_alarms"][()] > 0
    assert f'"{enrolment.arm}"' not in text


def test_they_name_no_arm_no_study_and_no_person(client):
    study = factories.make_open()
    enrolment = run_through(arrive(study, "canary-pid"))
    text = client.get("/metrics").content.decode()
    arms = {arm["key"] for arm in study.frozen.document["arms"]}
    assert arms
    for word in (*arms, str(study.public_id), study.title, enrolment.code, "canary-pid"):
        assert f'"{word}"' not in text
        assert word not in text or word in arms


@pytest.mark.parametrize(
    ("hosts", "token", "address", "sent", "expected"),
    [
        (["localhost"], "", "127.0.0.1", "", 200),
        (["localhost"], "", "10.0.0.7", "", 404),
        (["study.example.org", "testserver"], "", "127.0.0.1", "", 404),  # a proxy on the same machine looks so too
        (["study.example.org", "testserver"], TOKEN, "10.0.0.7", f"Bearer {TOKEN}", 200),
        (["study.example.org", "testserver"], TOKEN, "10.0.0.7", "Bearer guess", 404),
        (["study.example.org", "testserver"], TOKEN, "127.0.0.1", "", 404),
        (["localhost"], TOKEN, "127.0.0.1", "", 404),
    ],
)
def test_only_who_knows_the_token_or_sits_at_a_closed_machine_reads_them(
    client, settings, hosts, token, address, sent, expected
):
    settings.ALLOWED_HOSTS = [*hosts, "testserver"]
    settings.METRICS_TOKEN = token
    extra = {"headers": {"Authorization": sent}} if sent else {}
    assert client.get("/metrics", REMOTE_ADDR=address, **extra).status_code == expected
