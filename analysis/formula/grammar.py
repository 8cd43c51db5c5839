"""The notation of lme4 (Bates, Mächler, Bolker & Walker 2015, Journal of Statistical Software 67(1), section 2.1).

A formula is read into terms; what a term becomes as columns is in `analysis.formula.columns`. Read are `+`, `-1`, `0`,
`:`, `*`, brackets, `factor(x)`, `cbind(successes, failures)`, `(1 + x | group)` and `(1 + x || group)`.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from analysis.errors import InputError

# A term is the variables that are multiplied in it; the empty one is the intercept.
Term = tuple[str, ...]

INTERCEPT: Final[Term] = ()
TOKEN: Final = re.compile(r"\s*(?:(?P<name>[A-Za-z_.][\w.]*|`[^`]+`)|(?P<number>\d+)|(?P<sign>\|\||[-+*:|~(),]))")
FACTORS: Final = ("factor", "as.factor", "C")
HELP: Final = "write it as in lme4: y ~ post*arm + (1|pid) + (1|item)"


@dataclass(frozen=True)
class Random:
    """Effects that differ between the levels of a group.

    Parameters
    ----------
    terms : tuple of Term
        With the empty one for an intercept.
    group : str
    is_correlated : bool
        Written with `|`; with `||` every effect is independent of the others.
    """

    terms: tuple[Term, ...]
    group: str
    is_correlated: bool


@dataclass(frozen=True)
class Formula:
    """What a formula says.

    Parameters
    ----------
    text : str
        As written.
    response : str
        The answers; of `cbind(a, b)` the successes a.
    failures : str or None
        The b of `cbind(a, b)`.
    trials : str or None
        The n of `cbind(a, n - a)`.
    fixed : tuple of Term
        Lower orders first, as R has them; the intercept is the empty one.
    random : tuple of Random
    factors : frozenset of str
        Variables written as `factor(x)`.
    """

    text: str
    response: str
    failures: str | None
    trials: str | None
    fixed: tuple[Term, ...]
    random: tuple[Random, ...]
    factors: frozenset[str]

    @property
    def variables(self) -> tuple[str, ...]:
        """Every column that the formula names, each once."""
        counts = [name for name in (self.failures, self.trials) if name is not None]
        effects = [name for part in self.random for term in part.terms for name in term]
        groups = [part.group for part in self.random]
        return tuple(dict.fromkeys([self.response, *counts, *_names(self.fixed), *effects, *groups]))


def read_formula(text: str) -> Formula:
    """Read a formula.

    Raises
    ------
    InputError
        With the place where it cannot be read, or what it may not contain.
    """
    return _Parser(text).formula()


def _names(terms: Iterable[Term]) -> list[str]:
    return [name for term in terms for name in term]


@dataclass(frozen=True)
class _Sum:
    """Terms of a sum, and those taken away from it, in the order of writing."""

    terms: tuple[Term, ...] = ()
    without: tuple[Term, ...] = ()

    def plus(self, other: "_Sum") -> "_Sum":
        return _Sum((*self.terms, *other.terms), (*self.without, *other.without))


class _Parser:
    """A formula, token by token; each method reads one kind of phrase."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = self._split(text)
        self.at = 0
        self.factors: set[str] = set()
        self.random: list[Random] = []

    def formula(self) -> Formula:
        response, failures, trials = self._response()
        self._expect("~")
        fixed = self._sum(may_be_random=True)
        if self._next():
            raise self._error(f"{self._next()!r} does not fit here")
        order = list(dict.fromkeys(_names(fixed.terms)))
        terms = _in_order([INTERCEPT, *fixed.terms], fixed.without, order)
        return Formula(
            self.text.strip(), response, failures, trials, terms, tuple(self.random), frozenset(self.factors)
        )

    # --- tokens ---------------------------------------------------------------------------------------------------

    def _split(self, text: str) -> list[str]:
        found, at = [], 0
        while text[at:].strip():
            match = TOKEN.match(text, at)
            if match is None:
                raise InputError("the formula", [f"{text[at:].strip()[0]!r} in {text!r} is not known; {HELP}"])
            found.append(match[0].strip())
            at = match.end()
        return found

    def _next(self, ahead: int = 0) -> str:
        place = self.at + ahead
        return self.tokens[place] if place < len(self.tokens) else ""

    def _take(self) -> str:
        token = self._next()
        self.at += 1
        return token

    def _expect(self, token: str) -> None:
        if self._next() != token:
            came = repr(self._next()) if self._next() else "the end"
            raise self._error(f"{token!r} was expected, {came} came")
        self._take()

    def _error(self, problem: str) -> InputError:
        before = " ".join(self.tokens[: self.at])
        return InputError("the formula", [f"after {before!r}: {problem}; {HELP}" if before else f"{problem}; {HELP}"])

    def _name(self) -> str:
        token = self._take()
        if not token or not (token[0].isalpha() or token[0] in "_.`"):
            self.at -= 1
            came = repr(token) if token else "the end"
            raise self._error(f"the name of a column was expected, {came} came")
        return token.strip("`")

    # --- phrases --------------------------------------------------------------------------------------------------

    def _response(self) -> tuple[str, str | None, str | None]:
        if self._next() == "log" and self._next(1) == "(":
            raise self._error("the family lognormal takes the logarithm itself; write the column without log()")
        if self._next() != "cbind":
            return self._name(), None, None
        self._take()
        self._expect("(")
        successes = self._name()
        self._expect(",")
        second = self._name()
        if self._next() == "-":
            self._take()
            if self._name() != successes:
                raise self._error(f"cbind({successes}, {second} - {successes}) was expected")
            self._expect(")")
            return successes, None, second
        self._expect(")")
        return successes, second, None

    def _sum(self, *, may_be_random: bool = False) -> _Sum:
        found = self._signed(may_be_random)
        while self._next() in {"+", "-"}:
            found = found.plus(self._signed(may_be_random))
        return found

    def _signed(self, may_be_random: bool) -> _Sum:
        sign = self._take() if self._next() in {"+", "-"} else "+"
        if may_be_random and self._is_random():
            if sign == "-":
                raise self._error("random effects cannot be taken away; leave them out")
            self.random.append(self._group())
            return _Sum()
        if self._next() == "0":
            self._take()
            return _Sum((), (INTERCEPT,)) if sign == "+" else _Sum((INTERCEPT,), ())
        terms = self._product().terms
        return _Sum(terms, ()) if sign == "+" else _Sum((), terms)

    def _is_random(self) -> bool:
        """Whether the bracket that opens here holds a bar."""
        if self._next() != "(":
            return False
        depth = 0
        for sign in self.tokens[self.at :]:
            depth += (sign == "(") - (sign == ")")
            if sign in {"|", "||"} and depth == 1:
                return True
            if depth == 0:
                return False
        return False

    def _group(self) -> Random:
        self._expect("(")
        effects = self._sum()
        is_correlated = self._take() == "|"
        group = self._name()
        if self._next() in {":", "/"}:
            raise self._error("a group is one column; make one that names each level of the combination")
        self._expect(")")
        order = list(dict.fromkeys(_names(effects.terms)))
        return Random(_in_order([INTERCEPT, *effects.terms], effects.without, order), group, is_correlated)

    def _product(self) -> _Sum:
        found = self._interaction()
        while self._next() == "*":
            self._take()
            other = self._interaction()
            found = found.plus(other).plus(_Sum(_crossed(found.terms, other.terms)))
        return found

    def _interaction(self) -> _Sum:
        found = self._operand()
        while self._next() == ":":
            self._take()
            found = _Sum(_crossed(found.terms, self._operand().terms))
        return found

    def _operand(self) -> _Sum:
        if self._next() == "(":
            self._take()
            inner = self._sum()
            self._expect(")")
            if inner.without:
                raise self._error("nothing can be taken away within a bracket")
            return inner
        if self._next() == "1":
            self._take()
            return _Sum((INTERCEPT,))
        return _Sum(((self._variable(),),))

    def _variable(self) -> str:
        name = self._name()
        if self._next() != "(":
            return name
        if name not in FACTORS:
            raise self._error(f"{name}() is not known; compute the column beforehand, or write factor(x)")
        self._take()
        inner = self._name()
        self._expect(")")
        self.factors.add(inner)
        return inner


def _crossed(first: Sequence[Term], second: Sequence[Term]) -> tuple[Term, ...]:
    return tuple(tuple(dict.fromkeys((*a, *b))) for a in first for b in second)


def _in_order(terms: Sequence[Term], without: Sequence[Term], order: Sequence[str]) -> tuple[Term, ...]:
    """Each term once, variables in the order of their first mention, lower orders first."""
    gone = {frozenset(term) for term in without}
    sets = dict.fromkeys(frozenset(term) for term in terms)
    kept = [tuple(sorted(term, key=order.index)) for term in sets if term not in gone]
    return tuple(sorted(kept, key=len))
