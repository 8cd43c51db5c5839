"""Making and editing a draft: by form, as JSON, from a file."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.text import slugify
from django.utils.translation import gettext, ngettext

from analysis.adjustment import ADJUSTMENTS
from analysis.estimands import ESTIMANDS
from analysis.numbers import scale_of
from analysis.quality.registry import RULES, meaning
from studyapp.actions.studies import create_study, edit_draft, problems_of
from studyapp.design.schema import Design, Looks, Plan, ResponseTimes, parse_design
from studyapp.design.templates import TEMPLATES, WORDS
from studyapp.errors import DesignRefused, Problem, WrongState
from studyapp.exports.design import design_json as design_text
from studyapp.forms.design import DesignEditor, with_another_arm
from studyapp.forms.design_file import DesignFileForm
from studyapp.forms.plan_options import SPENDINGS
from studyapp.models import Dataset, Lab, Membership, Role, Study
from studyapp.models.studies import StudyState
from studyapp.views.console.answers import may, study_page
from studyapp.views.console.measures import measures_of
from studyapp.views.console.noise import noise_rows
from studyapp.views.doors import ResearcherRequest, anyone, lab_member, member


@lab_member(Role.DESIGNER, "GET", "POST")
def choose_template(request: ResearcherRequest, *, lab: Lab, membership: Membership) -> HttpResponse:
    """The ways to begin: a protocol on a data set, or (by POST) a design file."""
    form = DesignFileForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            study = create_study(lab=lab, document=form.cleaned_data["document"], actor=request.user)
        except DesignRefused as error:
            _refuse_file(form, error.problems)
        else:
            return redirect("study", public_id=study.public_id)
    context = {
        "lab": lab,
        "templates": TEMPLATES.items(),
        "datasets": Dataset.objects.filter(key__in=WORDS).order_by("pk"),
        "form": form,
    }
    return render(request, "studyapp/console/choose_template.html", context, status=422 if form.errors else 200)


@lab_member(Role.DESIGNER, "GET", "POST")
def new_study(
    request: ResearcherRequest, *, lab: Lab, membership: Membership, template: str, dataset: str
) -> HttpResponse:
    """The form of a template; nothing is stored before it is saved."""
    if template not in TEMPLATES or dataset not in WORDS or not Dataset.objects.filter(key=dataset).exists():
        raise Http404("no such template")
    editor = _editor(request, parse_design(TEMPLATES[template].make(dataset)).document(), lab)
    if _is_saved(request, editor):
        try:
            study = create_study(lab=lab, document=editor.document(), actor=request.user)
        except DesignRefused as error:
            editor.refuse(error.problems)
        else:
            return _saved(request, study)
    context = {"lab": lab, "template": TEMPLATES[template], "editor": editor}
    return render(request, "studyapp/console/new_study.html", context, status=_status(request, editor))


@member(Role.VIEWER, "GET", "POST")
def design(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """The design: a form while it is a draft and one may edit it, else its facts to read."""
    if not (study.is_draft and may(membership, Role.DESIGNER)):
        return _show_design(request, study, membership)
    editor = _editor(request, study.draft, study.lab)
    if _is_saved(request, editor):
        try:
            edit_draft(study=study, document=editor.document(), actor=request.user)
        except DesignRefused as error:
            editor.refuse(error.problems)
        except WrongState as error:
            messages.error(request, str(error))
            return redirect("study", public_id=study.public_id)
        else:
            return _saved(request, study)
    return study_page(
        request,
        "design.html",
        study=study,
        membership=membership,
        tab="design",
        status=_status(request, editor),
        editor=editor,
        problems=problems_of(study.draft, study.lab) if request.method == "GET" else (),
    )


def _show_design(request: HttpRequest, study: Study, membership: Membership) -> HttpResponse:
    if request.method == "POST":
        if not may(membership, Role.DESIGNER):
            raise PermissionDenied(gettext("This needs the role %(role)s.") % {"role": Role.DESIGNER.label})
        messages.error(request, gettext("This design is frozen. Duplicate the study to change it."))
        return redirect("design", public_id=study.public_id)
    found = current_design(study)
    rules = [(RULES[r.rule].title, meaning(r.rule, r.params)) for r in found.quality.rules if r.rule in RULES]
    noise = () if study.is_draft else noise_rows(study.frozen)
    measures = None if study.is_draft else measures_of(study.frozen)
    context = {"design": found, "rules": rules, "noise": noise, "measures": measures, **_plan_words(found.plan)}
    return study_page(request, "design_read.html", study=study, membership=membership, tab="design", **context)


def _plan_words(plan: Plan) -> dict[str, Any]:
    estimand = ESTIMANDS[plan.estimand]
    scale = scale_of(estimand.unit)
    return {
        "adjusted": ADJUSTMENTS[plan.multiplicity].how,
        "estimand": estimand.title,
        "missing": estimand.missing_rules[plan.missing],
        "smallest_effect": f"{scale.factor * plan.smallest_effect:g} {scale.noun}",
        "trimmed": _trimmed(plan.response_times),
        "looks": _looks(plan.looks),
    }


def _trimmed(rule: ResponseTimes | None) -> str:
    """Which response times are left out; empty where all count."""
    ends = ((gettext("below"), rule.low_ms), (gettext("above"), rule.high_ms)) if rule else ()
    return ", ".join(f"{side} {ms:,} ms" for side, ms in ends if ms is not None)


def _looks(planned: Looks | None) -> str:
    """When the platform looks before the end; empty where it does not."""
    if planned is None:
        return ""
    shares = ", ".join(f"{100 * time:g} %" for time in planned.times[:-1])
    how = dict(SPENDINGS)[planned.spending]
    return gettext("at %(shares)s of the people; %(how)s") % {"shares": shares, "how": how}


@member(Role.DESIGNER, "GET", "POST")
def design_json(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """The draft as JSON, for what the form cannot say."""
    if not study.is_draft:
        return redirect("design", public_id=study.public_id)
    form = DesignFileForm(request.POST or None, request.FILES or None, initial={"text": pretty(study.draft)})
    if request.method == "POST" and form.is_valid():
        try:
            edit_draft(study=study, document=form.cleaned_data["document"], actor=request.user)
        except DesignRefused as error:
            _refuse_file(form, error.problems)
        except WrongState as error:
            form.add_error(None, str(error))
        else:
            return _saved(request, study)
    return study_page(
        request,
        "design_json.html",
        study=study,
        membership=membership,
        tab="design",
        status=422 if form.errors else 200,
        form=form,
    )


@member(Role.VIEWER, "GET")
def design_file(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """design.json: the frozen document, or the draft as it stands."""
    text = pretty(study.draft) + "\n" if study.is_draft else design_text(study.frozen)
    return _download(text, f"{slugify(study.title)[:60] or 'study'}-design.json")


@member(Role.VIEWER, "GET")
def plan_file(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """plan.json: the analysis plan by itself, with the hash of the design it is frozen with."""
    found = current_design(study)
    sha256 = found.sha256() if study.is_draft else study.frozen.sha256
    plan = {"design_sha256": sha256, "is_frozen": not study.is_draft, "plan": found.document()["plan"]}
    return _download(pretty(plan) + "\n", f"{slugify(study.title)[:60] or 'study'}-plan.json")


@anyone("GET")
def design_schema(request: HttpRequest) -> HttpResponse:
    """The published JSON Schema of a design."""
    return JsonResponse(
        Design.model_json_schema(), content_type="application/schema+json", json_dumps_params={"indent": 2}
    )


def current_design(study: Study) -> Design:
    """The frozen design, or the draft's."""
    return parse_design(study.draft if study.is_draft else study.frozen.document)


