"""Researchers, their labs, and what each may do there."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _


class UserManager(BaseUserManager["User"]):
    def create_user(self, *, email: str, name: str = "", password: str | None = None) -> User:
        user = self.model(email=self.normalize_email(email), name=name)
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
