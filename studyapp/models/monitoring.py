"""Watching a study without seeing its arms."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Q

from studyapp.models.participants import Decline, Enrolment, EnrolmentState
from studyapp.models.studies import Stage


@dataclass(frozen=True)
class Flow:
    """How many people of a stage are where; no number says anything of an arm."""

    declined: int
    consented: int
    screened_out: int
    not_allocated: int
    allocated: int
    active: int
    completed: int
    withdrawn: int

    @property
    def arrived(self) -> int:
        return self.consented + self.declined


def flow_of(stage: Stage) -> Flow:
    """Count a stage's people in one query and its declines in another."""

    def state(*states: EnrolmentState) -> Count:
        return Count("pk", filter=Q(state__in=states))

    counts = Enrolment.objects.filter(stage=stage).aggregate(
        consented=Count("pk"),
        screened_out=state(EnrolmentState.SCREENED_OUT),
        not_allocated=state(EnrolmentState.NOT_ALLOCATED),
        allocated=Count("pk", filter=~Q(arm="")),
        active=state(EnrolmentState.ACTIVE),
        completed=state(EnrolmentState.COMPLETED),
        withdrawn=state(EnrolmentState.WITHDRAWN),
    )
    return Flow(declined=Decline.objects.filter(stage=stage).count(), **counts)
