"""People in studies. Who they are to a panel stands in one table of its own and nowhere else."""

from __future__ import annotations

import hashlib
import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from studyapp.models.accounts import Lab, User
from studyapp.models.studies import Link, Stage, StageKind, Study


class Participant(models.Model):
    """A person as a lab knows them: a keyed digest of the panel's id."""

    lab = models.ForeignKey(Lab, on_delete=models.PROTECT, related_name="participants")
    pseudonym = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["lab", "pseudonym"], name="one_participant_per_pseudonym")]

    def __str__(self) -> str:
        return self.pseudonym[:8]


class EnrolmentState(models.TextChoices):
    ACTIVE = "active", _("Taking part")
    COMPLETED = "completed", _("Completed")
    SCREENED_OUT = "screened_out", _("Did not pass the comprehension check")
    NOT_ALLOCATED = "not_allocated", _("Study full before allocation")
    WITHDRAWN = "withdrawn", _("Withdrew")


class EnrolmentQuerySet(models.QuerySet["Enrolment"]):
    def real(self) -> EnrolmentQuerySet:
        """Without simulated runs."""
        return self.exclude(stage__kind=StageKind.REHEARSAL)

    def erasable(self) -> EnrolmentQuerySet:
        """Those of whom something is still kept."""
        return self.filter(erased_at=None)

    def completed(self) -> EnrolmentQuerySet:
        return self.filter(state=EnrolmentState.COMPLETED)


class Enrolment(models.Model):
    """A participant in a study, from consent on. `position` is the screen they are at; only the server moves it.

    Once erased it is the tombstone of a place in the allocation: stage, state and arm, and of whom nobody knows.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="enrolments")
    participant = models.ForeignKey(Participant, on_delete=models.PROTECT, null=True, related_name="enrolments")
    stage = models.ForeignKey(Stage, on_delete=models.PROTECT, related_name="enrolments")
    link = models.ForeignKey(Link, on_delete=models.PROTECT, null=True, related_name="enrolments")
    code = models.CharField(max_length=12)  # the subject id of exports; says nothing of the person
    state = models.CharField(max_length=15, choices=EnrolmentState, default=EnrolmentState.ACTIVE)
    position = models.PositiveSmallIntegerField(default=0)
    attempt = models.PositiveSmallIntegerField(default=1)
    order_seed = models.BigIntegerField()
    # The arm again, so that a page needs no join; the assignment is the record.
    arm = models.CharField(max_length=40, blank=True)
    enrolled_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    # Opens the person's own data without a login; the code itself is theirs alone.
    data_code_sha256 = models.CharField(max_length=64, null=True, unique=True)  # noqa: DJ001 (unique or absent)
    must_consent_again = models.BooleanField(default=False)
    erased_at = models.DateTimeField(null=True)

    objects = EnrolmentQuerySet.as_manager()

    class Meta:
        constraints = [
            # A study's people and its rehearsals' are apart: a simulated run never takes a person's place.
            models.UniqueConstraint(fields=["study", "participant"], name="one_enrolment_per_study_and_participant"),
            models.UniqueConstraint(fields=["study", "code"], name="one_enrolment_per_code"),
            models.CheckConstraint(
                condition=Q(erased_at__isnull=True, participant__isnull=False, link__isnull=False)
                | Q(
                    erased_at__isnull=False,
                    participant__isnull=True,
                    link__isnull=True,
                    data_code_sha256__isnull=True,
                ),
                name="an_erased_enrolment_names_nobody",
            ),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def trail_name(self) -> str:
        """What the audit trail calls this enrolment: once `public_id` is erased, nobody can tell whose it was."""
        return f"enrolment {hashlib.sha256(self.public_id.bytes).hexdigest()[:12]}"


class PanelIdentity(models.Model):
    """What the panel calls a participant, encrypted, kept until payment is done."""

    enrolment = models.OneToOneField(Enrolment, on_delete=models.CASCADE, related_name="panel_identity")
    encrypted = models.BinaryField()
    is_verified = models.BooleanField(default=False)

    def __str__(self) -> str:
        return "sealed"


class ConsentText(models.Model):
    """A version of what people agree to. Appended only; the database checks the hash."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="consent_texts")
    version = models.PositiveSmallIntegerField()
    language = models.CharField(max_length=10)
    text = models.TextField()
    sha256 = models.CharField(max_length=64)
    approval_number = models.CharField(max_length=100, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    asks_again = models.BooleanField(default=False)  # whether people under way agree to it before they go on
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["study", "version"]
        constraints = [
            models.UniqueConstraint(fields=["study", "version", "language"], name="one_consent_text_per_version"),
            models.CheckConstraint(
                condition=Q(version=1) | (Q(version__gt=1) & ~Q(reason="") & ~Q(approval_number="")),
                name="an_amendment_has_a_reason_and_an_approval",
            ),
        ]

    def __str__(self) -> str:
        return f"version {self.version}"


class Consent(models.Model):
    """That somebody agreed, to which version of the text, and when. Never edited; who is asked again adds one."""

    enrolment = models.ForeignKey(Enrolment, on_delete=models.PROTECT, related_name="consents")
    text = models.ForeignKey(ConsentText, on_delete=models.PROTECT, related_name="consents")
    text_sha256 = models.CharField(max_length=64)  # the database holds it to the text's own
    language = models.CharField(max_length=10)
    consented_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["enrolment", "text"], name="one_consent_per_person_and_version")]

    def __str__(self) -> str:
        return self.text_sha256[:12]


