"""The page `docs/performance.md`, made from the figures that the benches keep in `bench/*.json`.

`python -m bench.performance` writes it; nothing is measured here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.stages import PASSES, Share
from explainers.benchmark.limits import BARE_PASSES, N_ITEMS, WITHOUT_LIMIT, WORKS, Row
from explainers.predictors import PREDICTORS
from explainers.registry import EXPLAINERS

BENCH = Path(__file__).parent
PAGE = BENCH.parent / "docs" / "performance.md"
WHOLE_TABLES = ("adult-mlp", "movies-gru", "digits-cnn")  # predictors with a line for every method

# The goals, as multiples of the bare passes: for tables, and for texts and pictures.
GOALS: Mapping[str, tuple[float, float]] = {
    "lime": (1.6, 1.15),
    "kernel_shap": (1.6, 1.15),
    "exact_shapley": (1.2, 1.2),
    "integrated_gradients": (1.4, 1.1),
    "smoothgrad": (1.4, 1.1),
    "saliency": (1.4, 1.1),
    "grad_cam": (1.1, 1.1),
    "anchors": (4.0, 4.0),
}
METRIC_GOAL = 3.0
TOP_STAGES = 5

INTRODUCTION = """\
How long things take, beside what they cannot do without and beside other packages. Read the ratios: they were measured
side by side on a shared machine of two processor cores without a GPU, where the same work takes twice as long at one
time as at another. Models run on one thread; their times are processor seconds, the best of three, taken in turn with
what they are held against.

Made by `python -m bench.performance` from the figures in `bench/*.json`, and not edited by hand. `make bench` measures
everything again and then writes this page."""

LIMIT = """\
The limit of a method is the time of the passes through the predictor that it needs, on rows that are in memory already,
in the best of three batch sizes: forward passes for methods that ask, forward and backward passes for the others. Ours
is the whole call that a worker makes: encoding the items, finding the output that is explained, rows, regressions,
rounding, forms and diagnostics. The rows are those that were really asked, so samples that LIME or Kernel SHAP add
until two seeds agree count on both sides. Goals are those of the project's issue on explanations; methods without a
goal are measured all the same."""

REASONS = """\
Where a goal is not reached, this is where the time goes, measured from inside the call. Three reasons:

- **One row through the Adult network costs a third of a microsecond**, where the goal of 1.6 assumed two. The 24 random
  numbers that LIME draws for a row of 12 variables (which are absent, and what these become) take 0.12 microseconds in
  numpy, writing the row 0.06; a bare pass finds its rows ready. Fewer draws would be faster and would give other
  explanations for the seeds of frozen studies, so they stay.
- **A method of one pass has nothing to hide behind.** A row of Adult takes 4 to 7 microseconds with its gradient.
  Reading the item's 12 values by name, finding its output, rounding 12 numbers and making the form that is stored take
  longer than that in Python: some tens of microseconds an item, once.
