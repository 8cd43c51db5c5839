"""People's rights in a study: what they agreed to, how long data stay, and panel ids for payment."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.text import slugify
from django.utils.translation import gettext, ngettext

from studyapp.actions.consent_texts import amend_consent
from studyapp.actions.payments import held_ids, keep_ids_until, payment_done, reveal_payments
from studyapp.actions.retention import dates_of
from studyapp.errors import WrongState
from studyapp.exports.sheets import lines_of
from studyapp.forms.rights import AmendmentForm, KeepIdsForm
from studyapp.models import Consent, ConsentText, Enrolment, Membership, Role, Study
from studyapp.models.participants import EnrolmentState
from studyapp.views.console.answers import attempt, study_page
from studyapp.views.doors import ResearcherRequest, member

PAYMENT_COLUMNS = ("panel", "panel_id", "state", "other_parameters")


@member(Role.VIEWER, "GET")
def rights(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """Consent versions, dates, and how many left; a draft has none of them yet."""
    return _rights_page(request, study, membership)


@member(Role.OWNER, "POST")
def amend(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """A new version of the consent text."""
    form = AmendmentForm(request.POST)
    if not form.is_valid() or study.is_draft:
        return _rights_page(request, study, membership, form=form)
    return attempt(
        request,
        study,
        lambda: amend_consent(study=study, actor=request.user, **form.cleaned_data),
        gettext("The new version is in force."),
        to="rights",
    )


def _rights_page(
    request: ResearcherRequest, study: Study, membership: Membership, form: AmendmentForm | None = None
) -> HttpResponse:
    context = {} if study.is_draft else _facts(study, form)
    status = 200 if form is None else 422
    return study_page(
        request, "rights.html", study=study, membership=membership, tab="rights", status=status, **context
    )


def _facts(study: Study, form: AmendmentForm | None) -> dict[str, Any]:
    people = Enrolment.objects.real().filter(study=study)
    consents = Consent.objects.filter(enrolment__in=people)
    texts = list(ConsentText.objects.filter(study=study).select_related("created_by").order_by("-version"))
    return {
        "texts": [(text, consents.filter(text=text).count()) for text in texts],
        "form": form or AmendmentForm(text=texts[0].text),
        "keep_form": KeepIdsForm(),
        "rights": study.frozen.design.rights,
        "dates": dates_of(study),
        "held": held_ids(study),
        "withdrawn": people.filter(state=EnrolmentState.WITHDRAWN).count(),
        "erased": people.exclude(erased_at=None).count(),
        "waiting": people.filter(must_consent_again=True, state=EnrolmentState.ACTIVE).count(),
    }


@member(Role.OWNER, "POST", confirm="changes")
def payments(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """The panel ids to pay, as a file; the trail keeps who took it."""
    rows = reveal_payments(study=study, actor=request.user)
    lines = lines_of(PAYMENT_COLUMNS, ((row.panel, row.panel_id, row.state, row.parameters) for row in rows))
    response = HttpResponse("".join(lines), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{slugify(study.title)[:60] or "study"}-payments.csv"'
    return response


@member(Role.OWNER, "GET", "POST", confirm="changes")
def paid(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """Payment is done: drops the panel ids, after asking."""
    if request.method == "POST":
        return _drop(request, study)
    held = held_ids(study)
    return study_page(request, "paid.html", study=study, membership=membership, tab="rights", held=held)


def _drop(request: ResearcherRequest, study: Study) -> HttpResponse:
    try:
        n = payment_done(study=study, actor=request.user)
    except WrongState as error:
        messages.error(request, str(error))
    else:
        text = ngettext("%(n)d panel id is deleted.", "%(n)d panel ids are deleted.", n)
        messages.success(request, text % {"n": n})
    return redirect("rights", public_id=study.public_id)


@member(Role.OWNER, "POST")
def keep_ids(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """Payment takes longer than planned."""
    form = KeepIdsForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(error for errors in form.errors.values() for error in map(str, errors)))
        return redirect("rights", public_id=study.public_id)
    return attempt(
        request,
        study,
        lambda: keep_ids_until(study=study, actor=request.user, **form.cleaned_data),
        gettext("The panel ids stay until that day."),
        to="rights",
    )
