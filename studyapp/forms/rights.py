"""Forms of people's rights: amending the consent text, and keeping panel ids until everybody is paid."""

from __future__ import annotations

from datetime import date, timedelta

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

MAX_DAYS = 365


class AmendmentForm(forms.Form):
    """A new version of the consent text, with why and who approved it."""

    text = forms.CharField(
        max_length=20_000,
        label=_("Consent text"),
        help_text=_("Who comes from now on agrees to this one. Earlier versions stay as they are."),
        widget=forms.Textarea(attrs={"rows": 12}),
    )
    reason = forms.CharField(
        max_length=500, label=_("What changed, and why"), help_text=_("Participants who are asked again read it.")
    )
    approval_number = forms.CharField(
        max_length=100, label=_("Approval number"), help_text=_("Of the ethics board, for this amendment.")
    )
    asks_again = forms.BooleanField(required=False, label=_("Ask people who are under way before their next screen"))

    def __init__(self, data: QueryDict | None = None, *, text: str = "") -> None:
        super().__init__(data, initial={"text": text}, auto_id="amendment-%s")

    def clean_text(self) -> str:
        text: str = self.cleaned_data["text"]
        return text.replace("\r\n", "\n").strip()


class KeepIdsForm(forms.Form):
    """Another day than the design's on which panel ids go."""

    until = forms.DateField(label=_("Keep panel ids until"), widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, data: QueryDict | None = None) -> None:
        super().__init__(data, auto_id="keep-%s")

    def clean_until(self) -> date:
        until: date = self.cleaned_data["until"]
        today = timezone.now().date()
        if not today <= until <= today + timedelta(days=MAX_DAYS):
            raise forms.ValidationError(_("Choose a day from today to a year from now."))
        return until
