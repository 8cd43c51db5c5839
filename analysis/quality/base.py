"""The seam: what a rule of data quality sees of a participant, and what it says of itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from analysis.types import FloatArray, TextArray


@dataclass(frozen=True)
class Person:
    """What one participant's rows say, in the order of the screens. Nothing of the arm is in it, so no rule can use it.

    Parameters
    ----------
    is_simulated : bool
        Whether the participant was invented; such people answer at once, whatever time they claim.
    phases, items, responses : object arrays, shape (n_answers,)
        Of the trials in which they predicted the model.
    rt : float array, shape (n_answers,)
        Milliseconds by the browser; NaN if not known.
    server_ms : float array, shape (n_answers,)
        Milliseconds from the page sent to the answer received; NaN if not known.
    ratings : float array, shape (n_ratings,)
    focus_lost, pastes : int
        Times, over all screens.
    check_attempts : int
        Attempts at the comprehension check; 0 where there was none.
    arrival : {"signed", "single_use", "unverified", ""}
    seen_before : int
        Studies of the lab entered before; 0 if not known.
    shares_browser : bool
    """

    is_simulated: bool
    phases: TextArray
    items: TextArray
    responses: TextArray
    rt: FloatArray
    server_ms: FloatArray
    ratings: FloatArray
    focus_lost: int
    pastes: int
    check_attempts: int
    arrival: str
    seen_before: int
    shares_browser: bool


@dataclass(frozen=True)
class Parameter:
    """A number that a rule is set by: its default, its bounds (both allowed) and what it is."""

    default: float
    low: float
    high: float
    title: str
    is_whole: bool = False

    def accepts(self, value: object) -> bool:
        """Whether a value from a design is such a number."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return self.low <= value <= self.high and (not self.is_whole or float(value).is_integer())


@dataclass(frozen=True)
class Rule:
    """A registry entry.

    Parameters
    ----------
    title : str
        As readers see it.
    meaning : str
        Who is flagged, with the parameters in braces: "{share:.0%} of the answers or more …".
    flags : callable
        ``flags(person, params)``: whether the rule flags a person.
    params : mapping of str to Parameter
    """

    title: str
    meaning: str
    flags: Callable[[Person, Mapping[str, float]], bool]
    params: Mapping[str, Parameter]


@dataclass(frozen=True)
class PlannedRule:
    """A rule as a design froze it."""

    rule: str
    params: Mapping[str, float]
