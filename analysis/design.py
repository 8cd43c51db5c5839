"""The frozen design, as far as the analysis needs it: read from design.json, checked, everything else left alone."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Final, Literal, TypeVar

from analysis.adjustment import ADJUSTMENTS
from analysis.columns import STAGES
from analysis.errors import DesignError, InputError
from analysis.estimands import ESTIMANDS
from analysis.estimands.base import Trim
from analysis.inference.sequential.looks import LookPlan
from analysis.quality.base import PlannedRule
from analysis.quality.registry import problems_of

Role = Literal["control", "placebo", "explained"]
MissingRule = Literal["no_gain", "no_change", "chance", "available"]

ROLES: Final = ("control", "placebo", "explained")
MISSING_RULES: Final = tuple(dict.fromkeys(rule for estimand in ESTIMANDS.values() for rule in estimand.missing_rules))
MULTIPLICITIES: Final = tuple(ADJUSTMENTS)
METHODS: Final = ("permuted_blocks", "complete")

T = TypeVar("T", str, int, float)


@dataclass(frozen=True)
class Arm:
    """One arm: its key, its title for readers, its role, and its share in the allocation."""

    key: str
    title: str
    role: Role
    weight: int


@dataclass(frozen=True)
class Phase:
    """One phase of the study, in the order participants meet them."""

    key: str
    title: str
    kind: str


@dataclass(frozen=True)
class TrialBlock:
    """The trials of one block: its phase and key, how many everybody gets, and whether arms show an explanation."""

    phase: str
    block: str
    n_trials: int
    shows_explanation: bool


@dataclass(frozen=True)
class Plan:
    """The analysis plan, frozen with the design.

    Parameters
    ----------
    estimand : str
        Key in `ESTIMANDS`.
    pre, post : str
        Keys of the phases compared.
    control : str
        Key of the arm every explained arm is compared with.
    alpha : float
        Two-sided error rate; intervals have level 1 - alpha.
    multiplicity : {"holm"}
        How p-values of the primary family are adjusted.
    draws : int
        Re-draws of the allocation for the permutation test.
    bootstrap_draws : int
        Resamples of participants and items.
    missing : {"no_gain", "no_change", "chance", "available"}
        What is done with a participant who lacks the answers that the estimand is made of, by one of its
        `missing_rules`: with a gain of zero, with no change, as guessing, or left out.
    smallest_effect : float
        Smallest effect of interest, in the estimand's unit.
    seed : int
        Of every random draw.
    stages : tuple of str
        Which people are analysed.
    """

    estimand: str
    pre: str
    post: str
    control: str
    alpha: float
    multiplicity: str
    draws: int
    bootstrap_draws: int
    missing: MissingRule
    smallest_effect: float
    seed: int
    stages: tuple[str, ...]


@dataclass(frozen=True)
class Design:
    """A frozen design, with the SHA-256 of the text it was read from.

    `trim` is the rule for response times, under `plan.response_times`, and `looks` are the looks before the end, under
    `plan.looks`; None where the plan has none. `capacity` is how many people are planned. `blocks` are in the order
    people meet them; empty where the design does not say what its phases are made of.

    `allocation_method` is "complete" where nothing is known of an allocation but how many each arm has: all ways to
    give them out are then taken as equally likely. `assumptions` are the sentences of a study that was run elsewhere
    about what is taken for granted; None for a study of ours, whose design was frozen before anybody came.
    """

    title: str
    arms: tuple[Arm, ...]
    phases: tuple[Phase, ...]
    block_multiples: tuple[int, ...]
    plan: Plan
    rules: tuple[PlannedRule, ...]
    sha256: str
    trim: Trim | None = None
    looks: LookPlan | None = None
    capacity: int | None = None
    blocks: tuple[TrialBlock, ...] = ()
    allocation_method: str = "permuted_blocks"
    assumptions: tuple[str, ...] | None = None

    @property
    def is_imported(self) -> bool:
        """Whether the study was run elsewhere."""
        return self.assumptions is not None

    def arm(self, key: str) -> Arm:
        """Return the arm of this key.

        Raises
        ------
        KeyError
            When the design has no such arm.
        """
        found = next((arm for arm in self.arms if arm.key == key), None)
        if found is None:
            raise KeyError(key)
        return found

    def arms_with(self, role: Role) -> tuple[Arm, ...]:
        """Return the arms of one role, in the design's order."""
        return tuple(arm for arm in self.arms if arm.role == role)


def read_design(source: Path | str) -> Design:
    """Read a design.json.

    Parameters
    ----------
    source : Path or str
        A path, or the JSON itself (a string that opens with a brace).

    Returns
    -------
    Design

    Raises
    ------
    DesignError
        Listing every path that is absent, of the wrong kind or out of bounds.
    """
    is_text = isinstance(source, str) and source.lstrip().startswith("{")
    raw = str(source).encode() if is_text else Path(source).read_bytes()
    try:
        tree = json.loads(raw)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DesignError("design.json", [f"expected JSON in UTF-8, found none: {error}"]) from error
    reader = _Reader(tree)
    design = _design(reader, hashlib.sha256(raw).hexdigest())
    problems = reader.problems or _contradictions(design)
    if problems:
        raise DesignError("design.json", problems)
    return design


