"""No stored text ever runs: payloads in every text of a site, every page of it in a real browser, its policy on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, BrowserContext, Page, Request
from playwright.sync_api import Error as PlaywrightError

from explainers.types import Input, TabularInput
from studyapp.actions.accounts import make_sign_in_link
from studyapp.actions.links import add_link, add_stage, create_link
from studyapp.actions.reports import fill_report
from studyapp.models import Link, Predictor, Report, Role, Stage, Study, User
from studyapp.models.frozen import frozen_study
from studyapp.models.studies import StageKind
from studyapp.views.console.preview import ORDER_SEED
from tests import factories
from tests.hostile.payloads import PAYLOADS, Filler, lines
from tests.hostile.world import converters_of, methods_of, patterns, researcher
from tests.journeys.participant_browser import Person, chromium  # noqa: F401  (a fixture)
from tests.promises.ledger import Reached, scale
from tests.studyapp.actions.test_whole_run import run_through
from tests.studyapp.views.participant_study import MadeStudy, consent

ROUNDS = scale(full=len(lines()), quick=1)  # in a whole turn every payload meets every field
WATCH = """
document.addEventListener("securitypolicyviolation", (e) => tell(`policy: ${e.violatedDirective} ${e.blockedURI}`));
window.addEventListener("DOMContentLoaded", () => {
  for (const found of document.querySelectorAll("[data-canary], [onerror], [onload], [onfocus], [srcdoc], mi"))
    tell(`markup: ${found.outerHTML.slice(0, 80)}`);
});
"""


@dataclass
class Watched:
    """A page, and what it did that no stored text may make it do."""

    page: Page
    base: str
    ran: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    n_pages: int = 0

    def go(self, address: str) -> None:
        try:
            response = self.page.goto(self.base + address, wait_until="load")
        except PlaywrightError as error:
            if "Download is starting" in error.message:  # a file to keep is not shown
                return
            raise
        self.n_pages += 1
        policy = response.headers.get("content-security-policy", "") if response else ""
        if "script-src 'self'" not in policy or "unsafe" in policy:
            self.told.append(f"{address} has the policy {policy!r}")


def watch(browser: Browser, base: str) -> tuple[BrowserContext, Watched]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    watched = Watched(context.new_page(), base)
    context.expose_binding("canary", lambda source, *_: watched.ran.append(f"script on {source['page'].url}"))
    context.expose_binding("tell", lambda source, what: watched.told.append(f"{what} on {source['page'].url}"))
    context.add_init_script(WATCH)

    def asked(request: Request) -> None:
        if urlsplit(request.url).scheme in {"http", "https"} and not request.url.startswith(base):
            watched.ran.append(f"request of {request.url}")

    context.on("request", asked)
    context.on("dialog", lambda dialog: (watched.ran.append(f"dialog {dialog.message}"), dialog.dismiss()))
    return context, watched


# --- a site whose every text is hostile ----------------------------------------------------------------------------


def hostile_document(next_line: Filler) -> dict[str, object]:
    document = factories.small_document(title=next_line())
    document["arms"] = [{**arm, "title": next_line()} for arm in document["arms"]]
    document["phases"] = [
        {**p, "title": next_line(), "intro": f"{next_line()}\n\n- {next_line()}"} for p in document["phases"]
    ]
    factor = {"key": "one", "question": next_line(), "options": [next_line(), next_line()]}
    document["allocation"] = {**document["allocation"], "strata": [factor]}
    document["comprehension"] = {
        "questions": [
            {"question": next_line(), "options": [next_line(), next_line()], "answer": right} for right in (1, 0)
        ]
    }
    document["ratings"] = [{"key": "r", "question": next_line(), "low": next_line(), "high": next_line()}]
    document["texts"] = {key: next_line() for key in document["texts"]}
    return document


@pytest.fixture
def hostile_material(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of variables, values, classes and titles of predictors that are payloads, all of them."""
    every, plain = "".join(PAYLOADS), factories.make_input

    def make_input(dataset: str, number: int) -> Input:
        made = plain(dataset, number)
        assert isinstance(made, TabularInput)
        return TabularInput(tuple((name + every, value + every) for name, value in made.values))

    monkeypatch.setattr(factories, "make_input", make_input)
    monkeypatch.setitem(factories.CLASSES, "adult", (f"A{every}", f"B{every}"))


