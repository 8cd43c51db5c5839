"""The metrics of every arm's explanations, computed when the explanations of a frozen design are there.

What people learn from an explanation can later be held against them, across studies. They never decide anything here.
"""

from __future__ import annotations

import uuid

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from explainers.metrics.registry import METRICS
from explainers.metrics.types import Measurement, MetricSpec
from explainers.registry import IMPORTS
from studyapp import queue
from studyapp.actions.explain import judge
from studyapp.models import ArmExplanation, ArmMeasures, FrozenDesign, Job
from studyapp.models.progress import explanation_progress
from studyapp.models.studies import StudyState
from studyapp.queue import Claim

MEASURE = "measure"
NAMES = uuid.UUID("5a3f8a52-6a0e-4b58-9a0b-0a8f3b1f6d11")  # names the job of an arm, so that there is one
LIVE = (StudyState.FROZEN, StudyState.OPEN, StudyState.PAUSED)
MOST_ITEMS = 64
FEW_ITEMS = 3  # for metrics that explain neighbours of each item, or other predictors
EXPLAINING = frozenset(
    name for name, found in METRICS.items() if found.group in {"stability", "randomization"} or name == "seed_agreement"
)
ALONE = tuple(name for name, found in METRICS.items() if not found.needs_other)


def ask_for_measures() -> int:
    """Queue the metrics of arms whose explanations are all there; how many were new. The relay asks now and then.

    They take a minute of a core and nobody waits for them, so they come when a study has nothing else to do and no
    explanation is waited for.
    """
    measured = ArmMeasures.objects.filter(design=OuterRef("pk"))
    asked = Job.objects.filter(kind=MEASURE, study=OuterRef("study"))
    waiting = FrozenDesign.objects.filter(~Exists(measured), ~Exists(asked), study__state__in=LIVE)
    return sum(_ask(design) for design in waiting.select_related("study").order_by("pk"))


def _ask(design: FrozenDesign) -> int:
    busy = Job.objects.unfinished().filter(Q(study=design.study) | Q(queue=queue.EXPLAIN))
    if busy.exists() or not explanation_progress(design).is_complete:
        return 0
    arms = [arm.key for arm in design.design.arms if arm.explainer and arm.explainer.name not in IMPORTS]
    for arm in arms:
        Job.objects.get_or_create(
            id=uuid.uuid5(NAMES, f"{design.study.public_id}/{arm}"),
            defaults={"kind": MEASURE, "queue": queue.EXPLAIN, "args": {"arm": arm}, "study": design.study},
        )
    if arms:
        queue.announce()
    return len(arms)


def measure_arm(claim: Claim) -> None:
    """Job: compute the metrics of an arm and keep them; a message that comes twice finds them there."""
    design, arm = FrozenDesign.objects.get(study__jobs=claim.job), str(claim.job.args["arm"])
    if not ArmMeasures.objects.filter(design=design, arm=arm).exists():
        _keep(design, arm, _measured(design, arm, claim))


@transaction.atomic
def _keep(design: FrozenDesign, arm: str, found: list[Measurement]) -> None:
    ArmMeasures.objects.get_or_create(
        design=design, arm=arm, defaults={"measurements": [_without_curves(one) for one in found]}
    )


def _without_curves(found: Measurement) -> dict[str, object]:
    document = found.to_json()
    return {**document, "items": [{**item, "curve": []} for item in document["items"]]}


def _measured(design: FrozenDesign, arm: str, claim: Claim) -> list[Measurement]:
    uses = ArmExplanation.objects.filter(design=design, arm=arm).order_by("study_item__key")
    related = ("explanation__item", "explanation__donor", "explanation__predictor")
    rows = [use.explanation for use in uses.select_related(*related)[:MOST_ITEMS]]
    whole = [MetricSpec(name) for name in ALONE if name not in EXPLAINING]
    dear = [MetricSpec(name) for name in ALONE if name in EXPLAINING]
    both = [*judge(rows, whole, claim), *judge(rows[:FEW_ITEMS], dear, claim)]
    found = {one.metric.name: one for one in both}
    return [found[name] for name in ALONE]
