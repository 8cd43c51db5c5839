"""Encryption of what the database keeps but nobody reads in passing: allocation keys and panel ids."""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet
from django.conf import settings


def _fernet(purpose: str) -> Fernet:
    # One secret, a key a purpose: a panel id can never be opened as an allocation key.
    digest = hashlib.sha256(f"foretell/{purpose}/{settings.SECRET_KEY}".encode()).digest()
    return Fernet(base64.urlsafe_b64encode(digest))


def seal(plain: bytes, purpose: str) -> bytes:
    """Encrypt for one purpose."""
    return _fernet(purpose).encrypt(plain)


def unseal(sealed: bytes, purpose: str) -> bytes:
    """Decrypt what was sealed for the purpose; cryptography.fernet.InvalidToken when the secret key changed."""
    return _fernet(purpose).decrypt(bytes(sealed))
