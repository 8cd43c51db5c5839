"""The workers' front door."""

from __future__ import annotations

import threading

from django.db import OperationalError

from studyapp import jobs
from studyapp.models import Job
from studyapp.queue import Claim


class Unlucky(Claim):
    """A claim whose first renewal finds the database away."""

    renewals = 0
    renewed = threading.Event()

    def renew(self, done: int | None = None) -> bool:
        Unlucky.renewals += 1
        if Unlucky.renewals == 1:
            raise OperationalError("server closed the connection unexpectedly")
        self.renewed.set()
        return True


def test_a_lease_is_renewed_again_after_the_database_was_away(settings, django_db_blocker) -> None:  # type: ignore[no-untyped-def]
    settings.JOB_RENEW_S = 0.01
    claim = Unlucky(Job(), lease=Job().pk)
    with django_db_blocker.unblock(), jobs.renewing(claim):
        assert claim.renewed.wait(10)
