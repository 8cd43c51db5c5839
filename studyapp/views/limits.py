"""What a request may be at all, asked before anything reads it: how large, in which encoding, with which characters.

Each door gets only as much as its own forms need. A refusal here has read no body, opened no file and asked no
database.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.http.response import HttpResponseBase

from studyapp.views import errors

# A participant's answers are small; a design pasted as JSON (1 MB) is the largest thing a researcher's form carries.
PARTICIPANT_BODY = 256 * 1024
RESEARCHER_BODY = 1_300_000
RESEARCHERS = frozenset({"signed_in", "lab"})
NUL = "\0"


class LimitsMiddleware:
    """Refuse what is too large, of unknown length, not UTF-8, or holds a NUL, which no table of ours can keep."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return refusal(request) or self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], args: object, kwargs: object
    ) -> HttpResponse | None:
        audience = getattr(getattr(view, "door", None), "audience", "")
        if body_size(request) > (RESEARCHER_BODY if audience in RESEARCHERS else PARTICIPANT_BODY):
            return errors.too_large(request)
        if not is_whole(request) or any(
            NUL in value for values in request.POST.lists() for value in (values[0], *values[1])
        ):
            return errors.bad_request(request)
        return None


def refusal(request: HttpRequest) -> HttpResponse | None:
    """What is refused at every address, known or not."""
    if request.headers.get("Transfer-Encoding"):
        return errors.length_required(request)
    if body_size(request) > RESEARCHER_BODY:
        return errors.too_large(request)
    charset = (request.content_params or {}).get("charset", "utf-8").lower()
    if charset.replace("-", "").replace("_", "") != "utf8":
        return errors.bad_request(request)
    if NUL in query_of(request) or any(NUL in text for text in (request.path_info, *request.COOKIES.values())):
        return errors.bad_request(request)  # in cookies an octal escape stands for a NUL, in addresses %00 does
    return None


def query_of(request: HttpRequest) -> str:
    """What stands behind the question mark; a NUL where it is no UTF-8, which would make different ids the same."""
    try:
        return unquote_to_bytes(request.META.get("QUERY_STRING", "")).decode("utf-8")
    except UnicodeDecodeError:
        return NUL


def is_whole(request: HttpRequest) -> bool:
    """Whether every byte came that was announced: a form cut off in the middle would pass for a shorter answer."""
    try:
        return len(request.body) == body_size(request)
    except UnreadablePostError:
        return False


def body_size(request: HttpRequest) -> int:
    """How many bytes the request announces; gunicorn never reads more, and refuses a length that is no number."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    return int(length) if length.isascii() and length.isdigit() and len(length) < 16 else 2**62
