"""What is planned, and what is assumed about people and items."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from math import ceil
from typing import Final, Literal, Self

from analysis.errors import InputError
from analysis.inference.sequential.looks import LookPlan
from analysis.power.decide import MULTIPLICITIES, Multiplicity

Test = Literal["mixed", "welch"]
LARGEST: Final = 100_000


@dataclass(frozen=True)
class Scenario:
    """A study that might be run. Everybody answers the same test items before and after learning.

    Parameters
    ----------
    n_people : int
        Allocated, over all arms.
    effects : tuple of float
        Gain of each explained arm beyond the control arm's: a difference of proportions correct over all people and
        items (the marginal risk difference).
    n_items : int
        Test items.
    accuracy : float
        Proportion correct before learning.
    practice : float
        The control arm's own gain.
    weights : tuple of int
        Of control and explained arms in a permuted block; all 1 when left out.
    sd_participants, sd_items : float
        Standard deviations between people and between items, on the logit scale. 0.76 each is what the simulated
        reference studies have; a pilot of your own is better.
    sd_gain : float
        Standard deviation between people of what they gain, on the logit scale.
    drop_out : float
        Share of those allocated who leave before the items after learning.
    block_multiples : tuple of int
        Sizes of the permuted blocks, in units of the smallest.
    """

    n_people: int
    effects: tuple[float, ...]
    n_items: int = 16
    accuracy: float = 0.6
    practice: float = 0.0
    weights: tuple[int, ...] = ()
    sd_participants: float = 0.76
    sd_items: float = 0.76
    sd_gain: float = 0.0
    drop_out: float = 0.0
    block_multiples: tuple[int, ...] = (1, 2)

    def __post_init__(self) -> None:
        if not self.weights:
            object.__setattr__(self, "weights", (1,) * (len(self.effects) + 1))
        problems = [message for is_wrong, message in self._rules() if is_wrong]
        if problems:
            raise InputError("the power scenario", problems)

    def _rules(self) -> list[tuple[bool, str]]:
        ends = [self.accuracy + self.practice + effect for effect in (0.0, *self.effects)]
        spreads = (self.sd_participants, self.sd_items, self.sd_gain)
        return [
            (not self.effects, "effects: at least one explained arm was expected, none came"),
            (
                len(self.weights) != len(self.effects) + 1,
                f"weights: one for the control arm and each of {len(self.effects)} others was expected,"
                f" {len(self.weights)} came",
            ),
            (min(self.weights) < 1, f"weights: whole numbers from 1 were expected, {self.weights} came"),
            (
                not 2 * len(self.weights) <= self.n_people <= LARGEST,
                f"n_people: two an arm to {LARGEST:,} were expected, {self.n_people} came",
            ),
            (not 2 <= self.n_items <= 1_000, f"n_items: 2 to 1,000 were expected, {self.n_items} came"),
            (
                not all(0.01 < end < 0.99 for end in (self.accuracy, *ends)),
                f"accuracy: proportions between 0.01 and 0.99 before and after were expected, {self.accuracy} before"
                f" and {ends} after came",
            ),
            (not all(0 <= sd <= 5 for sd in spreads), f"sd: 0 to 5 on the logit scale was expected, {spreads} came"),
            (not 0 <= self.drop_out < 0.9, f"drop_out: a share from 0 to 0.9 was expected, {self.drop_out} came"),
            (
                not self.block_multiples or min(self.block_multiples) < 1,
                f"block_multiples: whole numbers from 1 were expected, {self.block_multiples} came",
            ),
        ]

    def with_effect(self, effect: float) -> Self:
        """Return the scenario with the same effect in every explained arm."""
        return replace(self, effects=(effect,) * len(self.effects))


@dataclass(frozen=True)
class PowerPlan:
    """A scenario, the analysis that is planned for it, and how often it is simulated.

    Parameters
    ----------
    scenario : Scenario
    test : {"mixed", "welch"}
        The constrained-baseline mixed model (post + post:arm), or the t test of participants' gains in which people
        without an answer after learning count as having gained nothing.
    alpha : float
        Two-sided, over the family of explained arms.
    n_studies : int
    seed : int
        Study number n is the same whatever the number of studies and of processes.
    multiplicity : {"holm", "hochberg", "westfall_young", "dunnett", "benjamini_hochberg"}
        How the tests of several arms are adjusted; see `analysis.power.decide`.
    looks : tuple of float
        Times of planned looks as shares of the people, the last 1; empty for a study that is tested once. A study ends
        at the look that has left no arm undecided.
    spending : {"obrien_fleming", "pocock", "hwang_shih_decani"}
        How looks share alpha.
    """

    scenario: Scenario
    test: Test = "mixed"
    alpha: float = 0.05
    n_studies: int = 1_000
    seed: int = 1
    multiplicity: Multiplicity = "holm"
    looks: tuple[float, ...] = ()
    spending: str = "obrien_fleming"

    def __post_init__(self) -> None:
        problems = list(self._look_problems())
        if self.test not in {"mixed", "welch"}:
            problems.append(f'test: "mixed" or "welch" was expected, {self.test!r} came')
        if self.multiplicity not in MULTIPLICITIES:
            known = ", ".join(MULTIPLICITIES)
            problems.append(f"multiplicity: one of {known} was expected, {self.multiplicity!r} came")
        if not 0 < self.alpha < 0.5:
            problems.append(f"alpha: a level between 0 and 0.5 was expected, {self.alpha} came")
        if not 10 <= self.n_studies <= LARGEST:
            problems.append(f"n_studies: 10 to {LARGEST:,} were expected, {self.n_studies} came")
        if problems:
            raise InputError("the power plan", problems)

    def _look_problems(self) -> Iterator[str]:
        if not self.looks:
            return
        try:
            LookPlan(self.looks, self.alpha, spending=self.spending).checked()
        except InputError as error:
            yield from error.problems
        if self.multiplicity != "holm" and len(self.scenario.effects) > 1:
            yield f"multiplicity: looks share alpha by Holm's steps, {self.multiplicity!r} came"
        first = self.looks[0] * self.scenario.n_people
        if first < 2 * len(self.scenario.weights):
            yield f"looks: two people an arm were expected at the first, {first:.0f} in all are"

    @property
    def sizes(self) -> tuple[int, ...]:
        """Return how many people are counted at each look, the end among them."""
        n = self.scenario.n_people
        return tuple(ceil(time * n - 1e-9) for time in self.looks) or (n,)

    def key(self) -> str:
        """Return a name for what this plan computes: equal plans have equal results."""
        told = asdict(self)
        if not self.looks:  # as before there were any
            del told["looks"], told["spending"]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


OWN: Final = ("test", "alpha", "n_studies", "seed", "multiplicity", "looks", "spending")


def _lists(tree: Mapping[str, object]) -> dict[str, object]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in tree.items()}


def read_plan(tree: Mapping[str, object]) -> PowerPlan:
    """Read a plan from JSON data: the fields of `Scenario` and of `PowerPlan` side by side.

    Raises
    ------
    InputError
        With every field that is unknown, missing, or not of its kind.
    """
    own = {name: tree[name] for name in OWN if name in tree}
    rest = {name: value for name, value in tree.items() if name not in own}
    try:
        return PowerPlan(Scenario(**_lists(rest)), **_lists(own))  # type: ignore[arg-type] # checked by what they build
    except TypeError as error:
        raise InputError("the power plan", [str(error).replace("Scenario.__init__() ", "")]) from error
