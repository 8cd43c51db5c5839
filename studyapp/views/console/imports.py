"""Explanations that were made elsewhere: what to explain, and the files that the lab has brought."""

from __future__ import annotations

import json
from collections.abc import Iterator

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.text import slugify
from django.utils.translation import gettext

from explainers.errors import ImportRefused
from explainers.imports.reading import FORMAT, VERSION
from explainers.registry import IMPORTABLE
from studyapp.actions.imports import explained_items, take_in
from studyapp.actions.studies import check_and_draw
from studyapp.design.schema import Design, parse_design
from studyapp.errors import DesignRefused, WrongState
from studyapp.forms.imports import ImportForm
from studyapp.models import ExplanationUpload, Membership, Predictor, Role, Study
from studyapp.models.studies import StudyItem
from studyapp.views.console.answers import may, study_page
from studyapp.views.doors import ResearcherRequest, member


@member(Role.VIEWER, "GET", "POST")
def imported(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """The lab's files for the study's data; by POST a designer brings another."""
    form = ImportForm(request.POST or None, request.FILES or None) if request.method == "POST" else ImportForm()
    if request.method == "POST":
        if not may(membership, Role.DESIGNER):
            raise PermissionDenied(gettext("A designer of the lab can bring explanations."))
        if form.is_valid() and _is_taken_in(request, study, form):
            return redirect("imported", public_id=study.public_id)
    status = 422 if request.method == "POST" else 200
    uploads = ExplanationUpload.objects.filter(lab=study.lab, predictor__dataset__key=_dataset(study))
    return study_page(
        request,
        "imported.html",
        study=study,
        membership=membership,
        tab="design",
        status=status,
        form=form,
        uploads=uploads.select_related("predictor", "uploaded_by").annotate(n_items=Count("explanations")),
    )


def _is_taken_in(request: ResearcherRequest, study: Study, form: ImportForm) -> bool:
    try:
        upload = take_in(study=study, content=form.content, name=form.name, actor=request.user)
    except ImportRefused as refused:
        form.refuse(refused.problems)
    except WrongState as error:
        form.add_error(None, str(error))
    else:
        text = gettext("%(method)s is here. An arm shows it with the explainer “Imported explanations”.")
        messages.success(request, text % {"method": upload.method})
        return True
    return False


def _dataset(study: Study) -> str:
    return str((study.draft if study.is_draft else study.frozen.document)["dataset"])


@member(Role.DESIGNER, "GET")
def imported_items(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """items.jsonl: a file to fill in, with the items that arms show explanations of and the model's outputs."""
    try:
        design = parse_design(study.draft if study.is_draft else study.frozen.document)
        rows = explained_items(design, check_and_draw(design))
    except DesignRefused as refused:
        for problem in refused.problems:
            messages.error(request, str(problem))
        return redirect("imported", public_id=study.public_id)
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in _lines(design, rows))
    response = HttpResponse(text, content_type="application/jsonl; charset=utf-8")
    name = f"{slugify(study.title)[:60] or 'study'}-items.jsonl"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _lines(design: Design, rows: list[StudyItem]) -> Iterator[dict[str, object]]:
    """A header and the items, which lack their explanations."""
    predictor = Predictor.objects.select_related("dataset").get(key=design.predictors()[0], is_current=True)
    form = next(name for name, modalities in IMPORTABLE.items() if predictor.dataset.modality in modalities)
    yield {
        FORMAT: VERSION,
        "method": "",
        "form": form,
        "signed": True,
        "predictor": {"name": predictor.key, "weights_sha256": predictor.weights_sha256},
    }
    for row in rows:
        yield {"item": row.item.content, "explained_class": row.output}
