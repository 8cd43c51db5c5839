"""What is downloaded: the rows of the database, the same that the analysis reads, and nothing of who the people are."""

from __future__ import annotations

import csv
import io
import json
import zipfile

import pytest

from analysis.api import analyse, read_design, read_table
from studyapp.actions.enrol import Arrival, decline, enrol
from studyapp.actions.lifecycle import close_study
from studyapp.actions.links import add_link, add_stage
from studyapp.actions.reports import check_may_see_arms, fill_report
from studyapp.actions.respond import withdraw
from studyapp.errors import WrongState
from studyapp.exports.archive import write_archive
from studyapp.exports.responses import response_rows
from studyapp.models import Enrolment, Report, Response, Study
from studyapp.models.frozen import truths
from studyapp.models.studies import StageKind
from tests import factories
from tests.studyapp.actions.test_whole_run import arrive, run_through

pytestmark = pytest.mark.django_db


@pytest.fixture
def study(db) -> Study:
    """Eight people ran through, one withdrew at the end, one declined; closed and unblinded."""
    study = factories.make_open()
    for n in range(8):
        run_through(arrive(study, f"canary-pid-{n}"))
    withdraw(enrolment_id=Enrolment.objects.first().pk)
    decline(link=factories.main_link(study))
    actor = factories.owner_of(study.lab)
    close_study(study=study, actor=actor)
    return factories.unblind(study)


def archive_of(study: Study) -> zipfile.ZipFile:
    file = io.BytesIO()
    write_archive(factories.main_link(study).stage, file)
    return zipfile.ZipFile(file)


def table(archive: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(archive.read(name).decode())))


def test_every_response_of_those_who_stayed_is_in_the_table(study):
    rows = table(archive_of(study), "responses.csv")
    kept = Response.objects.exclude(enrolment__state="withdrawn").count()
    assert sum(row["trial_type"] not in {"consent", "allocation", "completion", "withdrawal"} for row in rows) == kept
    assert sum(row["response"] == "declined" for row in rows) == 1


def test_who_withdrew_leaves_consent_allocation_and_withdrawal_only(study):
    code = Enrolment.objects.get(state="withdrawn").code
    rows = [row for row in table(archive_of(study), "responses.csv") if row["subject_id"] == code]
    assert [row["trial_type"] for row in rows] == ["consent", "allocation", "withdrawal"]


def test_correct_compares_the_persons_answer_with_the_model(study):
    right = truths(study.frozen.pk)
    for row in table(archive_of(study), "responses.csv"):
        if row["trial_type"] == "forward_simulation":
            assert row["model_output"] == right[row["item"]].output
            assert row["correct"] == str(int(row["response"] == right[row["item"]].output))


def test_the_archive_repeats_the_report(study, tmp_path):
    report = Report.objects.create(stage=factories.main_link(study).stage)
    fill_report(report)
    archive = archive_of(study)
    archive.extractall(tmp_path)
    again = analyse(read_table(tmp_path / "responses.csv"), read_design(tmp_path / "design.json"))
    assert json.loads(again.to_json()) == json.loads(archive.read("report.json")) == report.document


def test_the_report_knows_from_the_rows_who_went_through_what_was_planned(study):
    report = fill_report(Report.objects.create(stage=factories.main_link(study).stage)).document
    stayed = {arm["arm"]: arm["allocated"] - arm["withdrawn"] for arm in report["flow"]["arms"]}
    assert sum(stayed.values()) == 7
    assert [one["n_as_planned"] for one in report["protocol"]] == [
        {arm: stayed[arm] for arm in (one["contrast"]["arm"], one["contrast"]["minus"])} for one in report["protocol"]
    ]
    assert [one["contrast"]["arm"] for one in report["protocol"]] == ["lime", "senn"]


def test_no_file_names_a_person(study):
    archive = archive_of(study)
    for name in archive.namelist():
        assert b"canary-pid" not in archive.read(name), name


def test_the_wide_table_folds_the_long_one(study):
    archive = archive_of(study)
    long = [row for row in table(archive, "responses.csv") if row["phase"] == "post" and row["correct"]]
    for row in table(archive, "participants.csv"):
        own = [int(r["correct"]) for r in long if r["subject_id"] == row["subject_id"]]
        assert row["accuracy_post"] == (str(sum(own) / len(own)) if own else "")


def test_the_codebook_names_every_column(study):
    archive = archive_of(study)
    assert [row["column"] for row in table(archive, "codebook.csv")] == list(table(archive, "responses.csv")[0])


def test_the_arms_stay_masked_until_unblinding():
    study = factories.make_open()
    with pytest.raises(WrongState, match="masked"):
        check_may_see_arms(factories.main_link(study).stage)


def test_rows_come_in_the_order_of_arrival_with_an_index_without_gaps(study):
    rows = list(response_rows([factories.main_link(study).stage]))
    codes = list(Enrolment.objects.order_by("pk").values_list("code", flat=True))
    assert list(dict.fromkeys(row["subject_id"] for row in rows))[:8] == codes
    for code in codes:
        own = [row["trial_index"] for row in rows if row["subject_id"] == code]
        assert own == list(range(len(own)))


def test_a_top_up_is_analysed_with_the_main_stage_when_the_plan_says_so():
    document = factories.small_document()
    document["plan"] = {**document["plan"], "stages": ["main", "top_up"]}
    document["allocation"] = {**document.get("allocation", {}), "block_multiples": [1]}  # every four have all arms
    study = factories.make_open(document=document)
    for n in range(4):
        run_through(arrive(study, f"main-{n}"))
    for number in (1, 2):
        link = add_link(add_stage(study=study, kind=StageKind.TOP_UP, capacity=4, actor="system"))
        for n in range(4):
            run_through(enrol(link=link, arrival=Arrival("label", f"{number}-{n}", {}), visitor="", consent_version=1))
    actor = factories.owner_of(study.lab)
    close_study(study=study, actor=actor)
    factories.unblind(study)
    report = fill_report(Report.objects.create(stage=factories.main_link(study).stage))
    assert report.document["flow"]["allocated"] == 12
    assert report.document["deviations"] == []
