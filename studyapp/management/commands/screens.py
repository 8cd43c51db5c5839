"""`manage.py screens`: a screenshot of every page of the demo, at 1280 and 375 pixels, in docs/screens/."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse
from playwright.sync_api import Browser, Page, sync_playwright

from studyapp import queue
from studyapp.actions.accounts import make_sign_in_link
from studyapp.actions.links import add_link, add_stage
from studyapp.actions.power import compute_power, request_power
from studyapp.forms.power import PowerForm
from studyapp.management.browser import FLAGS, executable
from studyapp.management.commands.demo import DATASETS, owner
from studyapp.management.station import station
from studyapp.models import PowerRun, Report, Study
from studyapp.models.studies import StageKind

FOLDER = settings.BASE_DIR / "docs" / "screens"
WIDTHS = {1280: 800, 375: 812}
TALLEST = 16_000  # what a window of Chromium can be
STUDY_PAGES = (
    "study", "design", "design_json", "imported", "study_map", "power", "quality", "reports", "rights", "downloads",
    "audit",
)  # fmt: skip
GUARD_MS = 300  # a screen takes no answer sooner, so that a double tap answers one


class Command(BaseCommand):
    help = "Takes a screenshot of every page of the demo's studies; run `make demo DEMO=once` first."

    def handle(self, **options: object) -> None:
        studies = [self.demo_study(dataset) for dataset in DATASETS]
        FOLDER.mkdir(parents=True, exist_ok=True)
        # Django refuses its database calls while an event loop runs in the thread, as Playwright's does.
        plans = [(study, self.ways_in(study)) for study in studies]
        self.compute_a_power(studies[0])
        console, doors = dict(self.console_pages(studies[0])), [self.door() for _ in WIDTHS]
        with station(workers=False, web_processes=1), sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=executable(), args=FLAGS)
            for width, door in zip(WIDTHS, doors, strict=True):
                self.console(browser, width, door, console)
                for study, ways in plans:
                    self.participant(browser, width, study, ways[width])
            browser.close()
        self.stdout.write(f"{len(list(FOLDER.glob('*.png')))} screenshots in {FOLDER}")

    def demo_study(self, dataset: str) -> Study:
        study = (
            Study.objects.filter(lab__memberships__user=owner(), draft__dataset=dataset).order_by("created_at").first()
        )
        if study is None or study.is_draft:
            raise CommandError("The demo's studies are not there yet; run `make demo DEMO=once` first.")
        return Study.objects.select_related("frozen").get(pk=study.pk)

    def ways_in(self, study: Study) -> dict[int, str]:
        """A rehearsal's link for each width: the same pages, and no real person's place is used."""
        stage = add_stage(study=study, kind=StageKind.REHEARSAL, capacity=len(WIDTHS), actor="screenshots")
        return {width: add_link(stage, is_single_use=True).token for width in WIDTHS}

    def compute_a_power(self, study: Study) -> None:
        """Once: around the planned size, as the form suggests it."""
        if PowerRun.objects.filter(study=study, figure__isnull=False).exists():
            return
        initial = {name: field.initial for name, field in PowerForm.base_fields.items()}
        form = PowerForm({**initial, **PowerForm.suggested(study.frozen.design), "pay": 3})
        assert form.is_valid(), form.errors
        run = request_power(study=study, assumed=form.assumptions(), actor="screenshots")
        claim = queue.claim(run.job_id) if run.job_id else None
        assert claim is not None
        compute_power(claim)
        claim.finish()

    def door(self) -> str:
        return reverse("sign_in_by_link", args=[make_sign_in_link(user=owner())])

    def console_pages(self, study: Study) -> Iterator[tuple[str, str]]:
        report = Report.objects.filter(stage__study=study, document__isnull=False).first()
        lab = study.lab_id
        yield "studies", reverse("studies")
        yield "templates", reverse("choose_template", args=[lab])
        yield "new-study", reverse("new_study", args=[lab, "forward", "adult"])
        yield "members", reverse("members", args=[lab])
        yield "account", reverse("account")
        yield "signed-links", reverse("arrival_keys", args=[lab])
        for name in STUDY_PAGES:
            yield name.replace("_", "-"), reverse(name, args=[study.public_id])
        for arm in study.frozen.document["arms"]:
            yield f"preview-{arm['key']}", reverse("preview", args=[study.public_id]) + f"?arm={arm['key']}&position=21"
        if report:
            yield "report", reverse("report", args=[study.public_id, report.stage_id])

    def console(self, browser: Browser, width: int, door: str, pages: dict[str, str]) -> None:
        page = browser.new_page(viewport={"width": width, "height": WIDTHS[width]})
        page.goto(settings.BASE_URL + reverse("sign_in"))
        self.shoot(page, "console", "sign-in", width)
        page.goto(settings.BASE_URL + door)
        self.shoot(page, "console", "sign-in-link", width)
        page.locator("main button").first.click()
        page.wait_for_url("**/studies/")
        for name, address in pages.items():
            page.goto(settings.BASE_URL + address)
            self.shoot(page, "console", name, width)
            if name == "report":  # its beginning alone, for the README
                page.screenshot(path=FOLDER / f"console-report-top-{width}.png")
        page.close()

    def participant(self, browser: Browser, width: int, study: Study, token: str) -> None:
        """Walk one person through, and keep each kind of page once."""
        page = browser.new_context(viewport={"width": width, "height": WIDTHS[width]}).new_page()
        page.goto(settings.BASE_URL + reverse("join", args=[token]))
        seen: set[str] = set()
        dataset = study.draft["dataset"]
        while True:
            heading = page.locator("h1").inner_text()
            if heading not in seen:
                seen.add(heading)
                self.shoot(page, f"participant-{dataset}", f"{len(seen):02d}", width)
            if page.locator(".code").count():
                self.own_data(page, dataset, width)
                break
            answer(page)
        page.context.close()

    def own_data(self, page: Page, dataset: str, width: int) -> None:
        """What a person sees of their own data, and how they leave."""
        run = page.url.split("?")[0].rstrip("/")
        for name in ("your-data", "withdraw"):
            page.goto(f"{run}/{name}/")
            self.shoot(page, f"participant-{dataset}", name, width)

    def shoot(self, page: Page, group: str, name: str, width: int) -> None:
        height = page.evaluate("document.documentElement.scrollHeight")
        if WIDTHS[width] < height < TALLEST:
            # A window that holds all of it: the bar at its bottom would cover a part of what is longer.
            page.set_viewport_size({"width": width, "height": height})
        page.screenshot(path=FOLDER / f"{group}-{name}-{width}.png", full_page=True)
        page.set_viewport_size({"width": width, "height": WIDTHS[width]})


def answer(page: Page) -> None:
    """Choose the second option of every question, which is the right one in the demo's check, and go on."""
    names = page.eval_on_selector_all("input[type=radio]", "found => [...new Set(found.map(input => input.name))]")
    for name in names:
        options = page.locator(f"input[type=radio][name='{name}']")
        chosen = options.nth(min(1, options.count() - 1)).get_attribute("id")
        page.locator(f"label[for='{chosen}']").click()
    page.wait_for_timeout(GUARD_MS)
    place = page.locator("main").get_attribute("data-place")
    page.locator("main form button").first.click()
    page.wait_for_function("before => (document.querySelector('main')?.dataset.place ?? null) !== before", arg=place)
