from dataclasses import fields

import numpy as np
import pytest

from analysis.api import read_table
from analysis.columns import COLUMNS
from analysis.errors import TableError
from analysis.table import MISSING, ResponseTable, table_of

HEADER = ",".join(column.name for column in COLUMNS)
A_TIME = "row 2, column answered_at: expected a time in UTC such as 2026-01-31T09:30:00Z"


def line(**cells):
    given = {"study_id": "s", "subject_id": "p", "stage": "main", "simulated": "0", "trial_index": "0",
             "trial_type": "rating"} | cells  # fmt: skip
    return ",".join(given.get(column.name, "") for column in COLUMNS)


def problems_of(text):
    with pytest.raises(TableError) as caught:
        read_table(text)
    return caught.value.problems


def test_the_table_has_the_columns_of_the_codebook():
    assert [field.name for field in fields(ResponseTable)] == [*(column.name for column in COLUMNS), "row", "sha256"]


def test_cells_are_read_into_their_types_and_empty_ones_stay_told_apart():
    full = line(rating="3.5", rt="812.4", changes="0", answered_at="2026-01-31T09:30:00Z")

    table = read_table("\n".join([HEADER, full, line(trial_index="1")]) + "\n")

    assert table.rating[0] == 3.5
    assert np.isnan(table.rating[1])
    assert table.changes.tolist() == [0, MISSING]
    assert table.answered_at[0] == np.datetime64("2026-01-31T09:30:00")
    assert np.isnat(table.answered_at[1])
    assert (table.arm.tolist(), table.row.tolist()) == (["", ""], [2, 3])


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"rt": "-3"}, "row 2, column rt: expected milliseconds, zero or more, found '-3'"),
        ({"rt": "fast"}, "row 2, column rt: expected a number, found 'fast'"),
        ({"rating": "inf"}, "row 2, column rating: expected a number, found 'inf'"),
        ({"trial_index": "1.5"}, "row 2, column trial_index: expected a whole number, zero or more, found '1.5'"),
        ({"simulated": "yes"}, "row 2, column simulated: expected 0 or 1, found 'yes'"),
        ({"stage": "end"}, "row 2, column stage: expected one of rehearsal, preview, pilot, main, top_up, found 'end'"),
        ({"subject_id": ""}, "row 2, column subject_id: expected something, found ''"),
        ({"answered_at": "2026-01-31T09:30:00+02:00"}, f"{A_TIME}, found '2026-01-31T09:30:00+02:00'"),
        ({"answered_at": "2026-01-31T09:30:00"}, f"{A_TIME}, found '2026-01-31T09:30:00'"),
        ({"answered_at": "yesterday"}, f"{A_TIME}, found 'yesterday'"),
    ],
)  # fmt: skip
def test_a_cell_that_cannot_be_read_is_named(cells, message):
    assert problems_of(f"{HEADER}\n{line(**cells)}\n") == (message,)


def test_every_problem_is_told_at_once():
    text = "\n".join([HEADER, line(rt="x"), line(simulated="2", rt="y")]) + "\n"

    assert [problem.split(":")[0] for problem in problems_of(text)] == [
        "row 3, column simulated",
        "row 2, column rt",
        "row 3, column rt",
    ]


def test_missing_and_repeated_columns_and_short_rows_are_named():
    names = [column.name for column in COLUMNS if column.name != "rt"]

    assert problems_of(",".join([*names, "arm"]) + "\na,b\n") == (
        "column rt: missing from the header",
        "column arm: is there twice",
        f"row 2: expected {len(names) + 1} cells, found 2",
    )


def test_an_empty_file_and_one_that_is_not_text_are_refused(tmp_path):
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00study_id")

    for name, start in (("empty", "expected a header row"), ("binary", "expected comma-separated text in UTF-8")):
        with pytest.raises(TableError) as caught:
            read_table(tmp_path / f"{name}.csv")
        assert caught.value.problems[0].startswith(start)


def test_a_table_with_a_header_alone_has_no_rows():
    assert len(read_table(HEADER + "\n")) == 0


def test_columns_beside_the_known_ones_a_byte_order_mark_and_quoted_line_breaks_are_read():
    text = f"\ufeff{HEADER},extra\n{line(item='i')},x\n" + line(perturbation='"two\nlines"') + ",y\n"

    table = read_table(text)

    assert table.perturbation.tolist() == ["", "two\nlines"]


def test_the_message_shows_the_first_problems_and_counts_the_rest():
    text = "\n".join([HEADER, *[line(rt="x")] * 25]) + "\n"

    with pytest.raises(
        TableError, match=r"(?s)responses.csv: 25 problems to mend\n  row 2, column rt.*\n  and 5 more$"
    ) as caught:
        read_table(text)
    assert len(caught.value.problems) == 25


def test_path_and_text_give_the_same_table(tmp_path):
    text = f"{HEADER}\n{line()}\n"
    (tmp_path / "r.csv").write_text(text)

    assert read_table(tmp_path / "r.csv").sha256 == read_table(text).sha256


def test_rows_are_read_as_their_csv_is(planted):
    rows = [{name: cell for name, cell in row.items() if cell} for row in planted.rows]

    read, written = table_of(rows), planted.table

    for name in (field.name for field in fields(read) if field.name != "sha256"):
        np.testing.assert_array_equal(getattr(read, name), getattr(written, name), err_msg=name)
