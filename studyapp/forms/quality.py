"""Forms of data quality: a panel's list of submissions, and the keys of signed links."""

from __future__ import annotations

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from studyapp.actions.reconcile import ListRefused, Submission, read_submissions
from studyapp.actions.signatures import MAX_KEY_SET

MAX_BYTES = 1_000_000
PANELS = (("prolific", "Prolific"), ("mturk", "MTurk"), ("label", _("The lab's own labels")))


class SubmissionsForm(forms.Form):
    """A panel's list, pasted or uploaded; `cleaned_data["submissions"]` holds its lines."""

    panel = forms.ChoiceField(choices=PANELS, label=_("Panel"))
    text = forms.CharField(
        label=_("The panel's list"),
        help_text=_("CSV with its header, as the panel exports it, or one id a line."),
        required=False,
        max_length=MAX_BYTES,
        widget=forms.Textarea(attrs={"rows": 8, "class": "mono", "spellcheck": "false"}),
    )
    file = forms.FileField(label=_("Or a file"), required=False)

    def clean(self) -> dict[str, object]:
        data = super().clean() or {}
        if self.errors:
            return data
        name = "file" if data.get("file") else "text"
        try:
            data["submissions"] = self._read(data)
        except UnicodeDecodeError:
            self.add_error("file", gettext("This file is not text in UTF-8."))
        except ListRefused as error:
            self.add_error(name, str(error))
        return data

    def _read(self, data: dict[str, object]) -> list[Submission]:
        upload, text = data.get("file"), str(data.get("text", ""))
        if isinstance(upload, UploadedFile):
            if (upload.size or 0) > MAX_BYTES:
                raise ListRefused(gettext("This file is larger than 1 MB."))
            text = upload.read().decode("utf-8-sig")
        return read_submissions(text, str(data["panel"]))


class PanelKeysForm(forms.Form):
    """A panel's public keys as it publishes them."""

    keys = forms.CharField(
        label=_("Prolific's public keys (JSON Web Key Set)"),
        help_text=_("Empty removes them: then nobody's signature can be checked."),
        required=False,
        max_length=MAX_KEY_SET,
        widget=forms.Textarea(attrs={"rows": 8, "class": "mono", "spellcheck": "false"}),
    )
