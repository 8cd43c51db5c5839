"""Signing in and out, and one's own account: password, second factor, sessions. The steps themselves are allauth's."""

from __future__ import annotations

import uuid
from typing import Any

from allauth.account import views as account_views
from allauth.mfa.base import views as factor_views
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes import views as recovery_views
from allauth.mfa.totp import views as app_views
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse_lazy
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from studyapp.actions import guessing
from studyapp.actions.accounts import use_sign_in_link
from studyapp.actions.sessions import end_session, end_sessions
from studyapp.errors import NotEligible
from studyapp.views.adapter import address_of
from studyapp.views.doors import ResearcherRequest, anyone, own_account, signed_in
from studyapp.views.sessions import session_of, sign_in_as


@signed_in("GET")
def home(request: ResearcherRequest) -> HttpResponse:
    """The root of the site is the researcher's; participants come by their links."""
    return redirect("studies")


# --- signing in and out ------------------------------------------------------------------------------------------


def page(name: str, title: Any, lead: Any = "", button: Any = "", **more: Any) -> dict[str, Any]:
    """Our page in place of allauth's. Words may be lazy translations, for which Django has no public type."""
    return {
        "template_name": f"studyapp/console/{name}.html",
        "extra_context": {"title": title, "lead": lead, "button": button},
        **more,
    }


sign_in = anyone("GET", "POST")(account_views.LoginView.as_view(**page("sign_in", _("Sign in"))))

second_factor = anyone("GET", "POST")(
    factor_views.AuthenticateView.as_view(
        **page(
            "account_form",
            _("Your second factor"),
            _("Your password is right. Now the code that shows that it is you."),
            _("Sign in"),
        )
    )
)


@anyone("GET", "POST")
@never_cache
def sign_in_by_link(request: HttpRequest, *, token: str) -> HttpResponse:
    """Ask before the link is spent: scanners of messages open links, they press no buttons."""
    refusal = ""
    if request.method == "POST":
        try:
            user = use_sign_in_link(token=token)
        except NotEligible as error:
            guessing.take(guessing.ADDRESS, address_of(request))
            refusal = error.reason
        else:
            logout(request)  # whoever sat here before
            return sign_in_as(request, user)
    return render(request, "studyapp/console/sign_in_link.html", {"refusal": refusal}, status=410 if refusal else 200)


@anyone("POST")
def sign_out(request: HttpRequest) -> HttpResponse:
    """Also for who has given a password and not yet the second factor."""
    logout(request)
    return redirect("sign_in")


# --- one's own account ---------------------------------------------------------------------------------------------


@own_account("GET")
def account(request: ResearcherRequest) -> HttpResponse:
    """Who I am here, how I show it, and where I am signed in."""
    factors = {factor.type: factor for factor in Authenticator.objects.filter(user=request.user)}
    codes = factors.get(Authenticator.Type.RECOVERY_CODES)
    context = {
        "app": factors.get(Authenticator.Type.TOTP),
        "n_codes": len(codes.wrap().get_unused_codes()) if codes else 0,
        "sessions": request.user.console_sessions.order_by("-seen_at"),
        "this_session": session_of(request),
        "needs_factor": settings.REQUIRE_MFA and request.user.is_owner,
        "idle_hours": settings.SESSION_IDLE.total_seconds() / 3600,
        "life_days": settings.SESSION_LIFE.days,
    }
    return render(request, "studyapp/console/account.html", context)


@own_account("POST")
def end_one_session(request: ResearcherRequest, *, session_id: uuid.UUID) -> HttpResponse:
    end_session(session=get_object_or_404(request.user.console_sessions, public_id=session_id))
    messages.success(request, gettext("That browser is signed out."))
    return redirect("account")


@own_account("POST")
def end_other_sessions(request: ResearcherRequest) -> HttpResponse:
    count = end_sessions(user=request.user, but=session_of(request))
    text = ngettext("%(count)s other browser is signed out.", "%(count)s other browsers are signed out.", count)
    messages.success(request, text % {"count": count})
    return redirect("account")


confirm_by_password = own_account("GET", "POST")(
    account_views.ReauthenticateView.as_view(
        **page(
            "account_form",
            _("Is it still you?"),
            _("What you are about to do matters. Show once more that it is you."),
            _("Go on"),
        )
    )
)
confirm_by_code = own_account("GET", "POST")(
    factor_views.ReauthenticateView.as_view(
        **page(
            "account_form",
            _("Is it still you?"),
            _("What you are about to do matters. Show once more that it is you."),
            _("Go on"),
        )
    )
)

# --- passwords -----------------------------------------------------------------------------------------------------

ENDS_OTHERS = _("Every other browser in which you are signed in is signed out.")
ACCOUNT = reverse_lazy("account")

change_password = own_account("GET", "POST")(
    transaction.atomic(
        account_views.PasswordChangeView.as_view(
            **page("account_form", _("Change your password"), ENDS_OTHERS, _("Change"), success_url=ACCOUNT)
        )
    )
)
set_password = own_account("GET", "POST", confirm="always")(
    transaction.atomic(
        account_views.PasswordSetView.as_view(
            **page("account_form", _("Choose a password"), ENDS_OTHERS, _("Save"), success_url=ACCOUNT)
        )
    )
)
forgotten_password = anyone("GET", "POST")(
    never_cache(
        account_views.PasswordResetView.as_view(
            **page(
                "account_form",
                _("A new password"),
                _("Tell us your e-mail address. If it has an account here, a link to a new password is sent to it."),
                _("Send the link"),
            )
        )
    )
)
reset_sent = anyone("GET")(
    account_views.PasswordResetDoneView.as_view(
        **page(
            "account_note",
            _("Look into your letter box"),
            _("If the address has an account here, a link to a new password is on its way. It may take a few minutes."),
        )
    )
)
reset_password = anyone("GET", "POST")(
    never_cache(
        transaction.atomic(
            account_views.PasswordResetFromKeyView.as_view(
                **page("account_form", _("A new password"), ENDS_OTHERS, _("Save"))
            )
        )
    )
)
reset_done = anyone("GET")(
    account_views.PasswordResetFromKeyDoneView.as_view(
        **page("account_note", _("Your password is changed"), _("Sign in with the new one."))
    )
)

# --- second factors ------------------------------------------------------------------------------------------------

turn_on_app = own_account("GET", "POST", confirm="always")(
    app_views.ActivateTOTPView.as_view(**page("account_app", _("Set up a second factor")))
)
turn_off_app = own_account("GET", "POST", confirm="always")(
    transaction.atomic(
        app_views.DeactivateTOTPView.as_view(
            **page(
                "account_form",
                _("Turn off the second factor"),
                _("From then on your password alone opens your account. Your recovery codes end with it."),
                _("Turn it off"),
            )
        )
    )
)
recovery_codes = own_account("GET", confirm="always")(
    recovery_views.ViewRecoveryCodesView.as_view(**page("account_codes", _("Recovery codes")))
)
recovery_codes_file = own_account("GET", confirm="always")(
    recovery_views.DownloadRecoveryCodesView.as_view(template_name="studyapp/console/account_codes.txt")
)
new_recovery_codes = own_account("GET", "POST", confirm="always")(
    recovery_views.GenerateRecoveryCodesView.as_view(
        **page(
            "account_form",
            _("New recovery codes"),
            _("The codes that you have now, used or not, are worth nothing afterwards."),
            _("Make new ones"),
        )
    )
)
