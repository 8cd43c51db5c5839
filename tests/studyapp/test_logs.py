"""What is taken out of a line before it is written."""

from __future__ import annotations

import io
import json
import logging
import logging.config

import pytest
import structlog

from studyapp import logs


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("GET /run/?PROLIFIC_PID=5f2", "GET /run/…"),
        ("mail to ada.lovelace@example.org failed", "mail to … failed"),
        ("from 203.0.113.77 and 2001:db8::7", "from … and …"),
        ("Not Found: /join/Zk3vXqL0aB7cD9eF1gH2iw/", "Not Found: /join/…/"),
        ("study 2ef8b6b0-e683-4f96-a8f8-a30d4030c257 opened", "study 2ef8b6b0-e683-4f96-a8f8-a30d4030c257 opened"),
        ("sealed gAAAAABl1Zk3vXqL0aB7cD9eF1gH2iw== away", "sealed … away"),
        ("redis://:secret@valkey:6379/0", "…"),
        ("the explanations of 12 items are ready", "the explanations of 12 items are ready"),
        ("12:30:45 the backup began", "12:30:45 the backup began"),
    ],
)
def test_a_text_is_scrubbed_of_what_names_or_opens(said, kept):
    assert logs.scrub(said) == kept


@pytest.fixture
def written(monkeypatch) -> io.StringIO:
    """A stream that the process's logging writes to, as JSON."""
    out = io.StringIO()
    handler_config = logs.config("INFO", "json")
    handler = logging.StreamHandler(out)
    formatter = handler_config["formatters"]["line"]
    handler.setFormatter(formatter["()"](**{key: value for key, value in formatter.items() if key != "()"}))
    handler.addFilter(logs.Reduce())
    logging.getLogger().addHandler(handler)
    yield out
    logging.getLogger().removeHandler(handler)


def line_of(written: io.StringIO) -> dict[str, object]:
    (line,) = written.getvalue().splitlines()
    return json.loads(line)


def test_what_a_library_interpolates_is_not_written(written):
    logging.getLogger("kombu.worker").warning(
        "Refused %r of %s after %d tries: %s", {"pid": "ada"}, "ada", 3, OSError("ada")
    )
    assert line_of(written)["event"] == "Refused '…' of … after 3 tries: OSError"


def test_our_own_events_keep_their_facts(written):
    structlog.get_logger("studyapp.request").warning("request", view="join", status=404, ms=1.5)
    line = line_of(written)
    assert (line["event"], line["view"], line["status"], line["ms"]) == ("request", "join", 404, 1.5)


def test_an_exception_is_told_by_type_and_place_without_its_message(written):
    try:
        try:
            int("what a participant wrote")
        except ValueError as error:
            raise KeyError("ada") from error
    except KeyError:
        logging.getLogger("studyapp.jobs").exception("job %s failed", 7)
    line = line_of(written)
    assert line["exception"] == "KeyError from ValueError"
    assert any("test_logs.py" in frame for frame in line["where"])
    assert "wrote" not in written.getvalue()
    assert "ada" not in written.getvalue()


@pytest.mark.parametrize("name", ["django.request", "django.security.csrf", "gunicorn.access"])
def test_lines_that_name_addresses_are_left_out(written, name):
    logging.getLogger(name).warning("Forbidden: %s", "/join/token/")
    assert written.getvalue() == ""