class Decline(models.Model):
    """That somebody said no; nothing else of them is kept."""

    stage = models.ForeignKey(Stage, on_delete=models.PROTECT, related_name="declines")
    declined_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.declined_at:%Y-%m-%d}"


class Stratum(models.Model):
    """A stratum of a stage and the next place of its sequence. Its row is the lock of allocation."""

    stage = models.ForeignKey(Stage, on_delete=models.PROTECT, related_name="strata")
    key = models.CharField(max_length=200)
    next_sequence = models.PositiveIntegerField(default=0)
    # The permuted block that the last place stands in, so that the next is drawn without walking all before it.
    last_block = models.PositiveIntegerField(default=0)
    last_block_start = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["stage", "key"], name="one_row_per_stratum")]

    def __str__(self) -> str:
        return self.key or "all"


class Assignment(models.Model):
    """Enrolment to arm, once and for ever; drop-outs keep their place."""

    enrolment = models.OneToOneField(Enrolment, on_delete=models.PROTECT, related_name="assignment")
    stratum = models.ForeignKey(Stratum, on_delete=models.PROTECT, related_name="assignments")
    sequence = models.PositiveIntegerField()
    arm = models.CharField(max_length=40)
    permuted_block = models.PositiveIntegerField()
    block_size = models.PositiveSmallIntegerField()
    assigned_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["stratum", "sequence"], name="one_assignment_per_place_in_the_sequence")
        ]

    def __str__(self) -> str:
        return f"place {self.sequence}"


class Response(models.Model):
    """One answer to one screen, never edited. Raw facts; scores are derived."""

    enrolment = models.ForeignKey(Enrolment, on_delete=models.PROTECT, related_name="responses")
    position = models.PositiveSmallIntegerField()
    attempt = models.PositiveSmallIntegerField(default=1)
    key = models.UUIDField(unique=True)  # idempotency
    answer = models.JSONField()
    body_sha256 = models.CharField(max_length=64)
    response_ms = models.PositiveIntegerField(null=True)  # the browser's: painted to answer
    server_ms = models.PositiveIntegerField(null=True)  # ours: served to received
    trail = models.JSONField(default=dict)
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["enrolment", "position", "attempt"], name="one_response_per_trial"),
            models.CheckConstraint(
                condition=Q(response_ms__isnull=True) | Q(response_ms__gte=0), name="time_runs_forward"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.enrolment_id}/{self.position}"
