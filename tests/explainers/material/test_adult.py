from __future__ import annotations

import pytest

from explainers.errors import MaterialError
from explainers.material.adult import ADULT, SCHEMA, SOURCE, VARIABLES, Bins, fold, rows_for_people
from explainers.material.fetch import read_source, unpack

TABLE = "age,fnlwgt,sex_Female,sex_Male,salary_<=50K,salary_>50K\n37,52630,0,1,1,0\n48,1,1,0,0,1\n"


def test_onehot_columns_fold_back_to_their_variables() -> None:
    assert fold(TABLE) == {
        "age": [37.0, 48.0],
        "fnlwgt": [52630.0, 1.0],
        "sex": ["Male", "Female"],
        "salary": ["<=50K", ">50K"],
    }


@pytest.mark.parametrize("row", ["37,1,1,1,1,0", "37,1,0,0,1,0", "37,1,0.5,0.5,1,0"])
def test_row_without_exactly_one_category_is_refused(row: str) -> None:
    with pytest.raises(MaterialError, match="exactly one of 2 categories"):
        fold(TABLE + row + "\n")


@pytest.mark.parametrize(
    ("variable", "raw", "shown"),
    [
        ("age", 28.0, "28 or younger"),
        ("age", 29.0, "29 to 37"),
        ("age", 90.0, "49 or older"),
        ("hours-per-week", 40.0, "40"),
        ("hours-per-week", 99.0, "46 or more"),
        ("capital-gain", 0.0, "None"),
        ("capital-gain", 7000.0, "Up to $7,000"),
        ("capital-gain", 7001.0, "More than $7,000"),
        ("education", "Prof-school", "Professional degree"),
    ],
)
def test_value_is_shown_by_its_bin_or_plain_name(variable: str, raw: float | str, shown: str) -> None:
    assert VARIABLES[variable].shown(raw) == shown


def test_category_that_no_group_knows_is_refused() -> None:
    with pytest.raises(MaterialError, match="'Martian' is no category"):
        VARIABLES["race"].shown("Martian")


def test_every_bin_has_a_name() -> None:
    for variable in VARIABLES.values():
        if isinstance(variable, Bins):
            assert len(variable.names) == len(variable.edges) + 1


def test_published_file_folds_back_to_fourteen_variables_and_the_label() -> None:
    folded = fold(unpack(read_source(SOURCE), ("adult.csv",), SOURCE.size_limit).decode("ascii"))

    assert list(folded) == [
        "age", "fnlwgt", "education-num", "capital-gain", "capital-loss", "hours-per-week", "workclass", "education",
        "marital-status", "occupation", "relationship", "race", "sex", "native-country", "salary",
    ]  # fmt: skip
    # UCI's description of Adult: 45,222 rows without missing values, 24.78 % above 50,000 dollars.
    assert len(folded["salary"]) == 45_222
    assert folded["salary"].count(">50K") / 45_222 == pytest.approx(0.2478, abs=5e-5)
    rows = rows_for_people(folded)
    assert {name for name, _ in rows[0].input.values} == {name for name, _ in SCHEMA.variables}
    # education-num repeats education: nothing is lost by showing one of the two.
    assert len(set(zip(folded["education"], folded["education-num"], strict=True))) == len(set(folded["education"]))


def test_every_category_people_see_occurs() -> None:
    rows = ADULT.read()

    seen = {pair for row in rows for pair in row.input.values}
    assert seen == {(name, category) for name, categories in SCHEMA.variables for category in categories}