class _Reader:
    """Looks values up by path and remembers what was wrong, so that all problems are told at once."""

    def __init__(self, tree: object) -> None:
        self._tree = tree
        self.problems: list[str] = []

    def look_up(self, path: str) -> object:
        value = self._tree
        for step in re.findall(r"\w+", path):
            if isinstance(value, dict):
                value = value.get(step)
            elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
                value = value[int(step)]
            else:
                return None
        return value

    def one(self, path: str, kind: type[T]) -> T:
        value = self.look_up(path)
        # JSON writes the number one as 1 where a fraction is meant; a bool is an int to Python and never meant here.
        accepted = (int, float) if kind is float else (kind,)
        if isinstance(value, accepted) and not isinstance(value, bool):
            return kind(value)
        self.problems.append(f"{path}: expected {_name(kind)}, found {_shown(value)}")
        return kind()

    def optional(self, path: str, default: float) -> float:
        return default if self.look_up(path) is None else self.one(path, float)

    def whole(self, path: str, low: int) -> int:
        value = self.one(path, int)
        if value < low and isinstance(self.look_up(path), int):
            self.problems.append(f"{path}: {value} is below {low}")
        return value

    def fraction(self, path: str, high: float = 1) -> float:
        value = self.one(path, float)
        if not 0 < value < high and self.look_up(path) is not None:
            expected = "above 0" if high == inf else f"between 0 and {high:g}"
            self.problems.append(f"{path}: expected a number {expected}, found {_shown(self.look_up(path))}")
        return value

    def choice(self, path: str, allowed: tuple[str, ...]) -> str:
        value = self.one(path, str)
        if value not in allowed and isinstance(self.look_up(path), str):
            self.problems.append(f"{path}: expected one of {', '.join(allowed)}, found {value!r}")
        return value

    def some(self, path: str) -> range:
        """Return the indices of a list that may be left out."""
        value = self.look_up(path)
        return range(len(value)) if isinstance(value, list) else range(0)

    def indices(self, path: str) -> range:
        value = self.look_up(path)
        if isinstance(value, list) and value:
            return range(len(value))
        self.problems.append(f"{path}: expected a list that is not empty, found {_shown(value)}")
        return range(0)


def _name(kind: type) -> str:
    return {str: "a text", int: "a whole number", float: "a number"}[kind]


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return repr(value)
    return json.dumps(value) if isinstance(value, int | float) else f"a {type(value).__name__}"


def _design(reader: _Reader, sha256: str) -> Design:
    method = reader.choice("allocation.method", METHODS)
    multiples = "allocation.block_multiples"
    return Design(
        title=reader.one("title", str),
        arms=tuple(_arm(reader, f"arms[{i}]") for i in reader.indices("arms")),
        phases=tuple(
            Phase(*(reader.one(f"phases[{i}].{part}", str) for part in ("key", "title", "kind")))
            for i in reader.indices("phases")
        ),
        block_multiples=tuple(
            reader.whole(f"{multiples}[{i}]", 1)
            for i in (reader.some(multiples) if method == "complete" else reader.indices(multiples))
        ),
        plan=_plan(reader),
        rules=tuple(_rules(reader)),
        sha256=sha256,
        trim=_trim(reader),
        looks=_looks(reader),
        capacity=_capacity(reader),
        blocks=tuple(_blocks(reader)),
        allocation_method=method,
        assumptions=_assumptions(reader),
    )


def _assumptions(reader: _Reader) -> tuple[str, ...] | None:
    if reader.look_up("imported") is None:
        return None
    path = "imported.assumptions"
    return tuple(reader.one(f"{path}[{i}]", str) for i in reader.indices(path))


def _arm(reader: _Reader, path: str) -> Arm:
    role: Role = reader.choice(f"{path}.role", ROLES)  # type: ignore[assignment]  # choice() has just checked it
    return Arm(
        reader.one(f"{path}.key", str), reader.one(f"{path}.title", str), role, reader.whole(f"{path}.weight", 1)
    )


def _blocks(reader: _Reader) -> Iterator[TrialBlock]:
    """Read what the phases are made of; a design written by hand need not say."""
    sizes = {
        reader.one(f"item_sets[{i}].key", str): reader.whole(f"item_sets[{i}].n_items", 1)
        for i in reader.some("item_sets")
    }
    for p in reader.some("phases"):
        for b in reader.some(f"phases[{p}].blocks"):
            path = f"phases[{p}].blocks[{b}]"
            phase, item_set = reader.look_up(f"phases[{p}].key"), reader.choice(f"{path}.item_set", tuple(sizes))
            shows = reader.look_up(f"{path}.explanation") is True
            yield TrialBlock(str(phase), reader.one(f"{path}.key", str), sizes.get(item_set, 0), shows)


