"""A run through the pages: legal steps, replays, second tabs, endings."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.studyapp.views.participant_study import consent, make_study, walk

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("modality", ["tabular", "text", "image"])
def test_a_person_walks_from_the_link_to_the_completion_code(client: Client, modality: str) -> None:
    made = make_study(modality)
    enrolment = consent(client, made, "?PROLIFIC_PID=abc&STUDY_ID=s&SESSION_ID=t")

    page = walk(client, made)

    enrolment.refresh_from_db()
    assert (enrolment.state, enrolment.position) == ("completed", made.n_steps)
    assert "DONE42" in page.content.decode()
