"""The design's text: parts that came later leave older designs, and their hashes, as they were."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from analysis.design import read_design
from studyapp.design.canonical import canonical_bytes
from studyapp.design.schema import parse_design
from studyapp.design.templates import TEMPLATES
from studyapp.errors import DesignRefused


def planned(response_times: object = None) -> dict[str, Any]:
    document = copy.deepcopy(TEMPLATES["forward"].make("adult"))
    if response_times is not None:
        document["plan"]["response_times"] = response_times
    return document


def test_a_rule_for_response_times_that_is_not_there_is_not_written():
    assert "response_times" not in parse_design(planned()).document()["plan"]


def test_a_rule_for_response_times_is_what_the_analysis_reads():
    design = parse_design(planned({"low_ms": 200, "high_ms": 60_000}))

    assert design.sha256() != parse_design(planned()).sha256()
    trim = read_design(canonical_bytes(design.document()).decode()).trim
    assert (trim.low_ms, trim.high_ms) == (200, 60_000)


@pytest.mark.parametrize("only", [{"low_ms": 200}, {"high_ms": 60_000}])
def test_one_side_is_enough(only):
    design = parse_design(planned(only))

    assert read_design(canonical_bytes(design.document()).decode()).trim is not None


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({}, "give low_ms, high_ms or both"),
        ({"low_ms": 0}, "give low_ms, high_ms or both"),
        ({"low_ms": 900, "high_ms": 900}, "low_ms (900) must be below high_ms (900)"),
        ({"low_ms": -1}, "greater than or equal to 0"),
        ({"low": 5}, "Extra inputs are not permitted"),
    ],
)
def test_a_rule_that_leaves_nothing_out_or_everything_is_refused(rule, says):
    with pytest.raises(DesignRefused) as refused:
        parse_design(planned(rule))
    [problem] = refused.value.problems
    assert problem.path.startswith("plan.response_times")
    assert says in problem.message


def looked(**looks: Any) -> dict[str, Any]:
    document = planned()
    document["plan"]["looks"] = {"times": [0.5, 1], **looks}
    return document


def test_looks_are_what_the_analysis_reads_and_are_not_written_where_there_are_none():
    assert "looks" not in parse_design(planned()).document()["plan"]
    design = read_design(canonical_bytes(parse_design(looked(spending="pocock")).document()).decode())

    assert (design.looks.times, design.looks.spending, design.looks.alpha) == ((0.5, 1.0), "pocock", 0.05)
    assert design.capacity == planned()["allocation"]["capacity"]


@pytest.mark.parametrize("times", [[0.5, 0.9], [0.5, 0.4, 1], [0.5, 0.5, 1], [0.5, 0.995, 1], [1], [0, 1], [0.5, 1.5]])
def test_times_that_do_not_grow_to_the_end_are_refused(times):
    with pytest.raises(DesignRefused) as refused:
        parse_design(looked(times=times))
    assert refused.value.problems[0].path.startswith("plan.looks")
