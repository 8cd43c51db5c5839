"""The mapping's JSON or TOML, looked up by path; what is wrong is collected, so that one round of mending is enough."""

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Final

KINDS: Final = {
    dict: "an object",
    list: "a list",
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
}


class Tree:
    """One value of the mapping, and where it stands.

    Parameters
    ----------
    value : object
        What JSON or TOML gave; None where there is nothing.
    path : str
        Such as ``trials[0].rt``.
    problems : list of str
        Shared by all parts of one mapping.
    """

    def __init__(self, value: object, path: str, problems: list[str]) -> None:
        self.value = value
        self.path = path
        self.problems = problems

    def __bool__(self) -> bool:
        return self.value is not None

    @property
    def is_object(self) -> bool:
        return isinstance(self.value, dict)

    def at(self, key: str) -> "Tree":
        """Return a part of an object; an absent one is false."""
        value = self.value.get(key) if isinstance(self.value, dict) else None
        return Tree(value, f"{self.path}.{key}" if self.path else key, self.problems)

    def names(self, known: Collection[str] = ()) -> list[str]:
        """Return the names in an object, of those that are known; without a list, any name is."""
        if self.value is None:
            return []
        if not isinstance(self.value, dict):
            self.complain("an object")
            return []
        names = [str(name) for name in self.value]
        for name in names:
            if known and name not in known:
                alike = get_close_matches(name, known, n=1)
                meant = f"do you mean {alike[0]}?" if alike else f"it may have {', '.join(known)}"
                self.problems.append(f"{self.at(name).path}: is not known here; {meant}")
        return [name for name in names if not known or name in known]

    def parts(self) -> "list[Tree]":
        """Return the parts of a list; nothing where there is no list."""
        if self.value is None:
            return []
        if not isinstance(self.value, list):
            self.complain("a list")
            return []
        return [Tree(value, f"{self.path}[{i}]", self.problems) for i, value in enumerate(self.value)]

    def text(self, default: str | None = None) -> str:
        """Return a text, or a number or truth as it is written."""
        if self.value is None and default is not None:
            return default
        if isinstance(self.value, str | int | float):
            return _written(self.value)
        self.complain("a text")
        return ""

    def choice(self, allowed: Collection[str], default: str | None = None) -> str:
        """Return one of some texts."""
        found = self.text(default)
        if found not in allowed and (self.value is None or isinstance(self.value, str)):
            self.complain(f"one of {', '.join(allowed)}")
        return found

    def texts(self) -> tuple[str, ...]:
        """Return one text or a list of them."""
        if isinstance(self.value, list):
            return tuple(part.text() for part in self.parts())
        return (self.text(),)

    def number(self) -> float:
        """Return a number."""
        if isinstance(self.value, int | float) and not isinstance(self.value, bool):
            return float(self.value)
        self.complain("a number")
        return 0.0

    def whole(self, default: int, low: int = 0) -> int:
        """Return a whole number from `low` on."""
        if self.value is None:
            return default
        if isinstance(self.value, int) and not isinstance(self.value, bool) and self.value >= low:
            return self.value
        self.complain(f"a whole number from {low} on")
        return default

    def flag(self, default: bool = False) -> bool:
        """Return true or false."""
        if isinstance(self.value, bool) or self.value is None:
            return default if self.value is None else self.value
        self.complain("true or false")
        return default

    def pairs(self) -> Mapping[str, str]:
        """Return an object of texts."""
        return {key: self.at(key).text() for key in self.names()}

    def complain(self, expected: str) -> None:
        """Note that something else was expected here."""
        kind = KINDS.get(type(self.value), "nothing")
        found = repr(self.value) if isinstance(self.value, str | int | float) else kind
        self.problems.append(f"{self.path or 'the whole'}: expected {expected}, found {found}")


def _written(value: str | int | float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
