"""What allauth asks the site: how often a password may be guessed, how secrets are sealed, who may sign up."""

from __future__ import annotations

import ipaddress
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

from studyapp.actions import guessing
from studyapp.actions.sealing import seal, unseal
from studyapp.models import User

PURPOSE = "second factor"


class AccountAdapter(DefaultAccountAdapter):
    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": _(
            "This e-mail address and password do not belong together. Check both and try again."
        ),
        "incorrect_password": _("This is not your password."),
        "incorrect_code": _("This code does not fit. Take the one that your app shows now; each works once."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False  # accounts come from invitations and from the operator

    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        """Count the guess before it is tried, at the account and at the address it comes from; known or not alike."""
        buckets = ((guessing.PASSWORD, credentials["email"]), (guessing.ADDRESS, address_of(request)))
        for limit, whose in buckets:
            guessing.take(limit, whose)
        user = authenticate(request, **credentials)
        for limit, whose in buckets if user else ():
            guessing.give_back(limit, whose)
        return user

    def reauthenticate(self, user: User, password: str) -> bool:
        return self.authenticate(self.request, email=user.email, password=password) == user

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        return redirect("sign_in")


class SecondFactorAdapter(DefaultMFAAdapter):
    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": AccountAdapter.error_messages["incorrect_code"]
    }

    def get_totp_issuer(self) -> str:
        return "Foretell"

    def encrypt(self, text: str) -> str:
        return seal(text.encode(), PURPOSE).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text.encode(), PURPOSE).decode()


def address_of(request: HttpRequest) -> str:
    """Where a request comes from, to be counted and never kept: of version 6 the network that a household gets."""
    # What stands last in the header was written by our own proxy; what comes before it, anybody can write.
    forwarded = request.headers.get("X-Forwarded-For", "") if settings.BEHIND_PROXY else ""
    written = forwarded.rpartition(",")[2].strip() or request.META.get("REMOTE_ADDR", "")
    try:
        address = ipaddress.ip_address(written)
    except ValueError:
        return "unknown"
    return str(ipaddress.ip_network(f"{address}/64", strict=False)) if address.version == 6 else str(address)