- **Passes are made in blocks of one shape** (32 rows with gradients, 256 where an item has many, 512 without), so that
  an explanation has the same bits in every batch. The limit takes the fastest of three sizes."""


def to_page(kept: Mapping[str, Any]) -> str:
    """The page from the contents of the files, by their names without `.json`."""
    explainers = [Row(**row) for row in kept["explainers"]]
    metrics = [Row(**row) for row in kept["metrics"]]
    parts = [
        "# Performance",
        INTRODUCTION,
        *_explanations(explainers, [Share(**share) for share in kept["stages"]]),
        *_metrics(metrics),
        *_analysis(kept["analysis"]["rows"], kept["mixed"]),
        *_pages([Row(**row) for row in kept["pages"]]),
        "## Self-explaining networks",
        "What the penalty of a SENN costs in training stands in [senn.md](senn.md) (`python -m bench.senn`).",
    ]
    return "\n\n".join(parts) + "\n"


# --- explanations ----------------------------------------------------------------------------------------------------


def _explanations(rows: Sequence[Row], profile: Sequence[Share]) -> list[str]:
    limits = [row for row in rows if row.peer == BARE_PASSES]
    whole = [row for row in limits if _call(row) is None]
    parts = ["## Explanations", f"`python -m bench.explainers`: {_made(rows)}.", LIMIT]
    for case in WHOLE_TABLES:
        own = [row for row in whole if row.case == case]
        parts += [f"### {PREDICTORS[case].title} (`{case}`)", _limits(own)]
    others = [row for row in whole if row.case not in WHOLE_TABLES]
    parts += ["### Methods that need a network of their own kind", _limits(others, with_case=True)]
    parts += ["### Items a call", *_by_call(limits)]
    parts += ["### Beside captum and lime", *_peers([row for row in rows if row.peer != BARE_PASSES])]
    parts += ["### Why not faster", REASONS, _profile(profile)]
    parts += ["### Methods without a limit", _without()]
    return parts


def _limits(rows: Sequence[Row], *, with_case: bool = False) -> str:
    lines = []
    for row in sorted(rows, key=lambda row: (_place(row.case), list(WORKS).index(_method(row)))):
        goal = _goal(row)
        said = "" if goal is None else f"{goal:g}"
        reached = "" if goal is None else "yes" if round(row.ratio, 2) <= goal else "no"
        lines.append(
            [
                *([f"`{row.case}`"] if with_case else []),
                EXPLAINERS[_method(row)].title,
                _rows_an_item(row),
                _short(row.ours),
                _short(row.theirs),
                f"{row.ratio:.2f}",
                said,
                reached,
            ]
        )
    heads = ["method", "rows an item", "explanations/s", "bare passes allow", "times the limit", "goal", "reached"]
    return _table([*(["predictor"] if with_case else []), *heads], lines, left={"predictor", "method", "reached"})


def _goal(row: Row) -> float | None:
    found = GOALS.get(_method(row))
    if found is None:
        return None
    return found[0] if PREDICTORS[row.case].material == "adult" else found[1]


def _by_call(rows: Sequence[Row]) -> list[str]:
    """The same method with few and many items a call."""
    said = (
        "A worker's job has 16 items of a study. With few of them the bare passes too are what every call costs; "
        "with many the passes grow cheap, and what Python does for each item stays. Multiples of the limit:"
    )
    calls = sorted({_call(row) or N_ITEMS for row in rows if _call(row) is not None} | {N_ITEMS})
    lines = []
    for case in WHOLE_TABLES:
        for method in WORKS:
            own = {_call(row) or N_ITEMS: row for row in rows if row.case == case and _method(row) == method}
            if len(own) > 1:
                ratios = [f"{own[n].ratio:.2f}" if n in own else "" for n in calls]
                lines.append([f"`{case}`", EXPLAINERS[method].title, *ratios])
    return [said, _table(["predictor", "method", *(f"{n} items" for n in calls)], lines, left={"predictor", "method"})]


def _peers(rows: Sequence[Row]) -> list[str]:
    said = (
        "LIME is the whole call beside theirs, with 1,000 samples, item by item as their interfaces have it (captum "
        "with 256 perturbations a call; `lime` asked in blocks of 512). Gradients are the arrays alone, on one batch "
        f"of {N_ITEMS} items. Milliseconds an item:"
    )
    lines = [
        [
            f"`{row.case}`",
            EXPLAINERS[_method(row)].title,
            row.peer,
            _short(row.ours),
            _short(row.theirs),
            f"{row.ratio:.2f}",
        ]
        for row in rows
    ]
    heads = ["predictor", "method", "beside", "ours, ms", "theirs, ms", "theirs / ours"]
    return [said, _table(heads, lines, left={"predictor", "method", "beside"})]


def _profile(shares: Sequence[Share]) -> str:
    lines = []
    for case, method in dict.fromkeys((share.case, share.method) for share in shares):
        own = [share for share in shares if (share.case, share.method) == (case, method)]
        total = own[0].total_us
        passes = sum(share.us for share in own if share.stage == PASSES)
        others = [share for share in own if share.stage != PASSES][:TOP_STAGES]
        said = "; ".join(f"{share.stage} {share.us / total:.0%}" for share in others if share.us / total >= 0.02)
        lines.append([f"`{case}`", EXPLAINERS[method].title, _short(total), f"{passes / total:.0%}", said])
    heads = ["predictor", "method", "µs an item", "passes", "the largest of the rest"]
    table = _table(heads, lines, left={"predictor", "method", "the largest of the rest"})
    return f"`python -m bench.stages`: {_made(shares)}.\n\n{table}"


def _without() -> str:
    said = "Held against no bare passes, and why:"
    return "\n".join([said, "", *(f"- {EXPLAINERS[name].title}: {why}." for name, why in WITHOUT_LIMIT.items())])


# --- the others ------------------------------------------------------------------------------------------------------


def _metrics(rows: Sequence[Row]) -> list[str]:
    limits = [row for row in rows if row.peer == BARE_PASSES]
    lines = [
        [
            f"`{row.case}`",
            _method(row),
            _rows_an_item(row),
            _short(row.ours),
            _short(row.theirs),
            f"{row.ratio:.2f}",
            "yes" if round(row.ratio, 2) <= METRIC_GOAL else "no",
        ]
        for row in limits
    ]
    heads = ["predictor", "metric", "rows an item", "ours, ms", "bare passes, ms", "times the limit", "at most 3"]
    peers = [
        [f"`{row.case}`", _method(row), row.peer, _short(row.ours), _short(row.theirs), f"{row.ratio:.2f}"]
        for row in rows
        if row.peer != BARE_PASSES
    ]
    return [
        "## Metrics of explanations",
        f"`python -m bench.metrics`: {_made(rows)}. On 16 items, milliseconds an item, of explanations that are there.",
        _table(heads, lines, left={"predictor", "metric", "at most 3"}),
        "The lines above three have few rows an item, or rows with gradients, which go through in blocks of 32; what "
        "else takes their time was not taken apart. Beside captum, which has two of them:",
        _table(
            ["predictor", "metric", "beside", "ours, ms", "theirs, ms", "theirs / ours"],
            peers,
            left={"predictor", "metric", "beside"},
        ),
        "Quantus is not timed: its licence keeps it out of this environment.",
    ]


def _analysis(rows: Sequence[Mapping[str, Any]], mixed: Mapping[str, Any]) -> list[str]:
    lines = [
        [
            row["what"],
            row["case"],
            _short(row["ours_s"]),
            row["peer"],
            "" if row["peer_s"] is None else _short(row["peer_s"]),
            "" if row["ratio"] is None else f"{row['ratio']:.2f}",
        ]
        for row in rows
    ]
    fits = [[row["case"], _short(row["ours_s"]), _short(row["peer_s"]), f"{row['ratio']:.2f}"] for row in mixed["rows"]]
    return [
        "## Analysis",
        "`python -m bench.analysis`, seconds. How the cost of a fit grows with a study is drawn in "
        "[analysis-cost.md](analysis-cost.md).",
        _table(["what", "of what size", "ours, s", "beside", "theirs, s", "theirs / ours"], lines, left=_WORDS),
        f"Mixed models of one study, beside {mixed['peer']} at the same maximum (`python -m bench.mixed`), seconds:",
        _table(["study", "ours, s", "theirs, s", "theirs / ours"], fits, left={"study"}),
    ]


_WORDS = {"what", "of what size", "beside"}


def _pages(rows: Sequence[Row]) -> list[str]:
    lines = [
        [row.case, row.what, _short(row.ours), row.unit, row.peer, _short(row.theirs), f"{row.ratio:.2f}"]
        for row in rows
    ]
    return [
        "## Pages",
        "`python -m bench.pages`: participants' pages by the real server and database, with the load beside them on "
        "the same two cores. What follows for larger machines stands in [scaling.md](scaling.md).",
        _table(
            ["load", "what", "ours", "unit", "against", "theirs", "ours / theirs"],
            lines,
            left={"load", "what", "unit", "against"},
        ),
    ]


# --- words and numbers -----------------------------------------------------------------------------------------------


def _method(row: Row) -> str:
    return row.what.partition(",")[0]


def _rows_an_item(row: Row) -> str:
    found = [part for part in row.what.split(", ") if part.endswith(" rows an item")]
    return f"{int(found[0].split()[0]):,}" if found else "1"


def _call(row: Row) -> int | None:
    """How many items a call had, where it is not the method's usual number."""
    found = [part for part in row.what.split(", ") if part.endswith(" items a call")]
    return int(found[0].split()[0]) if found else None


def _place(case: str) -> int:
    return list(PREDICTORS).index(case)


def _short(value: float) -> str:
    """Three significant digits, without an exponent."""
    if value >= 100:
        digits = max(0, len(str(int(value))) - 3)
        return f"{round(value, -digits):,.0f}"
    return f"{value:.3g}"


def _made(rows: Iterable[Row | Share]) -> str:
    return "; ".join(dict.fromkeys(row.made for row in rows if row.made)) or "versions not kept"


def _table(heads: Sequence[str], lines: Sequence[Sequence[str]], *, left: set[str]) -> str:
    rule = "|".join("---" if head in left else "--:" for head in heads)
    return "\n".join(
        ["| " + " | ".join(heads) + " |", f"|{rule}|", *("| " + " | ".join(line) + " |" for line in lines)]
    )


NAMES = ("explainers", "stages", "metrics", "analysis", "mixed", "pages")


def figures(folder: Path = BENCH) -> dict[str, Any]:
    """The kept figures, by the names of their files."""
    return {name: json.loads((folder / f"{name}.json").read_text("utf-8")) for name in NAMES}


def main() -> None:
    PAGE.write_text(to_page(figures()), "utf-8")
    print("docs/performance.md")


if __name__ == "__main__":
    main()
