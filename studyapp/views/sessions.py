"""Who is signed in: Django's answer, as long as the session has not ended (actions/sessions.py)."""

from __future__ import annotations

from allauth.account import signals as account_signals
from allauth.account.utils import perform_login
from allauth.mfa import signals as factor_signals
from allauth.mfa.models import Authenticator
from django.contrib.auth.middleware import AuthenticationMiddleware, get_user
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from studyapp.actions import audit
from studyapp.actions.sessions import alive, begin, end_sessions
from studyapp.models import ConsoleSession, User

KEY = "console_session"


class SignedInMiddleware(AuthenticationMiddleware):
    """`request.user` is nobody when the session was ended, was left alone for long, or is simply old."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: living_user(request))  # type: ignore[assignment] # as Django itself does


def living_user(request: HttpRequest) -> User | AnonymousUser:
    user = get_user(request)
    # A page that refreshes a part of itself says nothing about somebody being there.
    is_present = "HX-Request" not in request.headers
    if isinstance(user, User) and not alive(public_id=session_of(request), user=user, is_present=is_present):
        request.session.flush()
        return AnonymousUser()
    return user


def sign_in_as(request: HttpRequest, user: User) -> HttpResponse:
    """Without a password, but never without the second factor where there is one."""
    response: HttpResponse = perform_login(request, user)
    return response


def session_of(request: HttpRequest) -> str:
    return str(request.session.get(KEY, ""))


@receiver(user_logged_in)
def _begin(request: HttpRequest, user: User, **kwargs: object) -> None:
    session = begin(user=user, user_agent=request.META.get("HTTP_USER_AGENT", ""))
    request.session[KEY] = str(session.public_id)


@receiver(user_logged_out)
def _end(request: HttpRequest, user: User | None, **kwargs: object) -> None:
    if user is not None and KEY in request.session:
        ConsoleSession.objects.filter(public_id=session_of(request)).delete()


@receiver([account_signals.password_changed, account_signals.password_set, account_signals.password_reset])
def _password_changed(request: HttpRequest, user: User, **kwargs: object) -> None:
    """Whoever came in by the old password is out."""
    audit.record("changed password", f"user:{user.pk}", actor=user)
    end_sessions(user=user, but=session_of(request) if request.user == user else "")


@receiver(factor_signals.authenticator_added)
def _factor_added(request: HttpRequest, user: User, **kwargs: object) -> None:
    """A session that began without the second factor must not outlive it."""
    end_sessions(user=user, but=session_of(request))


@receiver([post_save, post_delete], sender=Authenticator)
def _factor_changed(instance: Authenticator, created: bool | None = None, **kwargs: object) -> None:
    verbs = {True: "turned on", None: "turned off"}  # None: deleted; False: used, which changes nothing
    if created in verbs:
        audit.record(verbs[created], f"{instance.type} of user:{instance.user_id}", actor=instance.user)
