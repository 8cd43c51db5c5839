"""Who takes part in a rehearsal, and how much the learners among them must gain so that the planted effect is true."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from studyapp.design.order import Step
from studyapp.design.prng import stream
from studyapp.design.schema import Plan
from studyapp.errors import WrongState
from studyapp.rehearsal.behaviours import BEHAVIOURS, MAX_GAIN

# Shares of an ordinary study's people; the planted gain is the effect among all of them.
DEFAULT_MIX: Mapping[str, float] = {
    "learns": 62,
    "slow": 8,
    "no_script": 8,
    "two_tabs": 6,
    "comes_back": 6,
    "drops_out": 4,
    "guesses": 4,
    "answers_own_label": 2,
}


@dataclass(frozen=True)
class Course:
    """Where allocation, the first PRE and the first POST answer stand among the screens; the same for everybody."""

    n_steps: int
    allocation: int
    first_pre: int
    first_post: int

    def leaving_screen(self, draw: float) -> int:
        """The screen at which somebody leaves unanswered, uniform over those after allocation; `draw` in [0, 1)."""
        return self.allocation + 1 + int(draw * (self.n_steps - self.allocation - 1))

    @property
    def share_counted(self) -> float:
        """Of those who leave, the share with an answer in PRE and in POST."""
        screens = range(self.allocation + 1, self.n_steps)
        last_first = max(self.first_pre, self.first_post)
        return sum(screen > last_first for screen in screens) / len(screens)


def course_of(steps: tuple[Step, ...], plan: Plan) -> Course:
    """Read the course off anybody's steps: positions do not depend on the arm or on the order of items."""
    first_trial = {step.phase: step.position for step in reversed(steps) if step.kind == "trial"}
    before_phases = [step.position for step in steps if not step.phase and step.kind != "rating"]
    return Course(len(steps), max(before_phases), first_trial[plan.pre], first_trial[plan.post])


def cast(mix: Mapping[str, float], participants: int, seed: int) -> list[str]:
    """The behaviour of each person: shares of the mix as whole people (largest remainders), shuffled.

    Raises WrongState for a behaviour that nobody knows.
    """
    unknown = sorted(mix.keys() - BEHAVIOURS.keys())
    if unknown:
        raise WrongState(f"mix: {', '.join(unknown)} is none of {', '.join(BEHAVIOURS)}")
    total = sum(mix.values())
    exact = {name: participants * share / total for name, share in mix.items()}
    counts = {name: int(number) for name, number in exact.items()}
    left = participants - sum(counts.values())
    for name in sorted(exact, key=lambda name: counts[name] - exact[name])[:left]:
        counts[name] += 1
    return stream(seed, "rehearsal/cast").shuffled([name for name, count in counts.items() for _ in range(count)])


def learners_gain(people: list[str], gain: float, course: Course, missing: str) -> float:
    """What each learner must gain so that the expected effect over everybody allocated is `gain`.

    Those who do not learn have no gain. Who leaves before POST counts with no gain (`no_gain`) or not (`available`).
    Raises WrongState when the mix has too few learners for the effect.
    """
    behaviours = [BEHAVIOURS[name] for name in people]
    counted = [course.share_counted if behaviour.leaves else 1.0 for behaviour in behaviours]
    learning = sum(share for share, behaviour in zip(counted, behaviours, strict=True) if behaviour.learns)
    everybody = sum(counted) if missing == "available" else len(people)
    if gain == 0:
        return 0.0
    if learning == 0 or gain * everybody / learning > MAX_GAIN:
        raise WrongState(
            f"gain: {gain} among all would need {gain * everybody / learning:.2f} among those who learn, "
            f"and {MAX_GAIN} is the most; plant a smaller gain or let more people learn"
            if learning
            else "gain: nobody in this mix learns; plant 0 or let some people learn"
        )
    return gain * everybody / learning
