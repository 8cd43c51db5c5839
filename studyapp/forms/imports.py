"""A file of explanations that were made elsewhere."""

from __future__ import annotations

from collections.abc import Iterable

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from explainers.imports.reading import MAX_BYTES


class ImportForm(forms.Form):
    """One file; `content` holds its bytes, no more of them than may be read."""

    file = forms.FileField(
        label=_("A file of explanations"),
        help_text=_("JSON Lines of at most 1 MB: a header, then one item a line."),
    )

    @property
    def content(self) -> bytes:
        """The file's bytes; call it on a valid form."""
        upload = self.cleaned_data["file"]
        assert isinstance(upload, UploadedFile)
        content: bytes = upload.read(MAX_BYTES + 1)
        return content

    @property
    def name(self) -> str:
        """What the browser calls the file, as far as it can be shown."""
        found = "".join(letter for letter in str(self.cleaned_data["file"].name) if letter.isprintable())
        return found or gettext("a file")

    def refuse(self, problems: Iterable[str]) -> None:
        """Show every problem at the field."""
        for problem in problems:
            self.add_error("file", problem)
