"""The door to a lab's own pages: those that belong to no study."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from studyapp.models import Membership, Role
from studyapp.views.doors import Door, View, _door


def lab_member(role: Role, *methods: str) -> Callable[[View], View]:
    """A member of the lab in the address, with at least this role. The view gets `lab` and `membership`."""

    def enter(request: HttpRequest, kwargs: dict[str, object]) -> HttpResponse | None:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        membership = get_object_or_404(
            Membership.objects.select_related("lab"), lab_id=kwargs.pop("lab_id"), user=request.user
        )
        if not Role(membership.role).covers(role):
            raise PermissionDenied(f"This needs the role {role.label}; yours is {membership.get_role_display()}.")
        kwargs.update(lab=membership.lab, membership=membership)
        return None

    return lambda view: _door(Door("lab", methods, role), view, enter)
