"""How simulated people behave: what they answer, and the manner in which they go through the pages.

What they answer is chosen from the facts in the database, never from a page, so that a leak on a page could not make
them look clever. A learner's chance to be right is additive, and its parts stay within [0, 1] without clipping:

    PRE, and POST in every arm that does not explain:  base + person + item
    POST in an arm that explains:                      base + person + item + gain * (1 + responsiveness)

`person`, `item` and `responsiveness` are uniform around 0, so the expected gain is `gain` exactly, whatever they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import exp
from statistics import NormalDist

from studyapp.design.prng import stream

BASE = 0.55  # a learner's accuracy before learning, in a task where half is a guess
PERSON_SPREAD = 0.1  # half-widths around the mean: people, items, and how much of the gain somebody takes up
ITEM_SPREAD = 0.1
RESPONSIVENESS = 0.25
MAX_GAIN = 0.35

MEDIAN_MS = 4_500.0  # of an answer
SPREAD_OF_LOG_MS = 0.45
SPREAD_OF_LOG_PACE = 0.35  # between people
FASTEST_MS = 350


@dataclass(frozen=True)
class Asked:
    """A question as the database knows it. `learned` says that the arm explains and learning is over."""

    item: str
    phase: str
    options: tuple[str, ...]
    right: str
    label: str
    learned: bool


@dataclass(frozen=True)
class Character:
    """One simulated person: everything they do follows from the seed, their number and what they are asked.

    `gain` is what a learner's accuracy rises by on average in an arm that explains.
    """

    seed: int
    number: int
    gain: float

    def draw(self, what: str) -> float:
        """A uniform number in [0, 1) that belongs to this person and this occasion alone."""
        return _uniform(self.seed, f"person/{self.number}/{what}")

    def item_effect(self, item: str) -> float:
        """How much easier than the average an item is, the same for everybody, within [-1, 1)."""
        return 2 * _uniform(self.seed, f"item/{item}") - 1

    def chance(self, asked: Asked) -> float:
        """A learner's chance to be right."""
        gain = self.gain * (1 + RESPONSIVENESS * (2 * self.draw("responsiveness") - 1)) if asked.learned else 0.0
        spread = _scale(self.gain)
        person = PERSON_SPREAD * (2 * self.draw("ability") - 1)
        return BASE + spread * (person + ITEM_SPREAD * self.item_effect(asked.item)) + gain

    def response_ms(self, occasion: str, pace: float) -> int:
        """How long an answer takes, log-normal within and between people; nobody waits for it."""
        own = NormalDist(0, SPREAD_OF_LOG_PACE).inv_cdf(_inside(self.draw("pace")))
        now = NormalDist(0, SPREAD_OF_LOG_MS).inv_cdf(_inside(self.draw(f"pace/{occasion}")))
        return max(FASTEST_MS, round(MEDIAN_MS * pace * exp(own + now)))


def _uniform(seed: int, label: str) -> float:
    return stream(seed, f"rehearsal/{label}").below(2**53) / 2**53


def _inside(share: float) -> float:
    return min(max(share, 1e-6), 1 - 1e-6)


def _scale(gain: float) -> float:
    """How much of the spread between people and items fits when the best of them gains most."""
    room = 1 - BASE - gain * (1 + RESPONSIVENESS)
    return min(1.0, max(0.0, room) / (PERSON_SPREAD + ITEM_SPREAD))


def guess(person: Character, asked: Asked) -> str:
    """Any option, each as likely."""
    return asked.options[int(person.draw(_occasion(asked)) * len(asked.options))]


def say_own_label(person: Character, asked: Asked) -> str:
    """What is true, as if the model were always right: belief projection."""
    return asked.label


def learn(person: Character, asked: Asked) -> str:
    """The right answer by a chance that the explanation raises, else one of the others."""
    draw, chance = person.draw(_occasion(asked)), person.chance(asked)
    if draw < chance:
        return asked.right
    wrong = [option for option in asked.options if option != asked.right]
    return wrong[int((draw - chance) / (1 - chance) * len(wrong))]


def _occasion(asked: Asked) -> str:
    return f"answer/{asked.phase}/{asked.item}"


@dataclass(frozen=True)
class Behaviour:
    """What somebody answers (`choose`) and how they go about it.

    `pace` multiplies response times. `leaves`: goes away at a random screen after allocation. `two_tabs`: opens every
    few screens twice and answers in both. `comes_back`: reloads, and goes on from another device. `scripts`: the
    browser runs our scripts, so an answer and the next screen are one request and the times are measured.
    """

    summary: str
    choose: Callable[[Character, Asked], str]
    pace: float = 1.0
    leaves: bool = False
    two_tabs: bool = False
    comes_back: bool = False
    scripts: bool = True

    @property
    def learns(self) -> bool:
        """Whether explanations raise this person's accuracy by the planted gain."""
        return self.choose is learn


BEHAVIOURS: Mapping[str, Behaviour] = {
    "learns": Behaviour("learns from explanations by the planted gain", learn),
    "guesses": Behaviour("chooses at random", guess),
    "answers_own_label": Behaviour("keeps answering what is true, not what the model says", say_own_label),
    "slow": Behaviour("learns, and takes four times as long", learn, pace=4.0),
    "drops_out": Behaviour("learns, and leaves at a random screen after allocation", learn, leaves=True),
    "two_tabs": Behaviour("learns, and answers in two tabs at once", learn, two_tabs=True),
    "comes_back": Behaviour("learns, reloads, and goes on from another device", learn, comes_back=True),
    "no_script": Behaviour("learns, with a browser that runs no scripts", learn, scripts=False),
}
