"""How far the explanations of a frozen study are: of the whole, and of each arm in words."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext

from explainers.registry import entry
from studyapp.design.schema import Arm
from studyapp.models import FrozenDesign
from studyapp.models.progress import Progress, explanation_progress, progress_by_arm


@dataclass(frozen=True)
class ArmRow:
    """An arm that explains: by which method, how many of its items are there, and what becomes of the others."""

    title: str
    method: str
    progress: Progress
    words: str


@dataclass(frozen=True)
class Explaining:
    """What the study's page shows of its explanations; one that two arms show counts once in the whole."""

    progress: Progress
    arms: tuple[ArmRow, ...]


def explaining(design: FrozenDesign) -> Explaining:
    """Count the explanations of a frozen design, arm by arm in the design's order."""
    found = progress_by_arm(design)
    arms = tuple(_row(arm, found[arm.key]) for arm in design.design.arms if arm.key in found)
    return Explaining(explanation_progress(design), arms)


def _row(arm: Arm, progress: Progress) -> ArmRow:
    assert arm.explainer is not None  # an arm without one needs no explanation
    return ArmRow(arm.title, entry(arm.explainer.name).title, progress, _words(progress))


def _words(progress: Progress) -> str:
    if progress.computing:
        return gettext("computing")
    if progress.under_way:
        return gettext("waiting for a worker")
    if progress.stopped:
        return gettext("stopped")
    return gettext("computed") if progress.is_complete else ""  # what failed is told with its reasons
