"""Forms of accounts and memberships."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from studyapp.models import Lab, Role, User


class SignInForm(AuthenticationForm):
    """E-mail and password; the address in any capitals."""

    error_messages = {
        "invalid_login": _("This e-mail address and password do not belong together. Check both and try again."),
        "inactive": _("This account was closed."),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Django's view gives what its own form takes
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("E-mail address")
        self.fields["username"].widget = forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True})

    def clean_username(self) -> str:
        typed: str = self.cleaned_data["username"].strip()
        return User.objects.filter(email__iexact=typed).values_list("email", flat=True).first() or typed


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=Role.choices, label=_("Role"))


class AddMemberForm(forms.Form):
    """Somebody with an account here who is no member yet; `email` becomes the user."""

    email = forms.EmailField(label=_("E-mail address"), help_text=_("Of somebody who has an account here."))
    role = forms.ChoiceField(choices=Role.choices, initial=Role.VIEWER, label=_("Role"))

    def __init__(self, data: QueryDict | None, *, lab: Lab) -> None:
        super().__init__(data)
        self.lab = lab

    def clean_email(self) -> User:
        email = self.cleaned_data["email"]
        user = User.objects.filter(email__iexact=email, is_active=True).first()
        if user is None:
            raise forms.ValidationError(
                gettext("No account has this address. Check it, or have an account made first.")
            )
        if self.lab.memberships.filter(user=user).exists():
            raise forms.ValidationError(gettext("This person is a member already; change the role in the list."))
        return user

    def clean_role(self) -> Role:
        return Role(self.cleaned_data["role"])
