"""The page of docs/performance.md. What is fast is the machine's affair: no number is judged here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from bench.performance import GOALS, PAGE, WHOLE_TABLES, _short, figures, to_page
from explainers.benchmark.limits import BARE_PASSES, WITHOUT_LIMIT, WORKS
from explainers.predictors import PREDICTORS
from explainers.registry import EXPLAINERS

KEPT = figures()


def test_committed_page_is_made_from_the_committed_figures() -> None:
    assert PAGE.read_text("utf-8") == to_page(KEPT)


def test_every_method_is_on_the_page_with_its_limit_or_the_reason_why_it_has_none() -> None:
    measured = {row["what"].partition(",")[0] for row in KEPT["explainers"] if row["peer"] == BARE_PASSES}

    assert sorted(measured | set(WITHOUT_LIMIT)) == sorted(EXPLAINERS)


def test_each_predictor_with_a_whole_table_has_every_method_that_explains_it() -> None:
    for case in WHOLE_TABLES:
        kind = PREDICTORS[case]
        modality = {"adult": "tabular", "movies": "text", "digits": "image"}[kind.material]
        fitting = {
            name
            for name in WORKS
            if modality in EXPLAINERS[name].modalities
            and (not EXPLAINERS[name].needs or kind.architecture in EXPLAINERS[name].architectures)
        }
        rows = [row for row in KEPT["explainers"] if row["case"] == case and row["peer"] == BARE_PASSES]
        assert {row["what"].partition(",")[0] for row in rows} == fitting


def test_every_goal_that_is_not_reached_has_its_profile() -> None:
    """Of the methods in the whole tables: a line without a reason would be an excuse."""
    profiled = {(share["case"], share["method"]) for share in KEPT["stages"]}
    page = to_page(KEPT)
    for case in WHOLE_TABLES:
        section = page.split(f"(`{case}`)")[1].split("\n### ")[0]
        missed = [line for line in section.splitlines() if line.endswith("| no |")]
        names = {name for name in GOALS for line in missed if line.startswith(f"| {EXPLAINERS[name].title} |")}
        assert {(case, name) for name in names} <= profiled


def test_stages_of_a_method_add_up_to_its_time() -> None:
    for share in KEPT["stages"]:
        own = [one["us"] for one in KEPT["stages"] if (one["case"], one["method"]) == (share["case"], share["method"])]
        assert sum(own) == pytest.approx(share["total_us"], rel=0.001, abs=0.1)


def test_page_says_what_is_measured_and_reached() -> None:
    row = {"peer": BARE_PASSES, "unit": "explanations a second", "made": "today"}
    rows = [
        {"case": "adult-mlp", "what": "lime, 1000 rows an item", "ours": 500.0, "theirs": 800.0, "ratio": 1.6, **row},
        {"case": "adult-mlp", "what": "saliency", "ours": 10.0, "theirs": 123456.0, "ratio": 1.41, **row},
        {"case": "movies-gru", "what": "lime, 1000 rows an item", "ours": 500.0, "theirs": 800.0, "ratio": 1.6, **row},
    ]
    page = to_page({**KEPT, "explainers": rows})

    assert table_under(page, "adult-mlp") == [
        "| LIME | 1,000 | 500 | 800 | 1.60 | 1.6 | yes |",
        "| Gradient saliency | 1 | 10 | 123,000 | 1.41 | 1.4 | no |",
    ]
    assert table_under(page, "movies-gru") == ["| LIME | 1,000 | 500 | 800 | 1.60 | 1.15 | no |"]


def table_under(page: str, case: str) -> list[str]:
    section = page.split(f"(`{case}`)")[1].split("\n### ")[0]
    return [line for line in section.splitlines() if line.startswith("|")][2:]


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.00123456, "0.00123"), (1.0, "1"), (12.345, "12.3"), (123.456, "123"), (1234.5, "1,230"), (99.96, "100")],
)
def test_numbers_have_three_digits(value: float, said: str) -> None:
    assert _short(value) == said


def test_every_table_has_as_many_cells_in_each_line() -> None:
    for table in re.findall(r"(?:^\|.*\n)+", to_page(KEPT), re.MULTILINE):
        assert len({line.count("|") for line in table.splitlines()}) == 1


def test_a_file_without_versions_says_so() -> None:
    without: Mapping[str, Any] = {**KEPT, "metrics": [{**row, "made": ""} for row in KEPT["metrics"]]}

    assert "`python -m bench.metrics`: versions not kept" in to_page(without)
