"""The model of the trial: against lme4, in closed-form limits, with separated answers and empty arms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import special, stats

from analysis.errors import InputError
from analysis.inference.mixed import fit_binomial
from analysis.inference.mixed.constrained import ConstrainedFit, fit_constrained
from analysis.inference.mixed.fit import BinomialModel
from analysis.inference.mixed.nested import likelihood_ratio_test, wald_test


def simulated(
    n_arms: int = 2, per_arm: int = 20, n_items: int = 10, seed: int = 5, gain: float = 0.6
) -> dict[str, Any]:
    """People who answer every item before and after; the arms but the first gain more."""
    draw = np.random.default_rng(seed)
    n_people = n_arms * per_arm
    person, item, post = (v.ravel() for v in np.meshgrid(range(n_people), range(n_items), (0, 1), indexing="ij"))
    arm = person // per_arm
    eta = 0.2 + 0.1 * post + gain * post * (arm > 0) + 0.8 * draw.normal(size=n_people)[person]
    eta += 0.5 * draw.normal(size=n_items)[item]
    y = (draw.random(len(eta)) < special.expit(eta)).astype(float)
    return {"pid": person, "item": item, "y": y, "post": post, "arm": arm}


def fit_of(data: dict[str, Any], n_arms: int = 2, **how: Any) -> ConstrainedFit:
    return fit_constrained(
        correct=data["y"],
        arm=data["arm"].astype(int),
        is_post=data["post"] == 1,
        participants=data["pid"].astype(int),
        items=data["item"].astype(int),
        n_arms=n_arms,
        **how,
    )


# --- against R ------------------------------------------------------------------------------------------------------


def test_it_is_lme4s_fit_of_the_constrained_model(set_a: dict[str, np.ndarray]) -> None:
    """reference.json, clda.A_clda: lme4 with a tight bobyqa."""
    found = fit_of(set_a).fit
    errors = np.array([0.13494470857, 0.10758198157, 0.14877630859])
    assert found.names == ("intercept", "post", "post:arm_1")
    assert found.loglik == pytest.approx(-1939.7466912359, abs=1e-6)
    assert np.abs((found.coefficients - [0.45407464106, 0.055597822617, 0.38714118185]) / errors).max() <= 5e-4
    assert found.standard_errors == pytest.approx(errors, rel=1e-4)
    assert np.sqrt(found.participant_covariance[0, 0]) == pytest.approx(0.76224495071, abs=2e-4)
    assert np.sqrt(found.item_covariance[0, 0]) == pytest.approx(0.76132408498, abs=2e-4)
    assert found.certificate.is_maximum


def test_the_likelihood_ratio_of_an_interaction_is_lme4s(set_a: dict[str, np.ndarray]) -> None:
    """reference.json, checklist.A_lrt_interaction; lme4's maxima there are some 1e-4 low."""
    data = set_a
    fixed = np.stack([np.ones(3200), data["post"], data["arm"], data["post"] * data["arm"]], axis=1)
    people, items = data["pid"].astype(int), data["item"].astype(int)
    model = BinomialModel(data["y"], fixed, ("1", "post", "arm", "post:arm"), people, items)
    full = fit_binomial(correct=data["y"], fixed=fixed, names=model.names, participants=people, items=items)
    found = likelihood_ratio_test(model, full, np.array([[0, 0, 0, 1.0]]))
    assert found.statistic == pytest.approx(3.8286178125, abs=1e-3)
    assert found.p_value == pytest.approx(0.050384465728, abs=5e-5)
    wald = wald_test(full, np.array([[0, 0, 0, 1.0]]))
    assert np.sqrt(wald.statistic) == pytest.approx(1.9547862994, abs=5e-4)


# --- its questions --------------------------------------------------------------------------------------------------


def test_one_contrast_is_its_coefficient() -> None:
    found = fit_of(simulated(3), 3)
    second = found.gain(2)
    assert second.estimate == pytest.approx(found.fit.coefficients[3])
    assert second.standard_error == pytest.approx(found.fit.standard_errors[3])
    assert second.p_value == pytest.approx(found.fit.p_value("post:arm_2"))
    assert (second.interval.low, second.interval.high) == pytest.approx(
        (found.fit.interval("post:arm_2").low, found.fit.interval("post:arm_2").high)
    )
    assert found.wald([(2, 0)]).p_value == pytest.approx(second.p_value)
    assert found.gain(2, minus=1).estimate == pytest.approx(second.estimate - found.gain(1).estimate)
    assert found.gain(2, minus=1).estimate == pytest.approx(-found.gain(1, minus=2).estimate)


