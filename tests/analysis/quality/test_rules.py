"""Each rule flags the behaviour that it names, and not the ordinary one beside it."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.quality.base import Person
from analysis.quality.registry import RULES, meaning, problems_of

N = 16


def ordinary(**changes):
    """Sixteen items before and after, answered at a human pace and in no pattern."""
    rng = np.random.default_rng(5)
    rt = rng.lognormal(8, 0.4, 2 * N)
    before = rng.permutation(["yes", "no"] * (N // 2))
    after = np.where(np.arange(N) < 4, np.where(before == "yes", "no", "yes"), before)
    person = Person(
        is_simulated=False,
        phases=np.array(["pre"] * N + ["post"] * N, dtype=object),
        items=np.array([f"i{n}" for n in (*range(N), *range(N))], dtype=object),
        responses=np.array([*before, *after], dtype=object),
        rt=rt,
        server_ms=rt + 80,
        ratings=np.array([3.0, 6.0, 5.0]),
        focus_lost=2,
        pastes=0,
        check_attempts=1,
        arrival="signed",
        seen_before=0,
        shares_browser=False,
    )
    return replace(person, **changes)


def line(length):
    """`length` equal answers in a row in the first phase, then a strict change."""
    first = ["yes"] * length + ["no", "yes"] * N
    return np.array([*first[:N], *["yes", "no"] * (N // 2)], dtype=object)


ORDINARY = ordinary()
HASTY = np.where(np.arange(2 * N) < 4, 120.0, ORDINARY.rt)
LATE = np.where(np.arange(2 * N) < 4, ORDINARY.rt - 300, ORDINARY.server_ms)
OTHERS = np.where(np.arange(N) < 10, np.where(ORDINARY.responses[:N] == "yes", "no", "yes"), ORDINARY.responses[:N])

# rule: what is flagged, and what comes near it and is not
CASES = {
    "fast_trials": ({"rt": HASTY}, {"rt": np.where(np.arange(2 * N) < 3, 120.0, ORDINARY.rt)}),
    "flat_times": ({"rt": np.full(2 * N, 900.0) + np.arange(2 * N)}, {"rt": np.linspace(600, 1200, 2 * N)}),
    "clock_mismatch": ({"server_ms": LATE}, {"server_ms": ORDINARY.rt - 200}),
    "straight_line": ({"responses": line(12)}, {"responses": line(11)}),
    "same_answers": ({"responses": np.array(["yes"] * 31 + ["no"], dtype=object)}, {"responses": line(16)}),
    "inconsistent": (
        {"responses": np.array([*ORDINARY.responses[:N], *OTHERS], dtype=object)},
        {"responses": ORDINARY.responses},
    ),
    "same_ratings": ({"ratings": np.full(3, 4.0)}, {"ratings": np.full(2, 4.0)}),
    "focus_lost": ({"focus_lost": 10}, {"focus_lost": 9}),
    "pastes": ({"pastes": 1}, {"pastes": 0}),
    "check_attempts": ({"check_attempts": 2}, {"check_attempts": 1}),
    "unverified_arrival": ({"arrival": "unverified"}, {"arrival": ""}),
    "seen_before": ({"seen_before": 1}, {"seen_before": 0}),
    "shared_browser": ({"shares_browser": True}, {"shares_browser": False}),
}


def raised(rule, person):
    defaults = {name: parameter.default for name, parameter in RULES[rule].params.items()}
    return RULES[rule].flags(person, defaults)


def test_every_rule_has_a_case_here():
    assert set(CASES) == set(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_flags_what_it_names_and_not_what_comes_near(rule):
    flagged, near = CASES[rule]

    assert (raised(rule, ordinary(**flagged)), raised(rule, ordinary(**near))) == (True, False)


@pytest.mark.parametrize("rule", RULES)
def test_an_ordinary_person_and_one_who_left_at_once_are_not_flagged(rule):
    nothing, none = np.array([], dtype=object), np.array([])
    gone = ordinary(
        phases=nothing, items=nothing, responses=nothing, rt=none, server_ms=none, ratings=none, check_attempts=0
    )

    assert (raised(rule, ORDINARY), raised(rule, gone)) == (False, False)


def test_a_forged_time_does_not_hide_a_fast_answer():
    assert raised("fast_trials", ordinary(rt=np.full(2 * N, 5000.0), server_ms=np.full(2 * N, 90.0)))


def test_a_page_without_script_is_judged_by_the_servers_clock():
    assert raised("fast_trials", ordinary(rt=np.full(2 * N, np.nan), server_ms=HASTY))


def test_simulated_people_answer_at_once_whatever_they_claim():
    assert not raised("clock_mismatch", ordinary(is_simulated=True, server_ms=np.full(2 * N, 5.0)))


@pytest.mark.parametrize("rule", RULES)
def test_defaults_are_within_their_bounds_and_a_meaning_is_a_sentence_about_them(rule):
    defaults = {name: parameter.default for name, parameter in RULES[rule].params.items()}

    assert problems_of(rule, defaults) == []
    assert "{" not in meaning(rule, defaults)


@pytest.mark.parametrize(
    ("rule", "params", "problem"),
    [
        ("fast", {}, ("", "'fast' is none of: fast_trials")),
        ("pastes", {}, ("times", "expected a whole number from 1 to 1000, found nothing")),
        ("pastes", {"times": 1.5}, ("times", "expected a whole number from 1 to 1000, found 1.5")),
        ("pastes", {"times": True}, ("times", "expected a whole number from 1 to 1000, found True")),
        ("straight_line", {"share": 2}, ("share", "expected a number from 0.1 to 1, found 2")),
        ("shared_browser", {"n": 1}, ("n", "shared_browser has no such parameter")),
    ],
)
def test_a_rule_that_cannot_be_is_refused_with_what_was_expected(rule, params, problem):
    (found,) = problems_of(rule, params)

    assert (found[0], found[1][: len(problem[1])]) == problem
