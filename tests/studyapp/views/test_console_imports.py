"""Bringing explanations through the console: what to explain, a file, its errors, and the arm that shows it."""

from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse, QueryDict
from django.test import Client
from django.urls import reverse

from explainers.imports.reading import MAX_BYTES
from explainers.types import input_from_json
from studyapp.actions.freeze import freeze
from studyapp.forms.design import DesignEditor
from studyapp.models import ExplanationUpload, Role, Study
from tests import factories
from tests.studyapp.actions.test_imports import bring, file_for, own_form, with_imports
from tests.studyapp.forms.test_design import filled

pytestmark = pytest.mark.django_db

XSS = "<script>alert(1)</script>"


def signed_in(study: Study, role: Role = Role.DESIGNER) -> Client:
    client = Client()
    client.force_login(factories.add_member(study.lab, role))
    return client


def send(client: Client, study: Study, content: bytes, name: str = "mine.jsonl") -> HttpResponse:
    return client.post(reverse("imported", args=[study.public_id]), {"file": SimpleUploadedFile(name, content)})


def page(client: Client, study: Study) -> str:
    return client.get(reverse("imported", args=[study.public_id])).content.decode()


def test_items_are_downloaded_filled_in_and_brought_and_the_design_can_be_frozen() -> None:
    """The whole way, as the page describes it."""
    study = factories.make_draft()
    client = signed_in(study)
    head, *lines = [
        json.loads(line)
        for line in client.get(reverse("imported_items", args=[study.public_id])).content.decode().splitlines()
    ]
    head["method"] = "Our method"
    for line in lines:
        line["explanation"] = own_form(input_from_json(line["item"]), line["explained_class"]).to_json()
    response = send(client, study, "".join(json.dumps(line) + "\n" for line in [head, *lines]).encode())

    assert response.status_code == 302
    text = page(client, study)
    assert "Our method is here." in text
    assert f'<td class="num">{len(lines)}</td>' in text

    upload = ExplanationUpload.objects.get()
    typed = {"arms-2-explainer": "imported", "arms-2-imported-upload": upload.sha256}
    saved = client.post(reverse("design", args=[study.public_id]), filled(study.draft, **typed))
    assert saved.status_code == 302
    study.refresh_from_db()
    assert study.draft["arms"][2]["explainer"] == {"name": "imported", "params": upload.params}
    freeze(study=study, actor=factories.owner_of(study.lab))


def test_a_design_with_imports_saved_untouched_is_the_same_even_where_the_lab_lacks_the_file() -> None:
    study, other = factories.make_draft(), factories.make_draft()
    for upload in (bring(study), bring(other, file_for(other, leave_out=1))):
        draft = with_imports(study, upload).draft
        study.refresh_from_db()
        client = signed_in(study)
        client.post(reverse("design", args=[study.public_id]), filled_of(study))
        study.refresh_from_db()

        assert study.draft == draft


def filled_of(study: Study) -> QueryDict:
    """What a browser sends that was given the lab's own form."""
    editor = DesignEditor(study.draft, lab=study.lab)
    data = QueryDict(mutable=True)
    for form in (editor.form, editor.arms.management_form, *editor.arms.forms):
        for field in form:
            value = field.value()
            if value is not None and value is not False:
                data[field.html_name] = str(value)
    return data


def test_an_arm_without_a_file_is_told_so_at_the_field() -> None:
    study = factories.make_draft()
    client = signed_in(study)
    typed = filled(study.draft, **{"arms-2-explainer": "imported"})
    text = client.post(reverse("design", args=[study.public_id]), typed, follow=True).content.decode()

    assert "is no SHA-256 of an uploaded file" in text
    assert "no file yet: bring one under “Imported explanations”" in text


def test_every_problem_is_shown_with_its_line_and_nothing_is_kept() -> None:
    study = factories.make_draft()
    head, *lines = file_for(study).decode().splitlines()
    broken = [head, "[]", *lines[1:], json.dumps({"item": XSS, "explanation": {}})]
    response = send(signed_in(study), study, "\n".join(broken).encode())

    text = response.content.decode()
    assert response.status_code == 422
    assert "line 2: entry: an object was expected, [] came" in text
    assert f"line {len(broken)}: item: a SHA-256 of 64 hexadecimal digits was expected" in text
    assert XSS not in text
    assert not ExplanationUpload.objects.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The submitted file is empty."),
        (b"\xff\xff", "byte 1 is not text in UTF-8"),
        (b" " * (MAX_BYTES + 1), "the file has 1,000,001 bytes; 1,000,000 are the most"),
    ],
)
def test_what_is_no_file_of_explanations_is_refused(content: bytes, message: str) -> None:
    study = factories.make_draft()
    response = send(signed_in(study), study, content)

    assert (response.status_code, message in response.content.decode()) == (422, True)


def test_a_method_cannot_bring_markup_into_the_console() -> None:
    study = factories.make_draft()
    content = file_for(study, header={"method": XSS, "reference": XSS})
    client = signed_in(study)
    send(client, study, content, name=f"{XSS}.jsonl")

    for name in ("imported", "design"):
        assert XSS not in client.get(reverse(name, args=[study.public_id])).content.decode()
    assert "&lt;script&gt;" in page(client, study)


def test_a_viewer_reads_the_list_and_brings_nothing() -> None:
    study = factories.make_draft()
    bring(study)
    client = signed_in(study, Role.VIEWER)

    assert "Our method" in page(client, study)
    assert "Bring a file" not in page(client, study)
    assert send(client, study, file_for(study, leave_out=1)).status_code == 403
    assert client.get(reverse("imported_items", args=[study.public_id])).status_code == 403
    assert ExplanationUpload.objects.count() == 1


def test_a_frozen_study_shows_its_files_and_takes_no_more() -> None:
    study = factories.make_frozen()
    client = signed_in(study)

    assert "Bring a file" not in page(client, study)
    response = send(client, study, b"{}")
    assert response.status_code == 422
    assert "it shows the explanations that it was frozen with" in response.content.decode()


def test_items_of_an_unsound_design_are_not_drawn_and_the_page_says_why() -> None:
    document = factories.small_document()
    document["item_sets"] = [{**one, "n_items": 400} for one in document["item_sets"]]
    study = factories.make_draft(document=document)
    text = signed_in(study).get(reverse("imported_items", args=[study.public_id]), follow=True).content.decode()

    assert "item_sets[0].n_items: " in text
