"""A design as a form: every field stands for a path of the document, so that a refusal is shown where it belongs."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from analysis.estimands import ESTIMANDS
from analysis.numbers import scale_of
from studyapp.design.schema import Rights
from studyapp.errors import Problem
from studyapp.forms.arms import ArmForm, ArmFormSet, BaseArmFormSet, Material, arm_initial, material_of
from studyapp.forms.lines import (
    parse_factors,
    parse_questions,
    parse_ratings,
    print_factors,
    print_questions,
    print_ratings,
)
from studyapp.forms.plan_options import PATHS as OPTIONS
from studyapp.forms.plan_options import option_fields, put_options
from studyapp.forms.quality_rules import RuleFields, rule_fields, rules_document, shown_rules
from studyapp.models import Lab

if TYPE_CHECKING:  # the stubs are there for the linters alone
    from django_stubs_ext import StrOrPromise

Document: TypeAlias = dict[str, Any]  # a design as JSON, read by parse_design on the way out

PATHS = {
    "title": "title",
    "minutes": "minutes",
    "seed": "seed",
    "consent": "texts.consent",
    "instructions": "texts.instructions",
    "question": "texts.question",
    "debrief": "texts.debrief",
    "contact": "texts.contact",
    "attempts": "comprehension.attempts",
    "capacity": "allocation.capacity",
    **{f"rights_{name}": f"rights.{name}" for name in Rights.model_fields},
    "code": "completion.code",
    "redirect": "completion.redirect",
    "estimand": "plan.estimand",
    "alpha": "plan.alpha",
    "multiplicity": "plan.multiplicity",
    "missing": "plan.missing",
    "draws": "plan.draws",
    "bootstrap_draws": "plan.bootstrap_draws",
    "plan_seed": "plan.seed",
}
# Fields whose text is more than the value at their path.
TRANSLATED = {
    "questions": "comprehension.questions",
    "ratings": "ratings",
    "strata": "allocation.strata",
    "block_multiples": "allocation.block_multiples",
    "smallest_effect": "plan.smallest_effect",
}
QUESTIONS = [(key, f"{found.title} ({scale_of(found.unit).noun})") for key, found in ESTIMANDS.items()]
MISSING_RULES = (
    ("no_gain", _("Count people without an outcome as having gained nothing")),
    ("no_change", _("Count people without an outcome as having changed nothing")),
    ("chance", _("Count people without an outcome as guessing")),
    ("available", _("Leave people without an outcome out")),
)
MULTIPLICITIES = (
    ("holm", _("Holm: always right")),
    ("hochberg", _("Hochberg: a little more power, for tests that depend positively")),
    ("westfall_young", _("Westfall and Young: uses how the arms depend, from the same re-draws")),
    ("dunnett", _("Dunnett: several arms and one control, by the t distribution with one variance")),
    ("benjamini_hochberg", _("Benjamini and Hochberg: the share of false discoveries only, for exploring")),
)
WITHDRAWALS = (
    ("exclude", _("leaves the answers out of every analysis; people can ask for erasure")),
    ("erase", _("erases the answers at once")),
)
MONO = {"class": "mono"}


def lines_field(label: StrOrPromise, help_text: StrOrPromise, rows: int = 4) -> forms.CharField:
    return forms.CharField(
        label=label, help_text=help_text, required=False, widget=forms.Textarea(attrs={"rows": rows, **MONO})
    )


def text_field(label: StrOrPromise, rows: int) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows})
    return forms.CharField(label=label, max_length=20_000, widget=widget)


class DesignForm(forms.Form):
    """Everything of a design but its arms. What a form cannot say (blocks, task types) stays as it is."""

    title = forms.CharField(max_length=300, label=_("Title"), help_text=_("For your lab; participants do not see it."))
    minutes = forms.IntegerField(
        min_value=1, max_value=240, label=_("Minutes"), help_text=_("What participants are told.")
    )
    seed = forms.IntegerField(
        min_value=0,
        max_value=2**53 - 1,
        label=_("Seed"),
        help_text=_("Draws the items: the same seed, the same study."),
    )

    consent = text_field(_("Consent"), 8)
    instructions = text_field(_("Instructions"), 8)
    question = forms.CharField(
        max_length=300, label=_("Question of a trial"), help_text=_("The heading of every trial.")
    )
    debrief = text_field(_("Debrief"), 4)
    contact = forms.CharField(max_length=300, label=_("Contact"), help_text=_("Whom participants can ask."))

    questions = lines_field(
        _("Comprehension check"),
        _("A question, then an answer a line: * before the right one, - before the others. An empty line between two."),
        8,
    )
    attempts = forms.IntegerField(
        min_value=2,
        max_value=5,
        label=_("Attempts"),
        help_text=_("Panels ask for two at least before somebody is sent away."),
    )
    ratings = lines_field(_("Ratings at the end"), _("One a line: question | low end | high end | number of points."))

    capacity = forms.IntegerField(
        min_value=2, max_value=100_000, label=_("Participants"), help_text=_("Allocated in the main stage.")
    )
    block_multiples = forms.CharField(
        label=_("Sizes of the permuted blocks"),
        help_text=_("In multiples of the arms' weights, with commas; each block's size is drawn from them."),
    )
    strata = lines_field(
        _("Background questions"),
        _("Balanced separately. One a line: question | answer | answer. Each splits the blocks."),
        3,
    )

    rights_approval = forms.CharField(
        max_length=100,
        required=False,
        label=_("Approval number"),
        help_text=_("Of the ethics board; participants see it."),
    )
    rights_withdrawal = forms.ChoiceField(
        choices=WITHDRAWALS, label=_("Withdrawing"), help_text=_("Stands under the consent text.")
    )
    rights_until_days = forms.IntegerField(
        min_value=0, max_value=3650, label=_("Days to withdraw"), help_text=_("After a person's own end.")
    )
    rights_panel_ids_days = forms.IntegerField(
        min_value=1, max_value=365, label=_("Days to keep panel ids"), help_text=_("After closing; pay before.")
    )
    rights_trail_days = forms.IntegerField(
        min_value=1,
        max_value=36_500,
        required=False,
        label=_("Days to keep trails"),
        help_text=_("After closing: lost focus, pastes, changes. Empty: as long as the answers."),
    )
    rights_data_days = forms.IntegerField(
        min_value=30,
        max_value=36_500,
        required=False,
        label=_("Days to keep the data"),
        help_text=_("After closing. Empty: for ever."),
    )

    code = forms.CharField(max_length=40, label=_("Completion code"), help_text=_("Shown when every response is in."))
    redirect = forms.URLField(
        max_length=510,
        required=False,
        assume_scheme="https",
        label=_("Redirect"),
        help_text=_("Back to the panel, for instance https://app.prolific.com/submissions/complete?cc=CODE"),
    )

    estimand = forms.ChoiceField(
        choices=lambda: [
            (key, f"{estimand.title} ({scale_of(estimand.unit).noun})")
            for key, estimand in ESTIMANDS.items()
            if "scores" not in estimand.needs  # no task here gives any: they are in studies that are imported
        ],
        label=_("Estimand"),
        help_text=_("What each explained arm is compared with the control in."),
    )
    smallest_effect = forms.FloatField(
        min_value=0.0001, label=_("Smallest effect of interest"), help_text=_("In the estimand's unit.")
    )
    alpha = forms.FloatField(
        min_value=0.0001,
        max_value=0.49,
        label=_("Alpha"),
        help_text=_("For the whole family of arms."),
    )
    multiplicity = forms.ChoiceField(
        choices=MULTIPLICITIES, label=_("Several arms"), help_text=_("How their p-values are adjusted.")
    )
    missing = forms.ChoiceField(
        choices=MISSING_RULES, label=_("People who leave"), help_text=_("The other rule is always shown beside.")
    )
    draws = forms.IntegerField(min_value=199, max_value=100_000, label=_("Re-draws of the allocation"))
    bootstrap_draws = forms.IntegerField(min_value=199, max_value=20_000, label=_("Bootstrap draws"))
    plan_seed = forms.IntegerField(min_value=0, max_value=2**53 - 1, label=_("Seed of the analysis"))

    def __init__(self, data: QueryDict | None, *, base: Document, others: Mapping[str, str]) -> None:
        self.base = base
        super().__init__(data, initial=_initial(base), prefix="design")
        for n, item_set in enumerate(base["item_sets"]):
            name = f"items-{n}"
            self.fields[name] = forms.IntegerField(
                min_value=1, max_value=400, initial=item_set["n_items"], label=_uses(base, item_set["key"])
            )
        for n, phase in enumerate(base["phases"]):
            self.fields[f"phase-{n}-title"] = forms.CharField(max_length=300, initial=phase["title"], label=_("Title"))
            self.fields[f"phase-{n}-intro"] = text_field(_("Introduction"), 3)
            self.initial[f"phase-{n}-intro"] = phase["intro"]
        self.fields.update(option_fields(base))
        self.fields.update(rule_fields(base))
        self._exclude_from(others)

    def _exclude_from(self, others: Mapping[str, str]) -> None:
        """Whose people are not let in; no field where the lab has no other study."""
        excluded = self.base.get("recruiting", {}).get("exclude", ())
        titles = {**dict.fromkeys(excluded, gettext("A study that is not there any more")), **others}
        if titles:
            self.fields["exclude"] = forms.MultipleChoiceField(
                choices=list(titles.items()),
                initial=excluded,
                required=False,
                label=_("Not for people of these studies"),
                help_text=_("Who is known from one of them is thanked and not let in. Hold Ctrl to choose several."),
            )

    def excluded(self) -> list[forms.BoundField]:
        """The field of studies whose people are not let in, if there is one."""
        return [self[name] for name in ("exclude",) if name in self.fields]

    def rules(self) -> list[RuleFields]:
        """The rules of data quality with their fields."""
        return list(shown_rules(self))

    def items(self) -> list[forms.BoundField]:
        """The fields that say how many items there are."""
        return [self[f"items-{n}"] for n in range(len(self.base["item_sets"]))]

    def phases(self) -> list[tuple[Document, list[forms.BoundField]]]:
        """Each phase with its fields."""
        return [
            (phase, [self[f"phase-{n}-title"], self[f"phase-{n}-intro"]]) for n, phase in enumerate(self.base["phases"])
        ]

    def clean_strata(self) -> list[Document]:
        return parse_factors(self.cleaned_data["strata"], self.base.get("allocation", {}).get("strata", ()))

    def clean_ratings(self) -> list[Document]:
        return parse_ratings(self.cleaned_data["ratings"], self.base.get("ratings", ()))

    def clean_questions(self) -> list[Document]:
        return parse_questions(self.cleaned_data["questions"])

    def clean_block_multiples(self) -> list[int]:
        parts = [part.strip() for part in self.cleaned_data["block_multiples"].split(",")]
        if not all(re.fullmatch("[0-9]{1,4}", part) for part in parts):
            raise forms.ValidationError(gettext("Write whole numbers with commas between them, for instance 1, 2."))
        return [int(part) for part in parts]

    def clean_smallest_effect(self) -> float:
        shown: float = self.cleaned_data["smallest_effect"]
        return round(shown / _factor(self.cleaned_data.get("estimand")), 6)

    def document(self) -> Document:
        """The design as the form says; call it on a valid form."""
        document = copy.deepcopy(self.base)
        for name, path in {**PATHS, **TRANSLATED}.items():
            _put(document, path, self.cleaned_data[name])
        if "exclude" in self.fields:
            _put(document, "recruiting.exclude", self.cleaned_data["exclude"])
        put_options(document, self.cleaned_data)
        document["quality"] = {"rules": rules_document(self.cleaned_data, self.base)}
        for n, item_set in enumerate(document["item_sets"]):
            item_set["n_items"] = self.cleaned_data[f"items-{n}"]
        for n, phase in enumerate(document["phases"]):
            phase |= {key: self.cleaned_data[f"phase-{n}-{key}"] for key in ("title", "intro")}
        return document

    def field_for(self, path: str) -> str | None:
        """The field that a path of the document speaks of, by its longest known beginning."""
        fields = {document_path: name for name, document_path in {**PATHS, **TRANSLATED, **OPTIONS}.items()}
        fields["quality"] = next(iter(self.rules())).chosen.name
        for n in range(len(self.base["item_sets"])):
            fields[f"item_sets[{n}]"] = f"items-{n}"
        for n in range(len(self.base["phases"])):
            fields |= {f"phases[{n}].{key}": f"phase-{n}-{key}" for key in ("title", "intro")}
        known = [start for start in fields if re.match(rf"{re.escape(start)}(?=$|[.\[])", path)]
        return fields[max(known, key=len)] if known else None


class DesignEditor:
    """The form of a design and the forms of its arms, as one."""

    def __init__(
        self,
        base: Document,
        data: QueryDict | None = None,
        others: Mapping[str, str] | None = None,
        lab: Lab | None = None,
    ) -> None:
        self.base = base
        self.material: Material = material_of(str(base["dataset"]), lab)
        self.form = DesignForm(data, base=base, others=others or {})
        self.arms: BaseArmFormSet = ArmFormSet(  # type: ignore[assignment] # the factory's class is made of ours
            data,
            prefix="arms",
            initial=[arm_initial(arm) for arm in base["arms"]],
            form_kwargs={"material": self.material},
        )

    def is_valid(self) -> bool:
        valid = self.form.is_valid()
        return self.arms.is_valid() and valid

    def document(self) -> Document:
        """The whole design, the plan's control following the arms."""
        document = self.form.document()
        document["arms"] = self.arms.documents()
        controls = [arm["key"] for arm in document["arms"] if arm["role"] == "control"]
        if document["plan"].get("control") not in controls and controls:
            document["plan"]["control"] = controls[0]
        return document

    def refuse(self, problems: Sequence[Problem]) -> None:
        """Show each problem at its field, and those that belong to none at the top."""
        for problem in problems:
            form, field = self._place(problem.path)
            form.errors  # noqa: B018 (Django makes the errors at the first look)
            form.add_error(field, problem.message if field else str(problem))

    def _place(self, path: str) -> tuple[forms.Form, str | None]:
        arm = re.match(r"arms\[(\d+)\]\.?(.*)", path)
        kept = self.arms.kept()
        if arm and int(arm[1]) < len(kept):
            form: ArmForm = kept[int(arm[1])]
            return form, form.field_for(arm[2])
        return self.form, self.form.field_for(path)

    def all_errors(self) -> Iterator[tuple[str, str, str]]:
        """Every error with the id and the label of its field, for the summary at the top of the page."""
        for form in (self.form, *self.arms.forms):
            for name, errors in form.errors.items():
                field = form[name] if name in form.fields else None
                for error in errors:
                    yield (field.id_for_label if field else "", str(field.label) if field else "", str(error))


