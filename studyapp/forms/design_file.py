"""A design as a file: pasted or uploaded JSON."""

from __future__ import annotations

import json

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

MAX_BYTES = 1_000_000


class DesignFileForm(forms.Form):
    """The document as text, or a file that counts instead of it; `cleaned_data["document"]` is the JSON data."""

    text = forms.CharField(
        label=_("Design as JSON"),
        required=False,
        max_length=MAX_BYTES,
        widget=forms.Textarea(attrs={"rows": 28, "class": "mono", "spellcheck": "false"}),
    )
    file = forms.FileField(label=_("Or a file"), required=False, help_text=_("A design.json of this or another study."))

    def clean(self) -> dict[str, object]:
        data = super().clean() or {}
        name = "file" if data.get("file") else "text"
        if name in self.errors:
            return data
        try:
            data["document"] = self._read(data)
        except UnicodeDecodeError:
            self.add_error("file", gettext("This file is not text in UTF-8."))
        except json.JSONDecodeError as error:
            text = gettext("Line %(line)d, column %(column)d: %(reason)s.")
            self.add_error(name, text % {"line": error.lineno, "column": error.colno, "reason": error.msg})
        except ValueError:  # a number of more digits than Python reads
            self.add_error(name, gettext("This holds a number that is too long to be read."))
        except RecursionError:
            self.add_error(name, gettext("This is nested too deeply to be a design."))
        return data

    def _read(self, data: dict[str, object]) -> object:
        upload = data.get("file")
        if isinstance(upload, UploadedFile):
            if (upload.size or 0) > MAX_BYTES:
                raise forms.ValidationError({"file": gettext("This file is larger than 1 MB.")})
            return json.loads(upload.read().decode("utf-8"))
        return json.loads(str(data.get("text", "")))
