"""Small texts for lists in a form: one thing a line, its parts between bars. What is printed reads back the same."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from django.core.exceptions import ValidationError
from django.utils.translation import gettext

Row: TypeAlias = dict[str, object]

BAR = re.compile(r"\s*\|\s*")
RIGHT = "*"


def print_factors(factors: Sequence[Mapping[str, object]]) -> str:
    """Background questions: `question | option | option`."""
    return "\n".join(" | ".join([str(f["question"]), *map(str, _list(f["options"]))]) for f in factors)


def parse_factors(text: str, before: Sequence[Mapping[str, object]] = ()) -> list[Row]:
    """Read background questions; those that stood there `before` keep their keys."""
    rows: list[Row] = []
    for number, parts in _lines(text):
        if len(parts) < 3:
            text = gettext("Line %(n)d: write a question and at least two answers with bars between them.")
            raise ValidationError(text % {"n": number})
        rows.append({"question": parts[0], "options": parts[1:]})
    return _keyed(rows, before)


def print_ratings(ratings: Sequence[Mapping[str, object]]) -> str:
    """Ratings: `question | low end | high end | points`."""
    return "\n".join(f"{r['question']} | {r['low']} | {r['high']} | {r['points']}" for r in ratings)


def parse_ratings(text: str, before: Sequence[Mapping[str, object]] = ()) -> list[Row]:
    """Read ratings; those that stood there `before` keep their keys."""
    rows: list[Row] = []
    for number, parts in _lines(text):
        if len(parts) != 4 or not re.fullmatch("[0-9]{1,4}", parts[3]):
            text = gettext("Line %(n)d: write question | low end | high end | number of points.")
            raise ValidationError(text % {"n": number})
        rows.append({"question": parts[0], "low": parts[1], "high": parts[2], "points": int(parts[3])})
    return _keyed(rows, before)


def print_questions(questions: Sequence[Mapping[str, object]]) -> str:
    """Comprehension questions: the question, then an answer a line, the right one after a star; a gap between two."""
    return "\n\n".join(
        "\n".join(
            [str(q["question"])]
            + [f"{RIGHT if n == q['answer'] else '-'} {option}" for n, option in enumerate(_list(q["options"]))]
        )
        for q in questions
    )


def parse_questions(text: str) -> list[Row]:
    """Read comprehension questions."""
    blocks = [block.strip().splitlines() for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n")) if block.strip()]
    return [_question(number, [line.strip() for line in block]) for number, block in enumerate(blocks, start=1)]


def _question(number: int, lines: Sequence[str]) -> Row:
    answers = lines[1:]
    wrong = [line for line in answers if not line.startswith((RIGHT, "-"))]
    if wrong:
        text = gettext("Question %(n)d: begin each answer with - or %(mark)s; “%(line)s” does not.")
        raise ValidationError(text % {"n": number, "mark": RIGHT, "line": wrong[0]})
    right = [place for place, line in enumerate(answers) if line.startswith(RIGHT)]
    if len(answers) < 2 or len(right) != 1:
        text = gettext("Question %(n)d: write at least two answers and put a %(mark)s before the one that is right.")
        raise ValidationError(text % {"n": number, "mark": RIGHT})
    return {"question": lines[0], "options": [line[1:].strip() for line in answers], "answer": right[0]}


def _lines(text: str) -> list[tuple[int, list[str]]]:
    return [(number, BAR.split(line.strip())) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]


def _keyed(rows: list[Row], before: Sequence[Mapping[str, object]]) -> list[Row]:
    """Give each row a key: the one its question had, else one made from its words."""
    known = {row["question"]: str(row["key"]) for row in before}
    taken: set[str] = set()
    for row in rows:
        key = known.get(row["question"]) or key_from(str(row["question"]))
        row["key"] = fresh(key, taken)
        taken.add(str(row["key"]))
    return rows


def key_from(words: str) -> str:
    """A key as designs want it (small letters, digits, lines), from words."""
    key = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")[:30].strip("_")
    return key if key[:1].isalpha() else f"k_{key}".rstrip("_")


def fresh(key: str, taken: set[str]) -> str:
    """The key, with a number after it where it is taken."""
    number, made = 1, key
    while made in taken:
        number += 1
        made = f"{key}_{number}"
    return made


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else []
