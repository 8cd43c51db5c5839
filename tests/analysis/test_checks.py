"""Each check has a table that turns it red; the unspoiled table passes all of them."""

import pytest

from analysis.checks import check_table
from analysis.errors import TableError


@pytest.fixture
def study(simulate):
    return simulate(16, n_items=4, seed=1, multiples=(2,))


def problems_of(study):
    with pytest.raises(TableError) as caught:
        check_table(study.table, study.design)
    return caught.value.problems


def trials(study):
    return [row for row in study.rows if row["trial_type"] == "forward_simulation"]


def test_a_sound_table_passes(study, planted):
    check_table(study.table, study.design)
    check_table(planted.table, planted.design)


def test_two_studies_in_one_table_are_refused(study):
    study.rows[-1]["study_id"] = "s2"

    assert problems_of(study) == ("column study_id: expected one study, found 2 (s1, s2 …); split the file",)


def test_an_arm_and_a_phase_the_design_does_not_have_are_named(study):
    for row in study.where(subject_id="p0003"):
        row["arm"] = row["arm"] and "grad_cam"
    trials(study)[0]["phase"] = "warm_up"

    found = problems_of(study)

    assert "row 5, column phase: expected one of learn, pre, explain, post, found 'warm_up'" in found
    assert sum("column arm: expected one of none, lime, found 'grad_cam'" in problem for problem in found) == 11


@pytest.mark.parametrize("name", ["arm", "stratum", "stage", "simulated"])
def test_a_participant_with_two_of_what_everybody_has_one_of_is_refused(study, name):
    other = {"arm": "lime", "stratum": "other", "stage": "pilot", "simulated": "1"}[name]
    row = study.where(arm="none", trial_type="completion")[0]
    row[name] = other

    (problem,) = problems_of(study)

    assert f"column {name}: subject {row['subject_id']} has" in problem


def test_a_screen_answered_twice_is_refused(study):
    study.rows.append(dict(study.where(subject_id="p0002", trial_type="completion")[0]))

    (problem,) = problems_of(study)

    assert "column trial_index: subject p0002 has trial" in problem


def test_a_second_attempt_at_a_check_is_no_duplicate(study):
    first = study.where(subject_id="p0000", trial_type="comprehension_check")[0]
    study.rows.append(first | {"attempt": "2"})

    check_table(study.table, study.design)


def test_an_item_asked_twice_in_a_phase_is_refused(study):
    row = trials(study)[0]
    study.rows.append(row | {"trial_index": "99"})

    (problem,) = problems_of(study)

    assert f"column item: subject p0000 has item '{row['item']}' of phase 'pre' in row 5 already" in problem


@pytest.mark.parametrize("name", ["arm", "phase", "item", "label", "model_output"])
def test_a_trial_without_what_it_is_scored_by_is_refused(study, name):
    row = trials(study)[0]
    row[name] = ""
    if name == "model_output":
        row["correct"] = "0"

    assert f"row 5, column {name}: expected something in a forward_simulation trial, found nothing" in problems_of(
        study
    )


def test_accuracy_computed_from_the_models_answers_is_told_by_name(study):
    for row in trials(study):
        row["correct"] = str(int(row["model_output"] == row["label"]))

    found = problems_of(study)

    assert all(
        "(the column says whether the model was right, not whether the person was)" in problem for problem in found
    )


def test_accuracy_computed_from_the_label_is_told_by_name(study):
    for row in trials(study):
        row["correct"] = str(int(row["response"] == row["label"]))

    found = problems_of(study)

    assert all(
        "(the column compares the response with the label, not with the model's output)" in problem for problem in found
    )


def test_one_wrong_score_is_named_with_its_row(study):
    row = trials(study)[0]
    row["correct"] = str(1 - int(row["correct"]))

    (problem,) = problems_of(study)

    assert problem.startswith("row 5, column correct: expected ")


def test_a_score_without_a_response_or_outside_a_trial_is_refused(study):
    trials(study)[0]["response"] = ""
    study.where(trial_type="completion")[0]["correct"] = "1"

    found = problems_of(study)

    assert len(found) == 2
    assert "row 5, column correct: expected nothing (no response)" in found[0]
    assert "column correct: expected nothing in a completion row" in found[1]


