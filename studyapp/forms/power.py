"""The form of a power calculation: what the design does not know."""

from __future__ import annotations

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from studyapp.actions.power import Assumptions
from studyapp.design.schema import Design

MOST_STUDIES = 10_000


class NumbersField(forms.CharField):
    """Several numbers with spaces or commas between them; the cleaned value is a sorted tuple without repeats."""

    def __init__(self, *, low: float, high: float, label: str | Promise, help_text: str | Promise) -> None:
        super().__init__(max_length=200, label=label, help_text=help_text)  # type: ignore[arg-type] # stubs know one kind
        self.low, self.high = low, high

    def clean(self, value: str) -> tuple[float, ...]:
        words = str(super().clean(value)).replace(",", " ").replace(";", " ").split()
        try:
            numbers = sorted({float(word) for word in words})
        except ValueError as error:
            raise forms.ValidationError(gettext("Numbers with spaces between them, please.")) from error
        if not all(self.low <= number <= self.high for number in numbers):
            bounds = {"low": f"{self.low:g}", "high": f"{self.high:g}"}
            raise forms.ValidationError(gettext("Each from %(low)s to %(high)s, please.") % bounds)
        return tuple(numbers)


class PowerForm(forms.Form):
    """Shares in per cent and effects in points, as people speak of them; `assumptions()` holds proportions."""

    people = NumbersField(
        low=4, high=100_000, label=_("People"), help_text=_("Sizes to try, over all arms: 60 100 200.")
    )
    effects = NumbersField(
        low=0.1, high=60, label=_("Effects, points"), help_text=_("Gains beyond the control arm's own: 5 10.")
    )
    accuracy = forms.FloatField(min_value=2, max_value=98, initial=60, label=_("Right before learning, %"))
    practice = forms.FloatField(
        min_value=-30, max_value=60, initial=2, label=_("Control arm's own gain, points"),
        help_text=_("What people learn without an explanation."),
    )  # fmt: skip
    drop_out = forms.FloatField(min_value=0, max_value=80, initial=5, label=_("Leave before the end, %"))
    sd_participants = forms.FloatField(
        min_value=0, max_value=5, initial=0.76, label=_("Between people, SD"),
        help_text=_("On the logit scale; a pilot of your own tells it best."),
    )  # fmt: skip
    sd_items = forms.FloatField(min_value=0, max_value=5, initial=0.76, label=_("Between items, SD"))
    n_studies = forms.IntegerField(min_value=100, max_value=MOST_STUDIES, initial=1_000, label=_("Simulated studies"))
    pay = forms.FloatField(
        min_value=0, max_value=10_000, initial=0, label=_("Cost of a person"), help_text=_("Pay and the panel's fee.")
    )

    @classmethod
    def suggested(cls, design: Design) -> dict[str, object]:
        """What one would try first: around the planned size and the smallest effect of interest."""
        n = design.allocation.capacity
        # What is simulated is the gain in accuracy; another estimand's smallest effect says nothing of it.
        effect = 100 * design.plan.smallest_effect if design.plan.estimand == "gain_in_accuracy" else 10.0
        sizes = dict.fromkeys(max(4 * len(design.arms), round(n * share)) for share in (0.25, 0.5, 0.75, 1, 1.5))
        return {
            "people": " ".join(map(str, sizes)),
            "effects": " ".join(f"{effect * share:.3g}" for share in (0.5, 1, 1.5)),
        }

    def assumptions(self) -> Assumptions:
        """What was filled in, as proportions."""
        data = self.cleaned_data
        return Assumptions(
            people=tuple(int(n) for n in data["people"]),
            effects=tuple(round(effect / 100, 6) for effect in data["effects"]),
            accuracy=data["accuracy"] / 100,
            practice=data["practice"] / 100,
            drop_out=data["drop_out"] / 100,
            sd_participants=data["sd_participants"],
            sd_items=data["sd_items"],
            n_studies=data["n_studies"],
            pay=data["pay"],
        )
