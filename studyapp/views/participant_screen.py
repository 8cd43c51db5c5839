"""A screen as HTML: the one way, for the participant's page and the console's preview alike."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from studyapp.errors import AnswerInvalid
from studyapp.screens import Content, Screen


def render_screen(
    request: HttpRequest,
    screen: Screen,
    *,
    stamp: str | None,
    run: str = "",
    chosen: Mapping[str, str] | None = None,
    error: AnswerInvalid | None = None,
    notice: str = "",
) -> SafeString:
    """The `<main>` of a screen. Without a stamp it is a preview: every control is there and disabled.

    `run` tells the browser whose answers it keeps. `chosen` are answers to show again and `error` is what to mend,
    after an answer that was none.
    """
    if chosen or error:
        answered = {"content": screen.content, "chosen": chosen or {}, "error": error}
        body = render_to_string(screen.template, answered)
    else:
        body = _unanswered(screen.template, screen.content, get_language())
    context = {"screen": screen, "stamp": stamp, "run": run, "notice": notice, "body": body}
    return render_to_string("studyapp/participant/_screen.html", context, request)


@lru_cache(maxsize=1024)
def _unanswered(template: str, content: Content, language: str | None) -> SafeString:
    """What everybody sees who comes to the same content: rendered once a process, since it depends on nothing else."""
    return render_to_string(template, {"content": content, "chosen": {}, "error": None})
