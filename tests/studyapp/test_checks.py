"""Unsafe settings do not start, and the message names the fix."""

from __future__ import annotations

import copy

import pytest
from django.conf import settings as real

from studyapp.checks import refuse_unsafe_settings


def ids() -> list[str]:
    return [message.id for message in refuse_unsafe_settings()]


def test_the_settings_of_a_first_try_are_fine():
    assert ids() == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("CELERY_ACCEPT_CONTENT", ["json", "pickle"], "foretell.E001"),
        ("SESSION_SERIALIZER", "somewhere.PickleSerializer", "foretell.E002"),
        ("REDIS_URL", "redis://broker.example.org:6379/0", "foretell.E003"),
    ],
)
def test_each_is_refused_by_its_id(settings, name, value, expected):
    setattr(settings, name, value)
    assert ids() == [expected]


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("ENGINE", "django.db.backends.sqlite3", "foretell.E004"),
        ("OPTIONS", {}, "foretell.E005"),
        ("ATOMIC_REQUESTS", True, "foretell.E006"),
    ],
)
@pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")
def test_an_unsafe_database_is_refused(settings, key, value, expected):
    settings.DATABASES = copy.deepcopy({"default": {**real.DATABASES["default"], key: value}})
    assert ids() == [expected]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"DEBUG": True}, "foretell.E007"),
        ({"ALLOWED_HOSTS": ["*"]}, "foretell.E008"),
        ({"SECRET_KEY": "short"}, "foretell.E009"),
        ({"HTTPS": False}, "foretell.W001"),
    ],
)
def test_a_site_that_others_reach_is_held_to_more(settings, changes, expected):
    settings.ALLOWED_HOSTS = ["study.example.org"]
    settings.HTTPS = True
    assert ids() == []
    for name, value in changes.items():
        setattr(settings, name, value)
    assert ids() == [expected]
