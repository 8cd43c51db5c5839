"""Exports cannot run as formulas: every text that people or researchers write, in every table that is taken away."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
import zipfile
from collections.abc import Iterator

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from analysis.api import read_table
from studyapp.actions.enrol import decline
from studyapp.actions.lifecycle import close_study
from studyapp.actions.links import create_link
from studyapp.exports import sheets
from studyapp.exports.archive import write_archive
from studyapp.exports.responses import response_rows
from studyapp.models import Stage, Study
from tests import factories
from tests.hostile.world import researcher
from tests.promises.ledger import Reached
from tests.studyapp.actions.test_whole_run import arrive, run_through

PAYLOADS = (
    "=1+2", "=cmd|' /C calc'!A0", "+1+2", "-1+2", "-2", "@SUM(1)", "＝1", "＋1", "－1", "＠A1", "\t=1", "\r=1", "\n=1",
    " =1", "\u00a0=1", "\u200b=1", "'=1", "''=1", '"=1', '=HYPERLINK("//evil.example";"x")', "=1\n=2", "= 1",
    "a\r=1", "a\n=1", "﹦1",
)  # fmt: skip
STARTS = "=+-@"


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet may run a cell; written apart from the code that prevents it."""
    seen = re.sub(r"^[\s\x00\u200b-\u200f\u2060\ufeff]+", "", cell)
    return cell[:1] in {"\t", "\r", "\n", "\0"} or unicodedata.normalize("NFKC", seen[:1]) in tuple(STARTS)


def is_number(cell: str) -> bool:
    return bool(re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?", cell))


@given(
    st.one_of(st.text(), st.sampled_from(PAYLOADS), st.builds("".join, st.lists(st.sampled_from("'=+-@\t\r\n\0 a＝"))))
)
def test_no_text_stays_a_formula_and_each_can_be_taken_back(text: str) -> None:
    cell = sheets.defused(text)

    assert isinstance(cell, str)
    assert not is_formula(cell)
    assert sheets.plain(cell) == text
    assert cell in {text, "'" + text}


@given(st.one_of(st.integers(), st.floats(), st.none(), st.booleans()))
def test_numbers_stay_as_they_are(value: object) -> None:
    assert sheets.defused(value) is value


def hostile_document() -> dict[str, object]:
    """A design whose every free text is a payload; options differ, so that they stay apart."""
    document = factories.small_document(title=PAYLOADS[0])
    texts = iter(text.strip() for text in PAYLOADS * 20)
    document["arms"] = [{**arm, "title": next(texts)} for arm in document["arms"]]
    document["phases"] = [{**p, "title": next(texts), "intro": next(texts)} for p in document["phases"]]
    document["allocation"]["strata"] = [{"key": "one", "question": next(texts), "options": list(PAYLOADS[:8])}]
    document["ratings"] = [{"key": "r", "question": next(texts), "low": next(texts), "high": next(texts)}]
    document["texts"] = dict.fromkeys(document["texts"], PAYLOADS[0]) | {"question": "=question"}
    return document


@pytest.fixture
def study(db: None, monkeypatch: pytest.MonkeyPatch) -> Study:
    """People answered a study full of formulas; it is closed and its arms may be seen."""
    monkeypatch.setitem(factories.CLASSES, "adult", ("=less", "@more"))
    study = factories.make_open(document=hostile_document())
    for n in range(4):
        run_through(arrive(study, f"person-{n}"))
    decline(link=factories.main_link(study))
    stage = main_stage(study)
    owner = factories.owner_of(study.lab)
    for payload in PAYLOADS:
        create_link(stage=stage, label=payload, is_single_use=False, expires_at=None, actor=owner)
    close_study(study=study, actor=owner)
    return study


def tables_of(study: Study) -> Iterator[tuple[str, list[list[str]]]]:
    """Every CSV that can be taken away, and the names of all files."""
    file = io.BytesIO()
    write_archive(main_stage(study), file)
    with zipfile.ZipFile(file) as archive:
        yield "names of files", [archive.namelist()]
        for name in archive.namelist():
            if name.endswith(".csv"):
                yield name, list(csv.reader(io.StringIO(archive.read(name).decode(), newline="")))
    reply = researcher(factories.owner_of(study.lab)).get(reverse("audit_csv", args=[study.public_id]))
    text = b"".join(reply.streaming_content).decode()
    yield "audit.csv", list(csv.reader(io.StringIO(text, newline="")))
    yield "name of audit.csv", [re.findall(r'filename="([^"]*)"', reply["Content-Disposition"])]


def main_stage(study: Study) -> Stage:
    return study.stages.get(kind="main")


def running_cells(study: Study) -> tuple[int, list[str]]:
    """How many cells there are, and those that would run."""
    cells = [(name, cell) for name, rows in tables_of(study) for row in rows for cell in row]
    return len(cells), [f"{name}: {cell!r}" for name, cell in cells if is_formula(cell) and not is_number(cell)]


@pytest.mark.promise(20)
def test_no_cell_that_is_taken_away_runs_as_a_formula(study: Study, reached: Reached) -> None:
    n_cells, running = running_cells(study)
    defused = sum(cell.startswith("'") for _, rows in tables_of(study) for row in rows for cell in row)

    assert running == []
    assert defused > 100, "hardly a payload reached an export"
    reached(f"0 of {n_cells:,} cells run, {defused:,} behind an apostrophe; {len(PAYLOADS)} payloads in every text")


@pytest.mark.promise(20)
def test_the_twin_holds_every_byte_and_type_and_the_table_reads_back(study: Study, reached: Reached) -> None:
    file = io.BytesIO()
    write_archive(main_stage(study), file)
    with zipfile.ZipFile(file) as archive:
        twin = [json.loads(line) for line in archive.read("responses.jsonl").decode().splitlines()]
        table = archive.read("responses.csv").decode()

    assert twin == [json.loads(json.dumps(row)) for row in response_rows([main_stage(study)])]
    rows = list(csv.DictReader(io.StringIO(table, newline="")))
    assert [{k: sheets.plain(v) for k, v in row.items() if v != ""} for row in rows] == [
        {key: str(value) for key, value in row.items() if value != ""} for row in twin
    ]
    assert len(read_table(table)) == len(rows)
    reached(f"{len(twin)} of {len(twin)} rows of the twin equal the database's, the table reads back to the same")


@pytest.mark.control(20, "csv.writer alone")
def test_a_plain_writer_lets_formulas_through(study: Study, monkeypatch: pytest.MonkeyPatch, reached: Reached) -> None:
    monkeypatch.setattr(sheets, "defused", lambda cell: cell)

    n_cells, running = running_cells(study)

    assert len(running) > 100
    reached(f"{len(running):,} of {n_cells:,} cells would run")
