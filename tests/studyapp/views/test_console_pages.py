"""The console's pages: what they show, to whom, and what a press of a button comes to."""

from __future__ import annotations

import csv
import html
import io
import json
import zipfile
from collections.abc import Callable

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from studyapp.actions import lifecycle
from studyapp.actions.accounts import make_sign_in_link
from studyapp.actions.enrol import enrol, read_arrival
from studyapp.actions.links import add_stage
from studyapp.models import Explanation, Job, Link, Membership, Role, Study, User
from studyapp.models.explanations import ExplanationState
from studyapp.models.studies import StageKind
from tests.factories import (
    add_member,
    main_link,
    make_draft,
    make_frozen,
    make_lab,
    make_material,
    make_open,
    make_user,
    owner_of,
    small_document,
    unblind,
)

pytestmark = pytest.mark.django_db


def page(name: str, study: Study, **kwargs: object) -> str:
    return reverse(name, kwargs={"public_id": study.public_id, **kwargs})


def as_owner(study: Study) -> Client:
    client = Client()
    client.force_login(owner_of(study.lab))
    return client


def text_of(response: object) -> str:
    return html.unescape(response.content.decode())  # type: ignore[attr-defined]


def with_password(email: str) -> User:
    return User.objects.create_user(email=email, password="correct horse 42")


# --- signing in ------------------------------------------------------------------------------------------------


def test_looking_at_a_sign_in_link_does_not_spend_it(client: Client) -> None:
    address = reverse("sign_in_by_link", args=[make_sign_in_link(user=make_user())])

    client.get(address)
    client.head(address)

    assert client.post(address)["Location"] == reverse("studies")
    assert Client().post(address).status_code == 410


def test_an_e_mail_address_signs_in_whatever_its_capitals(client: Client) -> None:
    with_password("ada@example.org")

    answer = client.post(reverse("sign_in"), {"login": "Ada@Example.org", "password": "correct horse 42"})

    assert answer["Location"] == reverse("studies")


def test_signing_in_leads_to_no_other_site(client: Client) -> None:
    with_password("ada@example.org")
    data = {"login": "ada@example.org", "password": "correct horse 42", "next": "https://evil.example/"}

    assert client.post(reverse("sign_in"), data)["Location"] == reverse("studies")


# --- lists ------------------------------------------------------------------------------------------------------


def test_fifty_studies_are_listed_in_at_most_fifteen_queries() -> None:
    study = make_open()
    Study.objects.bulk_create(
        Study(lab=study.lab, title=f"Study {n}", draft=study.draft, created_by=study.created_by) for n in range(49)
    )
    client = as_owner(study)

    with CaptureQueriesContext(
        connection,
    ) as queries:
        answer = client.get(reverse("studies"))

    assert text_of(answer).count('<th scope="row">') == 50
    assert len(queries) <= 15, [query["sql"][:80] for query in queries]


def test_an_open_study_with_three_stages_is_shown_in_at_most_thirty_queries() -> None:
    study = make_open()
    for kind in (StageKind.PILOT, StageKind.TOP_UP):
        add_stage(study=study, kind=kind, capacity=5, actor="system")
    client = as_owner(study)

    with CaptureQueriesContext(connection) as queries:
        client.get(page("study", study))

    assert len(queries) <= 30, [query["sql"][:80] for query in queries]


def test_a_list_shows_the_people_of_the_main_stage_and_not_those_of_rehearsals() -> None:
    study = make_open()
    study.stages.update(allocated=3)
    rehearsal = add_stage(study=study, kind=StageKind.REHEARSAL, capacity=40, actor="system")
    rehearsal.allocated = 40
    rehearsal.save()

    assert "3 of 200" in text_of(as_owner(study).get(reverse("studies")))


def test_who_belongs_to_no_lab_reads_what_to_do(client: Client) -> None:
    client.force_login(make_user())

    assert "You belong to no lab yet" in text_of(client.get(reverse("studies")))


# --- making and editing ----------------------------------------------------------------------------------------


def test_the_form_of_a_template_stores_nothing_before_it_is_saved() -> None:
    lab = make_lab()
    make_material()
    client = Client()
    client.force_login(owner_of(lab))

    before = rows_of_everything()
    answer = client.get(reverse("new_study", args=[lab.pk, "forward", "adult"]))

    assert answer.status_code == 200
    assert rows_of_everything() == before


