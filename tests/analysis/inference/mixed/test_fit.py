"""The mixed model against glmmTMB's maximum, the closed forms of its limits, and data that break lesser engines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from analysis.errors import InputError
from analysis.inference.mixed import MixedFit, fit_binomial

Columns = Callable[[str], dict[str, np.ndarray]]
NAMES = ("(Intercept)", "post", "arm", "post:arm")


def fit_of(data: dict[str, np.ndarray], names: tuple[str, ...] = NAMES, **how: Any) -> MixedFit:
    columns = {
        "(Intercept)": np.ones(len(data["y"])),
        "post": data["post"],
        "arm": data["arm"],
        "post:arm": data["post"] * data["arm"],
    }
    return fit_binomial(
        correct=data["y"],
        fixed=np.stack([columns[name] for name in names], axis=1),
        names=names,
        participants=data["pid"].astype(int),
        items=data["item"].astype(int),
        **how,
    )


def simulated(n_people: int = 40, n_items: int = 12, seed: int = 1, sd: float = 0.8) -> dict[str, np.ndarray]:
    """People who each answer every item before and after, the second half of them with an explanation."""
    draw = np.random.default_rng(seed)
    person, item, post = (v.ravel() for v in np.meshgrid(range(n_people), range(n_items), (0, 1), indexing="ij"))
    arm = (person >= n_people // 2).astype(float)
    eta = 0.3 + 0.2 * post + 0.5 * post * arm + sd * draw.normal(size=n_people)[person]
    eta += 0.6 * draw.normal(size=n_items)[item]
    y = (draw.random(len(eta)) < 1 / (1 + np.exp(-eta))).astype(float)
    return {"pid": person, "item": item, "post": post.astype(float), "arm": arm, "y": y}


# --- against the reference ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["A", "B", "C"])
def test_it_ends_at_glmmtmbs_maximum(name: str, columns_of: Columns, reference: dict[str, Any]) -> None:
    data, expected = columns_of(name), reference["glmm"][name]["glmmTMB"]
    found = fit_of(data, participant_slopes=data["post"] if name == "B" else None)

    errors = np.array(expected["se"])
    assert abs(found.loglik - expected["loglik"]) <= 1e-6
    assert np.abs((found.coefficients - expected["fixef"]) / errors).max() <= 5e-4
    assert np.abs(found.standard_errors / errors - 1).max() <= 2e-5
    deviations = np.sqrt(np.diag(found.participant_covariance)), np.sqrt(np.diag(found.item_covariance))
    for ours, theirs in zip(deviations, ("pid", "item"), strict=True):
        assert ours == pytest.approx(np.sqrt(np.diag(expected["varcov"][theirs])), abs=2e-4)
    assert found.certificate.is_maximum


def test_the_constrained_baseline_is_lme4s_tight_fit(columns_of: Columns, reference: dict[str, Any]) -> None:
    expected = reference["clda"]["A_clda"]
    found = fit_of(columns_of("A"), ("(Intercept)", "post", "post:arm"))

    assert found.loglik == pytest.approx(expected["loglik"], abs=1e-6)
    values, errors = np.array(expected["fixef"]), np.array(expected["se"])
    assert np.abs((found.coefficients - values) / errors).max() <= 5e-4
    assert found.standard_errors == pytest.approx(errors, rel=1e-4)


def test_the_wald_test_of_the_interaction_is_that_of_emmeans(columns_of: Columns, reference: dict[str, Any]) -> None:
    expected = reference["checklist"]["A_emmeans_did"]
    found = fit_of(columns_of("A"))
    estimate, error = found.contrast([0, 0, 0, 1])
    assert estimate / error == pytest.approx(expected["z"], abs=5e-4)
    assert found.p_value("post:arm") == pytest.approx(expected["p"], abs=1e-4)


# --- closed forms and symmetries ----------------------------------------------------------------------------------


def test_without_variance_between_people_and_items_it_is_a_plain_logistic_regression() -> None:
    draw = np.random.default_rng(4)
    data = simulated()
    data["y"] = draw.permutation(np.tile([0.0, 1.0], len(data["y"]) // 2))
    found = fit_of(data, ("(Intercept)",))
    share = data["y"].mean()
    assert found.certificate.is_singular
    assert found.coefficients[0] == pytest.approx(np.log(share / (1 - share)), abs=5e-3)


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_the_gradient_is_zero_and_the_likelihood_lower_all_around(link: str) -> None:
    from analysis.inference.mixed.ascent import maximise
    from analysis.inference.mixed.families import FAMILIES
    from analysis.inference.mixed.fit import _start
    from analysis.inference.mixed.laplace import Laplace
    from analysis.inference.mixed.layout import lay_out
    from analysis.inference.mixed.packing import pack, unpack

    data = simulated()
    ones = np.ones((len(data["y"]), 1))
    layout = lay_out(
        successes=data["y"], trials=ones[:, 0], fixed=np.stack([ones[:, 0], data["post"]], axis=1),
        rows=data["pid"], row_design=np.stack([ones[:, 0], data["post"]], axis=1),
        columns=data["item"], column_design=ones,
    )  # fmt: skip
    laplace = Laplace(layout, FAMILIES[link])
    top = maximise(laplace, _start(layout, link))
    place = pack(top.parameters)
    for number in range(place.shape[1]):
        for way in (-0.05, 0.05):
            near = place.copy()
            near[0, number] += way
            found = laplace.evaluate(unpack(near, top.parameters), top.modes)
            assert found.loglik[0] < top.loglik
            # and its exact gradient is the slope of the likelihood
            step = 1e-5 * np.eye(place.shape[1])[[number]]
            up = laplace.evaluate(unpack(near + step, top.parameters), found.modes).loglik[0]
            down = laplace.evaluate(unpack(near - step, top.parameters), found.modes).loglik[0]
            assert (up - down) / 2e-5 == pytest.approx(pack(found.gradient)[0, number], rel=1e-4, abs=1e-4)


def test_the_order_of_trials_and_the_names_of_people_do_not_matter() -> None:
    data = simulated()
    plain = fit_of(data)
    order = np.random.default_rng(0).permutation(len(data["y"]))
    shuffled = {key: values[order] for key, values in data.items()}
    shuffled["pid"] = 1_000 - 7 * shuffled["pid"]
    again = fit_of(shuffled)
    assert again.loglik == pytest.approx(plain.loglik, abs=1e-8)
    assert again.coefficients == pytest.approx(plain.coefficients, abs=1e-5)


def test_people_and_items_may_change_places() -> None:
    """Fewer people than items: the smaller factor is the dense one, whichever it is."""
    data = simulated(n_people=10, n_items=30)
    few_people = fit_of(data)
    swapped = fit_of({**data, "pid": data["item"], "item": data["pid"]})
    assert few_people.loglik == pytest.approx(swapped.loglik, abs=1e-8)
    assert few_people.participant_covariance == pytest.approx(swapped.item_covariance, abs=1e-4)


def test_counted_answers_give_the_same_estimates_as_single_ones() -> None:
    data = simulated()
    twice = {key: np.concatenate([values, values]) for key, values in data.items()}
    counted = fit_of({**data, "y": 2 * data["y"]}, trials=np.full(len(data["y"]), 2.0))
    single = fit_of(twice)
    assert counted.coefficients == pytest.approx(single.coefficients, abs=1e-5)
    assert counted.standard_errors == pytest.approx(single.standard_errors, rel=1e-5)


def test_missing_trials_are_left_out_and_nothing_else() -> None:
    data = simulated()
    gone = np.random.default_rng(2).random(len(data["y"])) < 0.2
    holes = fit_of({**data, "y": np.where(gone, np.nan, data["y"])})
    without = fit_of({key: values[~gone] for key, values in data.items()})
    assert holes.loglik == pytest.approx(without.loglik, abs=1e-9)
    assert holes.n_trials == int((~gone).sum())


def test_item_slopes_are_fitted_too() -> None:
    data = simulated(n_people=60, n_items=20)
    found = fit_of(data, item_slopes=data["post"] * data["arm"], participant_slopes=data["post"])
    assert found.item_covariance.shape == found.participant_covariance.shape == (2, 2)
    assert found.certificate.gain < 1e-6
    assert found.loglik >= fit_of(data).loglik - 1e-6  # the smaller model is inside the larger


# --- data that break lesser engines ---------------------------------------------------------------------------------


def test_separated_answers_are_a_result_that_says_so() -> None:
    data = simulated()
    data["y"] = np.where((data["post"] == 1) & (data["arm"] == 1), 1.0, data["y"])
    found = fit_of(data)
    assert found.certificate.is_separated
    assert not found.certificate.is_maximum
    assert np.isfinite(found.coefficients).all()


def test_everybody_right_is_a_result_that_says_so() -> None:
    data = simulated()
    found = fit_of({**data, "y": np.ones(len(data["y"]))}, ("(Intercept)",))
    assert found.certificate.is_separated


def test_one_answer_a_person_is_no_crash() -> None:
    data = simulated()
    first = (data["item"] == 0) & (data["post"] == 1)
    found = fit_of({key: values[first] for key, values in data.items()}, ("(Intercept)", "arm"))
    assert np.isfinite(found.loglik)
    assert found.n_items == 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"y": np.full(960, np.nan)}, "none came"),
        ({"y": np.full(960, 2.0)}, "counts from 0"),
        ({"arm": np.zeros(960)}, "independent columns"),
        ({"pid": np.zeros(3)}, "one length"),
    ],
)
def test_input_that_cannot_be_fitted_says_why(change: dict[str, np.ndarray], says: str) -> None:
    with pytest.raises(InputError, match=says):
        fit_of({**simulated(), **change})


# --- what it is for ---------------------------------------------------------------------------------------------------


def test_wald_tests_of_an_absent_effect_reject_as_often_as_they_should() -> None:
    rejected, planted = 0, 0
    for seed in range(60):
        data = simulated(n_people=30, n_items=8, seed=seed)
        draw = np.random.default_rng(10_000 + seed)
        arms = draw.permutation(np.repeat([0.0, 1.0], 15))[data["pid"]]  # the answers know nothing of these arms
        found = fit_of({**data, "arm": arms}, ("(Intercept)", "post", "post:arm"))
        rejected += found.p_value("post:arm") < 0.05
        planted += fit_of(data, ("(Intercept)", "post", "post:arm")).p_value("post:arm") < 0.05
    # 5 % of 60 are 3, with a standard error of 1.7; the data do hold an effect, which is found far more often.
    assert rejected <= 9
    assert planted >= 15
