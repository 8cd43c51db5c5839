"""One line of the doctor's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Mark = Literal["ok", "note", "bad"]
SIGNS: dict[Mark, str] = {"ok": "✓", "note": "!", "bad": "✗"}


@dataclass(frozen=True)
class Finding:
    """What was found and, unless all is well, what to do."""

    name: str  # of the thing looked at, the same every time: "backup", "relay"
    mark: Mark
    sentence: str
    remedy: str = ""

    @property
    def is_bad(self) -> bool:
        return self.mark == "bad"

    def line(self) -> str:
        advice = f"\n    → {self.remedy}" if self.remedy else ""
        return f"{SIGNS[self.mark]} {self.sentence}{advice}"


def ok(name: str, sentence: str) -> Finding:
    return Finding(name, "ok", sentence)


def note(name: str, sentence: str, remedy: str) -> Finding:
    return Finding(name, "note", sentence, remedy)


def bad(name: str, sentence: str, remedy: str) -> Finding:
    return Finding(name, "bad", sentence, remedy)
