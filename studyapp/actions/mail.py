"""Messages to researchers, sent by a worker: a page neither waits for a mail server nor tells by that who is known."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import int_to_base36
from django.utils.translation import gettext

from studyapp import queue
from studyapp.actions.invitations import invitation_address
from studyapp.models import Invitation, User
from studyapp.queue import Claim

NOBODY = 0


def ask_for_reset(*, email: str) -> None:
    """Have a link to a new password sent, if the address has an account; the same work is done if it has none."""
    user = User.objects.filter(email=email.strip().lower(), is_active=True).first()
    queue.enqueue("mail_reset", queue=queue.ANALYSIS, args={"user": user.pk if user else NOBODY})


def send_reset(claim: Claim) -> None:
    """The job behind a forgotten password. The link holds until the password changes or the person signs in."""
    user = User.objects.filter(pk=claim.job.args["user"], is_active=True).first()
    if user is None:
        return
    key = {"uidb36": int_to_base36(user.pk), "key": default_token_generator.make_token(user)}
    context = {
        "user": user,
        "address": settings.BASE_URL + reverse("account_reset_password_from_key", kwargs=key),
        "minutes": settings.PASSWORD_RESET_TIMEOUT // 60,
    }
    _send(user.email, gettext("A new password for Foretell"), "studyapp/mail/reset.txt", context)


def send_invitation(claim: Claim) -> None:
    """The job behind an invitation; one that was revoked or replaced meanwhile is not sent."""
    found = Invitation.objects.open().filter(pk=claim.job.args["invitation"]).select_related("lab", "invited_by")
    if invitation := found.first():
        subject = gettext("You are invited to %(lab)s on Foretell") % {"lab": invitation.lab}
        context = {"invitation": invitation, "address": invitation_address(invitation)}
        _send(invitation.email, " ".join(subject.split()), "studyapp/mail/invitation.txt", context)


def _send(to: str, subject: str, template: str, context: dict[str, object]) -> None:
    send_mail(subject, render_to_string(template, context), settings.DEFAULT_FROM_EMAIL, [to])
