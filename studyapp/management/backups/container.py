"""The encrypted container of a backup: AES-256-GCM in chunks, so that files of any size are read in little memory.

    magic | salt (16) | chunk, chunk, ..., last chunk

A chunk is at most CHUNK bytes, encrypted and authenticated under the nonce `number (11 bytes) | is it the last (1)`.
So a chunk that was changed, moved, left out or cut off at the end is refused (the STREAM construction of Hoang,
Reyhanitabar, Rogaway and Vizár, 2015). The key comes from the passphrase by scrypt with the salt of this file alone.
"""

from __future__ import annotations

import io
import os
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from studyapp.management.backups.errors import BackupError

MAGIC = b"foretell-backup-1\n"
SALT = 16
CHUNK = 1 << 20
TAG = 16


def is_encrypted(file: IO[bytes]) -> bool:
    """Look at the first bytes and go back."""
    start = file.read(len(MAGIC))
    file.seek(0)
    return start == MAGIC


class EncryptingWriter(io.RawIOBase):
    """Encrypts what is written to it; only closing it makes the container whole."""

    def __init__(self, file: IO[bytes], passphrase: str) -> None:
        salt = os.urandom(SALT)
        file.write(MAGIC + salt)
        self._file = file
        self._cipher = _cipher(passphrase, salt)
        self._waiting = bytearray()
        self._number = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        written = bytes(data)  # type: ignore[call-overload]
        self._waiting += written
        # A whole chunk waits until more follows: only then it is known not to be the last.
        while len(self._waiting) > CHUNK:
            self._put(bytes(self._waiting[:CHUNK]), last=False)
            del self._waiting[:CHUNK]
        return len(written)

    def close(self) -> None:
        if not self.closed:
            self._put(bytes(self._waiting), last=True)
        super().close()

    def _put(self, plain: bytes, *, last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._number, last), plain, MAGIC))
        self._number += 1


class DecryptingReader(io.RawIOBase):
    """Reads what an EncryptingWriter wrote; raises BackupError at the first byte that is not as it was written."""

    def __init__(self, file: IO[bytes], passphrase: str) -> None:
        assert file.read(len(MAGIC)) == MAGIC
        self._file = file
        self._cipher = _cipher(passphrase, file.read(SALT))
        self._next = file.read(CHUNK + TAG)
        self._ready = b""
        self._number = 0
        self._over = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        while not self._ready and not self._over:
            self._read_chunk()
        taken = min(len(view), len(self._ready))
        view[:taken] = self._ready[:taken]
        self._ready = self._ready[taken:]
        return taken

    def _read_chunk(self) -> None:
        chunk, self._next = self._next, self._file.read(CHUNK + TAG)
        self._over = not self._next
        try:
            self._ready = self._cipher.decrypt(_nonce(self._number, self._over), chunk, MAGIC)
        except InvalidTag as error:
            if self._number == 0:
                raise BackupError("The passphrase does not open this backup, or the file was changed.") from error
            raise BackupError("The backup was cut short or changed after it was written; use another one.") from error
        self._number += 1


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _cipher(passphrase: str, salt: bytes) -> AESGCM:
    return AESGCM(Scrypt(salt=salt, length=32, n=2**15, r=8, p=1).derive(passphrase.encode("utf-8")))
