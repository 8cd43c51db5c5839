"""`manage.py load_material`: takes trained predictors and their candidate items into the database."""

from __future__ import annotations

from collections import defaultdict

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from explainers.cards import read_card
from explainers.errors import ExplainerError
from studyapp.actions.explain import artefact
from studyapp.actions.material import add_material


class Command(BaseCommand):
    help = "Takes every trained predictor of the data folder, with candidate items, into the database."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--per-cell", type=int, default=60, help="candidate items a cell of label x output")
        parser.add_argument("--seed", type=int, default=0)

    def handle(self, *, per_cell: int, seed: int, **options: object) -> None:
        folder = settings.DATA_DIR / "predictors"
        names = sorted(path.parent.name for path in folder.glob("*/card.json"))
        if not names:
            raise CommandError(
                f"{folder} holds no trained predictor; run `python -m explainers train all --seed 0` first"
            )
        by_material = defaultdict(list)
        for name in names:
            by_material[read_card(artefact(name)).material].append(name)
        for material, keys in by_material.items():
            try:
                dataset = add_material(keys, per_cell=per_cell, seed=seed)
            except ExplainerError as error:
                raise CommandError(str(error)) from error
            self.stdout.write(f"{material}: {dataset.items.count()} items, answered by {', '.join(keys)}")
