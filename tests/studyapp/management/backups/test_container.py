"""The encrypted container: what went in comes out, and nothing else is taken for it."""

from __future__ import annotations

import io

import pytest

from studyapp.management.backups.container import CHUNK, MAGIC, SALT, TAG, DecryptingReader, EncryptingWriter
from studyapp.management.backups.errors import BackupError


def sealed(plain: bytes, passphrase: str = "secret") -> bytes:
    file = io.BytesIO()
    with EncryptingWriter(file, passphrase) as writer:
        for start in range(0, len(plain), 700_000):
            writer.write(plain[start : start + 700_000])
    return file.getvalue()


def opened(data: bytes, passphrase: str = "secret") -> bytes:
    return io.BufferedReader(DecryptingReader(io.BytesIO(data), passphrase)).read()


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_what_went_in_comes_out(size):
    plain = bytes(n % 251 for n in range(size))
    assert opened(sealed(plain)) == plain


def test_two_containers_of_the_same_bytes_differ():
    assert sealed(b"same") != sealed(b"same")


def test_another_passphrase_opens_nothing():
    with pytest.raises(BackupError, match="passphrase does not open"):
        opened(sealed(b"hidden"), "guess")


HEAD = len(MAGIC) + SALT


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("one flipped bit", lambda data: data[:-30] + bytes([data[-30] ^ 1]) + data[-29:]),
        ("the last chunk cut off", lambda data: data[: HEAD + 2 * (CHUNK + TAG)]),
        ("a cut inside a chunk", lambda data: data[:-100]),
        (
            "two chunks swapped",
            lambda data: (
                data[:HEAD]
                + data[HEAD + CHUNK + TAG : HEAD + 2 * (CHUNK + TAG)]
                + data[HEAD : HEAD + CHUNK + TAG]
                + data[HEAD + 2 * (CHUNK + TAG) :]
            ),
        ),
        ("something appended", lambda data: data + b"more"),
    ],
)
def test_a_changed_container_is_refused(what, change):
    data = sealed(bytes(2 * CHUNK + 500))
    with pytest.raises(BackupError):
        opened(change(data))
