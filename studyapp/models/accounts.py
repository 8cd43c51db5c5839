"""Researchers, their labs, and what each may do there."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class UserManager(BaseUserManager["User"]):
    def create_user(self, *, email: str, name: str = "", password: str | None = None) -> User:
        user = self.model(email=email.strip().lower(), name=name)  # one spelling, so that every door finds it
        user.set_password(password)  # None makes the password unusable
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """Somebody who signs in to the console; participants have no account."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=200, blank=True)
    is_active = models.BooleanField(default=True)

    USERNAME_FIELD = "email"
    objects = UserManager()

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="one_user_per_email")]

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def is_owner(self) -> bool:
        """Of any lab."""
        return self.memberships.filter(role=Role.OWNER).exists()


class Role(models.TextChoices):
    """From most to least; each may do what the ones after it may."""

    OWNER = "owner", _("Owner")
    DESIGNER = "designer", _("Designer")
    ANALYST = "analyst", _("Analyst")
    VIEWER = "viewer", _("Viewer")

    def covers(self, needed: Role) -> bool:
        order = list(Role)
        return order.index(self) <= order.index(needed)


class Lab(models.Model):
    """A group that shares studies; nothing of one lab is seen by another."""

    name = models.CharField(max_length=200)
    # Keys the pseudonyms of the lab's participants, so that they cannot be joined across labs.
    pseudonym_key = models.BinaryField(max_length=32, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    members = models.ManyToManyField(User, through="Membership", related_name="labs")

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["lab", "user"], name="one_membership_per_lab_and_user")]

    def __str__(self) -> str:
        return f"{self.user}: {self.role} of {self.lab}"


class SignInLink(models.Model):
    """A one-time sign-in, known by the hash of its token alone."""

    user = models.ForeignKey(User, on_delete=models.CASCADE)
    token_sha256 = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"sign-in of {self.user}"


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self) -> InvitationQuerySet:
        return self.filter(expires_at__gt=timezone.now())


class Invitation(models.Model):
    """A way into a lab for one address. Accepting and revoking delete it: what was done stands in the trail.

    The table keeps the hash of the token. Whoever sends the link makes the token again, from `nonce` and the site's
    secret key: a copy of the database opens no door.
    """

    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField()  # in small letters
    role = models.CharField(max_length=10, choices=Role)
    nonce = models.CharField(max_length=32)
    token_sha256 = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    invited_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")

    objects = InvitationQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["lab", "email"], name="one_invitation_per_lab_and_address")]

    def __str__(self) -> str:
        return f"{self.role} of {self.lab}"


class ConsoleSession(models.Model):
    """A browser in which somebody is signed in: Django's session names this row, and is worth nothing without it."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="console_sessions")
    browser = models.CharField(max_length=60)  # "Firefox, Linux"; never an address
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["seen_at"], name="sessions_by_last_sight")]

    def __str__(self) -> str:
        return self.browser


class GuessLimit(models.Model):
    """How much somebody has guessed lately, known by a keyed digest; of no use, and deleted, once `free_at` is past."""

    digest = models.CharField(max_length=64, primary_key=True)
    free_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.digest[:8]