def test_a_design_file_makes_a_study() -> None:
    lab = make_lab()
    make_material()
    client = Client()
    client.force_login(owner_of(lab))
    document = small_document(title="From a file")

    client.post(
        reverse("choose_template", args=[lab.pk]), {"text": "", "file": io.BytesIO(json.dumps(document).encode())}
    )

    assert [study.title for study in Study.objects.all()] == ["From a file"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "Line 1, column 2"),
        ("[]", "Input should be a valid dictionary"),
        ('{"title": "x", "colour": "red"}', "colour: Extra inputs are not permitted"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_file_that_is_no_design_is_refused_with_the_reason(text: str, complaint: str) -> None:
    study = make_draft()
    before = study.draft

    answer = as_owner(study).post(page("design_json", study), {"text": text})

    study.refresh_from_db()
    assert (answer.status_code, study.draft) == (422, before)
    assert complaint in text_of(answer)


def test_design_json_downloaded_and_sent_back_changes_nothing() -> None:
    study = make_draft()
    client = as_owner(study)
    text = client.get(page("design_file", study)).content.decode()

    client.post(page("design_json", study), {"text": text})

    before = study.draft
    study.refresh_from_db()
    assert study.draft == before


def test_a_frozen_design_is_not_edited_by_any_of_the_forms() -> None:
    study = make_frozen()
    client = as_owner(study)
    changed = json.dumps({**study.draft, "title": "Changed"})

    client.post(page("design", study), {"design-title": "Changed"})
    client.post(page("design_json", study), {"text": changed})

    study.refresh_from_db()
    assert (study.title, study.frozen.document["title"]) == (study.draft["title"], study.draft["title"])


def test_the_published_schema_is_the_one_that_designs_are_read_by(client: Client) -> None:
    schema = json.loads(client.get(reverse("design_schema")).content)

    assert schema["title"] == "Design"
    assert schema["additionalProperties"] is False


# --- the life of a study ---------------------------------------------------------------------------------------


def test_irreversible_steps_ask_first_and_name_what_is_lost() -> None:
    study = make_open()
    enrol(link=main_link(study), arrival=read_arrival({"PROLIFIC_PID": "p"}), visitor="", consent_version=1)
    client = as_owner(study)

    asked = text_of(client.get(page("close", study)))

    study.refresh_from_db()
    assert "cannot be opened any more" in asked
    assert "1 people are taking part right now" in asked
    assert study.state == "open"


def test_a_study_goes_its_way_by_the_buttons() -> None:
    study = make_frozen()
    client = as_owner(study)
    states = []

    for step in ("open", "pause", "resume", "close", "unblind"):
        client.post(page(step, study), {"alone": "1", "reason": "nobody else is in this lab"})
        study.refresh_from_db()
        states.append(study.state)

    assert states == ["open", "paused", "open", "closed", "unblinded"]


def test_a_step_out_of_turn_is_refused_in_words_and_changes_nothing() -> None:
    study = make_frozen()

    answer = as_owner(study).post(page("unblind", study), follow=True)

    study.refresh_from_db()
    assert study.state == "frozen"
    assert "A study that is frozen cannot become unblinded." in text_of(answer)


def test_explanations_that_failed_show_their_reason_and_can_be_tried_again() -> None:
    study = make_frozen(explained=False)
    Explanation.objects.of_design(study.frozen).update(state=ExplanationState.FAILED, error="the weights are gone")
    Job.objects.all().delete()
    client = as_owner(study)

    shown = text_of(client.get(page("study", study)))
    client.post(page("retry_explanations", study))

    assert "the weights are gone" in shown
    assert Job.objects.filter(kind="explain").exists()


def test_the_page_stops_asking_when_the_explanations_are_computed() -> None:
    waiting, ready = make_frozen(explained=False), make_frozen(make_lab(), small_document("movies"), "movies")

    asking = as_owner(waiting).get(page("explanations", waiting))
    over = as_owner(ready).get(page("explanations", ready))

    assert "hx-trigger" in text_of(asking)
    assert "HX-Refresh" not in asking
    assert over["HX-Refresh"] == "true"


# --- running ------------------------------------------------------------------------------------------------------


def test_a_link_made_in_the_console_leads_to_its_stage_and_has_a_qr_code() -> None:
    study = make_open()
    client = as_owner(study)
    data = {
        "stage": main_link(study).stage_id,
        "label": "Prolific",
        "is_single_use": "on",
        "expires_at": "2100-01-01T10:00",
    }

    client.post(page("new_link", study), data)

    link = Link.objects.get(label="Prolific")
    assert (link.is_single_use, link.expires_at.isoformat()) == (True, "2100-01-01T10:00:00+00:00")
    assert client.get(page("link_qr", study, link_id=link.pk)).content.startswith(b"<?xml")
    assert f"{link.token}/?PROLIFIC_PID={{{{%PROLIFIC_PID%}}}}" in text_of(client.get(page("study", study)))


def test_a_link_into_another_labs_stage_is_refused() -> None:
    study, foreign = make_open(), make_open()

    as_owner(study).post(page("new_link", study), {"stage": main_link(foreign).stage_id, "label": "stolen"})

    assert not Link.objects.filter(label="stolen").exists()


def test_rehearsing_starts_a_job_with_what_was_typed() -> None:
    study = make_frozen()

    as_owner(study).post(page("rehearse", study), {"participants": "6", "gain": "12.5", "seed": "3"})

    args = Job.objects.get(kind="rehearse").args
    assert (args["participants"], args["gain"], args["seed"]) == (6, 0.125, 3)


def test_rehearsals_stay_out_of_the_flow() -> None:
    study = make_open()
    add_stage(study=study, kind=StageKind.REHEARSAL, capacity=987, actor="system")

    assert "987" not in text_of(as_owner(study).get(page("flow", study)))


# --- blinding -----------------------------------------------------------------------------------------------------


def masked_pages(study: Study) -> dict[str, int]:
    stage = study.stages.get(kind=StageKind.MAIN)
    client = as_owner(study)
    names = ("archive", "report_file")
    found = {name: client.get(page(name, study, stage_id=stage.pk)).status_code for name in names}
    found["report"] = int("The arms are masked" in text_of(client.get(page("report", study, stage_id=stage.pk))))
    client.post(page("run_report", study, stage_id=stage.pk))
    return found | {"reports": stage.reports.count()}


def test_nothing_of_the_arms_of_real_people_is_given_out_before_unblinding() -> None:
    study = make_open()
    lifecycle.close_study(study=study, actor=owner_of(study.lab))

    assert masked_pages(study) == {"archive": 409, "report_file": 404, "report": 1, "reports": 0}


def test_after_unblinding_the_archive_is_given_out() -> None:
    study = make_open()
    lifecycle.close_study(study=study, actor=owner_of(study.lab))
    study = unblind(study)
    stage = study.stages.get(kind=StageKind.MAIN)

    answer = as_owner(study).get(page("archive", study, stage_id=stage.pk))

    names = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))).namelist()
    assert any(name.endswith("responses.csv") for name in names)


