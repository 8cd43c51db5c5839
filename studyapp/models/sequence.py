"""How a study's allocation sequence is drawn: its mechanism, and the names of its strata's sequences."""

from __future__ import annotations

from studyapp.design.randomisation import PermutedBlocks
from studyapp.design.schema import Design
from studyapp.models.studies import Stage


def mechanism(design: Design) -> PermutedBlocks:
    """The design's allocation mechanism."""
    return PermutedBlocks({arm.key: arm.weight for arm in design.arms}, design.allocation.block_multiples)


def sequence_label(stage: Stage, stratum: str) -> str:
    """What names a stratum's sequence to the keyed stream; stages never share one."""
    return f"{stage.kind}/{stage.number}/{stratum}"
