"""The settings with addresses that name people. For the control of promise 33 alone."""

from studyapp.settings import *  # noqa: F403

ROOT_URLCONF = "tests.journeys.named_addresses"
