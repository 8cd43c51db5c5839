"""The arms of a design as a formset. Choices and parameters follow from the registry of explainers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms import BaseFormSet, BoundField, formset_factory
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from explainers.registry import EXPLAINERS, Choice, Entry, Int, Param
from studyapp.forms.lines import fresh, key_from
from studyapp.models import Dataset, Predictor

ROLES = (("control", _("Control")), ("placebo", _("Placebo")), ("explained", _("Explained")))


@dataclass(frozen=True)
class Material:
    """What arms on one data set can be made of."""

    modality: str
    predictors: tuple[tuple[str, str], ...]

    @property
    def explainers(self) -> dict[str, Entry]:
        return {key: entry for key, entry in EXPLAINERS.items() if self.modality in entry.forms}

    @property
    def choices(self) -> list[tuple[str, object]]:
        methods = [(key, entry.title) for key, entry in self.explainers.items() if not entry.placebo]
        placebos = [(key, entry.title) for key, entry in self.explainers.items() if entry.placebo]
        return [("", gettext("none")), (gettext("Methods"), methods), (gettext("Placebos"), placebos)]


def material_of(dataset: str) -> Material:
    """The current predictors of a data set and its modality; empty where the data set is unknown."""
    row = Dataset.objects.filter(key=dataset).first()
    predictors = Predictor.objects.filter(dataset=row, is_current=True).order_by("key") if row else ()
    return Material(row.modality if row else "", tuple((p.key, f"{p.title} ({p.architecture})") for p in predictors))


class ArmForm(forms.Form):
    """One arm. Every explainer's parameters are there; those of the chosen one count."""

    key = forms.CharField(widget=forms.HiddenInput, required=False)
    title = forms.CharField(max_length=300, label=_("Title"))
    role = forms.ChoiceField(choices=ROLES, label=_("Role"))
    weight = forms.IntegerField(min_value=1, max_value=10, initial=1, label=_("Weight"))

    def __init__(self, *args: Any, material: Material, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.material = material
        predictors = _with_current(material.predictors, self._now("predictor"))
        self.fields["predictor"] = forms.ChoiceField(choices=predictors, label=_("Predictor"))
        self.fields["explainer"] = forms.ChoiceField(choices=material.choices, required=False, label=_("Explainer"))
        for method, entry in material.explainers.items():
            for name, param in entry.params.items():
                self.fields[f"{method}-{name}"] = _param_field(name, param)

    def _now(self, name: str) -> str:
        return str(self.initial.get(name, ""))

    def parameter_groups(self) -> Iterator[tuple[str, Entry, list[BoundField]]]:
        """For each method with parameters: its key, its entry and the fields."""
        for method, entry in self.material.explainers.items():
            yield method, entry, [self[f"{method}-{name}"] for name in entry.params]

    def document(self, taken: set[str]) -> dict[str, object]:
        """The arm as it stands in a design; call it on a valid form."""
        data = self.cleaned_data
        explainer = data["explainer"]
        params = {name: data[f"{explainer}-{name}"] for name in (EXPLAINERS[explainer].params if explainer else ())}
        given = {name: value for name, value in params.items() if value not in (None, "")}
        return {
            "key": fresh(data["key"] or key_from(data["title"]), taken),
            "title": data["title"],
            "role": data["role"],
            "predictor": data["predictor"],
            "explainer": {"name": explainer, "params": given} if explainer else None,
            "weight": data["weight"],
        }

    def field_for(self, path: str) -> str | None:
        """The field that a path inside an arm speaks of ("explainer.params.n_samples")."""
        head, _, rest = path.partition(".")
        if head != "explainer":
            return head if head in self.fields else None
        param = rest.removeprefix("params.").split(".")[0]
        candidate = f"{self.data.get(self.add_prefix('explainer')) or self._now('explainer')}-{param}"
        return candidate if candidate in self.fields else "explainer"


def _with_current(choices: tuple[tuple[str, str], ...], current: str) -> list[tuple[str, str]]:
    """The choices, and what the design says now where it is none of them: a form must not change it silently."""
    if not current or current in dict(choices):
        return list(choices)
    return [*choices, (current, gettext("%(predictor)s (not trained here)") % {"predictor": current})]


def _param_field(name: str, param: Param) -> forms.Field:
    label = name.replace("_", " ").capitalize()
    if isinstance(param, Choice):
        unset = gettext("default: %(value)s") % {"value": param.default}
        options = [("", unset), *((option, option) for option in param.options)]
        return forms.ChoiceField(choices=options, required=False, label=label, help_text=param.help)
    limits = gettext("From %(low)s to %(high)s; left empty it is %(default)s.")
    help_text = f"{param.help} {limits % {'low': param.low, 'high': param.high, 'default': param.default}}".strip()
    if isinstance(param, Int):
        return forms.IntegerField(
            min_value=param.low, max_value=param.high, required=False, label=label, help_text=help_text
        )
    return forms.FloatField(min_value=param.low, max_value=param.high, required=False, label=label, help_text=help_text)


class BaseArmFormSet(BaseFormSet):  # type: ignore[type-arg] # generic in the stubs alone
    def documents(self) -> list[dict[str, object]]:
        """The arms that stay, each with a key of its own."""
        taken: set[str] = set()
        arms = []
        for form in self.kept():
            arms.append(form.document(taken))
            taken.add(str(arms[-1]["key"]))
        return arms

    def kept(self) -> list[ArmForm]:
        """The forms of the arms that are not struck out."""
        if not self.is_bound:
            return list(self.forms)
        return [form for form in self.forms if not self._should_delete_form(form)]  # type: ignore[attr-defined]


ArmFormSet = formset_factory(
    ArmForm, formset=BaseArmFormSet, extra=0, can_delete=True, min_num=0, max_num=12, absolute_max=12
)


def arm_initial(arm: Mapping[str, object]) -> dict[str, object]:
    """What the form of an arm shows first."""
    chosen = arm.get("explainer")
    explainer = chosen if isinstance(chosen, Mapping) else {}
    name = explainer.get("name", "")
    params = explainer.get("params") or {}
    return {
        **{key: arm.get(key) for key in ("key", "title", "role", "predictor", "weight")},
        "explainer": name,
        **{f"{name}-{param}": value for param, value in dict(params).items()},
    }
