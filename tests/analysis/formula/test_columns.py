"""Columns named, ordered and coded as R's model.matrix does; what is expected here was written down from its rules."""

import numpy as np
import pytest

from analysis.errors import InputError
from analysis.formula.columns import Coding, check_independent
from analysis.formula.frame import read_frame
from analysis.formula.grammar import read_formula

DATA = {
    "post": [0, 1, 0, 1, 0, 1],
    "arm": ["lime", "lime", "none", "none", "senn", "senn"],
    "number": [10, 9, 10, 9, 8, 8],
    "y": [1, 0, 1, 1, 0, 1],
    "p": [1, 1, 2, 2, 3, 3],
}


def columns(formula: str, **how):
    said = read_formula(formula)
    coding = Coding(read_frame(DATA, tuple(DATA)), said.factors | how.get("factors", frozenset()), how.get("refs", {}))
    return coding.matrix(said.fixed)


@pytest.mark.parametrize(
    ("formula", "names"),
    [
        ("y ~ post*arm + (1|p)", "(Intercept) post armnone armsenn post:armnone post:armsenn"),
        ("y ~ post + post:arm + (1|p)", "(Intercept) post post:armnone post:armsenn"),
        ("y ~ post:arm + (1|p)", "(Intercept) post:armlime post:armnone post:armsenn"),
        ("y ~ 0 + arm + (1|p)", "armlime armnone armsenn"),
        ("y ~ factor(post)*arm + (1|p)", "(Intercept) post1 armnone armsenn post1:armnone post1:armsenn"),
        ("y ~ factor(number) + (1|p)", "(Intercept) number9 number10"),
    ],
)
def test_names_are_those_of_r(formula: str, names: str) -> None:
    assert columns(formula).names == tuple(names.split())


def test_values_are_products_of_dummies() -> None:
    found = columns("y ~ post*arm + (1|p)")
    value = dict(zip(found.names, found.values.T, strict=True))

    assert value["(Intercept)"].tolist() == [1] * 6
    assert value["armsenn"].tolist() == [0, 0, 0, 0, 1, 1]
    assert (value["post:armsenn"] == value["post"] * value["armsenn"]).all()


def test_another_level_can_be_the_one_that_others_are_compared_with() -> None:
    assert columns("y ~ arm + (1|p)", refs={"arm": "none"}).names == ("(Intercept)", "armlime", "armsenn")
    with pytest.raises(InputError, match="'control' is none of its values: lime, none, senn"):
        columns("y ~ arm + (1|p)", refs={"arm": "control"})


def test_columns_that_say_nothing_new_are_named() -> None:
    # Arm and number of these rows tell the same, but for the order.
    matrix = columns("y ~ arm + factor(p) + (1|p)")
    with pytest.raises(InputError) as error:
        check_independent(matrix)
    assert str(error.value).count("the data cannot tell it from the columns before it") == 2
    assert "p2" in str(error.value)
    check_independent(columns("y ~ post*arm + (1|p)"))


def test_scales_do_not_make_columns_dependent() -> None:
    draw = np.random.default_rng(1)
    data = {"a": draw.normal(size=50) * 1e-9, "b": draw.normal(size=50) * 1e9}
    coding = Coding(read_frame(data, ("a", "b")), frozenset(), {})
    check_independent(coding.matrix([(), ("a",), ("b",), ("a", "b")]))