def test_the_joint_tests_count_independent_contrasts_only() -> None:
    found = fit_of(simulated(3), 3)
    assert found.wald().degrees_of_freedom == 2
    assert found.wald([(1, 0), (2, 0), (2, 1)]).statistic == pytest.approx(found.wald().statistic)


def test_wald_and_likelihood_ratio_agree_in_a_study_of_this_size() -> None:
    found = fit_of(simulated(3, per_arm=40), 3)
    for pairs in (None, [(1, 0)], [(2, 1)]):
        assert found.likelihood_ratio(pairs).statistic == pytest.approx(found.wald(pairs).statistic, rel=0.05, abs=0.02)


def test_the_marginal_gain_stands_on_three_scales() -> None:
    found = fit_of(simulated(), participant_slopes=True)
    gain = found.marginal_gain(1)
    p = dict(zip(found.cells.names, found.cells.probabilities, strict=True))
    assert gain.risk_difference.estimate == pytest.approx(p["post_1"] - p["post_0"])
    odds = special.logit(p["post_1"]) - special.logit(p["post_0"])
    assert gain.odds_ratio.estimate == pytest.approx(np.exp(odds))
    assert gain.conditional_odds_ratio.estimate == pytest.approx(np.exp(found.gain(1).estimate))
    assert fit_of(simulated(), link="probit").marginal_gain(1).conditional_odds_ratio is None


def test_renaming_the_arms_renames_the_gains() -> None:
    data = simulated(3)
    swapped = {**data, "arm": np.array([0, 2, 1])[data["arm"]]}
    plain, other = fit_of(data, 3), fit_of(swapped, 3)
    assert plain.gain(1).estimate == pytest.approx(other.gain(2).estimate, abs=1e-6)
    turned = fit_of({**data, "arm": np.array([1, 0, 2])[data["arm"]]}, 3)
    assert plain.gain(1).estimate == pytest.approx(-turned.gain(1).estimate, abs=1e-6)


# --- data that break lesser models ----------------------------------------------------------------------------------


def test_an_arm_always_right_after_has_a_likelihood_ratio_and_no_interval() -> None:
    data = simulated()
    data["y"] = np.where((data["post"] == 1) & (data["arm"] == 1), 1.0, data["y"])
    found = fit_of(data)
    assert found.fit.certificate.is_separated
    assert found.gain(1).interval is None
    assert found.wald().p_value is None
    assert found.marginal_gain(1).risk_difference.interval is None
    assert found.likelihood_ratio().p_value < 1e-6


def test_no_variance_between_people_is_a_singular_result() -> None:
    data = simulated()
    data["y"] = np.random.default_rng(0).permutation(np.tile([0.0, 1.0], len(data["y"]) // 2))
    found = fit_of(data)
    assert found.fit.certificate.is_singular
    assert found.gain(1).interval is not None


def test_an_arm_nobody_finished_says_so_and_leaves_the_others_alone() -> None:
    data = simulated(3)
    gone = (data["arm"] == 1) & (data["post"] == 1)
    found = fit_of({**data, "y": np.where(gone, np.nan, data["y"])}, 3)
    assert found.gain(1).estimate is None
    assert found.marginal_gain(1).risk_difference.estimate is None
    assert found.gain(2).interval is not None
    assert found.wald().degrees_of_freedom == 1
    gone = (data["arm"] == 0) & (data["post"] == 1)
    found = fit_of({**data, "y": np.where(gone, np.nan, data["y"])}, 3)
    assert found.gain(1).estimate is None
    assert found.gain(2, minus=1).interval is not None
    assert found.marginal_gain(2, minus=1).risk_difference.interval is not None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"arm": np.full(800, 2)}, "0 to 1 was expected"),
        ({"post": np.ones(800)}, "answers before"),
        ({"y": np.full(800, np.nan)}, "none came"),
        ({"y": np.zeros(3)}, "one length"),
    ],
)
def test_input_that_cannot_be_fitted_says_why(change: dict[str, np.ndarray], says: str) -> None:
    with pytest.raises(InputError, match=says):
        fit_of({**simulated(), **change})


def test_an_arm_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InputError, match="0 to 1"):
        fit_of(simulated()).gain(2)


# --- what it is for ---------------------------------------------------------------------------------------------------


def test_both_tests_of_no_effect_reject_as_often_as_they_should() -> None:
    p_values = []
    for seed in range(40):
        found = fit_of(simulated(per_arm=15, n_items=8, seed=seed, gain=0.0))
        p_values.append((found.wald().p_value, found.likelihood_ratio().p_value))
    # 5 % of 40 are 2, with a standard error of 1.4
    assert (np.array(p_values) < 0.05).sum(axis=0).max() <= 7
    assert (stats.kstest(np.array(p_values), "uniform", axis=0).pvalue > 0.001).all()
