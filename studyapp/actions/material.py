"""Taking trained predictors and their candidate items into the database, where studies draw from them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from django.db import transaction

from explainers.cards import Card, read_card
from explainers.types import Candidate
from explainers.types import Output as Said
from studyapp.actions import audit
from studyapp.actions.explain import artefact, candidates_of
from studyapp.design.canonical import sha256_of
from studyapp.design.checks import PredictorFacts
from studyapp.design.sampling import PoolItem, PoolPerturbation
from studyapp.models import Dataset, Item, Output, Perturbation, Predictor
from studyapp.queue import Claim


def load_material(claim: Claim) -> None:
    """Job: take in the predictors named in the job's arguments."""
    add_material(claim.job.args["predictors"], per_cell=claim.job.args["per_cell"], seed=claim.job.args["seed"])


def add_material(keys: Sequence[str], *, per_cell: int, seed: int) -> Dataset:
    """Register predictors of one data set with candidate items on which they agree; again does nothing new."""
    cards = [read_card(artefact(key)) for key in keys]
    found = candidates_of(keys, per_cell=per_cell, seed=seed)
    with transaction.atomic():
        dataset, _ = Dataset.objects.get_or_create(
            key=cards[0].material,
            defaults={
                "title": cards[0].material.capitalize(),
                "modality": cards[0].modality,
                "classes": list(cards[0].classes),
            },
        )
        predictors = {card.name: _register(dataset, card) for card in cards}
        items = _keep_items(dataset, found)
        _keep_outputs(found, items, _keep_perturbations(found, items), predictors)
        weights = {card.name: card.weights_sha256 for card in cards}
        audit.record("took in material", f"data set {dataset.key}", actor=audit.SYSTEM, after=weights)
    return dataset


def _register(dataset: Dataset, card: Card) -> Predictor:
    Predictor.objects.filter(key=card.name, is_current=True).exclude(weights_sha256=card.weights_sha256).update(
        is_current=False
    )
    # What a lab may read of a predictor; the encoding (vocabulary, prototypes) stays with the weights.
    shown = json.loads(json.dumps(asdict(card), default=str))
    for bulky in ("vocabulary", "prototypes", "variables"):
        shown.pop(bulky, None)
    predictor, is_new = Predictor.objects.get_or_create(
        key=card.name,
        weights_sha256=card.weights_sha256,
        defaults={"dataset": dataset, "title": card.title, "architecture": card.architecture, "card": shown},
    )
    if not is_new:  # what studies know of it stays; it may be the current one again
        Predictor.objects.filter(pk=predictor.pk).update(is_current=True)
    return predictor


def _keep_items(dataset: Dataset, found: Sequence[Candidate]) -> dict[str, Item]:
    rows = {}
    for candidate in found:
        content = candidate.input.to_json()
        rows[sha256_of(content)] = Item(dataset=dataset, key=sha256_of(content), content=content, label=candidate.label)
    Item.objects.bulk_create(rows.values(), ignore_conflicts=True)
    return {item.key: item for item in Item.objects.filter(dataset=dataset, key__in=rows)}


def _keep_perturbations(found: Sequence[Candidate], items: Mapping[str, Item]) -> dict[tuple[int, str], Perturbation]:
    rows = {}
    for candidate in found:
        item = items[sha256_of(candidate.input.to_json())]
        for perturbed in candidate.perturbed:
            content = perturbed.input.to_json()
            rows[item.pk, sha256_of(content)] = Perturbation(
                item=item,
                key=sha256_of(content),
                kind=perturbed.kind,
                content=content,
                changes=[list(change) for change in perturbed.changes],
            )
    Perturbation.objects.bulk_create(rows.values(), ignore_conflicts=True)
    kept = Perturbation.objects.filter(item__in=items.values())
    return {(perturbation.item_id, perturbation.key): perturbation for perturbation in kept}


def _keep_outputs(
    found: Sequence[Candidate],
    items: Mapping[str, Item],
    perturbations: Mapping[tuple[int, str], Perturbation],
    predictors: Mapping[str, Predictor],
) -> None:
    rows: list[Output] = []

    def add(item: Item, perturbation: Perturbation | None, outputs: Mapping[str, Said]) -> None:
        rows.extend(
            Output(
                predictor=predictors[name],
                item=item,
                perturbation=perturbation,
                class_index=said.class_index,
                probability=said.probability,
            )
            for name, said in outputs.items()
        )

    for candidate in found:
        item = items[sha256_of(candidate.input.to_json())]
        add(item, None, candidate.outputs)
        for perturbed in candidate.perturbed:
            add(item, perturbations[item.pk, sha256_of(perturbed.input.to_json())], perturbed.outputs)
    Output.objects.bulk_create(rows, ignore_conflicts=True)


def predictor_facts() -> dict[str, PredictorFacts]:
    """Every current predictor, as design checks see it."""
    return {
        row.key: PredictorFacts(row.dataset.key, row.dataset.modality, row.architecture, len(row.dataset.classes))
        for row in Predictor.objects.filter(is_current=True).select_related("dataset")
    }


def pool_of(predictor_keys: Sequence[str]) -> list[PoolItem]:
    """The items on which all these predictors agree, each with the perturbations on which they agree."""
    said = Output.objects.filter(predictor__key__in=predictor_keys, predictor__is_current=True).values_list(
        "item__key", "item__label", "perturbation__key", "class_index"
    )
    answers: dict[tuple[str, int], dict[str | None, list[int]]] = {}
    for item, label, perturbation, class_index in said:
        answers.setdefault((item, label), {}).setdefault(perturbation, []).append(class_index)
    return [
        PoolItem(
            key=item,
            label=label,
            output=outputs[None][0],
            perturbations=tuple(
                PoolPerturbation(key, classes[0])
                for key, classes in sorted((k, c) for k, c in outputs.items() if k is not None)
                if _agree(classes, predictor_keys)
            ),
        )
        for (item, label), outputs in answers.items()
        if _agree(outputs.get(None, []), predictor_keys)
    ]


def _agree(classes: Sequence[int], predictor_keys: Sequence[str]) -> bool:
    return len(classes) == len(set(predictor_keys)) and len(set(classes)) == 1
