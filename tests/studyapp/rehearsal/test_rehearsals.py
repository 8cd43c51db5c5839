"""Rehearsals over HTTP: every behaviour through the real pages, in threads of this process."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from studyapp import queue
from studyapp.actions.rehearsals import planned_rehearsal, planted_gain, rehearsal_of, start_rehearsal
from studyapp.errors import WrongState
from studyapp.models import Enrolment, Job, Report, Response, Stage, Study
from studyapp.models.frozen import frozen_study
from studyapp.models.jobs import JobState
from studyapp.models.monitoring import flow_of
from studyapp.rehearsal.behaviours import BEHAVIOURS
from studyapp.rehearsal.browser import SiteAway, UnexpectedPage, read_html
from studyapp.rehearsal.run import rehearse, rehearse_now, walk
from tests import factories


@pytest.fixture
def site(live_server, settings) -> str:  # type: ignore[no-untyped-def]
    settings.BASE_URL = live_server.url
    return str(live_server.url)


def rehearsed(mix: dict[str, float], participants: int = 2, study: Study | None = None) -> Stage:
    """The stage after everybody went through; its report is not computed."""
    study = study or factories.make_frozen()
    job = start_rehearsal(study=study, participants=participants, gain=0.0, seed=1, actor="system", mix=mix)
    walk(queue.claim(job.pk), lambda done: True)
    return Stage.objects.get(pk=job.args["stage"])


@pytest.mark.parametrize("name", sorted(BEHAVIOURS.keys() - {"drops_out"}))
def test_everybody_who_stays_completes_with_one_answer_a_screen(site: str, name: str) -> None:
    stage = rehearsed({name: 1})
    flow = flow_of(stage)
    assert (flow.consented, flow.allocated, flow.completed) == (2, 2, 2)
    for enrolment in Enrolment.objects.filter(stage=stage):
        steps = frozen_study(stage.study.frozen.pk).steps(enrolment.order_seed)
        answered = list(
            Response.objects.filter(enrolment=enrolment)
            .order_by("position")
            .values_list("position", flat=True)
            .distinct()
        )
        assert answered == list(range(len(steps)))


def test_who_drops_out_leaves_after_allocation(site: str) -> None:
    stage = rehearsed({"drops_out": 1}, participants=6)
    flow = flow_of(stage)
    assert (flow.allocated, flow.completed, flow.active) == (6, 0, 6)
    assert len(set(Enrolment.objects.filter(stage=stage).values_list("position", flat=True))) > 1


def test_who_says_their_own_label_is_right_where_the_model_is(site: str) -> None:
    """Half of balanced items: 8 test items, PRE and POST."""
    from studyapp.exports.responses import response_rows

    stage = rehearsed({"answers_own_label": 1})
    scored = [row for row in response_rows([stage]) if row["trial_type"] == "forward_simulation"]
    assert len(scored) == 2 * 16
    assert all(row["response"] == row["label"] for row in scored)
    assert sum(row["correct"] for row in scored) == 16


def test_a_browser_without_scripts_sends_no_times(site: str) -> None:
    stage = rehearsed({"no_script": 1})
    assert set(Response.objects.filter(enrolment__stage=stage).values_list("response_ms", flat=True)) == {None}
    stage = rehearsed({"learns": 1}, study=stage.study)
    assert None not in set(Response.objects.filter(enrolment__stage=stage).values_list("response_ms", flat=True))


def test_two_rehearsals_of_a_study_share_nobody(site: str) -> None:
    first = rehearsed({"guesses": 1})
    second = rehearsed({"guesses": 1}, study=first.study)
    assert (first.number, second.number) == (1, 2)
    assert Enrolment.objects.filter(study=first.study).values("participant").distinct().count() == 4
    assert [rehearsal_of(stage).args["stage"] for stage in (first, second)] == [first.pk, second.pk]


def test_a_rehearsal_tells_its_progress_and_keeps_what_was_planted(site: str) -> None:
    told: list[int] = []
    study = factories.make_frozen()
    report = rehearse_now(
        study=study, participants=4, gain=0.1, seed=9, actor="system", mix={"learns": 1}, progress=told.append
    )
    assert sorted(told) == told
    assert told[-1] == 4
    job = rehearsal_of(report.stage)
    assert (job.state, job.done) == (JobState.DONE, 4)
    plan = planned_rehearsal(job)
    assert (plan.participants, plan.gain, plan.seed, plan.mix) == (4, 0.1, 9, {"learns": 1})
    assert planted_gain(report.stage) == 0.1
    assert report.document["is_simulated"] is True


def test_the_command_prints_the_report_beside_what_was_planted(site: str) -> None:
    study = factories.make_frozen()
    out = io.StringIO()
    call_command("rehearse", str(study.public_id), participants=4, gain=0.1, seed=2, here=True, stdout=out)
    assert "4 of 4 are through" in out.getvalue()
    assert "LIME minus No explanation" in out.getvalue()
    assert out.getvalue().endswith("Planted: +10.0 percentage points in every explained arm, 0 in the others.\n")


def test_a_person_who_meets_another_page_says_which(site: str) -> None:
    study = factories.make_frozen()
    job = start_rehearsal(study=study, participants=2, gain=0.0, seed=1, actor="system", mix={"guesses": 1})
    Stage.objects.filter(pk=job.args["stage"]).update(allocated=2)  # as if others had taken the places
    with pytest.raises(
        UnexpectedPage,
        match=r"simulated-\d+-\d: expected the consent page; met the page 'You cannot begin now' \(status 403\)",
    ):
        rehearse(queue.claim(job.pk))
    assert not Report.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_site_that_is_away_is_named(settings) -> None:  # type: ignore[no-untyped-def]
    settings.BASE_URL = "http://127.0.0.1:9"  # discard: nobody listens
    study = factories.make_frozen()
    with pytest.raises(SiteAway, match=r"No answer from http://127.0.0.1:9 .*FORETELL_BASE_URL"):
        rehearse_now(study=study, participants=2, gain=0.0, seed=1, actor="system", mix={"guesses": 1})
    job = Job.objects.get(kind="rehearse")
    assert (job.state, job.error[:8]) == (JobState.FAILED, "SiteAway")


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("participants", "gain", "reason"),
    [
        (1, 0.1, "from 2 to 2000"),
        (2001, 0.1, "from 2 to 2000"),
        (10, -0.1, "from 0 to 0.3"),
        (10, 0.31, "from 0 to 0.3"),
    ],
)
def test_numbers_out_of_bounds_are_refused(participants: int, gain: float, reason: str) -> None:
    study = factories.make_frozen()
    with pytest.raises(WrongState, match=reason):
        start_rehearsal(study=study, participants=participants, gain=gain, seed=1, actor="system")
    assert not Job.objects.filter(kind="rehearse").exists()


@pytest.mark.django_db
def test_a_study_without_its_explanations_is_not_rehearsed() -> None:
    study = factories.make_frozen(explained=False)
    with pytest.raises(WrongState, match=r"0 of 12 explanations are computed"):
        start_rehearsal(study=study, participants=10, gain=0.1, seed=1, actor="system")


@pytest.mark.django_db
def test_a_draft_is_not_rehearsed() -> None:
    with pytest.raises(WrongState, match="Freeze the design first"):
        start_rehearsal(study=factories.make_draft(), participants=10, gain=0.1, seed=1, actor="system")


@pytest.mark.django_db
def test_the_command_names_the_studies_when_it_cannot_tell_which() -> None:
    study = factories.make_frozen()
    with pytest.raises(CommandError, match=rf"'nonesuch' names 0 studies.*\n.*{study.public_id}"):
        call_command("rehearse", "nonesuch", here=True)


# --- the browser ----------------------------------------------------------------------------------------------------


def test_a_page_is_read_as_its_title_and_forms_alone() -> None:
    title, (form,) = read_html(
        "<title> A \n page </title><h1>Heading</h1><input name='outside' value='1'>"
        "<form method=post action='/there/'><input type=hidden name=stamp value='a&amp;b'>"
        "<input type=radio name=answer value=x><input type=radio name=answer value=y checked>"
        "<input name=gone value=1 disabled><button name=decision value=go>Go</button></form>"
    )
    assert (title, form.action, form.method) == ("A page", "/there/", "POST")
    assert form.values == {"stamp": "a&b", "answer": "y"}
    assert form.offers == {"answer": ["x", "y"], "decision": ["go"]}
