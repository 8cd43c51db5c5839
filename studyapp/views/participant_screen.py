"""A screen as HTML: the one way, for the participant's page and the console's preview alike."""

from __future__ import annotations

from collections.abc import Mapping

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from studyapp.errors import AnswerInvalid
from studyapp.screens import Screen


def render_screen(
    request: HttpRequest,
    screen: Screen,
    *,
    stamp: str | None,
    chosen: Mapping[str, str] | None = None,
    error: AnswerInvalid | None = None,
    notice: str = "",
) -> SafeString:
    """The `<main>` of a screen. Without a stamp it is a preview: every control is there and disabled.

    `chosen` are answers to show again and `error` is what to mend, after an answer that was none.
    """
    context = {"screen": screen, "stamp": stamp, "chosen": chosen or {}, "error": error, "notice": notice}
    return render_to_string("studyapp/participant/_screen.html", context, request)
