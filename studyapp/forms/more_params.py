"""Parameters that a placebo or a page of several methods hands on to those methods: lines of text, not a field each."""

from __future__ import annotations

import re
from collections.abc import Mapping

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from explainers.registry import own_params

MORE = "more"  # the field's name, behind the method's
LINE = re.compile(r"([a-z][a-z0-9_]*)\s*=\s*(\S+)")
LONGEST = 2_000

Params = Mapping[str, int | float | str]


class MoreParamsField(forms.CharField):
    """Lines `name = value`; what they may be is checked with the design."""

    def __init__(self) -> None:
        super().__init__(
            required=False,
            max_length=LONGEST,
            label=_("Parameters of the methods"),
            help_text=_("One a line, for instance: n_samples = 2000. What is not here takes the method's default."),
            widget=forms.Textarea(attrs={"rows": 3, "class": "mono"}),
        )

    def clean(self, value: str) -> dict[str, int | float | str]:
        text = super().clean(value)
        found = {}
        for line in filter(None, map(str.strip, text.splitlines())):
            match = LINE.fullmatch(line)
            if match is None:
                raise forms.ValidationError(
                    gettext("“%(line)s”: write a parameter, an equals sign and its value.") % {"line": line[:60]}
                )
            found[match[1]] = _value(match[2])
        return found


def printed(method: str, params: Params) -> str:
    """The parameters of a design that have no field of their own, as the field reads them."""
    own = own_params(method)
    return "\n".join(f"{name} = {value}" for name, value in params.items() if name not in own)


def _value(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
