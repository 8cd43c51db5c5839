"""A researcher's whole run in a browser: from a template or a file to the report and the data."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from studyapp.models import Study, User
from studyapp.models.frozen import frozen_study, truths
from studyapp.rehearsal.behaviours import BEHAVIOURS, Character
from studyapp.rehearsal.mixes import course_of
from studyapp.rehearsal.people import Setting, take_part
from tests.factories import main_link, make_explanations_ready, make_lab, make_material, make_user
from tests.journeys.participant_browser import chromium
from tests.journeys.processes import Processes
from tests.journeys.researcher_browser import Researcher, researcher
from tests.journeys.small_predictors import add_small_predictors

__all__ = ["chromium"]  # a fixture


@pytest.fixture
def owner(transactional_db: None) -> User:
    user = make_user("ada@example.org")
    make_lab(user, "Explanations Lab")
    return user


def test_a_study_is_made_from_a_template_previewed_and_frozen(chromium: Browser, web: str, owner: User) -> None:
    make_material("adult")
    with researcher(chromium, web, owner) as ada:
        a_study_is_made(ada)
        study = Study.objects.get()
        every_arm_can_be_previewed(ada)
        the_design_is_frozen(ada, study)
        expect(ada.page.locator("#explanations-words")).to_contain_text("0 of 12 computed, 12 to come")

        make_explanations_ready(study)  # what a worker does; the page finds out by itself

        ada.sees("Everything is computed. Rehearse before you open")
        assert ada.complaints == []


def a_study_is_made(ada: Researcher) -> None:
    ada.follow("New study")
    ada.page.locator('a[href$="/new/forward/adult/"]').click()
    expect(ada.page.get_by_label("Samples").first).to_be_hidden()
    ada.page.get_by_label("Title").first.fill("Who earns more?")
    ada.page.locator("#id_design-items-1").fill("10")
    ada.press("Save as a draft")
    ada.sees("10 items cannot be balanced over 4 cells")
    assert Study.objects.get().is_draft
    ada.page.locator("#id_design-items-0").fill("4")
    ada.page.locator("#id_design-items-1").fill("8")
    ada.press("Save")
    ada.sees("Saved. The design is sound and can be frozen.")


def every_arm_can_be_previewed(ada: Researcher) -> None:
    ada.follow("Map")
    ada.page.get_by_role("link", name="Learn how the model answers, LIME, trial 2", exact=True).click()
    frame = ada.page.frame_locator("iframe")
    expect(frame.get_by_text("See what the model answered")).to_be_visible()
    for arm in ("No explanation", "Placebo", "SENN"):
        ada.follow(arm)
        expect(frame.get_by_text("See what the model answered")).to_be_visible()
    ada.follow("375 px")
    assert ada.page.locator("iframe").evaluate("frame => frame.contentWindow.innerWidth") == 373  # and a border of 1
    ada.follow("Next")
    expect(ada.page.locator(".where")).to_contain_text("trial 3 of 4")


def the_design_is_frozen(ada: Researcher, study: Study) -> None:
    ada.follow("Overview")
    ada.follow("Freeze…")
    ada.sees("can never be changed again")
    study.refresh_from_db()
    assert study.is_draft  # asking is not doing
    ada.press("Freeze this design")
    ada.sees("The design is frozen.")
    study.refresh_from_db()
    assert study.state == "frozen"


def test_a_study_is_run_from_its_file_to_its_report_and_data(
    chromium: Browser,
    web: str,
    owner: User,
    processes: Processes,
    monkeypatch: pytest.MonkeyPatch,
    settings,  # type: ignore[no-untyped-def]
    tmp_path: Path,
) -> None:
    settings.DATA_DIR = tmp_path / "data"
    file = tmp_path / "design.json"
    file.write_text(json.dumps(add_small_predictors(monkeypatch.setitem)))
    processes.environment = {**processes.environment, "FORETELL_DATA": str(tmp_path / "data"), "FORETELL_BASE_URL": web}
    processes.relay()
    processes.worker()
    with researcher(chromium, web, owner) as ada:
        a_design_file_becomes_a_frozen_study(ada, file)
        it_is_rehearsed(ada)
        it_is_opened(ada)
        eight_people_take_part(Study.objects.get())
        expect(ada.page.locator("#flow")).to_contain_text("8 of 200", timeout=20_000)
        it_is_closed_and_unblinded(ada)
        its_report_is_read(ada)
        its_data_are_downloaded(ada, tmp_path / "data.zip")
        assert ada.complaints == []


def a_design_file_becomes_a_frozen_study(ada: Researcher, file: Path) -> None:
    ada.follow("New study")
    ada.page.get_by_text("From a design file").click()
    ada.page.get_by_label("Or a file").set_input_files(file)
    ada.press("Make a study from it")
    ada.follow("Freeze…")
    ada.press("Freeze this design")
    ada.sees("Everything is computed. Rehearse before you open", seconds=120)


def it_is_rehearsed(ada: Researcher) -> None:
    ada.page.get_by_label("Participants").first.fill("8")
    ada.page.get_by_label("Gain, points").fill("20")
    ada.press("Start a rehearsal")
    ada.sees("Rehearsed, and everything is computed. The study can open.", seconds=180)
    ada.page.get_by_role("link", name="Read the report of Rehearsal 1").click()
    ada.sees("Everybody here is simulated")
    planted = ada.page.get_by_role("columnheader", name="Planted").first
    expect(planted).to_be_visible()
    ada.sees("+20.0")
    ada.follow("Overview")


def it_is_opened(ada: Researcher) -> None:
    ada.follow("Open…")
    ada.press("Open for participants")
    ada.sees("The study is open.")
    ada.follow("Reports")
    ada.sees("masked until the study is closed and unblinded")
    ada.follow("Overview")


def eight_people_take_part(study: Study) -> None:
    frozen = frozen_study(study.frozen.pk)
    course = course_of(frozen.steps(0), frozen.design.plan)
    setting = Setting(main_link(study), frozen, truths(frozen.design_id), course)
    for number in range(8):
        take_part(setting, Character(seed=1, number=number, gain=0.2), BEHAVIOURS["learns"])


def it_is_closed_and_unblinded(ada: Researcher) -> None:
    ada.follow("Close…")
    ada.press("Close for good")
    ada.follow("Unblind…")
    ada.sees("Nobody else belongs to this lab")
    ada.page.get_by_label("Why there is no second person").fill("a lab of one, for this test")
    ada.press("Reveal the arms alone")
    ada.sees("The study is unblinded.")
    ada.sees("a lab of one, for this test")


def its_report_is_read(ada: Researcher) -> None:
    ada.follow("Reports")
    ada.page.get_by_role("row", name="Main").get_by_role("button", name="Run the planned analysis").click()
    ada.sees("The analysis is running.")
    for _ in range(60):
        if ada.page.get_by_text("Did the explanations help?").count():
            break
        ada.page.wait_for_timeout(1000)
        ada.page.reload()
    ada.sees("Did the explanations help?")
    assert ada.page.get_by_text("Everybody here is simulated").count() == 0
    ada.page.wait_for_load_state("networkidle")
    drawn = ada.page.locator("figure img").evaluate_all("images => images.map(i => i.complete && i.naturalWidth > 0)")
    assert drawn == [True] * len(drawn)
    assert len(drawn) == 7


def its_data_are_downloaded(ada: Researcher, to: Path) -> None:
    with ada.page.expect_download() as download:
        ada.follow("Download everything (zip)")
    download.value.save_as(to)
    names = {name.rsplit("/", 1)[-1] for name in zipfile.ZipFile(to).namelist()}
    assert {"responses.csv", "design.json", "report.json", "codebook.csv"} <= names
