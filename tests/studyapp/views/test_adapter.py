"""What allauth asks the site."""

from __future__ import annotations

import pytest
from django.test import RequestFactory

from studyapp.settings import mail_server
from studyapp.views.adapter import address_of


@pytest.mark.parametrize(
    ("seen", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::1", "2001:db8:1:2::/64"),
        ("", "unknown"),
    ],
)
def test_an_address_is_counted_as_what_one_household_has(rf: RequestFactory, seen: str, counted: str) -> None:
    assert address_of(rf.get("/", REMOTE_ADDR=seen)) == counted


def test_nobody_writes_their_own_address(rf: RequestFactory, settings) -> None:  # type: ignore[no-untyped-def]
    forged = rf.get("/", REMOTE_ADDR="127.0.0.1", headers={"X-Forwarded-For": "1.2.3.4, 203.0.113.9"})
    settings.BEHIND_PROXY = False
    alone = address_of(forged)
    settings.BEHIND_PROXY = True

    assert (alone, address_of(forged)) == ("127.0.0.1", "203.0.113.9")


@pytest.mark.parametrize(
    ("url", "port", "tls", "ssl"),
    [
        ("smtp://u:p%40ss@mail.example.org", 587, True, False),
        ("smtps://u:p%40ss@mail.example.org:4650", 4650, False, True),
    ],
)
def test_a_mail_server_is_named_by_one_address(url: str, port: int, tls: bool, ssl: bool) -> None:
    found = mail_server(url)

    assert (found["EMAIL_HOST"], found["EMAIL_PORT"], found["EMAIL_HOST_PASSWORD"]) == (
        "mail.example.org",
        port,
        "p@ss",
    )
    assert (found["EMAIL_USE_TLS"], found["EMAIL_USE_SSL"]) == (tls, ssl)


def test_without_a_mail_server_messages_are_printed() -> None:
    assert mail_server("") == {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
