"""Ten minutes without a network: people go on answering, and every answer arrives, in order and once.

The page is reloaded, crashes, is opened in a second tab and sleeps meanwhile. The clock of the pages is moved on; the
wire, the browser and the server are real.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Error, Page, expect

from studyapp.management.browser import FLAGS, executable
from studyapp.models import Enrolment, Response
from studyapp.views import participant_offline
from tests.journeys.participant_browser import Person, chromium, serious_violations, somebody, sticks_out
from tests.journeys.processes import wait_until
from tests.journeys.wire import Wire, wire_to
from tests.promises.ledger import Reached
from tests.studyapp.views.participant_study import MadeStudy, make_study

__all__ = ["chromium"]  # a fixture

FIRST = 4  # the first trial
ANSWERS = 40
MINUTES = 10
KEPT = "No connection. Your answers are safe on this device and will be sent from here. To be sent:"
UNSAFE = "No connection. Do not close this page: this browser cannot keep answers. To be sent:"
SENT = "Connected again. All your answers are sent."
HELD = """(count) => new Promise((resolve) => {
    const request = indexedDB.open("foretell", 1);
    request.onsuccess = () => {
        const kept = request.result.transaction("kept").objectStore("kept").getAllKeys();
        kept.onsuccess = () => resolve(kept.result.filter((key) => key.startsWith("screen/")).length >= count);
    };
})"""
CACHED = """async (count) => {
    const [name] = await caches.keys();
    return Boolean(name) && (await (await caches.open(name)).keys()).length >= count;
}"""
SCRIPTS = list(participant_offline.WORKER.parent.glob("*.js"))
HOLDS = len(SCRIPTS) - 1 + 3  # all but the worker itself; the page and its two stylesheets
FETCHED = "() => performance.getEntriesByName(`${location.href}ahead/`).some((entry) => entry.responseEnd > 0)"
NO_STORAGE = """
    Object.defineProperty(window, "indexedDB", { value: undefined });
    Object.defineProperty(window, "localStorage", { get() { throw new DOMException("denied", "SecurityError"); } });
