"""Simulated people answer as their behaviour says, and the planted gain is there to the digit."""

from __future__ import annotations

import math
from statistics import fmean, median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studyapp.errors import WrongState
from studyapp.rehearsal.behaviours import BASE, BEHAVIOURS, MAX_GAIN, Asked, Character, guess, learn, say_own_label
from studyapp.rehearsal.mixes import DEFAULT_MIX, Course, cast, learners_gain

OPTIONS = ("no", "yes")
COURSE = Course(n_steps=47, allocation=1, first_pre=3, first_post=29)


def asked(item: str = "test-001", *, right: str = "yes", label: str = "no", learned: bool = False) -> Asked:
    return Asked(item, "post" if learned else "pre", OPTIONS, right, label, learned)


@given(
    gain=st.floats(0, MAX_GAIN),
    seed=st.integers(0, 2**40),
    number=st.integers(0, 2000),
    item=st.text(max_size=8),
    learned=st.booleans(),
)
def test_a_learners_chance_is_a_chance_without_clipping(
    gain: float, seed: int, number: int, item: str, learned: bool
) -> None:
    assert 0 <= Character(seed, number, gain).chance(asked(item, learned=learned)) <= 1


@pytest.mark.parametrize("gain", [0.0, 0.15, MAX_GAIN])
def test_chances_rise_by_the_planted_gain_on_average_over_people(gain: float) -> None:
    people = [Character(1, number, gain) for number in range(4000)]
    before = fmean(person.chance(asked()) for person in people)
    after = fmean(person.chance(asked(learned=True)) for person in people)
    # Responsiveness is uniform within +-25 % of the gain: its mean over 4,000 has a standard error of 0.0023 x gain.
    assert after - before == pytest.approx(gain, abs=5 * 0.0023 * gain + 1e-12)
    assert fmean(Character(seed, 0, gain).chance(asked()) for seed in range(4000)) == pytest.approx(BASE, abs=0.01)


def test_answers_are_right_as_often_as_their_chance_says() -> None:
    people = [Character(2, number, 0.2) for number in range(4000)]
    for learned in (False, True):
        share = fmean(learn(person, asked(learned=learned)) == "yes" for person in people)
        expected = fmean(person.chance(asked(learned=learned)) for person in people)
        assert share == pytest.approx(expected, abs=4 * math.sqrt(0.25 / 4000))


def test_a_guess_knows_nothing_and_the_own_label_is_the_label() -> None:
    people = [Character(3, number, 0.3) for number in range(4000)]
    share = fmean(guess(person, asked(learned=True)) == "yes" for person in people)
    assert share == pytest.approx(0.5, abs=4 * math.sqrt(0.25 / 4000))
    assert {say_own_label(person, asked(right="yes", label="no", learned=True)) for person in people} == {"no"}


def test_the_wrong_answers_of_a_learner_are_all_the_others() -> None:
    question = Asked("item", "pre", ("a", "b", "c"), "b", "a", False)
    given = [learn(Character(4, number, 0.0), question) for number in range(600)]
    assert set(given) == {"a", "b", "c"}
    assert given.count("a") == pytest.approx(given.count("c"), abs=4 * math.sqrt(600 * 0.45))


def test_the_same_seed_gives_the_same_answers_in_any_order() -> None:
    first, again = Character(5, 7, 0.2), Character(5, 7, 0.2)
    items = [f"test-{number:03d}" for number in range(40)]
    forward = [learn(first, asked(item)) for item in items]
    backward = [learn(again, asked(item)) for item in reversed(items)]
    assert forward == backward[::-1]
    assert forward != [learn(Character(6, 7, 0.2), asked(item)) for item in items]


def test_slow_people_take_four_times_as_long_and_times_are_plausible_milliseconds() -> None:
    people = [Character(6, number, 0.0) for number in range(2000)]
    ordinary = median(person.response_ms("5", BEHAVIOURS["learns"].pace) for person in people)
    slow = median(person.response_ms("5", BEHAVIOURS["slow"].pace) for person in people)
    assert slow / ordinary == pytest.approx(4, rel=0.01)
    assert 3000 < ordinary < 7000


# --- who takes part ------------------------------------------------------------------------------------------------


@given(participants=st.integers(2, 2000), seed=st.integers(0, 2**40))
def test_a_cast_has_everybody_in_the_shares_of_the_mix(participants: int, seed: int) -> None:
    people = cast(DEFAULT_MIX, participants, seed)
    assert len(people) == participants
    total = sum(DEFAULT_MIX.values())
    for name, share in DEFAULT_MIX.items():
        assert abs(people.count(name) - participants * share / total) < 1


def test_a_behaviour_that_nobody_knows_is_refused() -> None:
    with pytest.raises(WrongState, match=r"mix: dances is none of learns, guesses"):
        cast({"learns": 1, "dances": 1}, 10, 1)


@pytest.mark.parametrize("missing", ["no_gain", "available"])
def test_the_expected_effect_over_everybody_is_what_was_asked_for(missing: str) -> None:
    people = cast(DEFAULT_MIX, 200, seed=1)
    gain = learners_gain(people, 0.15, COURSE, missing)
    # By hand: who counts, and with which expected gain in an arm that explains.
    leaving = range(COURSE.allocation + 1, COURSE.n_steps)
    stays = sum(screen > COURSE.first_post for screen in leaving) / len(leaving)
    expected, counted = 0.0, 0.0
    for name in people:
        present = stays if BEHAVIOURS[name].leaves else 1.0
        expected += gain * present if BEHAVIOURS[name].learns else 0.0
        counted += present if missing == "available" else 1.0
    assert expected / counted == pytest.approx(0.15, rel=1e-12)


def test_the_share_of_leavers_who_count_is_what_their_draws_give() -> None:
    draws = [(n + 0.5) / 4500 for n in range(4500)]
    screens = [COURSE.leaving_screen(draw) for draw in draws]
    assert (min(screens), max(screens)) == (COURSE.allocation + 1, COURSE.n_steps - 1)
    assert fmean(screen > COURSE.first_post for screen in screens) == pytest.approx(COURSE.share_counted, abs=1e-3)


def test_too_few_learners_for_a_gain_are_refused() -> None:
    with pytest.raises(WrongState, match=r"would need 0\.60 among those who learn"):
        learners_gain(["learns", "guesses"], 0.3, COURSE, "no_gain")
    with pytest.raises(WrongState, match="nobody in this mix learns"):
        learners_gain(["guesses"], 0.1, COURSE, "no_gain")
    assert learners_gain(["guesses"], 0.0, COURSE, "no_gain") == 0.0
