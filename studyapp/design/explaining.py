"""Which explanations a design needs, and the address of each: what it is computed from and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from explainers.registry import checked, entry
from explainers.types import ExplainerSpec
from studyapp.design.canonical import sha256_of
from studyapp.design.prng import stream
from studyapp.design.schema import Arm, Design

# Raised when a method's results change, so that explanations of the old code are not taken for the new one's.
METHODS_VERSION = 1


@dataclass(frozen=True)
class ExplainableItem:
    """An item of a design, by its key in the design and by the digest of its content.

    `size` is the number of its parts (variables, tokens, pixels): a donor should be of about the same.
    """

    key: str
    item_set: str
    content: str
    output: int
    size: int = 1


@dataclass(frozen=True)
class Wanted:
    """One explanation that an arm shows with an item. `address` is equal for equal explanations of any study."""

    arm: str
    item: str
    content: str
    donor: str | None
    predictor: str
    spec: ExplainerSpec
    seed: int
    address: str


def wanted_explanations(
    design: Design, items: Sequence[ExplainableItem], weights: Mapping[str, str]
) -> Iterator[Wanted]:
    """Every explanation of the design. `weights` maps predictor keys to the digests of their weights."""
    explained = [item for item in items if item.item_set in design.explained_item_sets()]
    for arm in design.arms:
        if arm.explainer is not None:
            yield from _of_arm(design, arm, explained, weights[arm.predictor])


def _of_arm(design: Design, arm: Arm, items: Sequence[ExplainableItem], weights: str) -> Iterator[Wanted]:
    assert arm.explainer is not None
    spec = checked(ExplainerSpec(arm.explainer.name, arm.explainer.params))
    donors = _donors(design, items) if entry(spec.name).needs_donor else {}
    for item in items:
        seed = _seed(design.seed, item.content)
        donor = donors.get(item.content)
        address = sha256_of(
            {
                "version": METHODS_VERSION,
                "weights": weights,
                "item": item.content,
                "donor": donor,
                "explainer": spec.name,
                "params": dict(spec.params),
                "seed": seed,
            }
        )
        yield Wanted(arm.key, item.key, item.content, donor, arm.predictor, spec, seed, address)


def _seed(design_seed: int, content: str) -> int:
    """A seed of the item's own, so that a result does not depend on what else is computed with it."""
    return int.from_bytes(hashlib.sha256(f"{design_seed}/{content}".encode()).digest()[:6], "big")


def _donors(design: Design, items: Sequence[ExplainableItem]) -> dict[str, str]:
    """For each item another one with the same output and about the same size; a lone item has none.

    Neighbours in the order of size give to each other: in pairs, and in a ring of three where the number is odd.
    """
    donors: dict[str, str] = {}
    for output in {item.output for item in items}:
        alike = sorted((item for item in items if item.output == output), key=lambda item: item.content)
        ordered = sorted(stream(design.seed, f"donors/{output}").shuffled(alike), key=lambda item: item.size)
        for group in _small_groups(ordered):
            donors |= {item.content: group[n - 1].content for n, item in enumerate(group)}
    return donors


def _small_groups(items: Sequence[ExplainableItem]) -> list[Sequence[ExplainableItem]]:
    if len(items) < 2:
        return []
    cut = len(items) - 3 if len(items) % 2 else len(items)
    groups: list[Sequence[ExplainableItem]] = [items[n : n + 2] for n in range(0, cut, 2)]
    return groups if cut == len(items) else [*groups, items[cut:]]
