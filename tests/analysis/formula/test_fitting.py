"""Models by formula against R's, and files that people have."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from analysis.errors import InputError
from analysis.formula import fit
from analysis.inference.mixed import fit_binomial

# Lesnoff et al. 1964's contagious bovine pleuropneumonia, as lme4's documentation has it: herd, cases, animals, period.
HERDS = {  # herd: (cases, animals) in each period
    1: [(2, 14), (3, 12), (4, 9), (0, 5)], 2: [(3, 22), (1, 18), (1, 21)], 3: [(8, 22), (2, 16), (0, 16), (2, 20)],
    4: [(2, 10), (0, 10), (2, 9), (0, 6)], 5: [(5, 18), (0, 25), (0, 24), (1, 4)],
    6: [(3, 17), (0, 17), (0, 18), (1, 20)], 7: [(8, 16), (1, 10), (3, 9), (0, 5)], 8: [(12, 34)],
    9: [(2, 9), (0, 6), (0, 8), (0, 6)], 10: [(1, 22), (1, 22), (0, 18), (2, 22)],
    11: [(0, 25), (5, 27), (3, 22), (1, 22)], 12: [(2, 10), (1, 8), (0, 6), (0, 5)],
    13: [(1, 21), (2, 24), (0, 19), (0, 23)], 14: [(11, 19), (0, 2), (0, 3), (0, 2)],
    15: [(1, 19), (1, 15), (1, 15), (0, 15)],
}  # fmt: skip
CBPP = {
    "herd": [herd for herd, periods in HERDS.items() for _ in periods],
    "period": [period for periods in HERDS.values() for period in range(1, len(periods) + 1)],
    "incidence": [cases for periods in HERDS.values() for cases, _ in periods],
    "size": [animals for periods in HERDS.values() for _, animals in periods],
}
LME4 = "cbind(incidence, size - incidence) ~ factor(period) + (1 | herd)"


def people(n_people: int = 30, n_items: int = 8, seed: int = 1) -> dict[str, list]:
    draw = np.random.default_rng(seed)
    pid, item, post = (v.ravel() for v in np.meshgrid(range(n_people), range(n_items), (0, 1), indexing="ij"))
    arm = np.array(["lime", "none", "senn"])[pid % 3]
    eta = 0.3 + 0.5 * post * (arm == "lime") + 0.7 * draw.normal(size=n_people)[pid] + draw.normal(size=n_items)[item]
    y = (draw.random(len(eta)) < 1 / (1 + np.exp(-eta))).astype(int)
    rt = np.exp(7 + 0.2 * eta + 0.3 * draw.normal(size=len(eta)))
    rating = np.clip(np.round(4 + eta + draw.normal(size=len(eta))), 1, 7).astype(int)
    return {"pid": pid.tolist(), "item": item.tolist(), "post": post.tolist(), "arm": arm.tolist(), "y": y.tolist(),
            "rt": rt.tolist(), "rating": rating.tolist()}  # fmt: skip


def write(data: dict[str, list], path: Path, delimiter: str = ",") -> Path:
    lines = [delimiter.join(data), *(delimiter.join(map(str, row)) for row in zip(*data.values(), strict=True))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


# --- against R --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("A", "y ~ post*arm + (1|pid) + (1|item)"),
        ("B", "y ~ post*arm + (1+post|pid) + (1|item)"),
        ("C", "y ~ post*arm + (1|pid) + (1|item)"),
    ],
)
def test_a_file_and_lme4s_formula_end_at_glmmtmbs_maximum(name, formula, reference, reference_folder) -> None:
    expected = reference["glmm"][name]["glmmTMB"]
    found = fit(reference_folder / f"{name}.csv.gz", formula)

    values, errors = np.array(expected["fixef"]), np.array(expected["se"])
    assert found.names == ("(Intercept)", "post", "arm", "post:arm")
    assert abs(found.loglik - expected["loglik"]) <= 1e-6
    assert np.abs((np.array([c.estimate for c in found.fixed]) - values) / errors).max() <= 5e-4
    assert np.abs(np.array([c.standard_error for c in found.fixed]) / errors - 1).max() <= 1e-4
    for part in found.random:
        variances = np.diag(expected["varcov"][part.group])
        assert part.standard_deviations == pytest.approx(np.sqrt(variances), abs=2e-4)
    assert found.is_maximum


def test_the_constrained_baseline_is_lme4s(reference, reference_folder) -> None:
    expected = reference["clda"]["A_clda"]
    found = fit(reference_folder / "A.csv.gz", "y ~ post + post:arm + (1|pid) + (1|item)")

    assert found.loglik == pytest.approx(expected["loglik"], abs=1e-6)
    assert [c.standard_error for c in found.fixed] == pytest.approx(expected["se"], rel=1e-4)
    assert [part.standard_deviations[0] for part in found.random] == pytest.approx(
        [expected["sd_pid"], expected["sd_item"]], abs=2e-4
    )


def test_one_group_and_counted_answers_are_lme4s_example() -> None:
    """glmmTMB 1.1.5 on lme4's cbpp, as in the reference data."""
    found = fit(CBPP, LME4)

    assert found.names == ("(Intercept)", "period2", "period3", "period4")
    assert found.loglik == pytest.approx(-92.0262818648, abs=1e-8)
    assert [c.estimate for c in found.fixed] == pytest.approx([-1.39853, -0.99233, -1.12867, -1.58031], abs=5e-6)
    assert [c.standard_error for c in found.fixed] == pytest.approx([0.23247, 0.30664, 0.32664, 0.42744], abs=2e-5)
    assert found.random[0].standard_deviations[0] ** 2 == pytest.approx(0.41250005562, rel=1e-4)
    assert len(found.random) == 1
    assert not found.certificate.is_singular


