"""What the processes say of themselves: one line an event, and nothing in it of any person.

Our own events name things by view, status and number. What libraries say is not trusted: they interpolate addresses,
bodies and values. So of a foreign record the template stays, with its numbers and the types of its errors; texts that
were put into it become "…". Of an exception its type and where it happened stay, not its message, which may quote an
answer. Django's own lines about requests are left out, since they name addresses; `request` (views/telemetry.py) is
logged for every one.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from types import TracebackType
from typing import Any

import structlog

OURS = ("studyapp", "explainers", "analysis", "py.warnings")
SAID_BETTER = ("django.request", "django.security", "django.server", "gunicorn.access")
HIDDEN = "…"
FOREIGN = f"{os.sep}site-packages{os.sep}"
FRAMES = 10
NOISY = {"celery.worker.strategy": "WARNING", "celery.app.trace": "WARNING", "celery.beat": "WARNING"}

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
SCRUBBED = re.compile(
    rf"(?P<kept>\b{UUID}\b)"  # a study's public id or a job's id
    r"|\?[^\s\"'>)]+"  # what follows the question mark of an address
    r"|[^\s\"'<>(,;]+@[^\s\"'<>),;]+"  # an e-mail address, or a password before a host
    r"|\b\d{1,3}(?:\.\d{1,3}){3}\b"  # internet addresses
    r"|(?<![\w:])(?=[0-9a-f:]*(?:::|(?:[0-9a-f]+:){4}))[0-9a-f:]{3,}(?![\w:])"
    r"|(?<![\w.])[A-Za-z0-9_=+-]{20,}(?![\w.(])",  # a token, a key, something sealed
)

Event = MutableMapping[str, Any]
ExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]


def scrub(text: str) -> str:
    """A text without what could name a person or open a door."""
    return SCRUBBED.sub(lambda found: found["kept"] or HIDDEN, text)


class Reduce(logging.Filter):
    """Takes out of a record, before any handler formats it, what is not ours to write down."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith(SAID_BETTER):
            return False
        if not record.name.startswith(OURS) and not hasattr(record, "is_reduced"):
            record.args = _reduced(record.args)  # type: ignore[assignment]
            record.is_reduced = True  # another handler may get the same record
        return True


def _reduced(args: object) -> object:
    if isinstance(args, Mapping):
        return {key: _plain(value) for key, value in args.items()}
    return tuple(_plain(value) for value in args) if isinstance(args, tuple) else args


def _plain(value: object) -> object:
    if isinstance(value, BaseException):
        return type(value).__name__
    return value if isinstance(value, int | float) else HIDDEN


def scrub_event(logger: object, name: str, event: Event) -> Event:
    """Every text of an event, whoever made it."""
    for key, value in event.items():
        if isinstance(value, str) and key not in {"timestamp", "logger", "level", "where"}:
            event[key] = scrub(value)
    return event


def tell_exception(logger: object, name: str, event: Event) -> Event:
    """Type and place of an exception and of what caused it, without their messages."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    if isinstance(info, BaseException):
        info = (type(info), info, info.__traceback__)
    if info and info[1] is not None:
        event["exception"], event["where"] = " from ".join(_types(info[1])), _frames(info[1])
    event.pop("stack_info", None)
    return event


def _types(error: BaseException | None) -> list[str]:
    found: list[str] = []
    while error is not None and len(found) < 5:
        code = getattr(error, "pgcode", None)
        found.append(type(error).__qualname__ + (f" ({code})" if code else ""))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return found


def _frames(error: BaseException) -> list[str]:
    """Our own frames, and the last one whosesoever it is."""
    frames = traceback.extract_tb(error.__traceback__)
    told = [frame for frame in frames[:-1] if FOREIGN not in frame.filename][-FRAMES:] + list(frames[-1:])
    return [f"{frame.filename.rpartition(FOREIGN)[2]}:{frame.lineno} {frame.name}" for frame in told]


SHARED = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    tell_exception,
    scrub_event,
)


def config(level: str, style: str) -> dict[str, Any]:
    """Python's logging, as settings, gunicorn and Celery all take it; `style` is "json" or "plain"."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"reduce": {"()": "studyapp.logs.Reduce"}},
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": SHARED,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer(style)],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["reduce"]}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "gunicorn.error": {"level": level, "handlers": [], "propagate": True},
            # Django gives these handlers of its own, one of which mails the whole request to the administrators.
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            "django.server": {"handlers": [], "level": "INFO", "propagate": True},
            **{name: {"level": least} for name, least in NOISY.items()},
        },
    }


def _renderer(style: str) -> structlog.typing.Processor:
    if style == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0, pad_level=False)


def from_environment() -> dict[str, Any]:
    """FORETELL_LOG_LEVEL, and FORETELL_LOG_STYLE: by default lines on a terminal, else JSON for machines to read."""
    style = os.environ.get("FORETELL_LOG_STYLE", "").strip() or ("plain" if sys.stderr.isatty() else "json")
    if style not in {"json", "plain"}:
        raise ValueError(f"FORETELL_LOG_STYLE: {style!r} is neither json nor plain")
    return config(os.environ.get("FORETELL_LOG_LEVEL", "").strip().upper() or "INFO", style)


structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        *SHARED,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)
