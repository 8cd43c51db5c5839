"""Every setting that must not be, with what refuses it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Unsafe:
    """Settings laid over those of a site that others reach, and the check that must refuse them."""

    name: str
    changes: Mapping[str, Any]
    refused_by: str


PUBLIC: Mapping[str, Any] = {
    "ALLOWED_HOSTS": ["study.example.org"],
    "BASE_URL": "https://study.example.org",
    "SECRET_KEY": "a-key_of_a-public_site.0123456789 abcdefghijklmnopqrstuvwxyz",
    "SECRET_KEY_IS_LOCAL": False,
    "HTTPS": True,
    "ALLOW_HTTP": False,
    "SESSION_COOKIE_SECURE": True,
    "CSRF_COOKIE_SECURE": True,
    "SECURE_SSL_REDIRECT": True,
    "SECURE_HSTS_SECONDS": 31_536_000,
    "SECURE_HSTS_INCLUDE_SUBDOMAINS": True,
    "SECURE_HSTS_PRELOAD": True,
    "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https"),
    "REDIS_URL": "redis://:a-password@valkey:6379/0",
    "METRICS_TOKEN": "",
    "REQUIRE_MFA": True,
    "SENDS_MAIL": True,
}


def policy(**changes: list[str]) -> dict[str, object]:
    return {"DIRECTIVES": {"default-src": ["'none'"], "script-src": ["'self'"], **changes}}


UNSAFE = (
    Unsafe("DEBUG", {"DEBUG": True}, "foretell.E007"),
    Unsafe("every host", {"ALLOWED_HOSTS": ["*"]}, "foretell.E008"),
    Unsafe("a short key", {"SECRET_KEY": "short"}, "foretell.E009"),
    Unsafe("a key that is no random text", {"SECRET_KEY": "changeme" * 8}, "foretell.E009"),
    Unsafe("the key of the data folder", {"SECRET_KEY_IS_LOCAL": True}, "foretell.E019"),
    Unsafe("no HTTPS", {"HTTPS": False, "SECURE_PROXY_SSL_HEADER": None}, "foretell.E016"),
    Unsafe("links without HTTPS", {"BASE_URL": "http://study.example.org"}, "foretell.E018"),
    Unsafe("links that lead nowhere", {"BASE_URL": "https://elsewhere.example.org"}, "foretell.E017"),
    Unsafe("a broker without a password", {"REDIS_URL": "redis://valkey:6379/0"}, "foretell.E003"),
    Unsafe("a broker at a number", {"REDIS_URL": "redis://10.0.0.7:6379/0"}, "foretell.E003"),
    Unsafe("pickle accepted", {"CELERY_ACCEPT_CONTENT": ["json", "pickle"]}, "foretell.E001"),
    Unsafe("sessions pickled", {"SESSION_SERIALIZER": "somewhere.PickleSerializer"}, "foretell.E002"),
    Unsafe("a cache that unpickles", {"CACHES": {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache",
                                                            "LOCATION": "redis://127.0.0.1"}}}, "foretell.E010"),
    Unsafe("a cache table", {"CACHES": {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache",
                                                   "LOCATION": "cache"}}}, "foretell.E010"),
    Unsafe("no content security policy", {"CONTENT_SECURITY_POLICY": None}, "foretell.E011"),
    Unsafe("inline scripts", {"CONTENT_SECURITY_POLICY": policy(**{"script-src": ["'self'", "'unsafe-inline'"]})},
           "foretell.E012"),
    Unsafe("inline styles", {"CONTENT_SECURITY_POLICY": policy(**{"style-src": ["'unsafe-inline'"]})}, "foretell.E012"),
    Unsafe("scripts from anywhere", {"CONTENT_SECURITY_POLICY": policy(**{"script-src": ["*"]})}, "foretell.E012"),
    Unsafe("the host from a header", {"USE_X_FORWARDED_HOST": True}, "foretell.E013"),
    Unsafe("a proxy trusted without HTTPS", {"HTTPS": False}, "foretell.E014"),
    Unsafe("a short token for metrics", {"METRICS_TOKEN": "guess"}, "foretell.E015"),
    Unsafe("cookies over HTTP", {"SESSION_COOKIE_SECURE": False}, "security.W012"),
    Unsafe("no redirect to HTTPS", {"SECURE_SSL_REDIRECT": False, "SECURE_PROXY_SSL_HEADER": None}, "security.W008"),
)  # fmt: skip
