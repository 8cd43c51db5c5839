"""Foretell's settings with a lease that runs out in seconds, so that a test can wait for it."""

from studyapp.settings import *  # noqa: F403

JOB_LEASE_S = 4
JOB_RENEW_S = 1
JOB_SWEEP_S = 2
