"""Logical formulas of concepts that hold where a unit is active (Mu & Andreas 2020, arXiv 2006.14032, section 2).

A formula is built from left to right: a concept, then "or", "and" or "and not" another, and so on. It is searched with
a beam for the largest intersection over union with the unit's activity (Jaccard similarity). Counts
are whole numbers, so equal formulas tie exactly on every machine, and ties go to the shorter, then to the concept that
comes first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias, get_args

import numpy as np
from scipy import sparse

from explainers.methods.base import BoolArray, FloatArray, IntArray
from explainers.types import Joint

Formula: TypeAlias = tuple[tuple[Joint, int], ...]  # concepts by their places; what joins the first says nothing
JOINTS: tuple[Joint, ...] = get_args(Joint)


@dataclass(frozen=True)
class Scene:
    """Words with the concepts that hold at them: a sparse matrix of 0 and 1, shape (n_words, n_concepts)."""

    at_words: sparse.csr_matrix

    @cached_property
    def _columns(self) -> sparse.csc_matrix:
        return self.at_words.tocsc()

    @cached_property
    def sizes(self) -> FloatArray:
        """At how many words each concept holds, (n_concepts,)."""
        return np.asarray(self.at_words.sum(0), dtype=np.float64).ravel()

    def column(self, concept: int) -> BoolArray:
        """Where a concept holds, (n_words,)."""
        found = np.zeros(self.at_words.shape[0], dtype=np.bool_)
        found[self._columns.indices[slice(*self._columns.indptr[concept : concept + 2])]] = True
        return found

    def holds(self, formula: Formula) -> BoolArray:
        """Where a formula holds, (n_words,)."""
        found = self.column(formula[0][1])
        for joint, concept in formula[1:]:
            found = _joined(joint, found, self.column(concept))
        return found

    def together(self, where: BoolArray) -> FloatArray:
        """At how many of the words each concept holds: (n, n_concepts) of sets of words, bool (n, n_words)."""
        return np.asarray((sparse.csr_matrix(where, dtype=np.float64) @ self.at_words).toarray(), dtype=np.float64)


@dataclass(frozen=True)
class Found:
    """A formula with its intersection over union, 0 to 1."""

    formula: Formula
    iou: float


def iou(first: BoolArray, second: BoolArray) -> float | None:
    """Intersection over union of two sets of words; None where both are empty."""
    union = int((first | second).sum())
    return int((first & second).sum()) / union if union else None


def search(scene: Scene, active: BoolArray, *, longest: int, beam: int) -> Found | None:
    """The formula of at most `longest` concepts that fits best.

    Parameters
    ----------
    scene : Scene
    active : bool array, shape (n_words,)
        Where the unit is active.
    longest : int
    beam : int
        How many formulas of a length are built on.

    Returns
    -------
    Found or None
        None where the unit is active at no word, or no concept holds at any.
    """
    hits = scene.together(active[None])[0]
    fits = _iou(hits, scene.sizes, active)
    order = np.argsort(-fits, kind="stable")[:beam]
    formulas: list[Formula] = [(("or", int(concept)),) for concept in order if hits[concept] > 0]
    if not formulas:
        return None
    best, seen = Found(formulas[0], float(fits[order[0]])), set[bytes]()
    for _ in range(longest - 1):
        grown = _grown(scene, active, formulas, beam, seen)
        if grown and grown[0].iou > best.iou:
            best = grown[0]
        formulas = [one.formula for one in grown]
        if not formulas:
            break
    return best


def _grown(scene: Scene, active: BoolArray, formulas: list[Formula], beam: int, seen: set[bytes]) -> list[Found]:
    """The best formulas that are one concept longer; only the first of those that hold at the same words."""
    where = np.stack([scene.holds(formula) for formula in formulas])
    seen.update(np.packbits(one).tobytes() for one in where)
    found: list[Found] = []
    for fit, place, joint, concept in _ranked(scene, active, where):
        held = _joined(joint, where[place], scene.column(concept))
        if (key := np.packbits(held).tobytes()) not in seen:
            seen.add(key)
            found.append(Found((*formulas[place], (joint, concept)), fit))
        if len(found) == beam:
            break
    return found


def _ranked(scene: Scene, active: BoolArray, where: BoolArray) -> Iterator[tuple[float, int, Joint, int]]:
    """Every way to make formulas longer that changes where they hold, the best first: fit, formula, joint, concept."""
    both, own = scene.together(where), where.sum(1)[:, None].astype(np.float64)
    both_hits, own_hits = scene.together(where & active), (where & active).sum(1)[:, None].astype(np.float64)
    hits = scene.together(active[None])
    sizes = np.stack([own + scene.sizes - both, both, own - both])  # in the order of JOINTS
    fits = _iou(np.stack([own_hits + hits - both_hits, both_hits, own_hits - both_hits]), sizes, active)
    fits[(sizes == own) | (sizes == 0)] = -1
    order: IntArray = np.argsort(-fits.transpose(1, 0, 2), axis=None, kind="stable")
    for place, joint, concept in zip(*np.unravel_index(order, fits.transpose(1, 0, 2).shape), strict=True):
        fit = float(fits[joint, place, concept])
        if fit <= 0:
            return
        yield fit, int(place), JOINTS[joint], int(concept)


def _iou(hits: FloatArray, sizes: FloatArray, active: BoolArray) -> FloatArray:
    union = sizes + float(active.sum()) - hits
    return np.divide(hits, union, out=np.zeros_like(union), where=union > 0)


def _joined(joint: Joint, first: BoolArray, second: BoolArray) -> BoolArray:
    match joint:
        case "or":
            return first | second
        case "and":
            return first & second
        case "and_not":
            return first & ~second
