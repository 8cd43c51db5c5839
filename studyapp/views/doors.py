"""Who may come through which door. A view without a declared door is refused: deny by default.

A door also fetches what it guards: a study is reached through the labs of who asks, an enrolment through the
participant's own signed cookie. So a view cannot forget the check, and a foreign id is a 404, not a 403.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import update_wrapper
from typing import Concatenate, Literal, TypeAlias, TypeGuard
from urllib.parse import urlsplit

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core import signing
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext

from studyapp.errors import TooManyGuesses
from studyapp.models import Enrolment, Membership, Role, Study, User
from studyapp.models.runs import run_by_public_id
from studyapp.views import errors

Audience = Literal["anyone", "operator", "signed_in", "lab", "participant"]
# When somebody signed in a while ago must show again who they are: never, to change something, or to see it at all.
Confirm = Literal["never", "changes", "always"]
RUN_SALT = "studyapp.run"


class ResearcherRequest(HttpRequest):
    """A request as the views behind `signed_in`, `member` and `lab_member` get it: somebody has signed in.

    A type alone; no request is ever made of it.
    """

    user: User


# What a door takes. The keywords come from the address and from the door itself, so that a type cannot name them.
View: TypeAlias = Callable[Concatenate[HttpRequest, ...], HttpResponseBase]
ResearcherView: TypeAlias = Callable[Concatenate[ResearcherRequest, ...], HttpResponseBase]
Enter: TypeAlias = Callable[[HttpRequest, dict[str, object]], HttpResponseBase | None]


@dataclass(frozen=True)
class Door:
    """What a view declares; the authorization matrix is made from it."""

    audience: Audience
    methods: tuple[str, ...]
    role: Role | None = None
    confirm: Confirm = "never"


class Guarded:
    """A view behind its door. `enter` refuses with a response or an exception, or lets in and adds what it fetched."""

    def __init__(self, door: Door, view: Callable[..., HttpResponseBase], enter: Enter) -> None:
        update_wrapper(self, view)
        self.door = door
        self._view = view
        self._enter = enter

    def __call__(self, request: HttpRequest, **kwargs: object) -> HttpResponseBase:
        methods = self.door.methods
        if request.method not in (*methods, *(("HEAD",) if "GET" in methods else ())):
            return errors.not_allowed(request, methods)
        refusal = self._enter(request, kwargs) or _confirmation(request, self.door.confirm)
        try:
            response = self._view(request, **kwargs) if refusal is None else refusal
        except TooManyGuesses:
            response = errors.too_many_requests(request)
        if self.door.audience != "anyone":
            add_never_cache_headers(response)
        return response


def anyone(*methods: str) -> Callable[[View], Guarded]:
    """Open to the world; the view itself must hold nothing to steal."""
    return lambda view: Guarded(Door("anyone", methods), view, lambda request, kwargs: None)


def signed_in(*methods: str) -> Callable[[ResearcherView], Guarded]:
    """Any researcher."""
    return lambda view: Guarded(Door("signed_in", methods), view, lambda request, kwargs: _elsewhere_first(request))


def own_account(*methods: str, confirm: Confirm = "never") -> Callable[[Callable[..., HttpResponseBase]], Guarded]:
    """Who is signed in, to their own account alone: also an owner who has yet to set up a second factor."""
    door = Door("signed_in", methods, confirm=confirm)
    return lambda view: Guarded(door, view, lambda request, kwargs: _to_sign_in(request))


def member(role: Role, *methods: str, confirm: Confirm = "never") -> Callable[[ResearcherView], Guarded]:
    """A member of the study's lab with at least this role. The view gets `study` and `membership`."""

    def enter(request: HttpRequest, kwargs: dict[str, object]) -> HttpResponseBase | None:
        if (elsewhere := _elsewhere_first(request)) is not None:
            return elsewhere
        assert _is_researchers(request)
        study = get_object_or_404(
            Study.objects.of_member(request.user).select_related("lab", "frozen"), public_id=kwargs.pop("public_id")
        )
        membership = Membership.objects.get(lab=study.lab, user=request.user)
        _require(membership, role)
        kwargs.update(study=study, membership=membership)
        return None

    return lambda view: Guarded(Door("lab", methods, role, confirm), view, enter)


