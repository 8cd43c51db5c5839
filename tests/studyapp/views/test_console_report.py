"""The report's page: the tables that stand beside the planned effects."""

from __future__ import annotations

import html
import json

import pytest
from django.test import Client
from django.urls import reverse

from analysis.api import analyse
from analysis.numbers import amount
from analysis.report import Report as Numbers
from studyapp.actions.links import add_stage
from studyapp.models import Report
from studyapp.models.studies import StageKind
from tests.analysis.conftest import simulate_study
from tests.factories import make_open, owner_of

pytestmark = pytest.mark.django_db


def page_of(numbers: Numbers) -> str:
    """The page of a rehearsal's report with these numbers."""
    study = make_open()
    stage = add_stage(study=study, kind=StageKind.REHEARSAL, capacity=10, actor="system")
    Report.objects.create(stage=stage, document=json.loads(numbers.to_json()), figures=[])
    client = Client()
    client.force_login(owner_of(study.lab))
    address = reverse("report", kwargs={"public_id": study.public_id, "stage_id": stage.pk})
    return html.unescape(client.get(address).content.decode())


def table_under(page: str, caption: str) -> str:
    """The table whose caption begins so."""
    return page.split(f"<caption>{caption}", 1)[1].split("</table>", 1)[0]


@pytest.fixture(scope="module")
def numbers() -> Numbers:
    study = simulate_study(30, n_items=6, seed=4, gain={"lime": 0.2}, draws=20, bootstrap_draws=20)
    study.tree["phases"].append({"key": "late", "title": "Later", "kind": "test"})
    study.tree["plan"]["post"] = "late"
    for row in study.where(phase="post"):
        study.rows.append(row | {"phase": "late", "trial_index": str(int(row["trial_index"]) + 100)})
    return analyse(study.table, study.design)


def test_every_item_is_listed_with_its_effect(numbers: Numbers) -> None:
    page = page_of(numbers)

    (one,) = numbers.items
    assert one.words in table_under(page, "Effect over items")
    listed = table_under(page, "Effect for each item")
    assert all(f"{item.item}</th>" in listed and amount(item.value, "log odds", 2) in listed for item in one.items)


def test_other_outcomes_say_what_they_are_not_and_utility_has_its_sessions(numbers: Numbers) -> None:
    page = page_of(numbers)

    assert "Other outcomes, not adjusted, not what the study was planned for." in page
    others = table_under(page, "The primary contrasts of other outcomes")
    assert all(one.label in others for one in numbers.others)
    utility = table_under(page, "Utility-K")
    assert all(f"{name}</th>" in utility for name in ("Before", "After", "Later", "Mean (area)"))


def test_reliability_has_a_line_an_arm(numbers: Numbers) -> None:
    page = page_of(numbers)

    answers = table_under(page, "Reliability of the answers in POST")
    assert all(one.words in answers for one in numbers.reliabilities.answers)
    assert table_under(page, "Ratings: do people").count("<tr>") == 1 + len(numbers.arms)


def test_where_no_model_could_be_fitted_the_page_says_why() -> None:
    study = simulate_study(8, n_items=2, seed=4, draws=20, bootstrap_draws=20)

    page = page_of(analyse(study.table, study.design))

    assert "Fewer than 3 items were answered in both arms." in page
    assert "Effect for each item" not in page
    assert "Utility-K" not in page
