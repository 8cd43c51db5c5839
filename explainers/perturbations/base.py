"""What a perturbation is: a small change to an input, proposed without asking any predictor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from explainers.types import Input


@dataclass(frozen=True)
class Proposal:
    """A changed input and what differs, as `types.Perturbed` says; `kind` names the way it was made."""

    kind: str
    input: Input
    changes: tuple[tuple[str, str, str], ...]


# Proposes one change of an input, or None when this draw gave none that is plausible.
Proposer: TypeAlias = Callable[[Input, np.random.Generator], Proposal | None]
