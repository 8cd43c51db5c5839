"""Forms of accounts and memberships. Those of signing in are allauth's, with our words and our limits on guessing."""

from __future__ import annotations

from typing import Any

from allauth.account import forms as account_forms
from allauth.account.adapter import get_adapter
from allauth.mfa.base import forms as factor_forms
from allauth.mfa.totp import forms as totp_forms
from django import forms
from django.contrib.auth import password_validation
from django.core.validators import MaxLengthValidator
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext_lazy as _

from studyapp.actions import guessing
from studyapp.actions.mail import ask_for_reset
from studyapp.models import Role, User

PASSWORD_LENGTH = 1000  # longer ones are no safer, and cost time to hash


class OurWords:
    """Labels and helps in place of allauth's placeholders, which are gone as soon as one types."""

    words: dict[str, tuple[Any, Any]] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # whatever allauth's own form takes
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():  # type: ignore[attr-defined]
            field.widget.attrs.pop("placeholder", None)
            if "password" in name:
                field.widget.attrs["maxlength"] = field.max_length = PASSWORD_LENGTH
                field.validators.append(MaxLengthValidator(PASSWORD_LENGTH))
            field.label, field.help_text = self.words.get(name, (field.label, ""))


AT_LEAST = _("At least 12 characters, and none of the passwords that everybody guesses. Three or four words do well.")
CODE = (_("Code"), _("Six digits from your authenticator app, or one of your recovery codes."))


class SignInForm(OurWords, account_forms.LoginForm):
    """E-mail and password; the address in any capitals."""

    words = {"login": (_("E-mail address"), ""), "password": (_("Password"), "")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].widget.attrs |= {"autocomplete": "username", "autofocus": True}

    def clean_login(self) -> str:
        return str(super().clean_login()).lower()


class ForgottenPasswordForm(forms.Form):
    """The same answer for every address, whether it has an account or not."""

    email = forms.EmailField(label=_("E-mail address"), widget=forms.EmailInput(attrs={"autocomplete": "username"}))

    def save(self, request: HttpRequest) -> None:
        email = self.cleaned_data["email"].lower()
        if guessing.may_guess(guessing.RESET, email):  # or somebody's letter box is filled
            ask_for_reset(email=email)


class ChangePasswordForm(OurWords, account_forms.ChangePasswordForm):
    words = {
        "oldpassword": (_("Your password now"), ""),
        "password1": (_("New password"), AT_LEAST),
        "password2": (_("New password, again"), ""),
    }

    def clean_oldpassword(self) -> str:
        """Counts as a guess: somebody at a browser that was left open is no nearer to the password."""
        typed: str = self.cleaned_data["oldpassword"]
        if not get_adapter().reauthenticate(self.user, typed):
            raise get_adapter().validation_error("incorrect_password")
        return typed


class SetPasswordForm(OurWords, account_forms.SetPasswordForm):
    words = {"password1": (_("Password"), AT_LEAST), "password2": (_("Password, again"), "")}


class NewPasswordForm(OurWords, account_forms.ResetPasswordKeyForm):
    words = {"password1": (_("New password"), AT_LEAST), "password2": (_("New password, again"), "")}


class ConfirmByPasswordForm(OurWords, account_forms.ReauthenticateForm):
    words = {"password": (_("Password"), "")}


class LimitedCode(OurWords):
    """A code may be guessed as seldom as a password, and opens one door only."""

    words = {"code": CODE}
    user: User
    cleaned_data: dict[str, Any]

    def clean_code(self) -> str:
        guessing.take(guessing.SECOND_FACTOR, self.user.pk)
        code = str(super().clean_code())  # type: ignore[misc] # allauth's
        if not guessing.may_guess(guessing.USED_CODE, f"{self.user.pk}/{''.join(code.split())}"):
            raise get_adapter().validation_error("incorrect_code")
        guessing.give_back(guessing.SECOND_FACTOR, self.user.pk)
        return code


class SecondFactorForm(LimitedCode, factor_forms.AuthenticateForm):
    pass


class ConfirmByCodeForm(LimitedCode, factor_forms.ReauthenticateForm):
    pass


class ActivateAppForm(OurWords, totp_forms.ActivateTOTPForm):
    words = {"code": (_("Code"), _("The six digits that the app shows now."))}


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=Role.choices, label=_("Role"))


class InviteForm(forms.Form):
    """Whom to ask into a lab. Nothing here tells whether the address has an account."""

    email = forms.EmailField(label=_("E-mail address"))
    role = forms.ChoiceField(choices=Role.choices, initial=Role.VIEWER, label=_("Role"))

    def clean_role(self) -> Role:
        return Role(self.cleaned_data["role"])


class NewAccountForm(forms.Form):
    """What an invited person says about themselves; the address is the invitation's."""

    name = forms.CharField(label=_("Your name"), max_length=200, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    password = forms.CharField(
        label=_("Password"),
        help_text=AT_LEAST,
        strip=False,
        max_length=PASSWORD_LENGTH,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, data: QueryDict | None, *, email: str) -> None:
        super().__init__(data)
        self.email = email

    def clean_password(self) -> str:
        typed: str = self.cleaned_data["password"]
        password_validation.validate_password(typed, User(email=self.email, name=self.data.get("name", "")))
        return typed
