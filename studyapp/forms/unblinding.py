"""Forms of revealing a closed study's arms."""

from __future__ import annotations

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from studyapp.models import Study, User

LONGEST_REASON = 500


class AskForm(forms.Form):
    """A request that somebody else confirms. Who may confirm anyway need not be named."""

    second = forms.ModelChoiceField(queryset=User.objects.none(), required=False, label=_("Who confirms"))
    reason = forms.CharField(
        required=False,
        max_length=LONGEST_REASON,
        label=_("Note"),
        help_text=_("For the second person and the audit trail."),
    )

    def __init__(self, data: QueryDict | None = None, *, study: Study, user: User, has_other_owners: bool) -> None:
        super().__init__(data, auto_id="ask-%s")
        second = self.fields["second"]
        assert isinstance(second, forms.ModelChoiceField)
        second.queryset = User.objects.filter(memberships__lab=study.lab).exclude(pk=user.pk).order_by("name", "email")
        second.required = not has_other_owners
        second.empty_label = str(_("Any other owner")) if has_other_owners else str(_("Choose a member"))


class AloneForm(forms.Form):
    """Revealing the arms without anybody else, and why."""

    reason = forms.CharField(
        max_length=LONGEST_REASON,
        label=_("Why there is no second person"),
        help_text=_("It is kept in the audit trail, shown on this study's page and written beside its data."),
    )

    def __init__(self, data: QueryDict | None = None) -> None:
        super().__init__(data, auto_id="alone-%s")
