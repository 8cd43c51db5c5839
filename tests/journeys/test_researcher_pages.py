"""Every page of the console: accessible, inside its window, in light and dark, with and without scripts."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, expect

from studyapp import queue
from studyapp.actions.power import Assumptions, compute_power, request_power
from studyapp.models import Study, User
from studyapp.models.studies import StageKind
from tests.factories import (
    make_draft,
    make_explanations_ready,
    make_frozen,
    make_lab,
    make_open,
    make_user,
    small_document,
)
from tests.journeys.participant_browser import chromium, serious_violations, sticks_out
from tests.journeys.researcher_browser import researcher

__all__ = ["chromium"]  # a fixture


@pytest.fixture
def owner(transactional_db: None) -> User:
    user = make_user("ada@example.org")
    lab = make_lab(user, "Explanations Lab")
    document = small_document(title="One that opens")
    compute_a_power(make_open(lab, document), user)
    make_frozen(lab, small_document("digits", title="One that waits"), "digits", explained=False)
    broken = small_document(title="One to mend")
    broken["item_sets"][1]["n_items"] = 10
    make_draft(lab, broken)
    make_draft(lab, small_document(title="One to freeze"))
    return user


def compute_a_power(study: Study, actor: User) -> None:
    assumed = Assumptions((60, 120), (0.05, 0.1), 0.6, 0.02, 0.05, 0.7, 0.7, n_studies=100, pay=2.5)
    claim = queue.claim(request_power(study=study, assumed=assumed, actor=actor).job_id)
    assert claim is not None
    compute_power(claim)
    claim.finish()


def addresses(owner: User) -> dict[str, str]:
    lab = owner.labs.get()
    studies = {study.title: study for study in Study.objects.all()}
    opened, waits = studies["One that opens"], studies["One that waits"]
    main = opened.stages.get(kind=StageKind.MAIN)

    def of(study: Study, name: str, **kwargs: object) -> str:
        return reverse(name, kwargs={"public_id": study.public_id, **kwargs})

    pages = {"studies": reverse("studies")}
    pages |= {name: reverse(name, args=[lab.pk]) for name in ("members", "choose_template")}
    pages["new_study"] = reverse("new_study", args=[lab.pk, "forward", "adult"])
    names = (
        "study",
        "design",
        "preview",
        "study_map",
        "power",
        "quality",
        "reports",
        "rights",
        "downloads",
        "audit",
        "close",
    )
    pages |= {name: of(opened, name) for name in names}
    pages["report"] = of(opened, "report", stage_id=main.pk)
    pages["waits"] = of(waits, "study")
    pages |= {f"draft {name}": of(studies["One to freeze"], name) for name in ("study", "freeze", "design_json")}
    pages |= {f"mend {name}": of(studies["One to mend"], name) for name in ("study", "design", "preview")}
    return pages


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (375, True)])
def test_every_page_is_accessible_and_stays_inside_its_window(
    chromium: Browser, web: str, owner: User, width: int, dark: bool
) -> None:
    with researcher(chromium, web, owner, width=width, dark=dark) as ada:
        found = {}
        for name, address in addresses(owner).items():
            ada.go(address)
            found[name] = (serious_violations(ada.page), sticks_out(ada.page))

        assert found == {name: ([], 0) for name in found}
        assert ada.complaints == []


def test_the_check_of_accessibility_sees_a_field_without_its_label(chromium: Browser, web: str, owner: User) -> None:
    with researcher(chromium, web, owner) as ada:
        ada.go(addresses(owner)["draft design_json"])
        ada.page.evaluate("document.querySelector('label').remove()")

        assert any(violation.startswith("label:") for violation in serious_violations(ada.page))


def test_without_scripts_the_console_works_and_shows_every_parameter(chromium: Browser, web: str, owner: User) -> None:
    with researcher(chromium, web, owner, script=False) as ada:
        ada.go(addresses(owner)["draft study"])
        ada.follow("Design")
        assert ada.page.locator("details.params").first.is_visible()
        ada.page.locator("#id_design-title").fill("Saved without scripts")
        ada.press("Save")

        ada.sees("Saved. The design is sound and can be frozen.")
        assert Study.objects.filter(title="Saved without scripts").exists()


def test_an_error_summary_leads_to_the_field(chromium: Browser, web: str, owner: User) -> None:
    with researcher(chromium, web, owner) as ada:
        ada.go(addresses(owner)["new_study"])
        ada.page.locator("#id_design-code").fill("no blanks please")
        ada.press("Save as a draft")
        ada.page.locator(".summary").get_by_role("link", name="Completion code").click()

        expect(ada.page.locator("#id_design-code")).to_be_focused()
        assert ada.page.locator("#id_design-code").get_attribute("aria-invalid") == "true"


def test_the_page_of_a_study_renews_itself_when_its_explanations_are_computed(
    chromium: Browser, web: str, owner: User
) -> None:
    with researcher(chromium, web, owner) as ada:
        ada.go(addresses(owner)["waits"])
        ada.sees("The explanations are being computed.")

        make_explanations_ready(Study.objects.get(title="One that waits"))

        ada.sees("Everything is computed.")
