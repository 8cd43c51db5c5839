"""Foretell's settings for processes under torture: a lease of seconds, and the break that is asked for."""

import os

from studyapp.settings import *  # noqa: F403
from studyapp.settings import DATABASES, INSTALLED_APPS
from tests.torture.breaks import BREAKS

AS_IN_PRODUCTION = "as in production"
BROKEN = BREAKS.get(os.environ.get("TORTURE_BREAK", ""))

LEASE = os.environ.get("TORTURE_LEASE") or "4"
if LEASE != AS_IN_PRODUCTION:
    JOB_LEASE_S, JOB_RENEW_S, JOB_SWEEP_S = float(LEASE), float(LEASE) / 4, float(LEASE) / 2
if BROKEN:
    DATABASES["default"]["OPTIONS"] |= BROKEN.database_options  # type: ignore[operator]

INSTALLED_APPS = [*INSTALLED_APPS, "tests.torture.startup.Startup"]
