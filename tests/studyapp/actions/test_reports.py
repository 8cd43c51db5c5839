"""Reports: what is kept was computed from the responses that are there when it is kept."""

from __future__ import annotations

import threading
import time

import pytest
from django.db import connection, transaction

from studyapp.actions import reports
from studyapp.actions.erasure import leave
from studyapp.actions.lifecycle import close_study
from studyapp.actions.reports import fill_report
from studyapp.models import Enrolment, Report, Stage
from tests import factories
from tests.studyapp.actions.test_whole_run import arrive, run_through

PEOPLE = 4


@pytest.fixture
def stage(transactional_db: None) -> Stage:
    """The main stage of a study that is closed and unblinded."""
    plan = {**factories.small_document()["plan"], "draws": 199, "bootstrap_draws": 199}
    study = factories.make_open(document=factories.small_document(plan=plan))
    for n in range(PEOPLE):
        run_through(arrive(study, f"p{n}"))
    close_study(study=study, actor=factories.owner_of(study.lab))
    return factories.main_link(factories.unblind(study)).stage


def withdrawn(report: Report) -> int:
    return sum(arm["withdrawn"] for arm in report.document["flow"]["arms"])


def in_a_thread(report: Report) -> threading.Thread:
    def compute() -> None:
        fill_report(Report.objects.get(pk=report.pk))
        connection.close()

    thread = threading.Thread(target=compute)
    thread.start()
    return thread


def until_somebody_waits_for_a_row() -> None:
    for _ in range(600):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        time.sleep(0.1)
    raise AssertionError("nobody waited: the report was kept while somebody was leaving")


def test_who_leaves_while_a_report_is_computed_is_not_in_it(stage, monkeypatch):
    report, drawn = Report.objects.create(stage=stage), []

    def draw_figures(result):
        if not drawn:
            leave(enrolment_id=Enrolment.objects.filter(stage=stage).first().pk)
        drawn.append(result)
        return real(result)

    real = reports.draw_figures
    monkeypatch.setattr(reports, "draw_figures", draw_figures)

    fill_report(report)

    assert (len(drawn), withdrawn(report), report.outdated_at) == (2, 1, None)


def test_a_report_waits_for_somebody_who_is_just_leaving(stage):
    report = Report.objects.create(stage=stage)
    with transaction.atomic():
        leave(enrolment_id=Enrolment.objects.filter(stage=stage).first().pk)
        thread = in_a_thread(report)
        until_somebody_waits_for_a_row()
    thread.join()

    report.refresh_from_db()
    assert (withdrawn(report), report.outdated_at) == (1, None)
    assert Report.objects.count() == 1
