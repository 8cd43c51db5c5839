"""The logs of a real run tell what happened and name nobody: web server, relay and worker are searched for canaries."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
import uuid
from pathlib import Path

import kombu
import pytest
from django.db import connection

from studyapp import queue
from studyapp.actions.accounts import make_sign_in_link
from studyapp.models import Job
from studyapp.models.jobs import JobState
from studyapp.rehearsal.browser import Browser
from tests import factories
from tests.journeys.processes import Processes

pytestmark = pytest.mark.django_db(transaction=True)

FAILING = """
CREATE FUNCTION canary() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'canary-in-error %', NEW.answer USING DETAIL = 'canary-in-detail'; END $$;
CREATE TRIGGER canary BEFORE INSERT ON studyapp_response FOR EACH ROW EXECUTE FUNCTION canary();
"""


def status_of(address: str, data: bytes | None = None, **headers: str) -> int:
    request = urllib.request.Request(address, data=data, headers=headers)
    try:
        return int(urllib.request.urlopen(request, timeout=30).status)
    except urllib.error.HTTPError as refused:
        return refused.code


def sow(base: str) -> list[str]:
    """Use the site with a canary of every kind; returns them all."""
    study = factories.make_open()
    link = factories.main_link(study)
    pid, mail = "canarypid" + uuid.uuid4().hex[:15], "canary.researcher@example.org"
    user = factories.make_user(mail, "canary password of a researcher")
    token = make_sign_in_link(user=user)
    browser = Browser()
    page = browser.get(f"{base}/join/{link.token}/?PROLIFIC_PID={pid}&canaryquery=canaryvalue")
    form = page.form_with("decision")
    assert form is not None
    page = browser.send(page, form, {"decision": "consent"})
    with connection.cursor() as cursor:
        cursor.execute(FAILING)
    try:
        form = page.form_with("stamp")
        assert form is not None
        assert browser.send(page, form, {"answer": "read", "canaryfield": "canaryanswer"}).status == 500
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TRIGGER canary ON studyapp_response; DROP FUNCTION canary()")
    status_of(f"{base}/join/canarytoken-that-is-not-one/?q=canaryquery")
    status_of(f"{base}/sign-in/{token}/")
    status_of(
        f"{base}/canarypath/canary@example.org/", **{"X-Forwarded-For": "203.0.113.77", "Cookie": "a=canarycookie"}
    )
    status_of(f"{base}/sign-in/", b"login=canary@example.org&password=canarysecret")  # without a CSRF token
    status_of(f"{base}/livez", **{"User-Agent": "canaryagent"})
    cookies = [value for value in browser.cookies.values() if len(value) > 20]
    assert cookies
    return ["canary", pid, link.token, token, mail, "203.0.113.77", *cookies]


def spoil_the_broker() -> None:
    """Messages that no worker should get: of an unknown task, and pickled. Celery would log their whole bodies."""
    with kombu.Connection(os.environ["REDIS_URL"]) as broker:
        producer = broker.Producer()
        headers = {"lang": "py", "task": "canary.task", "id": "canary-id", "argsrepr": "canaryargs", "origin": "x"}
        for serializer in ("json", "pickle"):
            producer.publish(
                [["canarymessage"], {}, {}], headers=headers, serializer=serializer, routing_key="canaries",
                exchange="canaries", declare=[kombu.Queue("canaries", kombu.Exchange("canaries"), "canaries")],
            )  # fmt: skip


def hits(logs: dict[str, str], canaries: list[str]) -> list[str]:
    return [f"{name}: {canary}" for name, text in logs.items() for canary in canaries if canary in text]


def logs_of(processes: Processes) -> dict[str, str]:
    return {process.name: process.log.read_text() for process in processes.started}


def test_the_logs_of_a_real_run_name_nobody(tmp_path: Path):
    spoil_the_broker()
    processes = Processes(tmp_path, {"DJANGO_SETTINGS_MODULE": "tests.journeys.quick_settings"})
    try:
        base = processes.web("INFO")
        processes.relay()
        processes.worker("explain,analysis,canaries")
        canaries = sow(base)
        job = queue.enqueue("report", queue=queue.ANALYSIS, args={"report": "canaryargument"})
        processes.wait_until(
            lambda: Job.objects.get(pk=job.pk).state == JobState.FAILED or Job.objects.get(pk=job.pk).attempts > 0,
            what="the job that fails",
            seconds=60,
        )
        processes.wait_until(lambda: "failed" in logs_of(processes)["worker2"], what="the worker's line", seconds=30)
    finally:
        started = list(processes.started)
        processes.stop()
    logs = {process.name: process.log.read_text() for process in started}
    assert hits(logs, canaries) == []
    lines = [json.loads(line) for line in logs["web"].splitlines() if line.startswith("{")]
    requests = [line for line in lines if line["event"] == "request"]
    assert {"join", "run", "sign_in_by_link"} <= {line["view"] for line in requests}
    assert all({"request", "status", "ms", "method"} <= line.keys() for line in requests)
    (failed,) = [line for line in lines if line["event"] == "a page failed"]
    assert "RaiseException (P0001)" in failed["exception"]
    assert any("respond.py" in frame for frame in failed["where"])
    assert failed["request"] in {line["request"] for line in requests if line["status"] == 500}
    assert "celery" in logs["worker2"]


def test_logging_as_most_sites_have_it_would_name_people(tmp_path: Path):
    processes = Processes(tmp_path, {"DJANGO_SETTINGS_MODULE": "tests.journeys.plain_logging_settings"})
    try:
        canaries = sow(processes.web("INFO"))
        logs = logs_of(processes)
    finally:
        processes.stop()
    assert hits(logs, canaries) != []
    assert sum("canary" in line for line in logs["web"].splitlines()) >= 3
