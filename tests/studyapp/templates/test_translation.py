"""No template says a word that cannot be translated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.apps import apps
from django.template.base import Lexer, Token, TokenType

TEMPLATES = Path(apps.get_app_config("studyapp").path) / "templates"
SPOKEN = frozenset({"alt", "title", "placeholder", "aria-label", "data-title"})  # attributes that people read or hear
# Names that are the same in every language: the program's, and those of files to download.
NAMES = re.compile(r"\bForetell\b|\b(?:[\w-]+/)*[\w-]+\.(?:json|csv)\b")
# Words inside of tags: what a filter falls back on, and what an included template is told to say.
FALLBACK = re.compile(r"""\|default(?:_if_none)?:["']([^"']+)["']""")
TOLD = re.compile(r"""\b\w+=["']([A-Z][^"']*)["']""")
# What stands between the first tag and the second is no text of the page, or is marked.
PASSED_OVER = {"blocktranslate": "endblocktranslate", "blocktrans": "endblocktrans", "comment": "endcomment"}


class Speech(HTMLParser):
    """Collects what a page says: its text, and the attributes that stand for text."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def handle_data(self, data: str) -> None:
        self.said.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.said += [value or "" for name, value in attrs if name in SPOKEN]


def unmarked(source: str) -> list[str]:
    """The words of a template that are outside of its translate and blocktranslate tags."""
    tokens = list(shown(Lexer(source).tokenize()))
    speech = Speech()
    speech.feed("".join(token.contents if token.token_type == TokenType.TEXT else " " for token in tokens))
    speech.close()
    inside = [words for token in tokens if token.token_type != TokenType.TEXT for words in told_by(token)]
    return [
        " ".join(words.split()) for words in (*speech.said, *inside) if re.search(r"[^\W\d_]", NAMES.sub("", words))
    ]


def shown(tokens: list[Token]) -> Iterator[Token]:
    """The tokens without comments, marked blocks, and blocks that fill an attribute `class`."""
    until = ""
    for token in tokens:
        name, _, rest = token.contents.partition(" ") if token.token_type == TokenType.BLOCK else ("", "", "")
        if until:
            until = "" if name == until else until
        elif name == "block" and rest.endswith("_class"):
            until = "endblock"
        elif name in PASSED_OVER:
            until = PASSED_OVER[name]
        elif token.token_type != TokenType.COMMENT:
            yield token


def told_by(token: Token) -> list[str]:
    """Literal words in a variable's filters or in what an include passes on."""
    told = TOLD.findall(token.contents) if token.contents.startswith("include ") else []
    return [*FALLBACK.findall(token.contents), *told]


@pytest.mark.parametrize("path", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_a_template_says_nothing_that_is_not_marked_for_translation(path: Path) -> None:
    assert unmarked(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ("<p>Good morning</p>", ["Good morning"]),
        ("<p>{{ name }} of {% if lab %}{{ lab }}{% else %}nobody{% endif %}</p>", ["of nobody"]),
        ('<a href="{% url "home" %}"{% if now %} aria-current="page"{% endif %}>Home</a>', ["Home"]),
        ('<img src="x.png" alt="A cat{% if two %}s{% endif %}"><input placeholder="Größe">', ["A cat s", "Größe"]),
        ('{% translate "marked" %} and unmarked {# remark #}', ["and unmarked"]),
        ("{% blocktranslate %}marked{% endblocktranslate %} words {% comment %}remark{% endcomment %}", ["words"]),
        ('{{ name|default:"nobody" }}', ["nobody"]),
        ('{% include "a.html" with save="Save" field="answer" %}', ["Save"]),
        ("<p>Foretell knows</p>", ["Foretell knows"]),
    ],
)
def test_the_checker_sees_planted_words(planted: str, found: list[str]) -> None:
    assert unmarked(planted) == found


def test_the_checker_passes_over_what_nobody_reads_or_translates() -> None:
    source = (
        '{% extends "base.html" %}{% load i18n %}{% block main_class %}narrow{% endblock %}{# a remark #}'
        "<!doctype html>"
        '<a class="brand" href="{% url "home" %}" title="{% translate "Go home" %}">Foretell</a> · 12 % {{ name }}'
        '<a href="plan.json">schema/plan.json</a> {{ name|default:_("nobody") }}'
        '{% translate "Save" as save %}{% include "a.html" with save=save field="answer" %}'
    )

    assert unmarked(source) == []
