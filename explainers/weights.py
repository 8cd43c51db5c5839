"""The header of a safetensors file, believed only after it was checked: nothing behind it is read before that.

The format is eight bytes (how long the header is), the header (JSON: name to type, shape and place) and the numbers.
A file may say anything of itself, so every word of it is held against the file's real size.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from explainers.errors import ArtifactError

HEADER_LIMIT = 1_000_000  # bytes; ours have a few thousand
LENGTH_BYTES = 8
MAX_DIMENSIONS = 8
BYTES = MappingProxyType(
    {"BOOL": 1, "U8": 1, "I8": 1, "F16": 2, "BF16": 2, "I16": 2, "F32": 4, "I32": 4, "F64": 8, "I64": 8}
)


@dataclass(frozen=True)
class Stored:
    """A tensor as the header tells of it: its type by the format's name and its shape."""

    dtype: str
    shape: tuple[int, ...]


def read_header(path: Path) -> dict[str, Stored]:
    """The tensors of a file, whose places fill it without a gap or an overlap.

    Raises
    ------
    ArtifactError
        When the header is too long, no JSON of the format's form, or does not fit the file.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(LENGTH_BYTES), "little")
            if length > min(HEADER_LIMIT, size - LENGTH_BYTES):
                raise ValueError(f"a header of {length} bytes in a file of {size}")
            header = json.loads(file.read(length).decode("utf-8"), object_pairs_hook=_once)
        return _checked(header, size - LENGTH_BYTES - length)
    except OSError as error:
        raise ArtifactError(f"{path}: weights were expected ({error.strerror}); train the predictor") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ArtifactError(f"{path}: no valid safetensors file ({error!r}); train the predictor again") from error


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name that stands there twice")
    return found


def _checked(header: Mapping[str, Mapping[str, object]], n_bytes: int) -> dict[str, Stored]:
    found: dict[str, Stored] = {}
    places: list[tuple[int, int]] = []
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        stored, (begin, end) = _entry(name, entry)
        if end - begin != math.prod(stored.shape) * BYTES[stored.dtype]:
            raise ValueError(f"{name}: {stored} in {end - begin} bytes")
        found[name] = stored
        places.append((begin, end))
    last = 0
    for begin, end in sorted(places):
        if begin != last:
            raise ValueError(f"a tensor at byte {begin}, where {last} was the next")
        last = end
    if last != n_bytes:
        raise ValueError(f"tensors of {last} bytes in a file that has {n_bytes}")
    return found


def _entry(name: str, entry: Mapping[str, object]) -> tuple[Stored, tuple[int, int]]:
    dtype, shape, place = entry["dtype"], entry["shape"], entry["data_offsets"]
    if dtype not in BYTES or not _counts(shape) or not _counts(place):
        raise ValueError(f"{name}: {str(entry)[:200]}")
    assert isinstance(shape, list)
    assert isinstance(place, list)
    if len(shape) > MAX_DIMENSIONS or len(place) != 2 or place[0] > place[1]:
        raise ValueError(f"{name}: {str(entry)[:200]}")
    return Stored(str(dtype), tuple(shape)), (place[0], place[1])


def _counts(value: object) -> bool:
    return isinstance(value, list) and all(type(n) is int and 0 <= n < 2**48 for n in value)