def _plan(reader: _Reader) -> Plan:
    estimand = reader.choice("plan.estimand", tuple(ESTIMANDS))
    known = ESTIMANDS.get(estimand)
    rules = tuple(known.missing_rules) if known else MISSING_RULES
    missing: MissingRule = reader.choice("plan.missing", rules)  # type: ignore[assignment]  # as above
    return Plan(
        estimand=estimand,
        pre=reader.one("plan.pre", str),
        post=reader.one("plan.post", str),
        control=reader.one("plan.control", str),
        alpha=reader.fraction("plan.alpha"),
        multiplicity=reader.choice("plan.multiplicity", MULTIPLICITIES),
        draws=reader.whole("plan.draws", 1),
        bootstrap_draws=reader.whole("plan.bootstrap_draws", 1),
        missing=missing,
        smallest_effect=reader.fraction("plan.smallest_effect", known.effects_below if known else inf),
        seed=reader.whole("plan.seed", 0),
        stages=tuple(reader.choice(f"plan.stages[{i}]", STAGES) for i in reader.indices("plan.stages")),
    )


def _trim(reader: _Reader) -> Trim | None:
    """Read which response times are left out; most plans leave none out, and say nothing of it."""
    path = "plan.response_times"
    if reader.look_up(path) is None:
        return None
    trim = Trim(reader.optional(f"{path}.low_ms", 0.0), reader.optional(f"{path}.high_ms", inf))
    if trim == Trim() or not 0 <= trim.low_ms < trim.high_ms:
        given = (_shown(reader.look_up(f"{path}.{part}")) for part in ("low_ms", "high_ms"))
        reader.problems.append(
            f"{path}: expected low_ms, 0 or more, and high_ms above it, or one of them, found {' and '.join(given)}"
        )
    return trim


def _looks(reader: _Reader) -> LookPlan | None:
    """Read the looks before the end; the alpha they share is the plan's."""
    path = "plan.looks"
    if reader.look_up(path) is None:
        return None
    times = tuple(reader.one(f"{path}.times[{i}]", float) for i in reader.indices(f"{path}.times"))
    if not times:
        return None
    own = LookPlan(times)
    looks = LookPlan(
        times=times,
        alpha=reader.one("plan.alpha", float),
        spending=reader.one(f"{path}.spending", str),
        gamma=reader.optional(f"{path}.gamma", own.gamma),
        tolerance=reader.optional(f"{path}.tolerance", own.tolerance),
    )
    try:
        looks.checked()
    except InputError as error:
        reader.problems += [f"{path}: {problem}" for problem in error.problems]
    return looks


def _capacity(reader: _Reader) -> int | None:
    """Read how many people are planned, which looks need: their times are shares of it."""
    path = "allocation.capacity"
    has_looks = reader.look_up("plan.looks") is not None
    return reader.whole(path, 2) if has_looks or reader.look_up(path) is not None else None


def _rules(reader: _Reader) -> Iterator[PlannedRule]:
    """Read the rules of data quality; designs frozen before there were any have none."""
    planned = reader.look_up("quality.rules")
    for i in range(len(planned)) if isinstance(planned, list) else ():
        path = f"quality.rules[{i}]"
        name, params = reader.one(f"{path}.rule", str), reader.look_up(f"{path}.params") or {}
        if not isinstance(params, dict):
            reader.problems.append(f"{path}.params: expected an object, found {_shown(params)}")
            continue
        wrong = problems_of(name, params) if name else []
        reader.problems += [f"{path}.params.{part}: {text}" if part else f"{path}.rule: {text}" for part, text in wrong]
        if name and not wrong:
            yield PlannedRule(name, {key: float(value) for key, value in params.items()})


def _contradictions(design: Design) -> list[str]:
    """Say what is well formed but cannot be meant."""
    arms = [arm.key for arm in design.arms]
    phases = [phase.key for phase in design.phases]
    plan = design.plan
    found = [f"arms: the key {key!r} is used twice" for key in sorted({key for key in arms if arms.count(key) > 1})]
    found += [f"plan.{name}: {key!r} is not a phase of this design ({', '.join(phases)})"
              for name, key in (("pre", plan.pre), ("post", plan.post)) if key not in phases]  # fmt: skip
    if plan.pre == plan.post:
        found.append(f"plan.post: expected another phase than plan.pre, found {plan.post!r} in both")
    if plan.control not in arms:
        found.append(f"plan.control: {plan.control!r} is not an arm of this design ({', '.join(arms)})")
    elif design.arm(plan.control).role == "explained":
        found.append(f"plan.control: the arm {plan.control!r} shows explanations; choose one that does not")
    if not design.arms_with("explained"):
        found.append("arms: expected at least one with the role 'explained', found none")
    return found