def test_an_unanswered_trial_without_a_score_passes(study):
    trials(study)[0].update(response="", correct="")

    check_table(study.table, study.design)


def test_somebody_with_an_arm_and_no_allocation_row_is_missed(study):
    study.without(study.where(subject_id="p0005", trial_type="allocation"))

    (problem,) = problems_of(study)

    assert "subject p0005 has an arm but no allocation row" in problem


def test_two_allocation_rows_of_one_participant_are_refused(study):
    study.rows.append(study.where(subject_id="p0005", trial_type="allocation")[0] | {"trial_index": "99"})

    assert "column trial_type: subject p0005 has 2 allocation rows; expected one" in problems_of(study)


def test_an_allocation_row_that_does_not_say_everything_is_refused(study):
    study.where(subject_id="p0005", trial_type="allocation")[0]["block_size"] = ""

    assert any(
        "column block_size: expected something in an allocation row" in problem for problem in problems_of(study)
    )


def give(study, subject, **cells):
    for row in study.where(subject_id=subject):
        if row["arm"]:
            row.update(
                {name: cell for name, cell in cells.items() if name == "arm" or row["trial_type"] == "allocation"}
            )


def test_an_arm_over_its_quota_breaks_the_permuted_block(study):
    subject = next(row["subject_id"] for row in study.where(trial_type="allocation", arm="none", permuted_block="1"))
    give(study, subject, arm="lime")

    assert problems_of(study) == (
        "column permuted_block: permuted block 1 of stratum 'all', stage main holds 3 participants of arm 'lime'; "
        "its quota is 2",
    )


def test_a_place_given_twice_and_a_block_fuller_than_its_size_are_refused(study):
    give(study, "p0004", sequence="3", permuted_block="0")

    found = problems_of(study)

    assert "column sequence: place 3 of stratum 'all', stage main is taken 2 times" in found
    assert (
        "column permuted_block: permuted block 0 of stratum 'all', stage main holds 5 participants in 4 places" in found
    )


def test_block_sizes_the_design_does_not_draw_are_refused(study):
    for subject in ("p0000", "p0001", "p0002", "p0003"):
        give(study, subject, block_size="6")
    give(study, "p0004", block_size="2")

    assert problems_of(study) == (
        "column block_size: permuted block 0 of stratum 'all', stage main has size 6; the design allows 4",
        "column block_size: permuted block 1 of stratum 'all', stage main has the sizes 2, 4; expected one",
    )


def test_seconds_in_a_column_of_milliseconds_are_refused(study):
    for row in trials(study):
        row["rt"] = f"{float(row['rt']) / 1000:.4f}"

    (problem,) = problems_of(study)

    assert problem.startswith("column rt: expected milliseconds, but no value reaches 60 and server_ms is 10")


def test_unknown_response_times_pass(study):
    for row in trials(study):
        row["rt"] = ""

    check_table(study.table, study.design)


def test_a_study_that_was_run_elsewhere_may_lack_labels_and_outputs_but_not_contradict_itself(simulate):
    study = simulate(6, n_items=3)
    study.tree["imported"] = {"assumptions": ["Only who was right is known."]}
    for row in study.where(trial_type="forward_simulation"):
        row.update(label="", model_output="", response="")
    check_table(study.table, study.design)

    row = study.where(trial_type="forward_simulation")[0]
    row.update(response="yes", model_output="no", correct="1")
    with pytest.raises(TableError, match="column correct: expected 0, since response is 'yes'"):
        check_table(study.table, study.design)


def test_an_allocation_whose_blocks_are_not_known_has_none_to_break(simulate):
    study = simulate(6, n_items=3)
    for row in study.where(trial_type="allocation"):
        row.update(block_size="6", permuted_block="0")
    with pytest.raises(TableError, match="column block_size"):
        check_table(study.table, study.design)

    study.tree["allocation"] = {"method": "complete"}
    check_table(study.table, study.design)
