"""What a mapping says, and what is said of one that cannot be meant."""

import csv
import io
import json
import random
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.api import analyse, import_responses, import_study
from analysis.errors import ImportedFileError, MappingError
from analysis.importing.mapping import read_mapping


def problems_of(made):
    with pytest.raises((MappingError, ImportedFileError)) as caught:
        import_responses(*made.paths)
    return caught.value.problems


def rows_of(made):
    return list(csv.DictReader(io.StringIO(made.content)))


def put_back(made, rows):
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    made.content = out.getvalue()


def spoil(tree, path, value):
    *steps, last = path
    for step in steps:
        tree = tree[step]
    if value is None:
        del tree[last]
    else:
        tree[last] = value


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["plan", "smallest_effect"], None, "plan.smallest_effect: expected a number, found nothing"),
        (["plan", "control"], "nobody", "plan.control: 'nobody' is not an arm of this design (none, lime)"),
        (["plan"], {"estimand": "gain_in_accuracy", "post": "post", "control": "none", "smallest_effect": 0.1},
         "plan.pre: expected the key of a phase, found nothing; gain_in_accuracy is made of PRE and POST"),
        (["arms", 0, "role"], "boss", "arms[0].role: expected one of control, placebo, explained, found 'boss'"),
        (["format"], "excel", "format: expected one of csv, jspsych, otree, gorilla, found 'excel'"),
        (["plan", "smalest_effect"], 1, "plan.smalest_effect: is not known here; do you mean smallest_effect?"),
        (["arms", 1, "key"], None, "arms[1].key: expected a text, found nothing"),
        (["study_id"], None, "study_id: expected a text, found nothing"),
        (["trials"], [], "trials: expected a list that is not empty, found a list"),
        (["trials", 0, "item"], None,
         "trials[0].item: expected a column, found nothing; a forward_simulation needs it"),
        (["trials", 0, "response"], None, "trials[0]: expected response and model_output, or correct; found neither"),
        (["trials", 0, "respnse"], "guess", "trials[0].respnse: is not known here; do you mean response?"),
        (["trials", 0, "item"], {"columns": "picture"},
         "trials[0].item.columns: is not known here; do you mean column?"),
        (["trials", 0, "rt", "unit"], "min", "trials[0].rt.unit: expected one of ms, s, found 'min'"),
        (["keep"], {"part": {"abve": 1}}, "keep.part.abve: is not known here; do you mean above?"),
        (["keep"], {"part": {"above": "x"}}, "keep.part.above: expected a number, found 'x'"),
        (["leave_out"], [{"because": "x", "file": "survey"}],
         "leave_out[0].file: 'survey' is not in files (which has none)"),
        (["leave_out"], [{"because": "x", "rows": 2}], "leave_out[0].rows: goes with same, which is not there"),
        (["leave_out"], [{"because": "x", "every": True, "at_least": 2}],
         "leave_out[0]: expected one of at_least, every, fewer_than, found at_least and every"),
        (["allocation"], {"stratum": "part"},
         "allocation: expected stratum, sequence, permuted_block, block_size, all or none; found stratum"),
        (["trials", 0, "item"], "pictur",
         "column 'pictur': trials.csv has none of this name; it has 'picture'"),
    ],
)  # fmt: skip
def test_a_mapping_that_cannot_be_meant_is_told_by_its_path(elsewhere, path, value, message):
    made = elsewhere("long")
    spoil(made.mapping, path, value)

    assert message in problems_of(made)


def test_a_mapping_that_is_a_list_is_refused(elsewhere):
    made = elsewhere("long")
    made.mapping = [made.mapping]

    assert problems_of(made)[0] == "the whole: expected an object, found a list"


def test_every_problem_of_a_mapping_is_told_at_once(elsewhere):
    made = elsewhere("long")
    made.mapping |= {"format": "excel", "titel": "x"}
    del made.mapping["study_id"]

    assert [problem.split(":")[0] for problem in problems_of(made)] == ["titel", "format", "study_id"]


def test_toml_and_json_mean_the_same(elsewhere, tmp_path):
    made = elsewhere("long")
    file, mapping = made.paths
    toml = tmp_path / "mapping.toml"
    lines = ['study_id = "s1"', 'title = "A past study"', 'participant = "user"', 'arm = "condition"']
    for name in ("arms", "phases", "trials"):
        for part in made.mapping[name]:
            lines += [f"[[{name}]]", *(f"{key} = {inline(value)}" for key, value in part.items())]
    lines += ["[plan]", *(f"{key} = {json.dumps(value)}" for key, value in made.mapping["plan"].items())]
    toml.write_text("\n".join(lines), encoding="utf-8")

    one, other = read_mapping(mapping), read_mapping(toml)

    assert (one.trials, one.arms, one.plan) == (other.trials, other.arms, other.plan)
    assert import_responses(file, toml)[1].plan == import_responses(file, mapping)[1].plan


