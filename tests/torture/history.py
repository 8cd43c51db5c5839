"""What people sent and what came of it: written down as it happens, by many threads, and kept when a storm fails."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

ACKNOWLEDGED = "acknowledged"  # the server said that it holds the answer
LOST = "lost"  # no reply: nobody knows whether it was stored
FAILED = "failed"  # a reply with a 5xx: the same
SUPERSEDED = "superseded"  # the screen had been answered before, in another tab
REFUSED = "refused"  # any other reply to an honest answer
ALTERED = "altered"  # another answer under a key that was acknowledged; `status` says what came of it
CODE = "code"  # the completion code was on a page
PAGE = "page"  # a test trial was on a page; `text` is what does not differ between two servings of it
ENDED = "ended"  # the person is through


@dataclass(frozen=True)
class Sent:
    """An answer as it left: its key, its screen, and what a row of it must hold."""

    key: str
    position: int
    attempt: int
    choice: tuple[tuple[str, str], ...]
    response_ms: int  # drawn at random, so that it tells one body from another


@dataclass(frozen=True)
class Event:
    """One line of the history."""

    at_s: float
    kind: str
    person: str
    study: str
    sent: Sent | None = None
    status: int = 0
    text: str = ""
    took_s: float = 0.0


@dataclass
class History:
    """Every event in the order in which it was noticed."""

    events: list[Event] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, kind: str, person: str, study: str, **what: object) -> None:
        with self._lock:
            self.events.append(Event(time.monotonic() - self._began, kind, person, study, **what))  # type: ignore[arg-type]

    def of(self, *kinds: str) -> Iterator[Event]:
        with self._lock:
            events = list(self.events)
        return (event for event in events if event.kind in kinds)

    def count(self, *kinds: str) -> int:
        return sum(1 for _ in self.of(*kinds))

    def save(self, path: Path) -> None:
        path.write_text("".join(json.dumps(asdict(event)) + "\n" for event in self.events))
