"""Data sets, items, predictors and what the predictors say: computed by workers before any study opens."""

from __future__ import annotations

from django.db import models


class Dataset(models.Model):
    """Material that items come from."""

    key = models.CharField(max_length=40, unique=True)
    title = models.CharField(max_length=200)
    modality = models.CharField(max_length=10)
    classes = models.JSONField()  # names, by class index
    source = models.TextField(blank=True)

    def __str__(self) -> str:
        return self.title


class Predictor(models.Model):
    """A trained model under explanation, known by the digest of its weights."""

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="predictors")
    key = models.CharField(max_length=40)
    title = models.CharField(max_length=200)
    architecture = models.CharField(max_length=40)
    weights_sha256 = models.CharField(max_length=64)
    card = models.JSONField()
    is_current = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "weights_sha256"], name="one_predictor_per_weights"),
            models.UniqueConstraint(
                fields=["key"], condition=models.Q(is_current=True), name="one_current_predictor_per_key"
            ),
        ]

    def __str__(self) -> str:
        return self.title


class Item(models.Model):
    """One model input, never changed; its key is the digest of its content."""

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="items")
    key = models.CharField(max_length=64)
    content = models.JSONField()
    label = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dataset", "key"], name="one_item_per_content")]

    def __str__(self) -> str:
        return self.key[:12]


class Perturbation(models.Model):
    """An item with a small change, never changed itself."""

    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="perturbations")
    key = models.CharField(max_length=64)
    kind = models.CharField(max_length=40)
    content = models.JSONField()
    changes = models.JSONField()  # [[where, old, new], ...]

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "key"], name="one_perturbation_per_content")]

    def __str__(self) -> str:
        return self.key[:12]


class Output(models.Model):
    """What a predictor says to an item, or to a perturbation of it when there is one."""

    predictor = models.ForeignKey(Predictor, on_delete=models.PROTECT, related_name="outputs")
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="outputs")
    perturbation = models.ForeignKey(Perturbation, on_delete=models.PROTECT, null=True, related_name="outputs")
    class_index = models.PositiveSmallIntegerField()
    probability = models.FloatField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["predictor", "item", "perturbation"], name="one_output_per_input", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"{self.predictor_id}: {self.class_index}"
