"""One line of the log and one count a request: which view, how it ended, how long it took. Nothing of who asked."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

import structlog
from django.core.signals import got_request_exception
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from studyapp.metrics import REQUEST_SECONDS, REQUESTS

log = structlog.get_logger("studyapp.request")

HEADER = "X-Request-Id"
QUIET = frozenset({"livez", "readyz", "metrics"})  # asked every few seconds by machines


class TelemetryMiddleware:
    """The outermost: it sees every reply as it leaves."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        number = secrets.token_hex(8)
        structlog.contextvars.bind_contextvars(request=number)
        try:
            response = self.get_response(request)
            _tell(request, response.status_code, time.perf_counter() - started)
        finally:
            structlog.contextvars.unbind_contextvars("request")
        response.headers[HEADER] = number
        return response


def _tell(request: HttpRequest, status: int, seconds: float) -> None:
    match = request.resolver_match
    view = (match.view_name if match else "") or "unresolved"
    REQUESTS.labels(view, f"{status // 100}xx").inc()
    REQUEST_SECONDS.labels(view).observe(seconds)
    if (view in QUIET or match is None) and status < 400:  # without a match: a static file
        return
    study = match.kwargs.get("public_id") if match else None
    facts = {"study": str(study)} if study else {}
    log.info("request", method=_method(request), view=view, status=status, ms=round(seconds * 1000, 1), **facts)


def _method(request: HttpRequest) -> str:
    """Only the known ones: a client may send any word."""
    known = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
    return request.method if request.method in known else "other"


def _tell_exception(sender: object, **kwargs: object) -> None:
    log.error("a page failed", exc_info=True)


got_request_exception.connect(_tell_exception, dispatch_uid="studyapp.telemetry")
