"""A participant's device with a wrong clock: ten years off, at a change of summer time, on a leap day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser

from studyapp.models import Enrolment, Response
from tests.journeys.participant_browser import Person, chromium, somebody
from tests.promises.ledger import Reached, scale
from tests.studyapp.views.participant_study import MadeStudy, make_study

__all__ = ["chromium"]  # a fixture

NOW = datetime.now(UTC)
CLOCKS = {
    "ten years ahead": NOW + timedelta(days=3652),
    "ten years behind": NOW - timedelta(days=3652),
    "the end of summer time": datetime(2026, 10, 25, 0, 59, 58, tzinfo=UTC),
    "a leap day": datetime(2028, 2, 29, 23, 59, 58, tzinfo=UTC),
}
SCREENS = scale(full=100, quick=4)


@pytest.fixture
def made(web: str) -> MadeStudy:
    return make_study("tabular")


def answer_with_a_clock(chromium: Browser, web: str, made: MadeStudy, clock: datetime) -> list[Response]:
    """Some screens of somebody whose browser believes that it is then; the answers that were kept."""
    with somebody(chromium, web, made) as person:
        person.page.clock.install(time=clock)
        person.arrive(f"?PROLIFIC_PID={clock:%Y%m%d}")
        person.agree()
        assert abs(browsers_time(person) - clock) < timedelta(minutes=5)
        for _ in range(SCREENS):
            if person.place is None:
                break
            person.answer()
        assert person.complaints == []
    run = Enrolment.objects.filter(study=made.study).latest("pk")
    return list(Response.objects.filter(enrolment=run).order_by("pk"))


def browsers_time(person: Person) -> datetime:
    return datetime.fromtimestamp(person.page.evaluate("Date.now()") / 1000, UTC)


@pytest.mark.promise(39)
def test_a_wrong_clock_of_a_device_refuses_nobody(
    chromium: Browser, web: str, made: MadeStudy, reached: Reached
) -> None:
    kept = {name: answer_with_a_clock(chromium, web, made, clock) for name, clock in CLOCKS.items()}
    wanted = min(SCREENS, made.n_steps)
    reached(f"{sum(map(len, kept.values()))} of {wanted * len(CLOCKS)} answers kept with the device's clock at "
            + ", ".join(CLOCKS))  # fmt: skip
    for name, rows in kept.items():
        assert [row.position for row in rows] == list(range(wanted)), name
        # The times are the server's and differences of the browser's, so its date is in none of them.
        assert all(abs(row.received_at - NOW) < timedelta(hours=1) for row in rows), name
        assert all(row.response_ms is not None and row.response_ms < 60_000 for row in rows), name