def inline(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {inline(inner)}" for key, inner in value.items()) + " }"
    return json.dumps(value)


def test_a_mapping_may_be_given_as_it_was_read(elsewhere):
    made = elsewhere("long")
    file, mapping = made.paths

    assert import_responses(file, made.mapping)[0].item.tolist() == import_responses(file, mapping)[0].item.tolist()


@pytest.mark.parametrize(
    ("cell", "value", "message"),
    [
        ("part", "MIDDLE", "row 3, column part: expected one of 'PRE', 'POST', found 'MIDDLE'"),
        ("condition", "7", "row 3, column condition: expected one of '1', '2', found '7'"),
        ("seconds", "quick", "row 3, column seconds: expected a number, found 'quick'"),
        ("n", "third", "row 3, column n: expected a trial's number, found 'third'"),
        ("picture", "", "row 3, column item: expected something in a forward_simulation trial, found nothing"),
    ],
)
def test_a_cell_that_cannot_be_read_is_told_by_the_files_own_row_and_column(elsewhere, cell, value, message):
    made = elsewhere("long")
    rows = rows_of(made)
    rows[1][cell] = value
    put_back(made, rows)

    assert problems_of(made) == (message,)


def test_somebody_with_two_arms_and_an_item_asked_twice_are_told_by_row(elsewhere):
    made = elsewhere("long")
    rows = rows_of(made)
    subject = rows[0]["user"]
    rows[1]["condition"] = {"1": "2", "2": "1"}[rows[0]["condition"]]
    put_back(made, rows)
    assert problems_of(made)[0].startswith(f"row 3, column condition: subject {subject} is in arm ")

    rows[1] = dict(rows[0])
    put_back(made, rows)
    assert problems_of(made) == (
        f"row 3, column item: subject {subject} has item {rows[0]['picture']!r} of phase 'pre' in row 2 already",
    )


def test_rows_that_are_there_twice_can_be_dropped(elsewhere):
    made = elsewhere("long")
    once, _ = import_responses(*made.paths)
    made.content += "".join(made.content.splitlines(keepends=True)[1:4])
    made.mapping["duplicate_rows"] = "drop"

    twice, _ = import_responses(*made.paths)

    assert twice.item.tolist() == once.item.tolist()


def test_seconds_taken_for_milliseconds_are_refused_until_the_unit_is_said(elsewhere):
    made = elsewhere("long")
    made.mapping["trials"][0]["rt"] = "seconds"
    assert problems_of(made)[0].startswith("column seconds: expected milliseconds, but no value reaches 60; this looks")

    made.mapping["trials"][0]["rt"] = {"column": "seconds", "unit": "ms"}
    assert np.nanmax(import_responses(*made.paths)[0].rt) < 60


def test_who_was_right_may_be_all_that_is_known(elsewhere, past):
    made = elsewhere("long")
    rows = rows_of(made)
    for row in rows:
        row["hit"] = "yes" if row["guess"] == row["ai_says"] else "no"
    put_back(made, rows)
    trial = made.mapping["trials"][0]
    whole = analyse(*import_responses(*made.paths))
    for name in ("label", "model_output", "response"):
        del trial[name]
    trial["correct"] = {"column": "hit", "values": {"yes": "1", "no": "0"}}

    report = analyse(*import_responses(*made.paths))

    assert report.primary[0].value == whole.primary[0].value
    assert {share.value for share in report.accuracy if share.model_is_right is not None} == {None}
    assert {share.value for share in report.own_label} == {None}
    assert not [one for one in report.others if "d_prime" in one.estimand]
    assert any(one.startswith("What the items really are is not in the file") for one in report.deviations)


def test_a_score_that_is_not_the_answers_is_refused_by_row(elsewhere):
    made = elsewhere("long")
    rows = rows_of(made)
    for row in rows:
        row["hit"] = str(int(row["guess"] == row["truth"]))
    put_back(made, rows)
    made.mapping["trials"][0]["correct"] = "hit"

    problems = problems_of(made)

    assert problems[0].startswith("row ")
    assert "the column compares the response with the label, not with the model's output" in problems[0]


