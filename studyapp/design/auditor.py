"""Checking a finished study from its archive alone: the hashes of what was frozen, and every allocation.

Needs no database, no settings and no server. An auditor who trusts none of this code repeats it from the text of
METHOD in a page of their own.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from studyapp.design.canonical import sha256_of
from studyapp.design.randomisation import FIRST_BLOCK, PermutedBlocks

METHOD = (
    "A stream of 64-bit words for block b (from 0) of a stream s: k = HMAC-SHA256(key, 'allocation/' + s + '/' + b); "
    "HMAC-SHA256(k, counter as 8 bytes, big-endian, from 0), each digest read as four words from the left. "
    "below(n): the next word under the largest multiple of n, modulo n. The block's size is the smallest block (each "
    "arm as often as its weight, in this order) times block_multiples[below(their number)]; its order is a shuffle "
    "from the last place down, each changed with place below(its number from 1)."
)
SHOWN = 5


@dataclass(frozen=True)
class Place:
    """A place of a sequence as it was given: whose, and which arm."""

    stream: str
    sequence: int
    subject_id: str
    arm: str
    permuted_block: int
    block_size: int


@dataclass(frozen=True)
class Revealed:
    """The allocation of a study with its key, as allocation.json holds it."""

    mechanism: PermutedBlocks
    key: bytes
    key_sha256_at_freeze: str  # empty for studies frozen before it was kept
    places: Sequence[Place]

    def document(self) -> dict[str, object]:
        return {
            "method": METHOD,
            "weights": [[arm, weight] for arm, weight in self.mechanism.weights.items()],
            "block_multiples": list(self.mechanism.multiples),
            "key": self.key.hex(),
            "key_sha256_at_freeze": self.key_sha256_at_freeze,
            "places": [vars(place) for place in self.places],
        }


def read_revealed(document: Mapping[str, Any]) -> Revealed:
    """Raises KeyError, TypeError or ValueError where the document is no allocation.json."""
    return Revealed(
        PermutedBlocks(dict(document["weights"]), tuple(document["block_multiples"])),
        bytes.fromhex(document["key"]),
        document["key_sha256_at_freeze"],
        [Place(**place) for place in document["places"]],
    )


@dataclass(frozen=True)
class Finding:
    """One thing that was checked."""

    is_good: bool
    text: str

    def __str__(self) -> str:
        return f"{'ok   ' if self.is_good else 'WRONG'}  {self.text}"


def check_allocation(revealed: Revealed) -> list[Finding]:
    """Derive every place again from the key, and look for places and people that are missing or there twice."""
    wrong = [place for place in revealed.places if not _follows(place, revealed)]
    n, derived = len(revealed.places), len(revealed.places) - len(wrong)
    return [
        _key_finding(revealed),
        Finding(not wrong, f"{derived} of {n} allocations follow from the key"),
        *(Finding(False, f"{place.subject_id}: place {place.sequence} of {place.stream}") for place in wrong[:SHOWN]),
        *_gaps(revealed.places),
        _doubles(revealed.places),
    ]


def _key_finding(revealed: Revealed) -> Finding:
    if not revealed.key_sha256_at_freeze:
        return Finding(True, "the hash of the key was not kept when this study was frozen; its key cannot be compared")
    same = hashlib.sha256(revealed.key).hexdigest() == revealed.key_sha256_at_freeze
    return Finding(same, f"the key is {'' if same else 'not '}the one that was sealed at freezing")


def _follows(place: Place, revealed: Revealed) -> bool:
    again = revealed.mechanism.place(revealed.key, place.stream, place.sequence, after=FIRST_BLOCK)
    return (again.arm, again.permuted_block, again.block_size) == (place.arm, place.permuted_block, place.block_size)


def _gaps(places: Sequence[Place]) -> Iterator[Finding]:
    streams: dict[str, list[int]] = defaultdict(list)
    for place in places:
        streams[place.stream].append(place.sequence)
    for stream, taken in sorted(streams.items()):
        whole = sorted(taken) == list(range(len(taken)))
        yield Finding(whole, f"{stream}: places 0 to {max(taken)}, {'each once' if whole else 'some missing or twice'}")


def _doubles(places: Sequence[Place]) -> Finding:
    twice = [subject for subject, n in Counter(place.subject_id for place in places).items() if n > 1]
    return Finding(not twice, f"{len(places)} places are {len(places) - len(twice)} people, each once")


def check_frozen(design: object, frozen: Mapping[str, Any]) -> list[Finding]:
    """Compute the hashes of the design, of each item's content and of the list of items again."""
    items = frozen["items"]
    contents = [(item["content"], item["item"]) for item in items]
    contents += [(item["perturbed_content"], item["perturbation"]) for item in items if item["perturbation"]]
    altered = sum(sha256_of(content) != digest for content, digest in contents)
    return [
        _hash_finding("design", sha256_of(design), frozen["design_sha256"]),
        _hash_finding("items", sha256_of([[item[name] for name in HASHED] for item in items]), frozen["items_sha256"]),
        Finding(not altered, f"{len(contents) - altered} of {len(contents)} inputs have the content that was frozen"),
    ]


# What the hash of the items is over, in this order, item after item by key.
HASHED = ("key", "item", "perturbation", "label", "output", "perturbed_output")


def _hash_finding(what: str, computed: str, kept: str) -> Finding:
    same = computed == kept
    text = f"{what}: sha256 {computed}" + ("" if same else f", but {kept} was frozen")
    return Finding(same, text)


def check_archive(files: Mapping[str, str]) -> list[Finding]:
    """Check whatever an archive holds of design.json, frozen.json and allocation.json, by name and text."""
    findings = []
    if "frozen.json" in files:
        findings += check_frozen(json.loads(files["design.json"]), json.loads(files["frozen.json"]))
    if "allocation.json" in files:
        findings += check_allocation(read_revealed(json.loads(files["allocation.json"])))
    return findings or [Finding(False, "neither frozen.json nor allocation.json is there: no archive of a study")]