# --- the same model by other ways -------------------------------------------------------------------------------------


def test_shares_with_weights_are_the_counts() -> None:
    shares = [k / n for k, n in zip(CBPP["incidence"], CBPP["size"], strict=True)]
    by_counts = fit(CBPP, LME4)
    by_shares = fit({**CBPP, "share": shares}, "share ~ factor(period) + (1|herd)", weights="size")

    assert by_shares.loglik == pytest.approx(by_counts.loglik, abs=1e-9)


def test_it_is_the_engine_with_the_columns_made(tmp_path: Path) -> None:
    data = people()
    arm, post = np.array(data["arm"]), np.array(data["post"], dtype=float)
    columns = [np.ones(len(post)), post, post * (arm == "lime"), post * (arm == "senn")]
    expected = fit_binomial(
        correct=np.array(data["y"], dtype=float),
        fixed=np.stack(columns, axis=1),
        names=("(Intercept)", "post", "post:armlime", "post:armsenn"),
        participants=np.array(data["pid"]),
        items=np.array(data["item"]),
        participant_slopes=post,
        participant_slopes_correlated=False,
    )
    formulas = ("y ~ post + post:arm + (1+post||pid) + (1|item)",
                "y ~ post + post:arm + (1|pid) + (0+post|pid) + (1|item)")  # fmt: skip
    for formula in formulas:
        found = fit(data, formula, references={"arm": "none"})
        assert found.names == expected.names
        assert [c.estimate for c in found.fixed] == pytest.approx(expected.coefficients, abs=1e-12)
        assert found["post:armlime"].p_value == pytest.approx(expected.p_value("post:armlime"), abs=1e-12)

    again = fit(write(data, tmp_path / "tab.tsv", "\t"), formulas[0], references={"arm": "none"})
    packed = tmp_path / "data.csv.gz"
    packed.write_bytes(gzip.compress(write(data, tmp_path / "data.csv", ";").read_bytes()))
    assert again.loglik == fit(packed, formulas[0], references={"arm": "none"}).loglik == found.loglik


@pytest.mark.parametrize(
    ("family", "response", "n_thresholds"), [("gaussian", "rt", 0), ("lognormal", "rt", 0), ("ordinal", "rating", 6)]
)
def test_other_families_have_formulas_too(family: str, response: str, n_thresholds: int) -> None:
    found = fit(people(), f"{response} ~ post*arm + (1|pid) + (1|item)", family=family)

    assert found.is_maximum
    assert len(found.thresholds) == n_thresholds
    assert ("(Intercept)" in found.names) == (family != "ordinal")
    assert (found.residual_deviation is not None) == (family != "ordinal")
    assert all(effect.p_value is not None for effect in found.fixed)


