"""Encryption of what the database keeps but nobody reads in passing: allocation keys and panel ids.

Keys follow from FORETELL_SECRET_KEY. When it is changed, the old one goes to FORETELL_SECRET_KEY_FALLBACKS: what was
sealed under it still opens, and `manage.py reseal` seals it anew.
"""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


def keys_for(purpose: str) -> list[bytes]:
    """The keys of a purpose, the one in force first. A panel id can never be opened as an allocation key."""
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return [hashlib.sha256(f"foretell/{purpose}/{secret}".encode()).digest() for secret in secrets]


def _fernet(purpose: str) -> MultiFernet:
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys_for(purpose)])


def seal(plain: bytes, purpose: str) -> bytes:
    """Encrypt for one purpose, under the key in force."""
    return _fernet(purpose).encrypt(plain)


def unseal(sealed: bytes, purpose: str) -> bytes:
    """Decrypt what was sealed for the purpose; cryptography.fernet.InvalidToken when no key opens it."""
    return _fernet(purpose).decrypt(bytes(sealed))


def seal_anew(sealed: bytes, purpose: str) -> bytes:
    """The same under the key in force; cryptography.fernet.InvalidToken when no key opens it."""
    return _fernet(purpose).rotate(bytes(sealed))


def is_sealed_now(sealed: bytes, purpose: str) -> bool:
    """Whether the key in force opens it, without any of the old ones."""
    try:
        Fernet(base64.urlsafe_b64encode(keys_for(purpose)[0])).decrypt(bytes(sealed))
    except InvalidToken:
        return False
    return True
