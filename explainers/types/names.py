"""Names of what crosses the border of this package."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

Modality: TypeAlias = Literal["tabular", "text", "image"]
FormName: TypeAlias = Literal[
    "feature_weights",
    "token_weights",
    "heatmap",
    "concepts",
    "rule",
    "examples",
    "strip",
    "prototypes",
    "feature_cards",
    "caption_match",
    "formulas",
    "composite",
]
Json: TypeAlias = Mapping[str, Any]