def test_the_flow_and_the_trail_name_no_arm_of_anybody() -> None:
    study = make_open(document=small_document(arms=_renamed("kanarienarm")))
    enrol(link=main_link(study), arrival=read_arrival({"PROLIFIC_PID": "p"}), visitor="", consent_version=1)
    client = as_owner(study)

    shown = {
        name: "kanarienarm" in text_of(client.get(page(name, study)))
        for name in ("study", "flow", "audit", "study_map")
    }

    assert shown == {"study": False, "flow": False, "audit": False, "study_map": True}


def _renamed(title: str) -> list[dict[str, object]]:
    return [{**arm, "title": title if arm["key"] == "lime" else arm["title"]} for arm in small_document()["arms"]]


# --- preview --------------------------------------------------------------------------------------------------------


def rows_of_everything() -> dict[str, int]:
    return {model.__name__: model.objects.count() for model in apps.get_app_config("studyapp").get_models()}


@pytest.mark.parametrize("make", [make_draft, make_frozen])
def test_a_preview_of_every_screen_writes_nothing_and_has_no_way_to_answer(make: Callable[..., Study]) -> None:
    study = make()
    client = as_owner(study)
    n_steps = int(text_of(client.get(page("preview", study))).split("screen 1 of ")[1].split("<")[0])
    before = rows_of_everything()

    answers = [
        client.get(page("preview_screen", study), {"arm": arm, "position": n})
        for arm in ("none", "senn")
        for n in range(n_steps)
    ]

    assert {answer.status_code for answer in answers} == {200}
    assert not any('name="stamp"' in text_of(answer) for answer in answers)
    assert rows_of_everything() == before


