"""Formulas as R reads them."""

import pytest

from analysis.errors import InputError
from analysis.formula.grammar import INTERCEPT, Random, read_formula


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("y ~ post*arm + (1|pid)", [INTERCEPT, ("post",), ("arm",), ("post", "arm")]),
        ("y ~ post + post:arm + (1|pid)", [INTERCEPT, ("post",), ("post", "arm")]),
        ("y ~ arm:post + post + (1|pid)", [INTERCEPT, ("post",), ("arm", "post")]),
        ("y~1+(1|pid)", [INTERCEPT]),
        ("y ~ 0 + arm + (1|pid)", [("arm",)]),
        ("y ~ arm - 1 + (1|pid)", [("arm",)]),
        ("y ~ (a + b)*c + (1|pid)", [INTERCEPT, ("a",), ("b",), ("c",), ("a", "c"), ("b", "c")]),
        ("y ~ a*b*c - a:b:c + (1|pid)", [INTERCEPT, ("a",), ("b",), ("c",), ("a", "b"), ("a", "c"), ("b", "c")]),
        ("y ~ a + a + a:a + (1|pid)", [INTERCEPT, ("a",)]),
        ("(1|pid) + y ~ a", None),
    ],
)
def test_terms_are_those_of_r_in_its_order(text: str, terms: list[tuple[str, ...]] | None) -> None:
    if terms is None:
        with pytest.raises(InputError, match="the name of a column was expected"):
            read_formula(text)
    else:
        assert list(read_formula(text).fixed) == terms


@pytest.mark.parametrize(
    ("text", "random"),
    [
        ("y ~ 1 + (1|pid) + (1|item)", [Random((INTERCEPT,), "pid", True), Random((INTERCEPT,), "item", True)]),
        ("y ~ 1 + (1+post|pid)", [Random((INTERCEPT, ("post",)), "pid", True)]),
        ("y ~ 1 + (post|pid)", [Random((INTERCEPT, ("post",)), "pid", True)]),
        ("y ~ 1 + (0+post|pid)", [Random((("post",),), "pid", True)]),
        ("y ~ 1 + (post*arm||item)", [Random((INTERCEPT, ("post",), ("arm",), ("post", "arm")), "item", False)]),
    ],
)
def test_random_effects_are_read(text: str, random: list[Random]) -> None:
    assert list(read_formula(text).random) == random


def test_factors_and_counts_are_read() -> None:
    found = read_formula("cbind(right, n - right) ~ factor(arm)*C(post) + (1|`my group`)")

    assert (found.response, found.failures, found.trials) == ("right", None, "n")
    assert found.factors == {"arm", "post"}
    assert found.variables == ("right", "n", "arm", "post", "my group")
    assert read_formula("cbind(a, b) ~ 1 + (1|g)").failures == "b"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the name of a column was expected, the end came"),
        ("y", "'~' was expected, the end came"),
        ("y ~", "the name of a column was expected, the end came"),
        ("y ~ a +", "after 'y ~ a \\+': the name of a column was expected"),
        ("y ~ a b", "'b' does not fit here"),
        ("y ~ log(a) + (1|p)", "log\\(\\) is not known; compute the column beforehand"),
        ("y ~ a^2 + (1|p)", "'\\^' in"),
        ("y ~ a + (1|p/q)", "'/' in"),
        ("y ~ a + (1|p:q)", "a group is one column"),
        ("y ~ a - (1|p)", "random effects cannot be taken away"),
        ("log(rt) ~ a + (1|p)", "the family lognormal takes the logarithm itself"),
        ("y ~ a + (1|p", "'\\)' was expected, the end came"),
        ("cbind(a, b - c) ~ 1 + (1|p)", "cbind\\(a, b - a\\) was expected"),
        ("y ~ 2 + (1|p)", "the name of a column was expected, '2' came"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as error:
        read_formula(text)
    assert "write it as in lme4" in str(error.value)
