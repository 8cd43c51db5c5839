"""Fill an empty database with rows of every kind, through the pages and actions of the version that runs this.

`cut.py` runs it inside the tree of a release, with that tree's factories and actions.
Prints what the rows mean (meaning.py) as JSON.
"""

from __future__ import annotations

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studyapp.settings")
django.setup()

from django.test.utils import setup_test_environment  # noqa: E402

from studyapp import queue  # noqa: E402
from studyapp.actions.accounts import make_sign_in_link  # noqa: E402
from studyapp.actions.lifecycle import close_study  # noqa: E402
from studyapp.actions.links import add_stage, create_link  # noqa: E402
from studyapp.actions.reports import fill_report, request_report  # noqa: E402
from studyapp.models import Job, Link, Report, Role, Study  # noqa: E402
from studyapp.models.studies import StageKind  # noqa: E402
from tests import factories  # noqa: E402
from tests.journeys.walking import Walker, allocated, arrive, form_with  # noqa: E402

PASSWORD = "correct horse battery staple"


def fill() -> list[dict[str, object]]:
    """Returns the runs that are under way: where each is, and the cookie that opens it."""
    owner = factories.make_user("owner@example.org", PASSWORD)
    lab = factories.make_lab(owner, "First lab")
    for role in (Role.DESIGNER, Role.ANALYST, Role.VIEWER):
        factories.add_member(lab, role, factories.make_user(f"{role}@example.org", PASSWORD))
    factories.make_lab(name="Second lab")
    make_sign_in_link(user=owner)
    factories.make_draft(lab, factories.small_document(title="A draft"))
    factories.make_frozen(
        lab, factories.small_document("movies", title="Waiting for workers"), "movies", explained=False
    )
    finished(lab, owner)
    return under_way(lab, owner)


def finished(lab: object, owner: object) -> None:
    """A study that is closed, unblinded and reported."""
    study = factories.make_open(lab, factories.small_document(title="A finished study"))
    for number in range(6):
        arrive(factories.main_link(study), f"finished-{number}").walk()
    rehearsal = add_stage(study=study, kind=StageKind.REHEARSAL, capacity=10, actor=owner)
    link = create_link(stage=rehearsal, label="rehearsal", is_single_use=False, expires_at=None, actor=owner)
    for number in range(2):
        arrive(link, f"simulated-{number}").walk()
    close_study(study=study, actor=owner)
    factories.unblind(Study.objects.get(pk=study.pk))
    stage = factories.main_link(study).stage
    request_report(stage=stage, actor=owner)
    fill_report(Report.objects.get(stage=stage))
    for job in Job.objects.filter(kind="report"):
        claim = queue.claim(job.pk)
        assert claim is not None
        claim.fail("ValueError: a job that was given up", again=False)


def under_way(lab: object, owner: object) -> list[dict[str, object]]:
    """A study that is open, with people at every kind of place."""
    study = factories.make_open(
        lab, factories.small_document("movies", "counterfactual", title="An open study"), "movies"
    )
    link = factories.main_link(study)
    for number in range(2):
        arrive(link, f"done-{number}").walk()
    gone = arrive(link, "gone")
    gone.walk(until=allocated)
    gone.client.post(f"{gone.run}withdraw/")
    failing = arrive(link, "failing")
    while failing.enrolment().state == "active" and not allocated(failing.enrolment()):
        failing.answer(failing.look(), **{"answer-0": "0", "answer-1": "0"})
    declining = Walker(link, "declining")
    asked = form_with(declining.open_link(), "decision")
    declining.client.post(asked.action, {**asked.values, "decision": "decline"})
    pilot = add_stage(study=study, kind=StageKind.PILOT, capacity=4, actor=owner)
    single = create_link(stage=pilot, label="one person", is_single_use=True, expires_at=None, actor=owner)
    return [
        run_of(here(link, "early", lambda run: run.position == 1)),
        run_of(here(link, "late", allocated)),
        run_of(here(single, "pilot", allocated)),
    ]


def here(link: Link, pid: str, until: object) -> Walker:
    walker = arrive(link, pid)
    walker.walk(until=until)
    return walker


def run_of(walker: Walker) -> dict[str, object]:
    name = next(name for name in walker.client.cookies if name.startswith("run-"))
    return {"address": walker.run, "cookie": [name, walker.client.cookies[name].value], "code": walker.enrolment().code}


if __name__ == "__main__":
    setup_test_environment()
    runs = fill()
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    from meaning import meaning

    print(json.dumps({"runs": runs, **meaning()}, ensure_ascii=False))