def pretty(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)


def _download(text: str, name: str) -> HttpResponse:
    response = HttpResponse(text, content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def earlier_studies(lab: Lab) -> dict[str, str]:
    """The lab's studies whose people can be kept out of another: public id to title."""
    frozen = Study.objects.filter(lab=lab).exclude(state=StudyState.DRAFT)
    return {str(public_id): title for public_id, title in frozen.values_list("public_id", "title")}


def _editor(request: HttpRequest, base: dict[str, object], lab: Lab) -> DesignEditor:
    others = earlier_studies(lab)
    if request.method != "POST":
        return DesignEditor(base, others=others, lab=lab)
    data = with_another_arm(request.POST) if "add_arm" in request.POST else request.POST
    return DesignEditor(base, data, others, lab)


def _is_saved(request: HttpRequest, editor: DesignEditor) -> bool:
    """Whether the form is to be saved and can be; another arm's empty form is no saving."""
    return request.method == "POST" and "add_arm" not in request.POST and editor.is_valid()


def _status(request: HttpRequest, editor: DesignEditor) -> int:
    return 422 if request.method == "POST" and "add_arm" not in request.POST else 200


def _saved(request: HttpRequest, study: Study) -> HttpResponse:
    study.refresh_from_db()
    problems = problems_of(study.draft, study.lab)
    if not problems:
        messages.success(request, gettext("Saved. The design is sound and can be frozen."))
        return redirect("study", public_id=study.public_id)
    saved = ngettext(
        "Saved as a draft. %(n)d to mend before it can be frozen.",
        "Saved as a draft. %(n)d to mend before it can be frozen.",
        len(problems),
    )
    messages.warning(request, saved % {"n": len(problems)})
    return redirect("design", public_id=study.public_id)


def _refuse_file(form: DesignFileForm, problems: tuple[Problem, ...]) -> None:
    for problem in problems:
        form.add_error("file" if form.cleaned_data.get("file") else "text", str(problem))
