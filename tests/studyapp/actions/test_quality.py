"""Flags and ratio alarms while a study is blind: the worker's counts are the export's and the analysis's."""

from __future__ import annotations

import csv
import io
import json
import zipfile

import pytest
from django.db import IntegrityError, connection, transaction

from analysis.api import analyse, read_design, read_table
from studyapp import queue
from studyapp.actions.enrol import Arrival, check_not_excluded, enrol, find_enrolment, pseudonym_of, read_arrival
from studyapp.actions.lifecycle import close_study
from studyapp.actions.quality import arrivals_of, check_quality, flagged_in, ratio_alarms, request_check
from studyapp.errors import NotEligible
from studyapp.exports.archive import write_archive
from studyapp.exports.design import design_json
from studyapp.exports.responses import responses_csv
from studyapp.models import Assignment, AuditEntry, Enrolment, Evidence, Job, QualityCheck, Stage
from studyapp.models.quality import Proof
from tests import factories

pytestmark = pytest.mark.django_db

RULES = [{"rule": "unverified_arrival", "params": {}}, {"rule": "shared_browser", "params": {}}]


def come(link, arrival=None, visitor: str = "v") -> Enrolment:
    return enrol(link=link, arrival=arrival or Arrival("", "", {}), visitor=visitor, consent_version=1)


def person(pid: str, proof: Proof = Proof.UNVERIFIED) -> Arrival:
    return Arrival("prolific", pid, {"PROLIFIC_PID": pid}, proof)


def place(enrolment: Enrolment, arm: str, sequence: int) -> None:
    """Put somebody into an arm, as a broken randomiser would."""
    stratum, _ = enrolment.stage.strata.get_or_create(key="")
    Assignment.objects.create(
        enrolment=enrolment,
        stratum=stratum,
        sequence=sequence,
        arm=arm,
        permuted_block=sequence // 4,
        block_size=4,
        assigned_at=enrolment.enrolled_at,
    )
    Enrolment.objects.filter(pk=enrolment.pk).update(arm=arm)


# --- who is the same person -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("panel", "spellings"),
    [
        ("PROLIFIC_PID", ("5f1e2d3c4b5a69788796a5b4", " 5F1E2D3C4B5A69788796A5B4", "5f1e\u200b2d3c4b5a69788796a5b4")),
        ("PROLIFIC_PID", ("5f1e2d3c4b5a69788796a5b4", "\uff15f1e2d3c4b5a69788796a5b4\u2060")),
        ("workerId", ("A1B2C3", "a1b2c3", "A1\u00adB2C3")),
        ("participant", ("Zo\u00eb", "Zoe\u0308", "\ufeffZo\u00eb")),
    ],
)
def test_spellings_of_an_id_are_one_person(panel, spellings):
    link = factories.main_link(factories.make_open())

    assert len({come(link, read_arrival({panel: text}), visitor=text).pk for text in spellings}) == 1


def test_capitals_count_in_labels_that_a_lab_made_up():
    assert read_arrival({"participant": "aB3"}).panel_id != read_arrival({"participant": "Ab3"}).panel_id


def test_somebody_from_another_study_of_the_lab_is_known_and_from_another_lab_is_not():
    lab = factories.make_lab()
    first, second = (factories.main_link(factories.make_open(lab)) for _ in range(2))
    elsewhere = factories.main_link(factories.make_open())

    for link in (first, second, elsewhere):
        come(link, person("a" * 24))

    assert list(Evidence.objects.order_by("pk").values_list("seen_before", flat=True)) == [0, 1, 0]


def test_two_ids_in_one_browser_are_let_in_and_stand_in_the_evidence():
    link = factories.main_link(factories.make_open())
    come(link, person("a" * 24), visitor="one"), come(link, person("b" * 24), visitor="one")
    come(link, person("c" * 24), visitor="two"), come(link, person("d" * 24), visitor="")

    assert arrivals_of(link.stage).sharing_a_browser == 2
    rows = csv.DictReader(io.StringIO(responses_csv([link.stage])))
    assert [row["shared_browser"] for row in rows if row["trial_type"] == "consent"] == ["1", "1", "0", "0"]


def test_a_browser_is_known_by_another_digest_in_another_study():
    lab = factories.make_lab()
    for _ in range(2):
        come(factories.main_link(factories.make_open(lab)), visitor="one")

    assert len(set(Evidence.objects.values_list("browser", flat=True))) == 2


def test_people_of_an_excluded_study_are_thanked_and_others_come_in():
    lab = factories.make_lab()
    earlier = factories.make_open(lab)
    come(factories.main_link(earlier), person("a" * 24))
    document = factories.small_document(recruiting={"exclude": [str(earlier.public_id)]})
    link = factories.main_link(factories.make_open(lab, document))

    with pytest.raises(NotEligible, match="not in an earlier one"):
        come(link, person("a" * 24), visitor="another browser")
    check_not_excluded(link, person("b" * 24), "v")
    assert come(link, person("b" * 24)).pk


