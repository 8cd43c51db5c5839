"""Who may come through which door. A view without a declared door is refused: deny by default.

A door also fetches what it guards: a study is reached through the labs of who asks, an enrolment through the
participant's own signed cookie. So a view cannot forget the check, and a foreign id is a 404, not a 403.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Literal

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core import signing
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404
from django.utils.cache import add_never_cache_headers

from studyapp.models import Enrolment, Membership, Role, Study
from studyapp.models.runs import run_by_public_id

View = Callable[..., HttpResponse]
Audience = Literal["anyone", "signed_in", "lab", "participant"]
RUN_SALT = "studyapp.run"


@dataclass(frozen=True)
class Door:
    """What a view declares; the authorization matrix is made from it."""

    audience: Audience
    methods: tuple[str, ...]
    role: Role | None = None


def _door(door: Door, view: View, enter: Callable[[HttpRequest, dict[str, object]], HttpResponse | None]) -> View:
    @wraps(view)
    def guarded(request: HttpRequest, **kwargs: object) -> HttpResponse:
        if request.method not in (*door.methods, *(("HEAD",) if "GET" in door.methods else ())):
            return HttpResponseNotAllowed(door.methods)
        refusal = enter(request, kwargs)
        response = refusal or view(request, **kwargs)
        if door.audience != "anyone":
            add_never_cache_headers(response)
        return response

    guarded.door = door  # type: ignore[attr-defined]
    return guarded


def anyone(*methods: str) -> Callable[[View], View]:
    """Open to the world; the view itself must hold nothing to steal."""
    return lambda view: _door(Door("anyone", methods), view, lambda request, kwargs: None)


def signed_in(*methods: str) -> Callable[[View], View]:
    """Any researcher."""

    def enter(request: HttpRequest, kwargs: dict[str, object]) -> HttpResponse | None:
        return None if request.user.is_authenticated else redirect_to_login(request.get_full_path())

    return lambda view: _door(Door("signed_in", methods), view, enter)


def member(role: Role, *methods: str) -> Callable[[View], View]:
    """A member of the study's lab with at least this role. The view gets `study` and `membership`."""

    def enter(request: HttpRequest, kwargs: dict[str, object]) -> HttpResponse | None:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        study = get_object_or_404(
            Study.objects.of_member(request.user).select_related("lab", "frozen"), public_id=kwargs.pop("public_id")
        )
        membership = Membership.objects.get(lab=study.lab, user=request.user)
        if not Role(membership.role).covers(role):
            raise PermissionDenied(f"This needs the role {role.label}; yours is {membership.get_role_display()}.")
        kwargs.update(study=study, membership=membership)
        return None

    return lambda view: _door(Door("lab", methods, role), view, enter)


def participant(*methods: str) -> Callable[[View], View]:
    """The person whose signed cookie opens this study's run. The view gets `enrolment`."""

    def enter(request: HttpRequest, kwargs: dict[str, object]) -> HttpResponse | None:
        kwargs["enrolment"] = enrolment_of(request, kwargs.pop("public_id"))
        return None

    return lambda view: _door(Door("participant", methods), view, enter)


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

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: View, args: object, kwargs: object) -> None:
        if not hasattr(view, "door"):
            raise ImproperlyConfigured(f"{view.__module__}.{view.__name__} declares no door (views/doors.py)")