def test_only_the_arms_that_show_explanations_preview_them() -> None:
    study = make_frozen()
    client = as_owner(study)

    def shown(arm: str) -> bool:
        screens = [client.get(page("preview_screen", study), {"arm": arm, "position": n}) for n in range(12, 17)]
        return any("0.30" in text_of(screen) for screen in screens)

    assert {arm: shown(arm) for arm in ("none", "placebo", "lime", "senn")} == {
        "none": False,
        "placebo": True,
        "lime": True,
        "senn": True,
    }


def test_a_draft_whose_items_cannot_be_drawn_says_why_instead_of_a_preview() -> None:
    document = small_document()
    document["item_sets"][1]["n_items"] = 400
    study = make_draft(document=document)

    assert "item_sets[1].n_items" in text_of(as_owner(study).get(page("preview", study)))


@pytest.mark.parametrize(
    "query", ["position=-1", "position=99999", "position=x", "arm=nobody", "width=wide", "position=²"]
)
def test_a_preview_mends_an_address_that_asks_for_nothing_that_exists(query: str) -> None:
    study = make_frozen()

    assert as_owner(study).get(f"{page('preview_screen', study)}?{query}").status_code == 200


def test_only_the_previews_own_screen_may_be_framed() -> None:
    study = make_frozen()
    client = as_owner(study)

    frame, around = client.get(page("preview_screen", study)), client.get(page("preview", study))

    assert "frame-ancestors 'self'" in frame["Content-Security-Policy"]
    assert "form-action 'none'" in frame["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in around["Content-Security-Policy"]
    assert (frame["X-Frame-Options"], around["X-Frame-Options"]) == ("SAMEORIGIN", "DENY")


# --- trail and members ----------------------------------------------------------------------------------------------


def test_the_trail_is_downloaded_whole_with_its_chain() -> None:
    study = make_open()

    answer = as_owner(study).get(page("audit_csv", study))

    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert [row["verb"] for row in rows] == ["created", "froze", "opened"]
    assert [row["previous_sha256"] for row in rows][1:] == [row["entry_sha256"] for row in rows][:-1]


def test_an_owner_changes_and_removes_a_member(client: Client) -> None:
    lab, other = make_lab(), make_user("grace@example.org")
    add_member(lab, Role.ANALYST, other)
    client.force_login(owner_of(lab))

    def role() -> str | None:
        return Membership.objects.filter(lab=lab, user=other).values_list("role", flat=True).first()

    member = reverse("member_role", args=[lab.pk, Membership.objects.get(lab=lab, user=other).pk])
    client.post(member, {"role": "designer"})
    changed = role()
    client.post(member, {"role": "designer", "remove": "1"})

    assert (changed, role()) == ("designer", None)


def test_the_last_owner_stays(client: Client) -> None:
    lab = make_lab()
    client.force_login(owner := owner_of(lab))
    member = reverse("member_role", args=[lab.pk, Membership.objects.get(lab=lab, user=owner).pk])

    client.post(member, {"remove": "1"})
    client.post(member, {"role": "viewer"})

    assert list(Membership.objects.filter(lab=lab).values_list("role", flat=True)) == ["owner"]


def test_an_inactive_account_signs_in_by_no_door(client: Client) -> None:
    user = with_password("gone@example.org")
    token = make_sign_in_link(user=user)
    User.objects.filter(pk=user.pk).update(is_active=False)

    by_link = client.post(reverse("sign_in_by_link", args=[token])).status_code
    by_password = client.post(reverse("sign_in"), {"login": "gone@example.org", "password": "correct horse 42"})

    assert (by_link, by_password.status_code) == (410, 200)


def test_a_frozen_plan_is_read_in_the_words_of_its_estimand() -> None:
    plan = {"estimand": "gain_in_d_prime", "smallest_effect": 0.4, "response_times": {"low_ms": 200, "high_ms": 60_000}}
    study = make_frozen(document=small_document(plan={"control": "none", **plan}))

    read = text_of(as_owner(study).get(page("design", study)))

    assert "Gain in sensitivity d′, POST minus PRE; PRE is pre, POST is post, against none" in read
    assert "0.4 d′" in read
    assert "counted with a gain of zero" in read
    assert "below 200 ms, above 60,000 ms" in read
