"""What a fit of the primary model costs as people, arms and items grow, beside glmm: a table and a picture."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import altair as alt
import glmm
import numpy as np

from analysis.figures.figure import BLUE, ORANGE, TEXT, Chart, Row, rows, to_svg
from analysis.inference.mixed.constrained import ConstrainedFit, fit_constrained

Axis = Literal["people", "arms", "items"]
REPEATS = 3
N_TRIALS = 32
PANEL_PX = 210
TITLES: dict[Axis, str] = {"people": "People", "arms": "Arms", "items": "Items"}


@dataclass(frozen=True)
class Case:
    """A study: people who answer 32 of the items, half before and half after."""

    people: int = 300
    arms: int = 2
    items: int = 64


@dataclass(frozen=True)
class Sizes:
    """What grows, each from the base."""

    base: Case
    people: tuple[int, ...]
    arms: tuple[int, ...]
    items: tuple[int, ...]


FULL = Sizes(Case(), (50, 100, 200, 400, 800, 1600), (2, 3, 4, 6, 8), (32, 64, 128, 256))
QUICK = Sizes(Case(40, 2, 32), (20, 40), (2, 3), (32, 64))


@dataclass(frozen=True)
class Point:
    """One fit.

    Parameters
    ----------
    axis : {"people", "arms", "items"}
        What grows.
    value : int
        To how many.
    ours_s, peer_s : float
        Processor seconds.
    loglik_difference : float
        Ours minus the peer's, at its maximum.
    off_by : float
        Of the coefficients, at most, in standard errors.
    """

    axis: Axis
    value: int
    ours_s: float
    peer_s: float
    loglik_difference: float
    off_by: float


def measured(sizes: Sizes) -> list[Point]:
    """Fit every size."""
    grown: list[tuple[Axis, Case]] = [("people", replace(sizes.base, people=n)) for n in sizes.people]
    grown += [("arms", replace(sizes.base, arms=n)) for n in sizes.arms]
    grown += [("items", replace(sizes.base, items=n)) for n in sizes.items]
    return [_point(axis, case) for axis, case in grown]


def _point(axis: Axis, case: Case) -> Point:
    data = _simulate(case)
    mine, theirs = _ours(case, data), _peers(case, data)
    pairs = [(_seconds(lambda: _ours(case, data)), _seconds(lambda: _peers(case, data))) for _ in range(REPEATS)]
    fit, order = mine.fit, [list(theirs.names).index(name) for name in ("(Intercept)", "post", *_gains(case))]
    off = np.abs(fit.coefficients - np.asarray(theirs.beta)[order]) / fit.standard_errors
    return Point(
        axis,
        getattr(case, axis),
        round(min(pair[0] for pair in pairs), 4),
        round(min(pair[1] for pair in pairs), 4),
        float(fit.loglik - theirs.loglik),
        float(off.max()),
    )


def _simulate(case: Case, seed: int = 11) -> dict[str, np.ndarray]:
    draw, n = np.random.default_rng(seed), case.people
    person, post = np.repeat(np.arange(n), N_TRIALS), np.tile(np.repeat([0, 1], N_TRIALS // 2), n)
    item = np.concatenate([draw.permutation(case.items)[:N_TRIALS] for _ in range(n)])
    arm = draw.permutation(np.arange(n) % case.arms)[person]
    eta = 0.4 + 0.1 * post + 0.35 * post * (arm > 0) + 0.8 * draw.normal(size=n)[person]
    eta = eta + 0.7 * draw.normal(size=case.items)[item]
    correct = (draw.random(len(eta)) < 1 / (1 + np.exp(-eta))).astype(int)
    return {"person": person, "item": item, "post": post, "arm": arm, "correct": correct}


def _ours(case: Case, data: dict[str, np.ndarray]) -> ConstrainedFit:
    return fit_constrained(
        correct=data["correct"].astype(np.float64),
        arm=data["arm"],
        is_post=data["post"] == 1,
        participants=data["person"],
        items=data["item"],
        n_arms=case.arms,
    )


def _gains(case: Case) -> list[str]:
    return [f"gain{arm}" for arm in range(1, case.arms)]


def _peers(case: Case, data: dict[str, np.ndarray]) -> glmm.Fit:
    gains = {f"gain{arm}": (data["post"] * (data["arm"] == arm)).astype(float) for arm in range(1, case.arms)}
    text = {name: [f"{name}{value}" for value in data[name]] for name in ("person", "item")}
    table = {"correct": data["correct"], "post": data["post"].astype(float), **gains, **text}
    fixed = " + ".join(["post", *gains])
    return glmm.fit(table, f"correct ~ {fixed} + (1 | person) + (1 | item)", family="binomial")


def _seconds(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def table(points: Sequence[Point]) -> str:
    """Return the points as a table in Markdown."""
    lines = [
        "| grown | to | ours, s | glmm, s | glmm / ours | log-likelihood, ours minus glmm's | coefficients apart, SE |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {point.axis} | {point.value:,} | {point.ours_s:.3f} | {point.peer_s:.3f} | "
        f"{point.peer_s / point.ours_s:.1f} | {point.loglik_difference:.1e} | {point.off_by:.1e} |"
        for point in points
    ]
    return "\n".join(lines)


def write(points: Sequence[Point], docs: Path) -> None:
    """Write the picture and the page it is in."""
    caption = _caption(points)
    (docs / "analysis-cost.svg").write_text(to_svg(_chart(points), caption) + "\n")
    page = [
        "# What a fit costs",
        "The primary model (constrained baseline, people and items crossed, standard errors from the Hessian) on one "
        f"thread, beside glmm {version('glmm')}, the one good Python package, at the same maximum. From "
        f"{FULL.base.people} people, {FULL.base.arms} arms and {FULL.base.items} items one thing grows at a time; "
        f"everybody answers {N_TRIALS} of the items. Made by `python -m bench.analysis` under Python "
        f"{platform.python_version()}; processor seconds, the best of {REPEATS}.",
        f"![{caption}](analysis-cost.svg)",
        table(points),
    ]
    (docs / "analysis-cost.md").write_text("\n\n".join(page) + "\n")


def _caption(points: Sequence[Point]) -> str:
    largest = max((point for point in points if point.axis == "people"), key=lambda point: point.value)
    return (
        f"Seconds for one fit. With {largest.value:,} people ours takes {largest.ours_s:.2g} s and glmm "
        f"{largest.peer_s:.2g} s."
    )


def _chart(points: Sequence[Point]) -> Chart:
    panels = [_panel([point for point in points if point.axis == axis], axis) for axis in TITLES]
    notes = [_caption(points), "Each panel has a scale of its own, from 0."]
    title = alt.TitleParams("What one fit of the primary model costs", subtitle=notes)
    return alt.hconcat(*panels, spacing=24).properties(title=title)


def _panel(points: Sequence[Point], axis: Axis) -> Chart:
    """Draw both lines over one thing that grows."""
    values: list[Row] = [
        {"n": point.value, "seconds": taken, "who": who}
        for point in points
        for who, taken in (("Foretell", point.ours_s), ("glmm", point.peer_s))
    ]
    last = max(point.value for point in points)
    largest = max(max(point.ours_s, point.peer_s) for point in points)
    # Room to the right of the last point, where the names stand.
    size = alt.X(
        "n:Q", title=TITLES[axis], scale=alt.Scale(domain=[0, 1.45 * last], nice=False), axis=alt.Axis(tickCount=4)
    )
    height = alt.Y(
        "seconds:Q",
        title="Processor seconds a fit" if axis == "people" else None,
        scale=alt.Scale(domain=[0, 1.1 * largest]),
        axis=alt.Axis(tickCount=5),
    )
    who = alt.Color("who:N", scale=alt.Scale(domain=["Foretell", "glmm"], range=[BLUE, ORANGE]), legend=None)
    dash = alt.StrokeDash("who:N", scale=alt.Scale(domain=["Foretell", "glmm"], range=[[1, 0], [7, 4]]), legend=None)
    base = alt.Chart(rows(values)).encode(x=size, y=height, color=who)
    ends = sorted((value for value in values if value["n"] == last), key=lambda value: float(value["seconds"] or 0))
    names = [
        alt.Chart(rows([value]))
        .mark_text(align="left", dx=8, dy=dy, fontSize=TEXT - 2, fontWeight="bold")
        .encode(x=size, y=height, color=who, text="who:N")
        for value, dy in zip(ends, (6, -6), strict=True)
    ]
    return alt.layer(
        base.mark_line(strokeWidth=2.5).encode(strokeDash=dash),
        base.mark_point(size=60, filled=True, opacity=1),
        *names,
    ).properties(width=PANEL_PX, height=PANEL_PX)