"""


def arrived(made: MadeStudy) -> list[int]:
    """The trials of which the server has an answer, in the order in which it got them."""
    run = Enrolment.objects.filter(study=made.study).latest("pk")
    stored = Response.objects.filter(enrolment=run, position__gte=FIRST).order_by("pk")
    return list(stored.values_list("position", flat=True))


def is_whole(positions: Sequence[int], of: int = ANSWERS) -> bool:
    """The check of the promise: every answer, in order, none twice."""
    return list(positions) == list(range(FIRST, FIRST + of))


def at_the_first_trial(person: Person) -> None:
    person.arrive()
    person.agree()
    person.answer_until(FIRST)


def ready_for_no_network(page: Page, screens: int) -> None:
    """The screens ahead and the page to wait on are on the device."""
    ready_to_reload(page)
    wait_until(lambda: page.evaluate(HELD, screens), what="the screens ahead", seconds=30)


def ready_to_reload(page: Page) -> None:
    controlled = "() => Boolean(navigator.serviceWorker.controller)"
    wait_until(lambda: page.evaluate(controlled), what="the worker", seconds=30)
    wait_until(lambda: page.evaluate(CACHED, HOLDS), what="the page to wait on", seconds=30)


def lose_the_network(person: Person, wire: Wire) -> None:
    person.page.context.set_offline(True)
    wire.cut()


def find_the_network(person: Person, wire: Wire) -> None:
    wire.mend()
    person.page.context.set_offline(False)


def expect_place(page: Page, place: str | None) -> None:
    expect(page.locator(f'#screen[data-place="{place}"]')).to_be_visible(timeout=20_000)


def expect_status(page: Page, words: str) -> None:
    expect(page.get_by_role("status")).to_have_text(words, timeout=30_000)


# --- what happens meanwhile --------------------------------------------------------------------------------------


def reload(person: Person) -> None:
    person.page.reload()


def crash(person: Person) -> None:
    """The process of the page dies without a last word; another tab opens the address again."""
    page, context = person.page, person.page.context
    with page.expect_event("crash"), suppress(Error):
        page.goto("chrome://crash", timeout=5_000)
    page.close()
    person.page = context.new_page()
    person.page.goto(person.base + person.made.run)


def second_tab(person: Person) -> None:
    """A second tab opens where the first is, and is the one that goes on."""
    person.page = person.page.context.new_page()
    person.page.goto(person.base + person.made.run)


def sleep(person: Person) -> None:
    """A phone puts the page to sleep, and wakes it."""
    session = person.page.context.new_cdp_session(person.page)
    session.send("Page.setWebLifecycleState", {"state": "frozen"})
    session.send("Page.setWebLifecycleState", {"state": "active"})


MISHAPS: Mapping[int, Callable[[Person], None]] = {8: reload, 16: crash, 24: second_tab, 32: sleep}


@pytest.mark.promise(13)
def test_ten_minutes_offline_lose_nothing(chromium: Browser, web: str, reached: Reached) -> None:
    made = make_study("tabular", n_tests=ANSWERS)
    with wire_to(web) as wire, somebody(chromium, wire.base, made) as person:
        clock = person.page.context.clock
        clock.install()
        at_the_first_trial(person)
        ready_for_no_network(person.page, ANSWERS)

        lose_the_network(person, wire)
        for number in range(ANSWERS):
            place = person.place
            if number in MISHAPS:
                MISHAPS[number](person)
                expect_place(person.page, place)
            clock.fast_forward(MINUTES * 60_000 // ANSWERS)
            person.answer()
        expect_status(person.page, f"{KEPT} {ANSWERS}")
        assert arrived(made) == []

        find_the_network(person, wire)
        expect_status(person.page, SENT)
    assert is_whole(arrived(made))
    mishaps = ", ".join(mishap.__name__.replace("_", " ") for mishap in MISHAPS.values())
    reached(f"{len(arrived(made))} of {ANSWERS} in order, 0 twice; {MINUTES} min by the page's clock, with {mishaps}")


@pytest.mark.control(13, "a queue in memory only")
def test_a_queue_in_memory_loses_answers_and_says_so(chromium: Browser, web: str, reached: Reached) -> None:
    made = make_study("tabular", n_tests=ANSWERS)
    given = 5
    with wire_to(web) as wire, somebody(chromium, wire.base, made) as person:
        person.page.context.add_init_script(NO_STORAGE)
        at_the_first_trial(person)
        ready_to_reload(person.page)
        person.page.wait_for_function(FETCHED)
        person.page.wait_for_timeout(500)  # to read what came
        lose_the_network(person, wire)
        for _ in range(given):
            person.answer()
        expect_status(person.page, f"{UNSAFE} {given}")

        person.page.reload()
        find_the_network(person, wire)  # the page comes back by itself
        expect_place(person.page, f"{FIRST}.1")
        person.page.wait_for_timeout(1500)
    assert not is_whole(arrived(made), of=given)
    reached(f"{given - len(arrived(made))} of {given} lost at a reload")


@pytest.mark.parametrize("width", [1280, 375])
def test_every_state_is_accessible_and_fits(chromium: Browser, web: str, width: int) -> None:
    made = make_study("tabular", n_tests=2)
    found: list[str] = []

    def look(person: Person) -> None:
        found.extend(serious_violations(person.page))
        assert sticks_out(person.page) <= 0

    with wire_to(web) as wire, somebody(chromium, wire.base, made, width=width) as person:
        at_the_first_trial(person)
        ready_for_no_network(person.page, 3)
        lose_the_network(person, wire)
        person.answer()
        expect_status(person.page, f"{KEPT} 1")
        look(person)
        person.page.reload()
        expect_place(person.page, f"{FIRST + 1}.1")
        for _ in range(2):  # the last trial, and the text before what cannot be had ahead
            person.answer()
        expect(person.page.get_by_role("heading", name="Waiting for the connection")).to_be_focused()
        look(person)
        find_the_network(person, wire)
        expect_place(person.page, f"{FIRST + 3}.1")
    assert found == []
    assert is_whole(arrived(made), of=3)


@pytest.mark.promise(13)
def test_a_browser_that_is_killed_sends_what_it_kept(
    chromium: Browser, web: str, tmp_path: Path, reached: Reached
) -> None:
    """SIGKILL to the whole browser while it is offline, then the same profile again."""
    made = make_study("tabular", n_tests=ANSWERS)
    given = 5

    def start() -> Person:
        # The address is the same in both lives, as a site's is: what is kept belongs to it.
        context = chromium.browser_type.launch_persistent_context(tmp_path, executable_path=executable(), args=FLAGS)
        return Person(context.pages[0], wire.base, made, [])

    with wire_to(web) as wire:
        person = start()
        at_the_first_trial(person)
        ready_for_no_network(person.page, given)
        person.page.context.close()  # its cookies are on the disk, as half a minute later they would be
        person = start()
        person.page.goto(wire.base + made.run)
        ready_for_no_network(person.page, given)
        lose_the_network(person, wire)
        for _ in range(given):
            person.answer()
        expect_status(person.page, f"{KEPT} {given}")
        killed = kill_browser(tmp_path)

        wire.mend()
        person = start()
        person.page.goto(wire.base + made.run)
        expect_place(person.page, f"{FIRST + given}.1")
        wait_until(lambda: len(arrived(made)) == given, what="the answers kept on the disk", seconds=20)
        person.page.context.close()
    assert is_whole(arrived(made), of=given)
    reached(f"{len(arrived(made))} of {given} after SIGKILL to {killed} browser")


def kill_browser(profile: Path) -> int:
    """SIGKILL to the browser with this profile; how many there were."""
    option = f"--user-data-dir={profile}"
    found = [p for p in psutil.process_iter(["cmdline"]) if option in (p.info["cmdline"] or ())]
    for process in found:
        with suppress(psutil.NoSuchProcess):  # a child that went with its parent
            process.send_signal(signal.SIGKILL)
    psutil.wait_procs(found, timeout=10)
    return sum("--type=" not in " ".join(p.info["cmdline"]) for p in found)
