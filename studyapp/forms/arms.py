"""The arms of a design as a formset. Choices and parameters follow from the registry of explainers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.forms import BaseFormSet, BoundField, formset_factory
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from explainers.registry import EXPLAINERS, IMPORTS, Choice, Digest, Entry, Float, Int, own_params
from studyapp.forms.lines import fresh, key_from
from studyapp.forms.more_params import MORE, MoreParamsField, printed
from studyapp.models import Dataset, ExplanationUpload, Lab, Predictor

ROLES = (("control", _("Control")), ("placebo", _("Placebo")), ("explained", _("Explained")))


@dataclass(frozen=True)
class Material:
    """What arms on one data set can be made of; `uploads` are the lab's files of explanations by their digest."""

    modality: str
    predictors: tuple[tuple[str, str], ...]
    uploads: Mapping[str, ExplanationUpload] = field(default_factory=dict)

    @property
    def explainers(self) -> dict[str, Entry]:
        return {key: entry for key, entry in {**EXPLAINERS, **IMPORTS}.items() if self.modality in entry.forms}

    @property
    def choices(self) -> list[tuple[str, object]]:
        methods = [(key, entry.title) for key, entry in self.explainers.items() if not entry.placebo]
        placebos = [(key, entry.title) for key, entry in self.explainers.items() if entry.placebo]
        return [("", gettext("none")), (gettext("Methods"), methods), (gettext("Placebos"), placebos)]


def material_of(dataset: str, lab: Lab | None = None) -> Material:
    """The current predictors of a data set, its modality and a lab's files; empty where the data set is unknown."""
    row = Dataset.objects.filter(key=dataset).first()
    if row is None:
        return Material("", ())
    predictors = Predictor.objects.filter(dataset=row, is_current=True).order_by("key")
    uploads = ExplanationUpload.objects.filter(lab=lab, predictor__in=predictors) if lab else ()
    shown = tuple((p.key, f"{p.title} ({p.architecture})") for p in predictors)
    return Material(row.modality, shown, {upload.sha256: upload for upload in uploads})


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
            for name in shown_params(method):
                param = entry.params[name]
                self.fields[f"{method}-{name}"] = (
                    self._upload_field(f"{method}-{name}", param)
                    if isinstance(param, Digest)
                    else _param_field(name, param)
                )
            if len(entry.params) > len(own_params(method)):
                self.fields[f"{method}-{MORE}"] = MoreParamsField()

    def _upload_field(self, name: str, param: Digest) -> forms.Field:
        """The lab's files; what the design says now stays where the lab has no such file."""
        known = [
            (sha256, f"{upload.method}, {upload.name} ({sha256[:8]})")
            for sha256, upload in self.material.uploads.items()
        ]
        current = self._now(name)
        if current and current not in self.material.uploads:
            known.append((current, gettext("%(upload)s… (not in this lab)") % {"upload": current[:12]}))
        none = gettext("choose a file") if known else gettext("no file yet: bring one under “Imported explanations”")
        return forms.ChoiceField(
            choices=[("", none), *known], required=False, label=gettext("File"), help_text=param.help
        )

    def _now(self, name: str) -> str:
        return str(self.initial.get(name, ""))

    def parameter_groups(self) -> Iterator[tuple[str, Entry, list[BoundField]]]:
        """For each method with parameters: its key, its entry and the fields."""
        for method, entry in self.material.explainers.items():
            names = (f"{method}-{name}" for name in (*shown_params(method), MORE))
            yield method, entry, [self[name] for name in names if name in self.fields]

    def document(self, taken: set[str]) -> dict[str, object]:
        """The arm as it stands in a design; call it on a valid form."""
        data = self.cleaned_data
        explainer = data["explainer"]
        given = self._params(explainer) if explainer else {}
        return {
            "key": fresh(data["key"] or key_from(data["title"]), taken),
            "title": data["title"],
            "role": data["role"],
            "predictor": data["predictor"],
            "explainer": {"name": explainer, "params": given} if explainer else None,
            "weight": data["weight"],
        }

    def _params(self, explainer: str) -> dict[str, object]:
        """The parameters that are set. What a file says of itself follows the file."""
        params = {name: self.cleaned_data[f"{explainer}-{name}"] for name in shown_params(explainer)}
        params |= self.cleaned_data.get(f"{explainer}-{MORE}") or {}
        if explainer in IMPORTS:
            upload = self.material.uploads.get(params["upload"])
            as_it_was = {name: self._now(f"{explainer}-{name}") for name in ("form", "direction")}
            params = {**params, **(upload.params if upload else as_it_was)}
        return {name: value for name, value in params.items() if value not in (None, "")}

    def field_for(self, path: str) -> str | None:
        """The field that a path inside an arm speaks of ("explainer.params.n_samples")."""
        head, _, rest = path.partition(".")
        if head != "explainer":
            return head if head in self.fields else None
        param = rest.removeprefix("params.").split(".")[0]
        chosen = self.data.get(self.add_prefix("explainer")) or self._now("explainer")
        candidates = (f"{chosen}-{param}", f"{chosen}-{MORE}" if param else "")
        return next((name for name in candidates if name in self.fields), "explainer")


def shown_params(method: str) -> tuple[str, ...]:
    """The parameters that have a field of their own: of imported explanations the file, which says the others."""
    return ("upload",) if method in IMPORTS else own_params(method)


def _with_current(choices: tuple[tuple[str, str], ...], current: str) -> list[tuple[str, str]]:
    """The choices, and what the design says now where it is none of them: a form must not change it silently."""
    if not current or current in dict(choices):
        return list(choices)
    return [*choices, (current, gettext("%(predictor)s (not trained here)") % {"predictor": current})]


def _param_field(name: str, param: Int | Float | Choice) -> forms.Field:
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
        **({f"{name}-{MORE}": printed(str(name), dict(params))} if name in EXPLAINERS else {}),
    }
