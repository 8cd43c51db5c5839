"""How steady explanations are, as the study's page tells its researchers."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from studyapp.views.console.noise import noise_rows
from tests import factories

pytestmark = pytest.mark.django_db


def test_an_arm_is_summed_up_and_what_is_noisy_is_counted() -> None:
    study = factories.make_frozen(explained=False)
    factories.make_explanations_ready(study, {"lime": (0.99, 0.90)})

    rows = {row.arm: row for row in noise_rows(study.frozen)}

    lime = rows["LIME"]
    assert (lime.method, lime.samples, lime.lowest_r, lime.seconds) == ("LIME", "10", "0.900", "0.01")
    assert lime.n_below == lime.count // 2
    assert set(rows) == {arm.title for arm in study.frozen.design.arms if arm.explainer}
    assert (rows["SENN"].seed_r, rows["SENN"].local_r2, rows["SENN"].n_below) == ("–", "–", None)


def test_the_page_of_the_frozen_design_shows_it_as_soon_as_there_is_something(client: Client) -> None:
    study = factories.make_frozen(explained=False)
    client.force_login(factories.owner_of(study.lab))
    address = reverse("design", args=[study.public_id])
    assert "How steady the explanations are" not in client.get(address).content.decode()

    factories.make_explanations_ready(study, {"lime": (0.731,)})

    page = client.get(address).content.decode()
    assert "How steady the explanations are" in page
    assert "0.731" in page