def with_another_arm(data: QueryDict) -> QueryDict:
    """What was typed, with one more arm's empty form."""
    data = data.copy()
    total = data.get("arms-TOTAL_FORMS", "")
    data["arms-TOTAL_FORMS"] = str(min(int(total) + 1, 12)) if re.fullmatch("[0-9]{1,4}", total) else "1"
    return data


def _initial(base: Document) -> Document:
    base = {"rights": Rights.model_validate({}).model_dump(), **base}  # a draft of before there were any
    initial = {name: _get(base, path) for name, path in PATHS.items()}
    effect = _get(base, "plan.smallest_effect")
    return initial | {
        "questions": print_questions(_get(base, "comprehension.questions") or ()),
        "ratings": print_ratings(base.get("ratings") or ()),
        "strata": print_factors(_get(base, "allocation.strata") or ()),
        "block_multiples": ", ".join(map(str, _get(base, "allocation.block_multiples") or ())),
        "smallest_effect": None if effect is None else round(_factor(initial["estimand"]) * float(effect), 4),
    }


def _factor(estimand: object) -> float:
    """What a value in the estimand's unit is multiplied by where people read it."""
    found = ESTIMANDS.get(str(estimand))
    return scale_of(found.unit).factor if found else 1.0


def _uses(base: Document, item_set: str) -> str:
    """Where an item set is met, in words: "Before, After"."""
    phases = [phase["title"] for phase in base["phases"] if item_set in {b["item_set"] for b in phase["blocks"]}]
    return ", ".join(dict.fromkeys(phases)) or item_set


def _get(document: Mapping[str, Any], path: str) -> Any:
    value: Any = document
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _put(document: Document, path: str, value: object) -> None:
    *parents, last = path.split(".")
    for part in parents:
        document = document.setdefault(part, {})
    document[last] = value