# --- files that people have -------------------------------------------------------------------------------------------


def test_rows_with_an_empty_cell_are_left_out_and_counted() -> None:
    data = people()
    holed = {**data, "y": ["" if k in (3, 7) else "NA" if k == 9 else v for k, v in enumerate(data["y"])]}
    kept = {name: [v for k, v in enumerate(column) if k not in (3, 7, 9)] for name, column in data.items()}
    found, expected = (fit(d, "y ~ post*arm + (1|pid) + (1|item)") for d in (holed, kept))

    assert (found.n_dropped, expected.n_dropped) == (3, 0)
    assert found.loglik == expected.loglik
    assert found.n_trials == len(data["y"]) - 3


def test_true_and_false_are_answers() -> None:
    data = people()
    words = {**data, "y": ["TRUE" if y else "False" for y in data["y"]]}
    formula = "y ~ post + (1|pid) + (1|item)"
    assert fit(words, formula).loglik == fit(data, formula).loglik


def test_arms_that_are_numbered_are_pointed_out() -> None:
    data = people()
    numbered = {**data, "arm": [["none", "lime", "senn"].index(arm) for arm in data["arm"]]}
    formula = "y ~ post + post:arm + (1|pid) + (1|item)"

    assert fit(numbered, formula).notes == (
        "arm was taken as a number; write factor(arm) if its values are names of groups",
    )
    as_factor = fit(numbered, formula, factors=["arm"])
    assert as_factor.names == ("(Intercept)", "post", "post:arm1", "post:arm2")
    assert as_factor.notes == ()


def test_answers_that_are_told_perfectly_are_a_result() -> None:
    data = people()
    found = fit({**data, "y": data["post"]}, "y ~ post + (1|pid) + (1|item)")
    assert not found.is_maximum
    assert all(effect.p_value is None for effect in found.fixed)


@pytest.mark.parametrize(
    ("change", "formula", "how", "says"),
    [
        ({}, "y ~ mood + (1|pid)", {}, "column mood was expected, there is none .columns: pid, item, post"),
        ({}, "rating ~ post + (1|pid)", {}, "column rating: 0 and 1 were expected, .* choose the family"),
        ({}, "arm ~ post + (1|pid)", {}, "column arm: numbers were expected, 'lime' came"),
        ({}, "y ~ post", {}, "one or two groups were expected"),
        ({}, "y ~ post + (1|pid) + (1|item) + (1|arm)", {}, "one or two groups were expected"),
        ({}, "y ~ post + (0+post|pid)", {}, "an intercept, .1.pid., and each slope once were expected"),
        ({}, "y ~ post + (1+post|pid) + (1|pid)", {}, "an intercept"),
        ({}, "y ~ post + (1+post|pid) + (0+rt|pid)", {}, "slopes are all correlated"),
        ({"arm": "lime"}, "y ~ post*arm + (1|pid)", {}, "arm has one value, lime: there is nothing to compare"),
        ({"y": ""}, "y ~ post + (1|pid)", {}, "expected rows with a value in every column"),
        ({}, "y ~ post + (1|pid)", {"family": "poisson"}, "poisson with logit came"),
        ({}, "y ~ post + (1|pid)", {"level": 1.5}, "level: a number between 0 and 1"),
        ({}, "rating ~ 0 + post + (1|pid)", {"family": "ordinal"}, "an ordinal model has thresholds"),
    ],
)
def test_what_cannot_be_fitted_says_why(change: dict, formula: str, how: dict, says: str) -> None:
    data = people(n_people=6)
    changed = {name: [value] * len(data["y"]) for name, value in change.items()}
    with pytest.raises(InputError, match=says):
        fit({**data, **changed}, formula, **how)


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "found nothing"), (b"y,p\n1,2,3\n", "row 2: expected 2 cells, found 3"), (b"y,p\n", "expected rows"),
     (b"y,p\n\xff,1\n", "UTF-8"), (b'y,p\n"1,2\n', "comma-separated")],
)  # fmt: skip
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=says):
        fit(path, "y ~ 1 + (1|p)")
