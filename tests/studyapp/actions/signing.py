"""A panel and a lab that sign their links, as they would outside."""

from __future__ import annotations

import base64
import json
import time
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

PID, STUDY = "5f1e2d3c4b5a69788796a5b4", "64aa00000000000000000001"
HOST = "http://127.0.0.1:8000"


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def number(value: int, size: int = 0) -> str:
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def key_set() -> dict[str, Any]:
    """What the panel publishes: one key of each type."""
    n, point = rsa_key().public_key().public_numbers(), ec_key().public_key().public_numbers()
    return {
        "keys": [
            {"kid": "r1", "kty": "RSA", "alg": "RS256", "use": "sig", "n": number(n.n), "e": number(n.e)},
            {"kid": "e1", "kty": "EC", "crv": "P-256", "x": number(point.x, 32), "y": number(point.y, 32)},
        ]
    }


def claims(**changes: Any) -> dict[str, Any]:
    """What the panel signs; a change to None leaves a claim out."""
    person = {"PROLIFIC_PID": PID, "STUDY_ID": STUDY, "SESSION_ID": "s1"}
    found = {"aud": HOST, "exp": time.time() + 300, "iat": time.time(), "prolific": person, **changes}
    return {name: value for name, value in found.items() if value is not None}


def token(body: dict[str, Any] | None = None, *, kid: str = "r1", alg: str = "RS256", sign: str = "rsa") -> str:
    """A token; `sign` says how it is really signed, whatever its head claims."""
    head = b64(json.dumps({"alg": alg, "kid": kid, "typ": "JWT"}).encode())
    signed = f"{head}.{b64(json.dumps(body if body is not None else claims()).encode())}"
    return f"{signed}.{b64(signature(signed.encode(), sign))}"


def signature(signed: bytes, how: str) -> bytes:
    if how == "rsa":
        return rsa_key().sign(signed, padding.PKCS1v15(), SHA256())
    if how == "ec":
        r, s = decode_dss_signature(ec_key().sign(signed, ec.ECDSA(SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return b"none"