@dataclass
class Site:
    owner: User
    study: Study
    draft: Study
    stage: Stage  # of a rehearsal with a report


def hostile_site(first: int) -> Site:
    next_line = Filler(first)
    owner = factories.make_user(f"owner{first}@example.org")
    User.objects.filter(pk=owner.pk).update(name=next_line()[:200])
    lab = factories.make_lab(owner, name=next_line()[:100])
    factories.add_member(lab, Role.VIEWER, factories.make_user(f'"><b{first}>"@example.org'))
    Predictor.objects.create(
        dataset=factories.make_material(),
        key=f"hostile-{first}",
        title=next_line()[:100],
        architecture=next_line()[:40],
        weights_sha256=f"{first:064}",
        card={"name": next_line()},
    )
    study = factories.make_open(lab, hostile_document(next_line))
    link = factories.main_link(study)
    create_link(stage=link.stage, label=next_line()[:100], is_single_use=False, expires_at=None, actor=owner)
    stage = add_stage(study=study, kind=StageKind.REHEARSAL, capacity=8, actor=owner)
    return Site(owner, study, factories.make_draft(lab, hostile_document(next_line)), stage)


def add_report(site: Site) -> None:
    """The analysis of a few simulated people, with its charts."""
    link = add_link(site.stage)
    for n in range(6):
        run_through(consent(Client(), MadeStudy(site.study, link, 0), f"?participant=simulated-{n}"))
    fill_report(Report.objects.create(stage=site.stage))


def pages_of(site: Site) -> Iterator[str]:
    """Every page that is read, by its name in the resolver; those of the study for the draft too."""
    values = {
        "lab_id": site.study.lab_id,
        "stage_id": site.stage.pk,
        "link_id": Link.objects.filter(stage__study=site.study).exclude(label="").first().pk,
        "template": "forward",
        "dataset": "adult",
        "token": make_sign_in_link(user=site.owner),
    }
    for pattern in patterns():
        keys = set(converters_of(pattern))
        if "GET" not in methods_of(pattern) or pattern.name in LEFT_ALONE:
            continue
        for study in (site.study, site.draft) if pattern.name in OF_A_DRAFT else (site.study,):
            if keys <= {*values, "public_id"}:
                yield reverse(pattern.name, kwargs={k: {**values, "public_id": study.public_id}[k] for k in keys})
    for report in Report.objects.filter(stage=site.stage, figures__isnull=False):
        for figure in report.figures:
            yield reverse("report_figure", args=[site.study.public_id, site.stage.pk, figure["name"]])
    steps = frozen_study(site.study.frozen.pk).steps(ORDER_SEED)
    for position in {(step.kind, step.phase, step.task): step.position for step in steps}.values():
        yield reverse("preview_screen", args=[site.study.public_id]) + f"?position={position}"


OF_A_DRAFT = {"study", "design", "design_json", "freeze", "preview", "study_map"}  # other than of a frozen study
# What would end the visit, and the participant's own pages, which are walked through.
LEFT_ALONE = {"sign_in_by_link", "sign_out", "account_logout", "run", "join", "withdraw"}


def refusals_of(site: Site) -> Iterator[tuple[str, str, str]]:
    """Forms that come back with what was typed: address, field, and the button's place."""
    line = lines()[0]
    yield reverse("design_json", args=[site.draft.public_id]), "text", '{"' + line.replace('"', "'") + '": 1}'
    yield reverse("design", args=[site.draft.public_id]), "design-strata", line
    yield reverse("members", args=[site.study.lab_id]), "email", '"><svg/onload=canary(1)>"@example.org'


def visit(browser: Browser, base: str, site: Site, addresses: Iterator[str], *, refused: bool = True) -> Watched:
    context, watched = watch(browser, base)
    client = researcher(site.owner)
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": base}])
    for address in addresses:
        watched.go(address)
    for address, name, text in refusals_of(site) if refused else ():
        watched.go(address)
        control = watched.page.locator(f'[name="{name}"]').first
        if control.count():
            control.fill(text)
            control.evaluate("(control) => control.form.noValidate = true")
            with watched.page.expect_navigation():
                control.evaluate("(control) => control.form.requestSubmit()")
            watched.n_pages += 1
    context.close()
    return watched


