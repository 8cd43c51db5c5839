"""Forms that weigh or mark the parts of the item itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from explainers.types.inputs import Input
from explainers.types.names import FormName


@dataclass(frozen=True)
class FeatureWeight:
    """A variable, its displayed value and its weight towards the explained class (signed)."""

    name: str
    value: str
    weight: float


@dataclass(frozen=True)
class FeatureWeights:
    """Weights of tabular variables, in the input's order."""

    features: tuple[FeatureWeight, ...]
    form: FormName = field(default="feature_weights", init=False)

    def to_json(self) -> dict[str, Any]:
        return {"form": self.form, "features": [[f.name, f.value, f.weight] for f in self.features]}


@dataclass(frozen=True)
class TokenWeights:
    """Weights of tokens, one a token, in the text's order."""

    tokens: tuple[str, ...]
    weights: tuple[float, ...]
    form: FormName = field(default="token_weights", init=False)

    def to_json(self) -> dict[str, Any]:
        return {"form": self.form, "tokens": list(self.tokens), "weights": list(self.weights)}


@dataclass(frozen=True)
class Heatmap:
    """Weights of pixels in row-major order, `height * width` of them; signed where the method is."""

    height: int
    width: int
    values: tuple[float, ...]
    form: FormName = field(default="heatmap", init=False)

    def to_json(self) -> dict[str, Any]:
        return {"form": self.form, "height": self.height, "width": self.width, "values": list(self.values)}


@dataclass(frozen=True)
class Concept:
    """A SENN concept at one input: h_i, theta_i towards the explained class, and inputs that show it best."""

    name: str
    activation: float
    relevance: float
    prototypes: tuple[Input, ...] = ()

    @property
    def contribution(self) -> float:
        """theta_i * h_i: what the concept adds to the explained class's logit."""
        return self.relevance * self.activation


@dataclass(frozen=True)
class Concepts:
    """SENN's own explanation: concept relevances, with prototypes where the inputs are images."""

    concepts: tuple[Concept, ...]
    form: FormName = field(default="concepts", init=False)

    def to_json(self) -> dict[str, Any]:
        return {
            "form": self.form,
            "concepts": [
                [c.name, c.activation, c.relevance, [p.to_json() for p in c.prototypes]] for c in self.concepts
            ],
        }


@dataclass(frozen=True)
class RulePart:
    """A variable with its displayed value, or a token (with an empty name); whether the rule asks for it."""

    name: str
    value: str
    is_condition: bool


@dataclass(frozen=True)
class Rule:
    """When the conditions hold, the predictor's output is nearly always the explained class.

    `parts` are all the item's parts in its order. `precision` is how often the output stays when the other parts
    change, `coverage` the share of the training items for which the conditions hold; both 0 to 1. A rule without a
    condition says that the output stays whatever the parts are.
    """

    parts: tuple[RulePart, ...]
    precision: float
    coverage: float
    form: FormName = field(default="rule", init=False)

    @property
    def conditions(self) -> tuple[RulePart, ...]:
        return tuple(part for part in self.parts if part.is_condition)

    def to_json(self) -> dict[str, Any]:
        parts = [[part.name, part.value, part.is_condition] for part in self.parts]
        return {"form": self.form, "parts": parts, "precision": self.precision, "coverage": self.coverage}


@dataclass(frozen=True)
class CaptionMatch:
    """What makes a picture and a caption go together: weights of the picture's pixels and of the caption's words.

    The caption is of the explained class and names it, so a page shows it only where the output was given.
    """

    picture: Heatmap
    caption: TokenWeights
    form: FormName = field(default="caption_match", init=False)

    def to_json(self) -> dict[str, Any]:
        return {"form": self.form, "picture": self.picture.to_json(), "caption": self.caption.to_json()}
