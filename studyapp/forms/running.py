"""Forms of a frozen study: links, stages and rehearsals."""

from __future__ import annotations

from datetime import UTC, datetime

from django import forms
from django.core.validators import RegexValidator
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from studyapp.actions.rehearsals import MAX_PARTICIPANTS, MAX_PLANTED_GAIN, MIN_PARTICIPANTS
from studyapp.models import Stage, Study
from studyapp.models.studies import StageKind


class LinkForm(forms.Form):
    """A way in, to one of the study's stages of real people."""

    stage = forms.ModelChoiceField(queryset=Stage.objects.none(), empty_label=None, label=_("Stage"))
    label = forms.CharField(
        max_length=100, required=False, label=_("Label"), help_text=_("For you: where it is handed out.")
    )
    is_single_use = forms.BooleanField(required=False, label=_("For one person only"))
    must_be_signed = forms.BooleanField(
        required=False,
        label=_("Only with a signature; else who has none is let in, and marked"),
    )
    panel_study = forms.CharField(
        max_length=100,
        required=False,
        validators=[RegexValidator(r"^[A-Za-z0-9_-]*$", _("Letters and digits alone."))],
        label=_("The panel's study"),
        help_text=_("Prolific's id of the study, to check its signed links against."),
    )
    expires_at = forms.DateTimeField(
        required=False,
        label=_("Expires (UTC)"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )

    def __init__(self, data: QueryDict | None = None, *, study: Study) -> None:
        super().__init__(data, auto_id="link-%s")
        stage = self.fields["stage"]
        assert isinstance(stage, forms.ModelChoiceField)
        stage.queryset = study.stages.exclude(kind=StageKind.REHEARSAL).order_by("pk")
        stage.label_from_instance = stage_title  # type: ignore[method-assign, assignment]

    def clean_expires_at(self) -> datetime | None:
        moment: datetime | None = self.cleaned_data["expires_at"]
        if moment is None:
            return None
        if moment <= timezone.now():
            raise forms.ValidationError(_("This moment has passed already."))
        return moment.astimezone(UTC)


class StageForm(forms.Form):
    """A pilot or a top-up: people who are allocated and counted apart."""

    kind = forms.ChoiceField(
        choices=[(kind.value, kind.label) for kind in (StageKind.PILOT, StageKind.TOP_UP)], label=_("Kind")
    )
    capacity = forms.IntegerField(min_value=2, max_value=100_000, label=_("Participants"), initial=20)

    def __init__(self, data: QueryDict | None = None) -> None:
        super().__init__(data, auto_id="stage-%s")

    def clean_kind(self) -> StageKind:
        return StageKind(self.cleaned_data["kind"])


class RehearsalForm(forms.Form):
    """Simulated people who walk through the real pages."""

    participants = forms.IntegerField(
        min_value=MIN_PARTICIPANTS, max_value=MAX_PARTICIPANTS, initial=40, label=_("Participants")
    )
    gain = forms.FloatField(
        min_value=0,
        max_value=100 * MAX_PLANTED_GAIN,
        initial=15,
        label=_("Gain, points"),
        help_text=_("Percentage points that explained arms learn; the report should find it."),
    )
    seed = forms.IntegerField(min_value=0, max_value=2**31 - 1, initial=1, label=_("Seed"))

    def __init__(self, data: QueryDict | None = None) -> None:
        super().__init__(data, auto_id="rehearsal-%s")

    def clean_gain(self) -> float:
        points: float = self.cleaned_data["gain"]
        return round(points / 100, 6)


def stage_title(stage: Stage) -> str:
    """A stage in words: "Pilot 2", "Main"."""
    kind = stage.get_kind_display()
    return kind if stage.kind == StageKind.MAIN else f"{kind} {stage.number}"
