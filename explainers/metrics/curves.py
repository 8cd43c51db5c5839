"""Answers along an order of the parts, for deletion and insertion."""

from __future__ import annotations

import numpy as np

from explainers.methods.base import BoolArray, FloatArray, IntArray, Params, generator
from explainers.metrics.removal import removals
from explainers.metrics.subject import Subject
from explainers.metrics.types import ItemValue

_ORDERS = 101  # stream of an item's generator


def curve_values(subject: Subject, params: Params, *, insert: bool) -> list[ItemValue]:
    """The area under the answers while parts go, or come, the largest weight first (Petsiuk et al. 2018, section 4.2).

    The curve has a point for none, one, two, ... parts, and its area is that of the trapezoids over the share of
    parts, from 0 to 1. Equal weights are ordered at random. Details: `answer` at the item; where random orders are
    asked for, `random_order_area`, their mean, and `gain`, how much better the explanation's order is.
    """
    n_random, found = int(params["n_random_orders"]), []
    for removal in removals(subject, params, n_replacements=int(params["n_replacements"])):
        rng = generator(subject.requests[removal.place].seed, _ORDERS)
        n_units = len(removal.weights)
        orders = [np.lexsort((rng.random(n_units), -removal.weights))]
        orders += [rng.permutation(n_units) for _ in range(n_random)]
        masks = np.concatenate([_masks(order, insert) for order in orders])
        curves = removal.answers(masks).reshape(len(orders), n_units + 1)
        found.append(_value(curves, insert))
    return found


def _masks(order: IntArray, insert: bool) -> BoolArray:
    """Which parts are present after each step, shape (n_units + 1, n_units)."""
    n_units = len(order)
    ranks = np.empty(n_units, dtype=np.int64)
    ranks[order] = np.arange(n_units)
    moved = ranks < np.arange(n_units + 1)[:, None]
    return moved if insert else ~moved


def area(curve: FloatArray) -> FloatArray:
    """The trapezoids' area over [0, 1] of evenly spaced answers, along the last axis."""
    return np.asarray((curve.sum(axis=-1) - (curve[..., 0] + curve[..., -1]) / 2) / (curve.shape[-1] - 1))


def _value(curves: FloatArray, insert: bool) -> ItemValue:
    areas = area(curves)
    details = {"answer": float(curves[0, -1 if insert else 0])}
    if len(areas) > 1:
        chance = float(areas[1:].mean())
        details |= {"random_order_area": chance, "gain": float(areas[0] - chance) * (1 if insert else -1)}
    return ItemValue(float(areas[0]), details, tuple(curves[0].tolist()))
