"""The small texts of lists: what is printed reads back the same, and a wrong line is named."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from studyapp.forms.lines import (
    key_from,
    parse_factors,
    parse_questions,
    parse_ratings,
    print_factors,
    print_questions,
    print_ratings,
)

words = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=12)


@given(st.lists(st.tuples(words, st.lists(words, min_size=2, max_size=4)), max_size=4, unique_by=lambda row: row[0]))
def test_background_questions_read_back_as_they_were(rows: list[tuple[str, list[str]]]) -> None:
    factors = [{"key": f"k{n}", "question": q, "options": options} for n, (q, options) in enumerate(rows)]

    assert parse_factors(print_factors(factors), factors) == factors


@given(st.lists(st.tuples(words, words, words, st.integers(3, 11)), max_size=4, unique_by=lambda row: row[0]))
def test_ratings_read_back_as_they_were(rows: list[tuple[str, str, str, int]]) -> None:
    ratings = [
        {"key": f"k{n}", "question": q, "low": low, "high": high, "points": p}
        for n, (q, low, high, p) in enumerate(rows)
    ]

    assert parse_ratings(print_ratings(ratings), ratings) == ratings


@given(st.lists(st.tuples(words, st.lists(words, min_size=2, max_size=4), st.integers(0, 1)), max_size=4))
def test_comprehension_questions_read_back_as_they_were(rows: list[tuple[str, list[str], int]]) -> None:
    questions = [{"question": q, "options": options, "answer": answer} for q, options, answer in rows]

    assert parse_questions(print_questions(questions)) == questions


def test_a_new_question_gets_a_key_of_its_own_words_and_the_old_one_keeps_its() -> None:
    before = [{"key": "age", "question": "How old?", "options": ["young", "old"]}]

    rows = parse_factors("How old? | young | old\nWhich ML courses? | none | some\nWhich ML courses | no | yes", before)

    assert [row["key"] for row in rows] == ["age", "which_ml_courses", "which_ml_courses_2"]


@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (parse_factors, "Age? | young", "Line 1: write a question and at least two answers"),
        (parse_ratings, "\nHow sure? | no | yes", "Line 2: write question | low end | high end"),
        (parse_ratings, "How sure? | no | yes | many", "Line 1"),
        (parse_questions, "What?\n- this\n- that", "Question 1: write at least two answers and put a \\*"),
        (parse_questions, "What?\n* this\n* that", "Question 1"),
        (
            parse_questions,
            "A?\n* x\n- y\n\nB?\n* x\nyes",
            "Question 2: begin each answer with - or \\*; “yes”",
        ),
    ],
)
def test_a_wrong_line_is_named_with_what_to_write(parse: object, text: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        parse(text)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("words", "key"), [("How old?", "how_old"), ("3 times", "k_3_times"), ("über", "ber"), ("?", "k")]
)
def test_a_key_begins_with_a_letter(words: str, key: str) -> None:
    assert key_from(words) == key
