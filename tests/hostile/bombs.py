"""Files and bodies that are small to send and large to read, or that lie about what they are."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Iterator

MB = 1_000_000


def safetensors(header: object, body: bytes = b"", *, length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


def tensor(dtype: object = "F32", shape: object = (2,), place: object = (0, 8)) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": place}


def lying_weights() -> Iterator[tuple[str, bytes]]:
    """safetensors files that say what is not so."""
    good = tensor()
    yield "empty", b""
    yield "a header longer than the file", safetensors({"a": good}, bytes(8), length=10**6)
    yield "a header of 2^63 bytes", safetensors({"a": good}, bytes(8), length=2**63)
    yield "a header shorter than it is", safetensors({"a": good}, bytes(8), length=5)
    yield "a header of 50 MB", safetensors(b" " * 50 * MB)
    yield "a header nested deeply", safetensors(b'{"a":' * 100_000)
    yield "a header of nothing", safetensors(b"null")
    yield "a header of half characters", safetensors(b"\xed\xa0\x80")
    yield "an unknown type", safetensors({"a": tensor("OBJECT")}, bytes(8))
    yield "a type that is no text", safetensors({"a": tensor(["F32"])}, bytes(8))
    yield "a gigantic shape", safetensors({"a": tensor(shape=(2**40, 2**40))}, bytes(8))
    yield "a shape that overflows to fit", safetensors({"a": tensor(shape=(2**62, 2**3))}, bytes(8))
    yield "a shape below nothing", safetensors({"a": tensor(shape=(-2, -1))}, bytes(8))
    yield "a shape of another size", safetensors({"a": tensor(shape=(3,))}, bytes(8))
    yield "a place beyond the end", safetensors({"a": tensor(place=(0, 8 * MB))}, bytes(8))
    yield "a place backwards", safetensors({"a": tensor(place=(8, 0))}, bytes(8))
    yield "places that overlap", safetensors({"a": good, "b": tensor(place=(4, 12))}, bytes(12))
    yield "places with a gap", safetensors({"a": good, "b": tensor(place=(16, 24))}, bytes(24))
    yield "one name twice", safetensors(b'{"a":%b,"a":%b}' % ((json.dumps(good).encode(),) * 2), bytes(8))
    yield "a million tensors of nothing", safetensors({f"a{n}": tensor(shape=(0,), place=(0, 0)) for n in range(10**5)})
    yield "a zip behind it", safetensors({"a": good}, bytes(8)) + zip_bomb(1)
    yield "a picture before it", flood() + safetensors({"a": good}, bytes(8))
    yield "a picture of 50,000 x 50,000", flood()
    yield "a zip bomb", zip_bomb(100)


def flood(side: int = 50_000) -> bytes:
    """A picture that is a few bytes long and says that it is 2.5 gigapixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(MB))) + chunk(b"IEND", b"")


def zip_bomb(megabytes: int) -> bytes:
    """A zip of zeros, called "digits"."""
    file = io.BytesIO()
    archive = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
    with archive, archive.open("digits", "w") as member:
        for _ in range(megabytes):
            member.write(bytes(MB))
    return file.getvalue()


def lying(bomb: bytes, megabytes: int) -> bytes:
    """The bomb, whose directory and member say that it holds a thousand bytes."""
    return bomb.replace(struct.pack("<I", megabytes * MB), struct.pack("<I", 1000))


def designs() -> Iterator[tuple[str, bytes]]:
    """Design files of at most 1 MB, each as expensive to read as it can be."""
    yield "a zip bomb", zip_bomb(100)
    yield "a picture of 50,000 x 50,000", flood()
    yield (
        "100,000 unknown names",
        json.dumps({f"a{n}": 0 for n in range(80_000)}).encode()[:990_000].rsplit(b",", 1)[0] + b"}",
    )
    yield "300,000 empty lists", b'{"arms": [' + b"[]," * 320_000 + b"[]]}"
    yield "150,000 empty arms", b'{"arms": [' + b"{}," * 320_000 + b"{}]}"
    yield "nested deeply", b"[" * 900_000
    yield "one text of 1 MB", b'{"title": "' + b"a" * 980_000 + b'"}'
    yield "one number of 1 MB", b'{"seed": ' + b"9" * 980_000 + b"}"
    yield "a text of escapes", b'{"title": "' + rb"\u0041" * 160_000 + b'"}'
    yield "blanks", b" " * 990_000
