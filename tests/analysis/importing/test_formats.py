"""One study, five files: whatever wrote it, the same table comes in, and the study's own result comes out."""

import json
from dataclasses import fields

import numpy as np
import pytest

from analysis.api import analyse, import_responses, import_study
from analysis.errors import ImportedFileError, MappingError
from analysis.table import ResponseTable

SHAPES = ("long", "jspsych", "otree", "gorilla", "wide")
COLUMNS = [field.name for field in fields(ResponseTable) if field.name not in ("row", "sha256")]
FROM_THE_FILE = ("phase", "item", "label", "model_output", "response", "correct", "rt")


def same(first, second):
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name), err_msg=name)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_format_brings_in_the_answers_as_they_were_given(elsewhere, past, shape):
    table, _ = import_responses(*elsewhere(shape).paths)

    ours = past.table.only(past.table.is_simulation)
    theirs = table.only(table.is_simulation)
    order = np.lexsort((ours.trial_index, ours.subject_id.astype(str)))
    assert theirs.subject_id.tolist() == ours.subject_id[order].tolist()
    assert theirs.arm.tolist() == ours.arm[order].tolist()
    for name in FROM_THE_FILE:
        np.testing.assert_array_equal(getattr(theirs, name), getattr(ours, name)[order], err_msg=name)


@pytest.mark.parametrize("shape", SHAPES[1:])
def test_formats_give_one_table(elsewhere, tmp_path, shape):
    table, design = import_responses(*elsewhere(shape).paths)
    long, its_design = import_responses(*elsewhere("long").paths)

    same(table, long)
    assert design.plan == its_design.plan


def test_the_past_study_is_estimated_as_it_was_and_says_what_is_assumed(elsewhere, past):
    theirs = analyse(*import_responses(*elsewhere("long").paths))
    ours = analyse(past.table, past.design)

    # People who left before any answer are in no file from elsewhere, so both are of those with an outcome.
    assert {mean.arm: mean.n_enrolments for mean in theirs.arm_means} == {
        flow.arm: flow.with_outcome for flow in ours.flow.arms
    }
    available = next(one for one in ours.sensitivity if one.label == "without an outcome: left out")
    assert theirs.primary[0].value == pytest.approx(available.value, abs=1e-12)
    assert theirs.primary[0].interval == available.interval
    assert theirs.accuracy == tuple(theirs.accuracy)
    assert theirs.is_imported
    assert not ours.is_imported
    assert theirs.deviations[1].startswith("How people were given their arms is not in the file")


def test_bots_of_otree_and_ids_nobody_asked_for_do_not_come_in(elsewhere):
    otree, gorilla, long = (import_study(*elsewhere(shape).paths) for shape in ("otree", "gorilla", "long"))

    assert not [subject for subject in otree.table.subject_id if subject.startswith("bot")]
    assert "2 participants that oTree marks as bots are left out." in otree.design.assumptions
    assert gorilla.not_brought_in == ("Participant Public ID",)
    assert long.not_brought_in == ("IPAddress",)
    assert "192.0.2.7" not in long.design_text


def test_two_versions_of_a_gorilla_experiment_in_one_file_are_told(elsewhere):
    made = elsewhere("gorilla")
    lines = made.content.splitlines(keepends=True)
    lines[-2] = lines[-2].replace(",3,", ",4,", 1)
    made.content = "".join(lines)

    assert (
        "The file holds the versions 3, 4 of the experiment together." in import_study(*made.paths).design.assumptions
    )


@pytest.mark.parametrize("indent", [None, 2])
def test_jspsych_may_come_as_one_list_after_another(elsewhere, indent):
    made = elsewhere("jspsych")
    whole, _ = import_responses(*made.paths)
    made.content = "\n".join(json.dumps(person, indent=indent) for person in json.loads(made.content)) + "\n"

    same(whole, import_responses(*made.paths)[0])


@pytest.mark.parametrize("shape", ["long", "otree", "wide"])
def test_marks_of_nothing_are_empty_cells(elsewhere, shape):
    made = elsewhere(shape)
    gaps, _ = import_responses(*made.paths)
    # R writes NA where a cell is empty; in the wide shapes that is a trial that somebody did not reach.
    header, *lines = made.content.splitlines()
    filled = [",".join(cell or "NA" for cell in line.split(",")) for line in lines]
    made.content = "\n".join([header, *filled]) + "\n"
    made.mapping["empty"] = ["NA"]

    same(gaps, import_responses(*made.paths)[0])


def test_every_row_may_be_a_person(elsewhere):
    made = elsewhere("wide")
    named, _ = import_responses(*made.paths)
    made.mapping["participant"] = {"each_row": True}

    table, _ = import_responses(*made.paths)

    assert set(table.subject_id.tolist()) == {f"row-{row}" for row in table.row}
    assert sorted(table.response.tolist()) == sorted(named.response.tolist())


@pytest.mark.parametrize(
    ("shape", "content", "message"),
    [
        ("jspsych", "{", "expected JSON, or one JSON list after another"),
        ("jspsych", " \n", "expected JSON, found an empty file"),
        ("jspsych", "[1, 2]", "expected lists of trials, found 1"),
        ("long", "", "expected a header row, found an empty file"),
        ("long", "a,a\n1,2\n", "column a: is there twice; rename one"),
        ("long", 'user,x\n"a,b\n', "expected a table of text in UTF-8"),
    ],
)
def test_a_file_that_is_something_else_is_refused(elsewhere, shape, content, message):
    made = elsewhere(shape)
    made.content = content

    with pytest.raises(ImportedFileError) as caught:
        import_responses(*made.paths)
    assert caught.value.problems[0].startswith(message)


def test_a_row_of_another_length_is_named_and_an_empty_line_is_none(elsewhere):
    made = elsewhere("long")
    made.content += "\np9999,1,POST\n"

    with pytest.raises(ImportedFileError) as caught:
        import_responses(*made.paths)
    number = made.content.count("\n")
    assert caught.value.problems == (f"row {number}: expected 10 cells, found 3",)


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_delimiters_and_a_byte_order_mark_are_read(elsewhere, delimiter):
    made = elsewhere("long")
    comma, _ = import_responses(*made.paths)
    made.content = "\ufeff" + made.content.replace(",", delimiter)

    same(comma, import_responses(*made.paths)[0])


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(", "wide: '(' is no regular expression"),
        ("(?P<item>.+)_guess", "wide: '(?P<item>.+)_guess' lacks the part (?P<field>…)"),
        ("q(?P<item>.+)_(?P<field>.+)", "wide: 'q(?P<item>.+)_(?P<field>.+)' fits no column of sheet.csv"),
    ],
)
def test_a_pattern_that_cannot_be_meant_is_refused(elsewhere, pattern, message):
    made = elsewhere("wide")
    made.mapping["wide"] = pattern

    with pytest.raises(MappingError) as caught:
        import_responses(*made.paths)
    assert caught.value.problems[0].startswith(message)
