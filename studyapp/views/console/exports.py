"""Taking things away: the archive of a stage, and the audit trail."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator

from django.core.paginator import Paginator
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.text import slugify
from django.utils.translation import gettext

from studyapp.actions.looks import revealed_looks
from studyapp.actions.unblinding import revealed_key
from studyapp.exports.archive import write_archive
from studyapp.exports.sheets import lines_of
from studyapp.forms.running import stage_title
from studyapp.models import AuditEntry, Membership, Role, Study, User
from studyapp.views.console.answers import study_page
from studyapp.views.console.reports import shows_arms, stage_of
from studyapp.views.doors import ResearcherRequest, member

PAGE = 50
IN_MEMORY = 5_000_000  # bytes of an archive before it goes to a temporary file


@member(Role.VIEWER, "GET")
def downloads(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """Everything that can be taken away, and what each holds."""
    rows = []
    for stage in study.stages.order_by("pk"):
        stage.study = study
        rows.append((stage, stage_title(stage), shows_arms(stage)))
    return study_page(request, "downloads.html", study=study, membership=membership, tab="downloads", rows=rows)


@member(Role.ANALYST, "GET")
def archive(request: ResearcherRequest, *, study: Study, membership: Membership, stage_id: int) -> HttpResponseBase:
    """A stage's data, codebook, design, plan and report as one zip."""
    stage = stage_of(study, stage_id)
    if not shows_arms(stage):
        text = gettext("The data name the arms. They can be downloaded when the study is closed and unblinded.")
        return study_page(
            request, "masked.html", study=study, membership=membership, tab="downloads", status=409, text=text
        )
    file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 (FileResponse closes it)
    write_archive(stage, file, key=revealed_key(study), looks=revealed_looks(stage))
    file.seek(0)
    name = f"{slugify(study.title)[:60] or 'study'}-{slugify(stage_title(stage))}.zip"
    return FileResponse(file, as_attachment=True, filename=name, content_type="application/zip")


@member(Role.VIEWER, "GET")
def audit(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """Who changed the state of what, and when; the newest first."""
    entries = AuditEntry.objects.filter(study=study).order_by("-id")
    page = Paginator(entries, PAGE).get_page(request.GET.get("page"))
    names = _names(entry.actor for entry in page)
    rows = [(entry, names.get(entry.actor, entry.actor), _short(entry.before), _short(entry.after)) for entry in page]
    return study_page(request, "audit.html", study=study, membership=membership, tab="audit", rows=rows, page=page)


@member(Role.VIEWER, "GET")
def audit_csv(request: ResearcherRequest, *, study: Study, membership: Membership) -> StreamingHttpResponse:
    """The whole trail with its chain of hashes, streamed."""
    response = StreamingHttpResponse(
        lines_of(AUDIT_COLUMNS, _audit_rows(study)), content_type="text/csv; charset=utf-8"
    )
    response["Content-Disposition"] = f'attachment; filename="{slugify(study.title)[:60] or "study"}-audit.csv"'
    return response


AUDIT_COLUMNS = ("at", "actor", "verb", "what", "before", "after", "previous_sha256", "entry_sha256")


def _audit_rows(study: Study) -> Iterator[tuple[str, ...]]:
    for entry in AuditEntry.objects.filter(study=study).order_by("id").iterator(1000):
        yield (
            entry.at.isoformat(),
            entry.actor,
            entry.verb,
            entry.what,
            json.dumps(entry.before),
            json.dumps(entry.after),
            entry.previous,
            entry.entry_sha256,
        )


def _names(actors: Iterator[str]) -> dict[str, str]:
    """Names of the users among the actors ("user:3")."""
    keys = {actor: actor.removeprefix("user:") for actor in actors if actor.startswith("user:")}
    users = {
        str(user.pk): str(user) for user in User.objects.filter(pk__in=[key for key in keys.values() if key.isdigit()])
    }
    return {actor: users[key] for actor, key in keys.items() if key in users}


def _short(value: object) -> str:
    """A value of the trail in a table's cell."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:79]}…"
