"""`manage.py explanation_screens`: how every method looks to a participant, in docs/screens/explanations/."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from playwright.sync_api import Browser, Route, sync_playwright

from explainers.errors import ExplainerError
from studyapp.errors import StudyError
from studyapp.management.browser import FLAGS, executable
from studyapp.management.gallery.index import index_of
from studyapp.management.gallery.material import explained, subjects
from studyapp.management.gallery.page import page_of
from studyapp.management.gallery.plan import Shot, plan

FOLDER = settings.BASE_DIR / "docs" / "screens" / "explanations"
WIDTHS = {1280: 800, 375: 812}
ADDRESS = "http://foretell.invalid/"  # nothing listens there: every request is answered here


class Command(BaseCommand):
    help = "Takes a screenshot of every method's explanation; run `python -m explainers train all` first."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("methods", nargs="*", metavar="METHOD", help="only these; all unless given")

    def handle(self, *, methods: list[str], **options: object) -> None:
        shots = plan()
        asked = [shot for shot in shots if not methods or shot.spec.name in methods]
        unknown = set(methods) - {shot.spec.name for shot in asked}
        if unknown:
            raise CommandError(f"{', '.join(sorted(unknown))}: not among {', '.join(s.spec.name for s in shots)}")
        try:
            pages = self.pages(asked)
        except (StudyError, ExplainerError) as error:
            raise CommandError(str(error)) from error
        FOLDER.mkdir(parents=True, exist_ok=True)
        call_command("collectstatic", interactive=False, verbosity=0)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=executable(), args=FLAGS)
            for width in WIDTHS:
                self.shoot(browser, width, pages)
            browser.close()
        (FOLDER / "README.md").write_text(index_of(shots, tuple(WIDTHS)), encoding="utf-8")
        self.stdout.write(f"{len(pages) * len(WIDTHS)} screenshots in {FOLDER}")

    def pages(self, shots: list[Shot]) -> dict[str, str]:
        """The page of each shot, by its name."""
        found = subjects(shots)
        pages = {}
        for shot in shots:
            subject = found[shot.modality]
            pages[shot.name] = page_of(shot, subject, explained(shot, subject))
            self.stdout.write(shot.name)
            self.stdout.flush()
        return pages

    def shoot(self, browser: Browser, width: int, pages: Mapping[str, str]) -> None:
        """The pages work without scripts, and without them nothing moves while the picture is taken."""
        context = browser.new_context(viewport={"width": width, "height": WIDTHS[width]}, java_script_enabled=False)
        page = context.new_page()
        page.route("**/*", lambda route: answer(route, pages))
        for name in pages:
            page.set_viewport_size({"width": width, "height": WIDTHS[width]})
            page.goto(ADDRESS + name)
            # A window that holds all of it: the bar at its bottom would cover a part of what is longer.
            page.set_viewport_size({"width": width, "height": page.evaluate("document.documentElement.scrollHeight")})
            page.screenshot(path=FOLDER / f"{name}-{width}.png")
        context.close()


def answer(route: Route, pages: Mapping[str, str]) -> None:
    """A page, or a file that it asks for."""
    path = urlsplit(route.request.url).path
    if path.startswith(settings.STATIC_URL):
        route.fulfill(path=settings.STATIC_ROOT / path.removeprefix(settings.STATIC_URL))
    else:
        route.fulfill(body=pages[path.removeprefix("/")], content_type="text/html; charset=utf-8")
