"""Parts of the plan that most studies leave out, as fields: looks before the end, response times that do not count."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeAlias

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

Document: TypeAlias = dict[str, Any]

LONGEST_MS = 3_600_000
SPENDINGS = (
    ("obrien_fleming", _("O'Brien and Fleming: hardly any alpha early")),
    ("pocock", _("Pocock: about the same at every look")),
)
# Where the document has what a field says, so that a refusal is shown there.
PATHS = {
    "looks": "plan.looks",
    "spending": "plan.looks.spending",
    "low_ms": "plan.response_times",
    "high_ms": "plan.response_times.high_ms",
}


class LooksField(forms.CharField):
    """Percentages before 100, with commas; nothing for no looks."""

    def clean(self, value: str) -> list[float]:
        text = super().clean(value)
        parts = [part.strip().removesuffix("%").strip() for part in text.split(",") if part.strip()]
        if not all(re.fullmatch(r"[0-9]{1,2}(\.[0-9]{1,2})?", part) for part in parts):
            raise forms.ValidationError(gettext("Write percentages below 100 with commas, for instance 33, 67."))
        return [round(float(part) / 100, 4) for part in parts]


def option_fields(base: Mapping[str, Any]) -> dict[str, forms.Field]:
    """The fields, set as in a design."""
    looks, times = base["plan"].get("looks") or {}, base["plan"].get("response_times") or {}
    return {
        "looks": LooksField(
            required=False,
            max_length=100,
            initial=", ".join(f"{100 * time:g}" for time in looks.get("times", ())[:-1]),
            label=_("Looks before the end"),
            help_text=_("In % of the participants, for instance 50. Nobody sees an arm; a decided study is paused."),
        ),
        "spending": forms.ChoiceField(
            choices=SPENDINGS,
            initial=looks.get("spending", "obrien_fleming"),
            label=_("How looks share alpha"),
            help_text=_("Without looks it does not matter."),
        ),
        "low_ms": forms.IntegerField(
            required=False,
            min_value=0,
            max_value=LONGEST_MS,
            initial=times.get("low_ms"),
            label=_("Shortest response time"),
            help_text=_("In ms; shorter ones are left out of response times."),
        ),
        "high_ms": forms.IntegerField(
            required=False,
            min_value=1,
            max_value=LONGEST_MS,
            initial=times.get("high_ms"),
            label=_("Longest response time"),
            help_text=_("In ms; longer ones are left out of response times."),
        ),
    }


def put_options(document: Document, cleaned: Mapping[str, Any]) -> None:
    """Write into a design what the fields say; what they do not say is not in it."""
    plan = document["plan"]
    for name in ("looks", "response_times"):
        plan.pop(name, None)
    if cleaned["looks"]:
        plan["looks"] = {"times": [*cleaned["looks"], 1.0], "spending": cleaned["spending"]}
    if cleaned["low_ms"] is not None or cleaned["high_ms"] is not None:
        plan["response_times"] = {"low_ms": cleaned["low_ms"], "high_ms": cleaned["high_ms"]}
