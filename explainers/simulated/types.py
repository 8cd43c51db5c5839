"""What a simulated subject has learned. No torch and no numpy, so that the web server can read it.

`Simulation.from_json(s.to_json()) == s` holds exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias

from explainers.errors import InputError
from explainers.types import ExplainerSpec, Json

Task: TypeAlias = Literal["forward", "counterfactual"]
UNIT = "share of answers that foretell the predictor's output, each kind of question counted alike"
METHOD = (
    "Ridge regression on the item's columns and on what parts were said to add, chosen by leaving learning items out"
)
REFERENCES: Mapping[Task, str] = {
    "forward": (
        "Pruthi et al. 2022, Evaluating explanations: how much do explanations from the teacher aid students?, TACL, "
        "arXiv 2012.00893; after Chen et al. 2022, NeurIPS, arXiv 2206.02256"
    ),
    "counterfactual": (
        "Chen, Johnson, Topin, Plumb & Talwalkar 2022, Use-case-grounded simulations for explanation evaluation, "
        "NeurIPS, arXiv 2206.02256"
    ),
}


@dataclass(frozen=True)
class Mean:
    """The mean over learners with Student's interval for it; None where there is no learner, or only one."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Learned:
    """What the learners of one arm have learned, in shares of answers.

    Parameters
    ----------
    explainer : ExplainerSpec or None
        The arm's method; None for the control arm, which sees items and outputs alone.
    after : Mean
        The share right after learning.
    gain : Mean
        `after` less the share before.
    beyond_control : Mean or None
        `after` less that of the control arm's learner of the same items; None for the control arm itself.
    uses : float or None
        The share of learners that came to use the explanation; None for the control arm.
    unused : tuple of str
        What participants see of the explanation and the learner cannot use, as sentences.
    reason : str
        Why nothing could be simulated, as a sentence; empty where it could.
    """

    explainer: ExplainerSpec | None
    after: Mean
    gain: Mean
    beyond_control: Mean | None
    uses: float | None
    unused: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Simulation:
    """Arms compared by a simulated subject, the control arm first. Never to be put together with people's answers.

    `before` is the share right of one who has seen nothing and guesses. `n_shown` learning items are drawn from
    `n_learning` for each of the `n_learners`, the same ones in every arm; all answer the same `n_questions`.
    """

    task: Task
    predictor: str
    before: float
    n_learning: int
    n_shown: int
    n_questions: int
    n_learners: int
    seed: int
    level: float
    arms: tuple[Learned, ...]
    unit: str = UNIT
    method: str = METHOD
    reference: str = ""
    is_simulated: bool = field(default=True, init=False)

    def to_json(self) -> dict[str, Any]:
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**plain, "arms": [_arm_json(arm) for arm in self.arms]}

    @classmethod
    def from_json(cls, data: Json) -> Simulation:
        """Read what `to_json` wrote; raises InputError when a key is missing or it is not marked as simulated."""
        try:
            if data["is_simulated"] is not True:
                raise InputError("simulation: is_simulated must be true; people's answers are no simulation")
            plain = {name: data[name] for name in cls.__dataclass_fields__ if name not in {"arms", "is_simulated"}}
            return cls(**plain, arms=tuple(_arm(arm) for arm in data["arms"]))
        except KeyError as error:
            raise InputError(f"simulation: the key {error} is missing") from error


def _arm_json(arm: Learned) -> dict[str, Any]:
    spec = arm.explainer
    named = None if spec is None else {"name": spec.name, "params": dict(spec.params)}
    beyond = None if arm.beyond_control is None else asdict(arm.beyond_control)
    return {
        "explainer": named,
        "after": asdict(arm.after),
        "gain": asdict(arm.gain),
        "beyond_control": beyond,
        "uses": arm.uses,
        "unused": list(arm.unused),
        "reason": arm.reason,
    }


def _arm(data: Json) -> Learned:
    spec, beyond = data["explainer"], data["beyond_control"]
    return Learned(
        explainer=None if spec is None else ExplainerSpec(spec["name"], dict(spec["params"])),
        after=Mean(**data["after"]),
        gain=Mean(**data["gain"]),
        beyond_control=None if beyond is None else Mean(**beyond),
        uses=data["uses"],
        unused=tuple(data["unused"]),
        reason=data["reason"],
    )