def test_a_study_of_another_lab_keeps_nobody_out():
    foreign = factories.make_open()
    come(factories.main_link(foreign), person("a" * 24))
    document = factories.small_document(recruiting={"exclude": [str(foreign.public_id)]})

    assert come(factories.main_link(factories.make_open(document=document)), person("a" * 24)).pk


def test_evidence_is_never_changed_from_any_path():
    come(factories.main_link(factories.make_open()))

    for query in ("UPDATE studyapp_evidence SET proof = 'signed'", "DELETE FROM studyapp_evidence"):
        with pytest.raises(IntegrityError, match="evidence of an arrival is never changed"), transaction.atomic():
            connection.cursor().execute(query)


def test_who_came_signed_is_not_found_by_an_id_alone():
    link = factories.main_link(factories.make_open())
    came = come(link, person("a" * 24, Proof.SIGNED))

    assert find_enrolment(link, person("a" * 24, Proof.SIGNED), "") == came
    with pytest.raises(NotEligible, match="from the page that invited you"):
        find_enrolment(link, person("a" * 24), "")
    assert pseudonym_of(link, person("a" * 24), "") == came.participant.pseudonym


# --- flags ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def stage() -> Stage:
    """Four people allocated: two by signed links, two by typed ids who share a browser; one who never got so far."""
    study = factories.make_open(document=factories.small_document(quality={"rules": RULES}))
    link = factories.main_link(study)
    arms = [arm.key for arm in study.frozen.design.arms]
    for n, (proof, visitor) in enumerate(
        [(Proof.SIGNED, "a"), (Proof.SIGNED, "b"), (Proof.UNVERIFIED, "c"), (Proof.UNVERIFIED, "c")]
    ):
        place(come(link, person(f"{n}" * 24, proof), visitor), arms[n], n)
    come(link, person("f" * 24), "d")
    Stage.objects.filter(pk=link.stage_id).update(allocated=4)
    return Stage.objects.select_related("study__frozen").get(pk=link.stage_id)


def test_the_job_counts_whom_the_rules_flag_over_all_arms(stage):
    job = request_check(stage=stage, actor=factories.owner_of(stage.study.lab))

    check_quality(queue.claim(job.pk))

    found = QualityCheck.objects.get().document
    assert (found["allocated"], found["flagged"]) == (4, 2)
    assert [(rule["rule"], rule["flagged"]) for rule in found["rules"]] == [
        ("unverified_arrival", 2),
        ("shared_browser", 2),
    ]
    arms = {arm.key for arm in stage.study.frozen.design.arms} | {arm.title for arm in stage.study.frozen.design.arms}
    assert not [arm for arm in arms if f'"{arm}"' in json.dumps(found)]
    assert AuditEntry.objects.filter(verb="asked for flags").count() == 1


def test_site_export_and_laptop_flag_the_same_people(stage):
    file = io.BytesIO()
    write_archive(stage, file)
    archive = zipfile.ZipFile(file)
    people = list(csv.DictReader(io.StringIO(archive.read("participants.csv").decode())))
    report = analyse(
        read_table(archive.read("responses.csv").decode()), read_design(archive.read("design.json").decode())
    )

    flagged = {row["subject_id"]: row["flags"] for row in people if row["arm"]}
    assert sorted(flagged.values()) == [
        "",
        "",
        "unverified_arrival; shared_browser",
        "unverified_arrival; shared_browser",
    ]
    assert [rate.flagged for rate in report.flag_rates] == [2, 2, 2]
    assert flagged_in(stage).flagged == 2
    assert design_json(stage.study.frozen) == archive.read("design.json").decode()


def test_closing_has_the_flags_listed_while_arms_are_masked(stage):
    close_study(study=stage.study, actor=factories.owner_of(stage.study.lab))

    job = Job.objects.get(kind="quality")
    check_quality(queue.claim(job.pk))
    assert QualityCheck.objects.get(stage=stage).document["flagged"] == 2


# --- the alarm ------------------------------------------------------------------------------------------------------


def test_a_broken_randomiser_is_an_alarm_that_names_no_arm():
    study = factories.make_open()
    link = factories.main_link(study)
    arms = [arm.key for arm in study.frozen.design.arms]
    people = [come(link, person(f"{n:024x}"), f"{n}") for n in range(32)]
    for n, enrolment in enumerate(people[:12]):
        place(enrolment, arms[n % len(arms)], n)
    assert ratio_alarms(link.stage) == ()

    for n, enrolment in enumerate(people[12:], start=12):
        place(enrolment, arms[0], n)

    assert ratio_alarms(link.stage) == ("allocated",)
