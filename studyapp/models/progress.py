"""How far the explanations of a frozen design are, item by item."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, TextField, Value
from django.db.models.functions import Coalesce, NullIf

from studyapp.models.explanations import IS_FAILED, IS_READY, IS_STOPPED, IS_UNDER_WAY, Explanation
from studyapp.models.jobs import JobState
from studyapp.models.studies import FrozenDesign

SHOWN_ERRORS = 5
# Where all workers of a job died, the job alone has the reason.
REASON = Coalesce(NullIf("error", Value("", TextField())), "job__error", Value(""), output_field=TextField())


@dataclass(frozen=True)
class Progress:
    """Numbers of explanations. What is missing has failed, was stopped, or is under way.

    `computing` of those under way are in a worker's hands, the others wait for one. `own` of them are in jobs of this
    study; another study that shows the same explanations asked for the others first.
    """

    total: int
    ready: int
    failed: int
    stopped: int
    under_way: int
    computing: int
    own: int
    errors: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        return self.ready == self.total


def explanation_progress(design: FrozenDesign) -> Progress:
    """Count the distinct explanations of a frozen design; one that two arms show counts once."""
    rows = Explanation.objects.of_design(design)
    counts = rows.aggregate(**_counts(design))
    reasons = rows.failed().values_list(REASON, flat=True) if counts["failed"] else []
    return Progress(**counts, errors=_shown(reasons))


def progress_by_arm(design: FrozenDesign) -> dict[str, Progress]:
    """Count the items of each arm that explains, by the arm's key."""
    uses = Explanation.objects.filter(uses__design=design).order_by()
    rows: list[dict[str, Any]] = [{**row} for row in uses.values("uses__arm").annotate(**_counts(design))]
    reasons: dict[str, list[str]] = defaultdict(list)
    if any(row["failed"] for row in rows):
        for arm, reason in uses.failed().values_list("uses__arm", REASON).distinct():
            reasons[arm].append(reason)
    counts = {row.pop("uses__arm"): row for row in rows}
    return {arm: Progress(**own, errors=_shown(reasons[arm])) for arm, own in counts.items()}


def _counts(design: FrozenDesign) -> dict[str, Count]:
    def count(*conditions: Q) -> Count:
        return Count("pk", filter=Q(*conditions))

    return {
        "total": Count("pk"),
        "ready": count(IS_READY),
        "failed": count(IS_FAILED),
        "stopped": count(IS_STOPPED),
        "under_way": count(IS_UNDER_WAY),
        "computing": count(IS_UNDER_WAY, Q(job__state=JobState.RUNNING)),
        "own": count(IS_UNDER_WAY, Q(job__study=design.study_id)),
    }


def _shown(reasons: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(reasons))[:SHOWN_ERRORS])
