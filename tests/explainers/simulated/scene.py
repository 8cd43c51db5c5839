"""Scenes with a planted rule: few of many variables or words decide, the others do nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from explainers.cards import Variable
from explainers.predictors.tabular import TabularPredictor
from explainers.types import (
    FeatureWeight,
    FeatureWeights,
    Form,
    Input,
    ItemRequest,
    Rule,
    RulePart,
    TabularInput,
)
from tests.explainers.metrics.linear import CLASSES, SumOfColumns

N_VARIABLES = 14
RULE = (1.5, -1.5, 1.5)  # what "yes" adds to the logit of the second class, "no" takes away; the others do nothing


def predictor() -> TabularPredictor:
    """Output "yes" where two of: the first says yes, the second says no, the third says yes."""
    adds = np.zeros(N_VARIABLES)
    adds[: len(RULE)] = RULE
    columns = torch.tensor(np.stack([-adds / 2, adds / 2], axis=1).ravel()).float()
    variables = tuple(Variable(f"variable {number}", ("no", "yes"), (0.5, 0.5)) for number in range(N_VARIABLES))
    module = SumOfColumns(columns)
    torch.nn.init.zeros_(module.out.bias)
    return TabularPredictor(name="planted", architecture="linear", classes=CLASSES, module=module, variables=variables)


def requests(n: int, seed: int = 0) -> list[ItemRequest]:
    """Different rows, the values of each variable drawn evenly."""
    rng, found = np.random.default_rng(seed), {}
    while len(found) < n:
        values = rng.integers(2, size=N_VARIABLES).tolist()
        found.setdefault(tuple(values), len(found))
    return [ItemRequest(row(values), place) for values, place in found.items()]


def row(values: Sequence[int]) -> TabularInput:
    return TabularInput(tuple((f"variable {number}", CLASSES[value]) for number, value in enumerate(values)))


def planted(item: Input, own: int) -> FeatureWeights:
    """The explanation that tells the rule: what each value adds to the output."""
    sides = [1 if value == "yes" else -1 for _, value in item.values]
    adds = [*RULE, *[0.0] * (N_VARIABLES - len(RULE))]
    sign = 1 if own == 1 else -1
    parts = zip(item.values, sides, adds, strict=True)
    return FeatureWeights(tuple(FeatureWeight(name, value, sign * side * add) for (name, value), side, add in parts))


def noise(item: Input, own: int) -> FeatureWeights:
    """As many weights of the same sizes in random places, not knowing the output."""
    del own
    rng = np.random.default_rng([sum(ord(letter) for _, value in item.values for letter in value), hash_of(item)])
    shuffled = rng.permutation([weight.weight for weight in planted(item, 1).features])
    pairs = zip(item.values, shuffled.tolist(), strict=True)
    return FeatureWeights(tuple(FeatureWeight(name, value, weight) for (name, value), weight in pairs))


def hash_of(item: Input) -> int:
    """The row as a number, the same in every process."""
    return sum(2**place for place, (_, value) in enumerate(item.values) if value == "yes")


def rule(item: Input, own: int) -> Form:
    """The values that speak for the output, as a rule."""
    weights = [feature.weight for feature in planted(item, own).features]
    parts = zip(item.values, weights, strict=True)
    return Rule(tuple(RulePart(name, value, weight > 0) for (name, value), weight in parts), 1.0, 0.25)
