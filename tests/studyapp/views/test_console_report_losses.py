"""The page of a report: what stands beside its estimates."""

from __future__ import annotations

import html
import json
import re

import pytest
from django.test import Client
from django.urls import reverse

from analysis.api import analyse
from studyapp.actions.lifecycle import close_study
from studyapp.models import Report, Study
from tests import factories
from tests.analysis.conftest import FOUR_ARMS, simulate_study

pytestmark = pytest.mark.django_db

TWO_PLACEBOS = (*FOUR_ARMS, ("shuffled", "placebo", 1))


def shown(simulated) -> str:
    """The text of the page that shows the report of a simulated study."""
    study = factories.make_open()
    close_study(study=study, actor=factories.owner_of(study.lab))
    study = factories.unblind(Study.objects.get(pk=study.pk))
    stage = factories.main_link(study).stage
    document = json.loads(analyse(simulated.table, simulated.design, draws=50).to_json())
    Report.objects.create(stage=stage, document=document, figures=[])
    client = Client()
    client.force_login(factories.owner_of(study.lab))
    page = client.get(reverse("report", args=[study.public_id, stage.pk])).content.decode()
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())


def test_losses_adherence_and_placebos_are_shown_with_what_they_must_not_be_taken_for():
    study = simulate_study(80, arms=TWO_PLACEBOS, gain={"lime": 0.4}, dropout=0.2, learning=3, seed=61, n_items=8,
                           item_sd=0.2, bootstrap_draws=20)  # fmt: skip
    report = analyse(study.table, study.design, draws=50)

    text = shown(study)

    assert "Missing outcomes imputed, and how far off they would have to be to change the conclusion" in text
    assert "Who did as planned: per protocol is not a randomized comparison" in text
    assert "closed test with Placebo" in text
    assert "closed test with Shuffled" in text
    for one in (*report.losses, *report.closed):
        assert one.sentence in text
    for one in report.protocol:
        assert one.per_protocol_sentence in text
        assert one.complier_sentence in text
        assert " / ".join(map(str, one.n_left_out.values())) in text


def test_what_a_study_does_not_have_is_not_shown():
    text = shown(simulate_study(24, seed=62, n_items=6, bootstrap_draws=20))

    assert "Nobody in these arms lacks an outcome." in text
    assert "Missing outcomes imputed" not in text
    assert "Who did as planned" not in text
    assert "closed test" not in text