def test_guessing_cannot_be_filled_in_where_classes_are_not_known(elsewhere):
    made = elsewhere("long")
    trial = made.mapping["trials"][0]
    trial["correct"] = {"equals": ["guess", "ai_says"]}
    del trial["model_output"], trial["response"]
    made.mapping["plan"] |= {"estimand": "accuracy", "missing": "chance"}

    assert problems_of(made) == ("plan.missing: who guesses among how many classes is not known without model_output",)


def test_cells_are_joined_compared_and_constant(elsewhere):
    made = elsewhere("long")
    trial = made.mapping["trials"][0]
    trial |= {"item": {"join": ["picture", "truth"], "with": "/"}, "correct": {"equals": ["guess", "ai_says"]},
              "block": {"constant": "all"}}  # fmt: skip

    table, _ = import_responses(*made.paths)

    rows = table.is_simulation
    assert {text.split("/")[1] for text in table.item[rows]} == set(table.label[rows].tolist())
    assert set(table.block[rows].tolist()) == {"all"}


def test_a_known_allocation_is_re_drawn_as_it_was(elsewhere, past):
    made = elsewhere("long")
    places = {row["subject_id"]: row for row in past.rows if row["trial_type"] == "allocation"}
    rows = rows_of(made)
    names = ("stratum", "sequence", "permuted_block", "block_size")
    for row in rows:
        row |= {name: places[row["user"]][name] for name in names}
    put_back(made, rows)
    made.mapping["allocation"] = {name: name for name in names} | {"block_multiples": [2]}

    table, design = import_responses(*made.paths)

    assert design.allocation_method == "permuted_blocks"
    assert not [one for one in design.assumptions if "How people were given their arms" in one]
    kept = set(table.subject_id.tolist())
    ours = past.table.only(np.isin(past.table.subject_id, list(kept)))
    for name in ("sequence", "permuted_block", "block_size"):
        mine = dict(zip(ours.subject_id, getattr(ours, name), strict=False))
        assert {
            s: v for s, v in zip(table.subject_id, getattr(table, name), strict=True) if v >= 0
        }.keys() == mine.keys()
    assert analyse(table, design).primary[0].p_value is not None


def test_a_study_without_pre_is_asked_about_post_alone(elsewhere):
    made = elsewhere("long")
    del made.mapping["plan"]["pre"]
    made.mapping["plan"]["estimand"] = "accuracy"

    report = analyse(*import_responses(*made.paths))

    assert report.phase_title(report.plan.pre) == "nothing was asked before"
    assert report.primary[0].value is not None


def test_who_completed_is_what_the_file_says(elsewhere):
    made = elsewhere("long")
    made.mapping["completed"] = {"part": "POST", "n": {"above": 10_000}}
    nobody = import_study(*made.paths)
    made.mapping["completed"] = {"part": "PRE"}
    everybody = import_study(*made.paths)

    assert not (nobody.table.trial_type == "completion").any()
    assert (everybody.table.trial_type == "completion").sum() == len(set(everybody.table.subject_id.tolist()))
    assert not [one for one in everybody.design.assumptions if "does not say who completed" in one]


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1))
def test_the_order_of_rows_and_columns_does_not_matter(elsewhere, seed):
    made = elsewhere("long")
    straight, design = import_responses(*made.paths)
    draw = random.Random(seed)
    rows = rows_of(made)
    header = draw.sample(list(rows[0]), len(rows[0]))
    put_back(made, [{name: row[name] for name in header} for row in draw.sample(rows, len(rows))])

    shuffled, its_design = import_responses(*made.paths)

    for name in ("subject_id", "trial_index", "trial_type", "arm", "item", "response", "correct", "rt", "sequence"):
        np.testing.assert_array_equal(getattr(shuffled, name), getattr(straight, name), err_msg=name)
    assert its_design.plan == design.plan


def test_the_documented_mapping_reads_the_documented_file(tmp_path):
    text = (Path(__file__).parents[3] / "docs" / "importing.md").read_text(encoding="utf-8")
    header, row = re.search(r"\n    (user,.*)\n    (.*)\n", text).groups()
    mapping = json.loads(re.search(r"```json\n(.*?)```", text, flags=re.DOTALL)[1])
    other = row.replace("p01,2", "p02,1")
    (tmp_path / "trials.csv").write_text("\n".join([header, row, other]), encoding="utf-8")

    table, design = import_responses(tmp_path / "trials.csv", mapping)

    trial = table.only(table.is_simulation)
    assert (trial.arm.tolist(), trial.phase.tolist()) == (["heat_map", "none"], ["pre", "pre"])
    assert (trial.rt.tolist(), trial.correct.tolist()) == ([3200.0, 3200.0], [0, 0])
    assert design.plan.estimand == "gain_in_accuracy"
