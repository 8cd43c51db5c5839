"""Studies, their frozen designs and items, their stages and links."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from studyapp.design.schema import Design, parse_design
from studyapp.models.accounts import Lab, User
from studyapp.models.material import Item, Perturbation


class StudyState(models.TextChoices):
    DRAFT = "draft", _("Draft")
    FROZEN = "frozen", _("Frozen")
    OPEN = "open", _("Open")
    PAUSED = "paused", _("Paused")
    CLOSED = "closed", _("Closed")
    UNBLINDED = "unblinded", _("Unblinded")


class StudyQuerySet(models.QuerySet["Study"]):
    def of_member(self, user: User) -> StudyQuerySet:
        """The only way to a study from a request of the console: through the labs of who asks."""
        return self.filter(lab__memberships__user=user)


class Study(models.Model):
    """One randomized trial. `draft` is the design while it can change; freezing copies it to FrozenDesign."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    lab = models.ForeignKey(Lab, on_delete=models.PROTECT, related_name="studies")
    title = models.CharField(max_length=300)
    state = models.CharField(max_length=10, choices=StudyState, default=StudyState.DRAFT)
    draft = models.JSONField()
    # Panel ids stay until then at least, when payment takes longer than the design said.
    payment_until = models.DateField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")

    objects = StudyQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=StudyState.values), name="a_known_study_state")
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_draft(self) -> bool:
        return self.state == StudyState.DRAFT

    @property
    def is_closed(self) -> bool:
        return self.state in {StudyState.CLOSED, StudyState.UNBLINDED}


class FrozenDesign(models.Model):
    """The design as it was frozen. The database refuses every change of it."""

    study = models.OneToOneField(Study, on_delete=models.PROTECT, related_name="frozen")
    document = models.JSONField()
    sha256 = models.CharField(max_length=64)
    items_sha256 = models.CharField(max_length=64)
    frozen_at = models.DateTimeField(auto_now_add=True)
    frozen_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")

    def __str__(self) -> str:
        return f"design {self.sha256[:12]}"

    @property
    def design(self) -> Design:
        return parse_design(self.document)


class StudyItem(models.Model):
    """An item in an item set of a frozen design, with the facts that scores are derived from.

    `output` and `perturbed_output` are what all the design's predictors agree on.
    """

    design = models.ForeignKey(FrozenDesign, on_delete=models.PROTECT, related_name="items")
    key = models.CharField(max_length=12)  # as it stands in exports: the set and a number
    item_set = models.CharField(max_length=40)
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="+")
    perturbation = models.ForeignKey(Perturbation, on_delete=models.PROTECT, null=True, related_name="+")
    label = models.PositiveSmallIntegerField()
    output = models.PositiveSmallIntegerField()
    perturbed_output = models.PositiveSmallIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["design", "key"], name="one_study_item_per_key"),
            models.UniqueConstraint(fields=["design", "item"], name="an_item_stands_in_one_set"),
        ]

    def __str__(self) -> str:
        return self.key


class Seal(models.Model):
    """The key of the allocation sequence, encrypted; read by allocation, shown to nobody before closing."""

    study = models.OneToOneField(Study, on_delete=models.PROTECT, related_name="seal")
    encrypted_key = models.BinaryField()

    def __str__(self) -> str:
        return "sealed"


class StageKind(models.TextChoices):
    REHEARSAL = "rehearsal", _("Rehearsal")
    PILOT = "pilot", _("Pilot")
    MAIN = "main", _("Main")
    TOP_UP = "top_up", _("Top-up")


class Stage(models.Model):
    """People who are allocated and counted together. Fixed at entry; a rehearsal's people are simulated."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="stages")
    kind = models.CharField(max_length=10, choices=StageKind)
    number = models.PositiveSmallIntegerField(default=1)
    capacity = models.PositiveIntegerField()
    allocated = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["study", "kind", "number"], name="one_stage_per_number"),
            models.CheckConstraint(
                condition=models.Q(allocated__lte=models.F("capacity")), name="no_more_allocated_than_capacity"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.number}"

    @property
    def is_simulated(self) -> bool:
        return self.kind == StageKind.REHEARSAL


class Link(models.Model):
    """A way in: reusable for a panel or a class, single-use for one person. Opening it uses up nothing."""

    stage = models.ForeignKey(Stage, on_delete=models.PROTECT, related_name="links")
    token = models.CharField(max_length=43, unique=True)
    label = models.CharField(max_length=100, blank=True)
    is_single_use = models.BooleanField(default=False)
    must_be_signed = models.BooleanField(default=False)  # else who comes without a signature is marked, and let in
    panel_study = models.CharField(max_length=100, blank=True)  # the panel's own id of the study it sends people to
    expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.label or self.token[:6]
