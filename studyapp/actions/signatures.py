"""Signatures on the links by which people come: a panel's signed token, and a lab's own recipe.

Nothing is fetched: the panel's public keys are pasted by an owner of the lab, so a server without a network can check
them and no address that a user gives is ever opened. A token names its own key and its own method, so both are looked
up in what the lab trusts, and a key is used for the one method that fits its type.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

Jwk: TypeAlias = Mapping[str, Any]

MAX_TOKEN = 8_000
MAX_KEY_SET = 64_000
MAX_KEYS = 20
RSA_BITS = range(2048, 8193)
COORDINATE = 32  # bytes of a number on the curve P-256
LEEWAY_S = 60  # how far two clocks may be apart
PRIVATE_PARTS = ("d", "p", "q", "dp", "dq", "qi", "k")


class SignatureRefused(Exception):
    """A signature that proves nothing; the text is for the log and names nobody."""


class KeysRefused(Exception):
    """A key set that cannot be used; the text is for who pasted it."""


# --- a panel's token ------------------------------------------------------------------------------------------------


def claims_of(token: str, keys: Mapping[str, Any], *, audience: str, now: float) -> Mapping[str, Any]:
    """What a JSON Web Token (RFC 7519) claims, once its signature, times and audience hold; else SignatureRefused."""
    head, body, signature = _parts(token)
    header = _json(head)
    jwk = next((jwk for jwk in keys.get("keys", ()) if jwk.get("kid") == header.get("kid")), None)
    if jwk is None:
        raise SignatureRefused("the key is none of the panel's")
    verify = METHODS.get((header.get("alg"), jwk.get("kty")))
    if verify is None:
        raise SignatureRefused("the method is none that we accept for this key")
    try:
        verify(jwk, _bytes(signature), f"{head}.{body}".encode("ascii"))
    except (InvalidSignature, ValueError) as error:
        raise SignatureRefused("the signature does not fit") from error
    claims = _json(body)
    _check_times(claims, now)
    if audience not in {_host(value) for value in _listed(claims.get("aud"))}:
        raise SignatureRefused("it was made for another site")
    return claims


def _parts(token: str) -> list[str]:
    parts = token.split(".")
    if len(token) > MAX_TOKEN or len(parts) != 3 or not all(re.fullmatch(r"[A-Za-z0-9_-]+", part) for part in parts):
        raise SignatureRefused("it is no token")
    return parts


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _json(part: str) -> Mapping[str, Any]:
    try:
        found = json.loads(_bytes(part))
    except (ValueError, RecursionError, binascii.Error) as error:
        raise SignatureRefused("it is no token") from error
    if not isinstance(found, dict):
        raise SignatureRefused("it is no token")
    return found


def _rs256(jwk: Jwk, signature: bytes, signed: bytes) -> None:
    _rsa_key(jwk).verify(signature, signed, padding.PKCS1v15(), SHA256())


def _es256(jwk: Jwk, signature: bytes, signed: bytes) -> None:
    if len(signature) != 2 * COORDINATE:
        raise InvalidSignature
    r, s = (int.from_bytes(half, "big") for half in (signature[:COORDINATE], signature[COORDINATE:]))
    _ec_key(jwk).verify(encode_dss_signature(r, s), signed, ec.ECDSA(SHA256()))


# By the token's method and the key's type: a token cannot have a public key read as a shared secret.
METHODS: Mapping[tuple[object, object], Callable[[Jwk, bytes, bytes], None]] = {
    ("RS256", "RSA"): _rs256,
    ("ES256", "EC"): _es256,
}


def _rsa_key(jwk: Jwk) -> rsa.RSAPublicKey:
    return rsa.RSAPublicNumbers(_number(jwk, "e"), _number(jwk, "n")).public_key()


def _ec_key(jwk: Jwk) -> ec.EllipticCurvePublicKey:
    return ec.EllipticCurvePublicNumbers(_number(jwk, "x"), _number(jwk, "y"), ec.SECP256R1()).public_key()


def _number(jwk: Jwk, name: str) -> int:
    text = jwk.get(name)
    if not isinstance(text, str) or not re.fullmatch(r"[A-Za-z0-9_-]+=*", text):
        raise ValueError(f"{name} is no number in base64url")
    return int.from_bytes(_bytes(text.rstrip("=")), "big")


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    expires = claims.get("exp")
    if isinstance(expires, bool) or not isinstance(expires, int | float) or not expires > now - LEEWAY_S:
        raise SignatureRefused("it has expired")
    for name in ("nbf", "iat"):
        begins = claims.get(name, 0)
        if isinstance(begins, bool) or not isinstance(begins, int | float) or not begins <= now + LEEWAY_S:
            raise SignatureRefused("it is not valid yet")


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _host(value: object) -> str:
    """The host of an audience, which may be written as an address or alone."""
    if not isinstance(value, str):
        return ""
    try:
        return urlsplit(value if "//" in value else f"//{value}").netloc.lower()
    except ValueError:
        return ""


# --- the panel's keys -----------------------------------------------------------------------------------------------


def read_key_set(text: str) -> dict[str, Any]:
    """Read a JSON Web Key Set (RFC 7517) and keep what checks signatures; raises KeysRefused with what to mend."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise KeysRefused("expected JSON that begins with {“keys”: …") from error
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, list) or not keys or len(keys) > MAX_KEYS:
        raise KeysRefused(f"expected an object with a list “keys” of 1 to {MAX_KEYS} keys")
    kept = [_kept(position, jwk) for position, jwk in enumerate(keys)]
    names = [jwk["kid"] for jwk in kept]
    if len(set(names)) < len(names):
        raise KeysRefused("two keys have the same kid; a token could mean either")
    return {"keys": kept}