def lab_member(role: Role, *methods: str, confirm: Confirm = "never") -> Callable[[ResearcherView], Guarded]:
    """A member of the lab in the address, with at least this role. The view gets `lab` and `membership`."""

    def enter(request: HttpRequest, kwargs: dict[str, object]) -> HttpResponseBase | None:
        if (elsewhere := _elsewhere_first(request)) is not None:
            return elsewhere
        assert _is_researchers(request)
        membership = get_object_or_404(
            Membership.objects.select_related("lab"), lab_id=kwargs.pop("lab_id"), user=request.user
        )
        _require(membership, role)
        kwargs.update(lab=membership.lab, membership=membership)
        return None

    return lambda view: Guarded(Door("lab", methods, role, confirm), view, enter)


def _to_sign_in(request: HttpRequest) -> HttpResponseBase | None:
    return None if _is_researchers(request) else redirect_to_login(request.get_full_path())


def _elsewhere_first(request: HttpRequest) -> HttpResponseBase | None:
    """Where to go before any page of the console: to sign in or, where owners need one, to set up a second factor."""
    if not _is_researchers(request):
        return _to_sign_in(request)
    if settings.REQUIRE_MFA and request.user.is_owner and not is_mfa_enabled(request.user):
        return redirect("mfa_activate_totp")
    return None


def _confirmation(request: HttpRequest, confirm: Confirm) -> HttpResponseBase | None:
    """To the page that asks again who this is, when it was last shown too long ago."""
    if confirm == "never" or (confirm == "changes" and request.method != "POST") or _has_shown_who(request):
        return None
    came_from = urlsplit(request.headers.get("Referer", "")).path
    back = came_from if request.method == "POST" else request.get_full_path()
    return redirect_to_login(back or reverse("studies"), reverse("account_reauthenticate"))


def _has_shown_who(request: HttpRequest) -> bool:
    """By password or code, lately; who has neither (they came by a one-time link) cannot be asked."""
    assert _is_researchers(request)
    since = time.time() - settings.CONFIRM_EVERY.total_seconds()
    if any(record["at"] > since for record in get_authentication_records(request, request.user)):
        return True
    return not get_adapter(request).get_reauthentication_methods(request.user)


def _is_researchers(request: HttpRequest) -> TypeGuard[ResearcherRequest]:
    return request.user.is_authenticated


def _require(membership: Membership, role: Role) -> None:
    if not Role(membership.role).covers(role):
        text = gettext("This needs the role %(needed)s; yours is %(yours)s.")
        raise PermissionDenied(text % {"needed": role.label, "yours": membership.get_role_display()})


def participant(*methods: str) -> Callable[[View], Guarded]:
    """The person whose signed cookie opens this study's run. The view gets `enrolment`."""

    def enter(request: HttpRequest, kwargs: dict[str, object]) -> HttpResponseBase | None:
        study_id = kwargs.pop("public_id")
        assert isinstance(study_id, uuid.UUID)  # the address takes no other
        kwargs["enrolment"] = enrolment_of(request, study_id)
        return None

    return lambda view: Guarded(Door("participant", methods), view, enter)


def enrolment_of(request: HttpRequest, study_id: uuid.UUID) -> Enrolment:
    """The enrolment that the request's cookie opens; Http404 for none, a forged or another study's."""
    try:
        token = signing.loads(request.COOKIES.get(cookie_name(study_id), ""), salt=RUN_SALT)
        enrolment = run_by_public_id(uuid.UUID(token))
    except (signing.BadSignature, Enrolment.DoesNotExist, ValueError, TypeError, AttributeError) as error:
        raise Http404("no run in this browser") from error
    if enrolment.study.public_id != study_id:
        raise Http404("another study's run")
    return enrolment


def open_run(response: HttpResponse, enrolment: Enrolment) -> None:
    """Give the browser the key to its own run: unforgeable, for this study alone, out of reach of scripts."""
    response.set_cookie(
        cookie_name(enrolment.study.public_id),
        signing.dumps(str(enrolment.public_id), salt=RUN_SALT),
        max_age=30 * 24 * 3600,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )


def cookie_name(study_id: uuid.UUID) -> str:
    return f"run-{study_id.hex[:16]}"


class DoorsMiddleware:
    """Refuse every view that declares no door."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], args: object, kwargs: object
    ) -> None:
        if not hasattr(view, "door"):
            raise ImproperlyConfigured(f"{view.__module__}.{view.__name__} declares no door (views/doors.py)")