def take_part(browser: Browser, base: str, study: Study) -> Watched:
    """A person at the pages themselves, from the consent to the code."""
    context, watched = watch(browser, base)
    link = study.stages.get(kind="main").links.first()
    made = MadeStudy(study, link, 0)
    person = Person(watched.page, base, made, [])
    watched.go(made.join + "?participant=%22%3E%3Csvg/onload=canary(1)%3E")
    person.agree()
    while person.place:
        watched.n_pages += 1
        before = person.place
        person.choose()
        person.go_on()
        changed = "(before) => document.querySelector('#screen')?.dataset.place !== before"
        watched.page.wait_for_function(changed, arg=before, timeout=15_000)
    context.close()
    return watched


@pytest.mark.promise(19)
def test_no_payload_runs_on_any_page(
    chromium: Browser,  # noqa: F811
    live_server,  # type: ignore[no-untyped-def]
    hostile_material: None,
    reached: Reached,
) -> None:
    seen = []
    for number in range(ROUNDS):
        site = hostile_site(number)
        if number == 0:
            add_report(site)
            seen.append(take_part(chromium, live_server.url, site.study))
        seen.append(visit(chromium, live_server.url, site, pages_of(site)))

    assert [line for watched in seen for line in (*watched.ran, *watched.told)] == []
    met = sum(payload in "".join(lines()[:ROUNDS]) for payload in PAYLOADS)
    reached(
        f"0 executions and 0 reports of the policy on {sum(w.n_pages for w in seen)} pages; {len(PAYLOADS)} payloads in"
        f" names and classes, {met} of them in every field of a design"
    )


@pytest.mark.control(19, "a title marked safe, once, with the policy on and off")
def test_a_title_marked_safe_is_seen(
    chromium: Browser,  # noqa: F811
    live_server,  # type: ignore[no-untyped-def]
    settings,  # type: ignore[no-untyped-def]
    tmp_path: Path,
    reached: Reached,
) -> None:
    name = "studyapp/console/study_base.html"
    plain = (Path(settings.BASE_DIR) / "studyapp" / "templates" / name).read_text()
    assert "{{ study.title }}" in plain
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_text(plain.replace("{{ study.title }}", "{{ study.title|safe }}"))
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    site = hostile_site(0)
    page = reverse("study", args=[site.study.public_id])

    with_policy = visit(chromium, live_server.url, site, iter([page]), refused=False)
    settings.CONTENT_SECURITY_POLICY = {}
    without = visit(chromium, live_server.url, site, iter([page]), refused=False)

    assert any(line.startswith(("policy", "markup")) for line in with_policy.told)
    assert not [line for line in with_policy.ran if line.startswith("script")]
    assert [line for line in without.ran if line.startswith("script")]
    reached(f"{len(with_policy.told)} reports with the policy, {len(without.ran)} executions without")


# --- what needs no browser -----------------------------------------------------------------------------------------

INLINE = re.compile(
    r"<script(?![^>]*\ssrc=)(?![^>]*application/json)|<style|\son[a-z]+\s*=|\sstyle\s*=|javascript:", re.I
)


def test_no_template_holds_a_script_a_style_or_a_handler_of_its_own(settings) -> None:  # type: ignore[no-untyped-def]
    templates = (Path(settings.BASE_DIR) / "studyapp" / "templates").rglob("*.html")

    assert [f"{path.name}: {hit}" for path in templates for hit in INLINE.findall(path.read_text())] == []


def test_no_template_marks_a_text_safe(settings) -> None:  # type: ignore[no-untyped-def]
    templates = (Path(settings.BASE_DIR) / "studyapp" / "templates").rglob("*.html")
    marked = re.compile(r"\|\s*safe\b|autoescape\s+off|safeseq")

    assert [path.name for path in templates if marked.search(path.read_text())] == []
