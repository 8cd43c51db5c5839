"""A researcher's plain text as paragraphs and lists. No markup is read, so there is nothing to sanitise."""

from __future__ import annotations

import re

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()

BLANK_LINE = re.compile(r"\n\s*\n")
BULLET = re.compile(r"^[-*•]\s+")


@register.filter
def prose(text: str) -> SafeString:
    """Blank lines separate paragraphs; lines that begin with "- " make a list; other line breaks stay."""
    blocks = [block.strip() for block in BLANK_LINE.split(text.replace("\r\n", "\n"))]
    return format_html_join("\n", "{}", ((part,) for block in blocks if block for part in _parts(block)))


def _parts(block: str) -> list[SafeString]:
    """The runs of list lines and of other lines in a block."""
    parts: list[SafeString] = []
    run: list[str] = []
    was_list = False
    for line in block.split("\n"):
        is_list = bool(BULLET.match(line.strip()))
        if run and is_list != was_list:
            parts.append(_part(run, was_list))
            run = []
        run.append(BULLET.sub("", line.strip()))
        was_list = is_list
    return [*parts, _part(run, was_list)]


def _part(lines: list[str], is_list: bool) -> SafeString:
    if is_list:
        return format_html("<ul>{}</ul>", format_html_join("", "<li>{}</li>", ((line,) for line in lines)))
    return format_html("<p>{}</p>", format_html_join(SafeString("<br>"), "{}", ((line,) for line in lines)))
