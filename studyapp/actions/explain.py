"""Explanations: what a design asks for, as rows and jobs, and the computing of a batch in a worker.

The one door to `explainers.run`, and only inside functions: the web server has no torch.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from explainers.cards import read_card
from explainers.errors import ExplainerError
from explainers.metrics.types import Measurement, MetricSpec
from explainers.types import Candidate, ExplainerSpec, ItemRequest, form_from_json, input_from_json
from explainers.types import Explanation as Computed
from studyapp import queue
from studyapp.actions import audit, imports
from studyapp.design.explaining import Wanted
from studyapp.errors import MaterialMissing
from studyapp.models import Explanation, FrozenDesign, Item, Job, Predictor, Study, User
from studyapp.models.explanations import ExplanationState
from studyapp.queue import Claim

# A job is a batch of items x one method: one item alone would cost 30 to 60 times its share of a batch.
BATCH = 16


@transaction.atomic
def request_explanations(wanted: Sequence[Wanted], *, study: Study) -> dict[str, Explanation]:
    """Make sure that a row exists for each address and a job for each row that waits for none; returns the rows.

    Imported explanations need no job: their rows are complete at once.
    """
    predictors = {p.key: p for p in Predictor.objects.filter(is_current=True, key__in={w.predictor for w in wanted})}
    contents = {w.content for w in wanted} | {w.donor for w in wanted if w.donor}
    items = {item.key: item for item in Item.objects.filter(key__in=contents)}
    Explanation.objects.bulk_create(
        [
            Explanation(
                key=w.address,
                predictor=predictors[w.predictor],
                item=items[w.content],
                donor=items[w.donor] if w.donor else None,
                explainer=w.spec.name,
                params=dict(w.spec.params),
                seed=w.seed,
            )
            for w in wanted
        ],
        ignore_conflicts=True,
    )
    addresses = {w.address for w in wanted}
    rows = Explanation.objects.filter(key__in=addresses).select_for_update().order_by("pk")
    found = {row.key: row for row in rows}
    imports.fill(list(found.values()))
    queue_batches([row for row in found.values() if row.state != ExplanationState.READY], study)
    return found


def queue_batches(rows: Sequence[Explanation], study: Study) -> None:
    """Jobs for rows that no unfinished job computes yet, cut by method and predictor."""
    busy = set(Job.objects.unfinished().filter(explanations__in=rows).values_list("explanations__pk", flat=True))
    groups: dict[tuple[int, str, str], list[Explanation]] = defaultdict(list)
    for row in rows:
        if row.pk not in busy:
            groups[row.predictor_id, row.explainer, repr(sorted(row.params.items()))].append(row)
    for group in groups.values():
        for start in range(0, len(group), BATCH):
            batch = [row.pk for row in group[start : start + BATCH]]
            job = queue.enqueue("explain", queue=queue.EXPLAIN, args={}, study=study, total=len(batch))
            Explanation.objects.filter(pk__in=batch).update(job=job, state=ExplanationState.PENDING, error="")


def compute_batch(claim: Claim) -> None:
    """Compute the explanations of a job; each is stored as one complete row, once.

    An item that cannot be explained gets its reason, and the others go on. Raises Stopped when the job is cancelled or
    taken over before the batch is done; a batch that is done is stored all the same.
    """
    rows = list(
        Explanation.objects.filter(job=claim.job)
        .exclude(state=ExplanationState.READY)
        .select_related("predictor", "item", "donor")
        .order_by("pk")
    )
    if not rows:
        return
    begun = time.perf_counter()
    computed = _explain(rows, claim)
    seconds = (time.perf_counter() - begun) / len(rows)
    with transaction.atomic():
        for row, result in zip(rows, computed, strict=True):
            if isinstance(result, ExplainerError):
                _fail([row.pk], str(result))
                continue
            Explanation.objects.filter(pk=row.pk).exclude(state=ExplanationState.READY).update(
                state=ExplanationState.READY,
                form=result.form.to_json(),
                explained_class=result.explained_class,
                diagnostics={**result.diagnostics, "seconds": float(f"{seconds:.3g}")},
                computed_at=timezone.now(),
                error="",
            )
    claim.renew(claim.job.total)


def _explain(rows: Sequence[Explanation], claim: Claim) -> list[Computed | ExplainerError]:
    from explainers.run import explain_each

    done_before = claim.job.total - len(rows)

    def tell(done: int) -> None:
        claim.renew(done_before + done)

    return explain_each(
        load(rows[0].predictor),
        ExplainerSpec(rows[0].explainer, rows[0].params),
        _requests(rows),
        chunk_rows=int(settings.EXPLAIN_ROWS),
        progress=tell,
        goes_on=lambda: not claim.is_lost,
    )


def judge(rows: Sequence[Explanation], metrics: Sequence[MetricSpec], claim: Claim) -> list[Measurement]:
    """Judge ready explanations of one method and predictor, as they are shown, by metrics that need no people."""
    from explainers.run import Arm, measure

    def goes_on(done: int) -> None:
        claim.renew()

    shown = tuple(
        Computed(form_from_json(row.form or {}), row.explained_class or 0, row.diagnostics or {}) for row in rows
    )
    arm = Arm(ExplainerSpec(rows[0].explainer, rows[0].params), shown)
    predictor, size = load(rows[0].predictor), int(settings.EXPLAIN_ROWS)
    return measure(predictor, arm, _requests(rows), metrics, chunk_rows=size, progress=goes_on)


def _requests(rows: Sequence[Explanation]) -> list[ItemRequest]:
    return [
        ItemRequest(
            input_from_json(row.item.content), row.seed, input_from_json(row.donor.content) if row.donor else None
        )
        for row in rows
    ]


def load(row: Predictor):  # type: ignore[no-untyped-def]
    """The predictor of a row, from this machine's artefacts; MaterialMissing when the weights are others."""
    from explainers.run import load_predictor

    folder = artefact(row.key)
    if read_card(folder).weights_sha256 != row.weights_sha256:
        raise MaterialMissing(
            f"The weights in {folder} are not those the study was frozen with ({row.weights_sha256[:12]}); "
            "put the folder of that training back."
        )
    return load_predictor(folder)


