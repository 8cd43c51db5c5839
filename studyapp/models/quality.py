"""How a person came, kept from the arrival on; the keys that links are signed with; what the frozen rules flagged."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from studyapp.models.accounts import Lab
from studyapp.models.jobs import Job
from studyapp.models.participants import Enrolment
from studyapp.models.studies import Stage, Study


class Proof(models.TextChoices):
    """Why we believe that somebody is who their link says."""

    SIGNED = "signed", _("Signed by who sent them")
    SINGLE_USE = "single_use", _("A link of their own")
    UNVERIFIED = "unverified", _("Not verified")


class Evidence(models.Model):
    """Facts of an arrival that flags are made from. Never edited; nothing here says what a panel calls the person."""

    enrolment = models.OneToOneField(Enrolment, on_delete=models.CASCADE, related_name="evidence")
    proof = models.CharField(max_length=10, choices=Proof)
    panel = models.CharField(max_length=10, blank=True)
    seen_before = models.PositiveSmallIntegerField()  # studies of the lab entered before this one
    browser = models.CharField(max_length=64, blank=True)  # a keyed digest that stands for the browser in this study

    def __str__(self) -> str:
        return self.proof


def shared_browsers(study: Study) -> frozenset[str]:
    """The digests of browsers with which several people came into a study."""
    people = Evidence.objects.filter(enrolment__study=study).exclude(browser="")
    shared = people.values("browser").annotate(n=models.Count("pk")).filter(n__gt=1)
    return frozenset(shared.values_list("browser", flat=True))


class ArrivalKeys(models.Model):
    """What a lab checks signed links with: a panel's public keys, and a secret of its own."""

    lab = models.OneToOneField(Lab, on_delete=models.CASCADE, related_name="arrival_keys")
    panel_keys = models.JSONField(default=dict)  # a JSON Web Key Set; public keys only
    sealed_secret = models.BinaryField(null=True)
    changed_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"keys of {self.lab}"


class QualityCheck(models.Model):
    """What a stage's rules flagged when a worker last looked: counts over all arms, so that who watches stays blind."""

    stage = models.ForeignKey(Stage, on_delete=models.PROTECT, related_name="quality_checks")
    job = models.ForeignKey(Job, on_delete=models.SET_NULL, null=True, related_name="+")
    document = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.stage}, {self.created_at:%Y-%m-%d}"