def _kept(position: int, jwk: object) -> dict[str, str]:
    where = f"keys[{position}]"
    if not isinstance(jwk, dict) or not isinstance(jwk.get("kid"), str) or not 0 < len(jwk["kid"]) <= 200:
        raise KeysRefused(f"{where}: expected a key with a name (kid)")
    if any(part in jwk for part in PRIVATE_PARTS):
        raise KeysRefused(
            f"{where}: this is a secret key. Paste the public key set, and replace this key: it was shown"
        )
    parts = {"RSA": ("n", "e"), "EC": ("crv", "x", "y")}.get(jwk.get("kty", ""))
    if parts is None or (jwk["kty"] == "EC" and jwk.get("crv") != "P-256"):
        raise KeysRefused(f"{where}: expected an RSA key or one on the curve P-256")
    try:
        key = _rsa_key(jwk) if jwk["kty"] == "RSA" else _ec_key(jwk)
    except ValueError as error:
        raise KeysRefused(f"{where}: its numbers are no key") from error
    if isinstance(key, rsa.RSAPublicKey) and key.key_size not in RSA_BITS:
        raise KeysRefused(f"{where}: {key.key_size} bits; expected {RSA_BITS.start} to {RSA_BITS.stop - 1}")
    return {name: jwk[name] for name in ("kid", "kty", *parts)}


# --- a lab's own signature ------------------------------------------------------------------------------------------


def own_signature(secret: bytes, *, link_token: str, participant: str, expires: str) -> str:
    """HMAC-SHA256 over the link, the person and the end, a line each: a signature opens one link for one person."""
    return hmac.new(secret, f"{link_token}\n{participant}\n{expires}".encode(), "sha256").hexdigest()


def check_own_signature(
    secret: bytes, *, link_token: str, participant: str, expires: str, signature: str, now: float
) -> None:
    """Raise SignatureRefused unless a lab's own signature holds."""
    expected = own_signature(secret, link_token=link_token, participant=participant, expires=expires)
    if not hmac.compare_digest(expected.encode(), signature.lower().encode()):
        raise SignatureRefused("the signature does not fit")
    if not re.fullmatch(r"[0-9]{1,12}", expires) or int(expires) <= now - LEEWAY_S:
        raise SignatureRefused("it has expired")