def artefact(key: str) -> Path:
    """Where the weights and the card of a predictor are on this machine."""
    return settings.DATA_DIR / "predictors" / key


def candidates_of(keys: Sequence[str], *, per_cell: int, seed: int) -> list[Candidate]:
    """Held-out items with the outputs of all these predictors (they share a data set)."""
    from explainers.run import candidates, load_predictor

    predictors = [load_predictor(artefact(key)) for key in keys]
    return candidates(predictors, per_cell=per_cell, seed=seed)


def explain_one(key: str, spec: ExplainerSpec, request: ItemRequest) -> Computed:
    """An explanation outside of any study, by the predictor of that name on this machine."""
    from explainers.run import explain, load_predictor

    return explain(load_predictor(artefact(key)), spec, [request])[0]


def mark_failed(job: Job, error: str) -> None:
    """Show on the explanations why their job was parked."""
    _fail(list(Explanation.objects.filter(job=job).values_list("pk", flat=True)), error)


def _fail(keys: Sequence[int], error: str) -> None:
    Explanation.objects.filter(pk__in=keys).exclude(state=ExplanationState.READY).update(
        state=ExplanationState.FAILED, error=error[:2000]
    )


@transaction.atomic
def retry_failed(*, design: FrozenDesign, actor: User | str) -> int:
    """Queue the failed explanations of a design again; returns how many."""
    rows = list(Explanation.objects.of_design(design).failed().order_by("pk"))
    queue_batches(rows, design.study)
    if rows:
        audit.record("retried explanations", str(design), actor=actor, study=design.study, after=len(rows))
    return len(rows)
