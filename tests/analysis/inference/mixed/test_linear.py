"""The linear mixed model against lmerTest, the dense likelihood, exact tests of balanced designs, and odd data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from analysis.errors import InputError
from analysis.inference.mixed.gaussian import Products, profile
from analysis.inference.mixed.layout import lay_out
from analysis.inference.mixed.linear import LinearFit, fit_linear
from analysis.inference.mixed.lognormal import fit_response_time
from analysis.inference.mixed.reml import Criterion

NAMES = ("(Intercept)", "post", "arm", "post:arm")


def simulated(n_people: int = 20, n_items: int = 8, seed: int = 1, gain: float = 0.4) -> dict[str, np.ndarray]:
    """People who answer every item before and after; the second half gain more, and people differ in it."""
    draw = np.random.default_rng(seed)
    person, item, post = (v.ravel() for v in np.meshgrid(range(n_people), range(n_items), (0, 1), indexing="ij"))
    arm = (person >= n_people // 2).astype(float)
    y = 2.0 + 0.3 * post + gain * post * arm + 0.8 * draw.normal(size=n_people)[person]
    y = y + 0.5 * draw.normal(size=n_items)[item] + 0.6 * draw.normal(size=n_people)[person] * post
    return {"pid": person, "item": item, "post": post.astype(float), "arm": arm, "y": y + draw.normal(size=len(y))}


def design_of(data: dict[str, np.ndarray]) -> np.ndarray:
    return np.stack([np.ones(len(data["post"])), data["post"], data["arm"], data["post"] * data["arm"]], axis=1)


def fit_of(data: dict[str, np.ndarray], **how: Any) -> LinearFit:
    return fit_linear(
        values=data["y"], fixed=design_of(data), names=NAMES,
        participants=data["pid"].astype(int), items=data["item"].astype(int), **how,
    )  # fmt: skip


# --- against R ------------------------------------------------------------------------------------------------------


def test_log_response_times_are_lmertests(set_a: dict[str, np.ndarray]) -> None:
    """reference.json, checklist.A_lmer_logrt: lme4 1.1-31 with lmerTest."""
    data = set_a
    found = fit_of({**data, "y": np.log(data["rt"])})
    assert -2 * found.loglik == pytest.approx(3557.4987404861, abs=1e-8)
    expected = [7.9450052192, -0.059088080573, 0.079342310676, -0.016505308803]
    assert found.coefficients == pytest.approx(expected, abs=1e-9)
    errors = [0.040992121466, 0.01995002997, 0.058501955962, 0.02849918494]
    assert found.standard_errors == pytest.approx(errors, rel=1e-8)
    freedoms = [found.degrees_of_freedom(weights) for weights in np.eye(4).tolist()]
    assert freedoms == pytest.approx([110.8607742856, 3097.961746184, 110.725176132, 3097.9708095461], rel=1e-8)
    p_values = [found.effect(name).p_value for name in NAMES[1:]]
    assert p_values == pytest.approx([0.0030816685555, 0.17778408886, 0.56252993339], rel=1e-7)
    deviations = [np.sqrt(found.participant_covariance[0, 0]), np.sqrt(found.item_covariance[0, 0])]
    assert deviations == pytest.approx([0.27455657634, 0.014651152944], abs=1e-8)
    assert found.residual_deviation == pytest.approx(0.40269454862, abs=1e-9)
    assert found.certificate.is_maximum


def test_the_response_time_model_is_the_same_read_as_ratios(set_a: dict[str, np.ndarray]) -> None:
    data = set_a
    found = fit_response_time(
        response_ms=data["rt"], fixed=design_of(data), names=NAMES,
        participants=data["pid"].astype(int), items=data["item"].astype(int),
    )  # fmt: skip
    ratio = found.ratio([0, 0, 0, 1])
    assert ratio.estimate == pytest.approx(np.exp(-0.016505308803), abs=1e-9)
    reach = stats.t.ppf(0.975, 3097.9708095461) * 0.02849918494
    assert ratio.interval.low == pytest.approx(np.exp(-0.016505308803 - reach), abs=1e-8)
    assert ratio.p_value == pytest.approx(0.56252993339, rel=1e-7)
    assert found.typical_ms([1, 0, 0, 0]).estimate == pytest.approx(np.exp(7.9450052192), rel=1e-9)


# --- the likelihood ---------------------------------------------------------------------------------------------------


def dense_deviance(y: np.ndarray, x: np.ndarray, z: np.ndarray, factor: np.ndarray, sigma: float, reml: bool) -> float:
    """Minus twice the (restricted) log-likelihood, written out with the whole covariance matrix."""
    v = sigma**2 * (np.eye(len(y)) + z @ factor @ factor.T @ z.T)
    inverse = np.linalg.inv(v)
    information = x.T @ inverse @ x
    left = y - x @ np.linalg.solve(information, x.T @ inverse @ y)
    out = len(y) * np.log(2 * np.pi) + np.linalg.slogdet(v)[1] + left @ inverse @ left
    return out + (np.linalg.slogdet(information)[1] - x.shape[1] * np.log(2 * np.pi) if reml else 0.0)


@pytest.mark.parametrize("reml", [True, False])
def test_deviance_and_slopes_are_those_of_the_dense_likelihood(reml: bool) -> None:
    data = simulated(6, 4)
    keep = np.random.default_rng(1).random(len(data["y"])) < 0.8  # rows of unequal length
    data = {key: values[keep] for key, values in data.items()}
    n, ones = len(data["y"]), np.ones((int(keep.sum()), 1))
    by_person, by_item = np.column_stack([ones, data["post"]]), np.column_stack([ones, data["arm"]])
    layout = lay_out(
        successes=data["y"], trials=ones[:, 0], fixed=design_of(data),
        rows=data["pid"], row_design=by_person, columns=data["item"], column_design=by_item,
    )  # fmt: skip
    triangle = np.tril(np.ones((2, 2), dtype=bool))
    criterion = Criterion(Products.of(layout, n), (triangle, triangle), reml=reml)
    place, sigma = np.array([0.7, -0.2, 0.4, 0.5, 0.3, 0.2]), 0.9
    person_dummies, item_dummies = np.eye(6)[data["pid"]], np.eye(4)[data["item"]]
    z = np.column_stack(
        [person_dummies[:, i] * by_person[:, a] for i in range(6) for a in range(2)]
        + [item_dummies[:, i] * by_item[:, a] for i in range(4) for a in range(2)]
    )

    def dense(at: np.ndarray) -> float:
        first, second = criterion.factors(at[:-1])
        whole = np.zeros((20, 20))
        whole[:12, :12], whole[12:, 12:] = np.kron(np.eye(6), first), np.kron(np.eye(4), second)
        return dense_deviance(data["y"], design_of(data), z, whole, at[-1], reml)

    found = profile(criterion.products, criterion.factors(place))
    assert criterion.deviance(found, sigma) == pytest.approx(dense(np.append(place, sigma)), abs=1e-9)
    step = 1e-5 * np.eye(7)
    here = np.append(place, sigma)
    slopes = [(dense(here + shift) - dense(here - shift)) / 2e-5 for shift in step]
    assert criterion.slopes_of_all(place, sigma) == pytest.approx(slopes, abs=1e-6)
    # and the coefficients' covariance moves as its slopes say
    for number, shift in enumerate(step[:-1, :-1]):
        up, down = (sigma**2 * criterion.profile(place + way * shift).unscaled for way in (1, -1))
        assert criterion.covariance_slopes(found, sigma)[number] == pytest.approx((up - down) / 2e-5, abs=1e-7)


# --- closed forms and symmetries ----------------------------------------------------------------------------------


@pytest.mark.parametrize("is_binary", [False, True])
def test_in_a_balanced_design_the_interaction_is_the_t_test_of_gains(is_binary: bool) -> None:
    """With slopes over participants the exact test has n - 2 degrees of freedom, and Satterthwaite finds them.

    So it has for right answers: the linear probability mixed model.
    """
    data = simulated()
    if is_binary:
        data["y"] = (data["y"] > 2.2).astype(float)
    found = fit_of(data, participant_slopes=data["post"]).effect("post:arm")
    gains = np.array([data["y"][(data["pid"] == p) & (data["post"] == 1)].mean() for p in range(20)])
    gains -= np.array([data["y"][(data["pid"] == p) & (data["post"] == 0)].mean() for p in range(20)])
    exact = stats.ttest_ind(gains[10:], gains[:10])
    assert found.degrees_of_freedom == pytest.approx(18.0, rel=1e-6)
    assert found.estimate / found.standard_error == pytest.approx(exact.statistic, rel=1e-7)
    assert found.p_value == pytest.approx(exact.pvalue, rel=1e-6)


def test_one_contrast_tested_by_f_is_its_t_squared() -> None:
    found = fit_of(simulated(), participant_slopes=simulated()["post"])
    one = found.effect("post:arm")
    test = found.test(np.array([[0, 0, 0, 1.0]]))
    assert test.statistic == pytest.approx((one.estimate / one.standard_error) ** 2)
    assert test.p_value == pytest.approx(one.p_value)
    both = found.test(np.array([[0, 1, 0, 0], [0, 0, 0, 1], [0, 1, 0, 1.0]]))
    assert both.degrees_of_freedom == 2
    assert both.residual_degrees_of_freedom == pytest.approx(18.0, rel=1e-5)


def test_maximum_likelihood_is_above_the_restricted_and_needs_no_correction() -> None:
    data = simulated()
    plain, restricted = fit_of(data, restricted=False), fit_of(data)
    assert plain.residual_deviation < restricted.residual_deviation
    bigger = fit_of(data, restricted=False, participant_slopes=data["post"])
    assert bigger.loglik > plain.loglik


def test_units_scale_everything_and_change_no_test() -> None:
    data = simulated()
    plain = fit_of(data, participant_slopes=data["post"])
    scaled = fit_of({**data, "y": 1000.0 * data["y"] + 1e5}, participant_slopes=data["post"])
    assert scaled.coefficients[1:] == pytest.approx(1000 * plain.coefficients[1:], rel=1e-6)
    assert scaled.standard_errors == pytest.approx(1000 * plain.standard_errors, rel=1e-6)
    assert scaled.effect("arm").degrees_of_freedom == pytest.approx(plain.effect("arm").degrees_of_freedom, rel=1e-5)
    freedom = len(data["y"]) - 4
    assert scaled.loglik == pytest.approx(plain.loglik - freedom * np.log(1000.0), abs=1e-6)


def test_order_and_names_of_trials_people_and_items_do_not_matter() -> None:
    data = simulated(5, 9)  # items are then the larger factor
    plain = fit_of(data, participant_slopes=data["post"])
    order = np.random.default_rng(0).permutation(len(data["y"]))
    shuffled = {key: values[order] for key, values in data.items()}
    again = fit_of({**shuffled, "pid": 100 - shuffled["pid"]}, participant_slopes=shuffled["post"])
    assert again.loglik == pytest.approx(plain.loglik, abs=1e-9)
    assert again.coefficients == pytest.approx(plain.coefficients, abs=1e-8)
    assert again.participant_covariance == pytest.approx(plain.participant_covariance, abs=1e-6)


def test_missing_trials_are_left_out() -> None:
    data = simulated()
    gone = np.random.default_rng(2).random(len(data["y"])) < 0.2
    holes = fit_of({**data, "y": np.where(gone, np.nan, data["y"])})
    without = fit_of({key: values[~gone] for key, values in data.items()})
    assert holes.loglik == pytest.approx(without.loglik, abs=1e-10)


def test_uncorrelated_slopes_have_no_correlation() -> None:
    data = simulated()
    found = fit_of(data, participant_slopes=data["post"], participant_slopes_correlated=False)
    assert found.participant_covariance[0, 1] == 0
    assert found.loglik <= fit_of(data, participant_slopes=data["post"]).loglik + 1e-9


# --- odd data ---------------------------------------------------------------------------------------------------------


def test_no_variance_between_people_and_items_is_least_squares() -> None:
    data = simulated()
    draw = np.random.default_rng(11)
    data["y"] = draw.normal(size=len(data["y"]))
    cell = data["pid"] * 2 + data["post"]
    for group in (data["pid"], data["item"], cell):  # no mean of anyone or anything differs
        means = np.bincount(group.astype(int), data["y"]) / np.maximum(np.bincount(group.astype(int)), 1)
        data["y"] = data["y"] - means[group.astype(int)]
    data["y"] += 0.3 * data["post"]
    found = fit_of(data)
    assert found.certificate.is_singular
    assert found.effect("post").estimate == pytest.approx(0.3)
    left = data["y"] - 0.3 * data["post"]
    assert found.residual_deviation == pytest.approx(np.sqrt(left @ left / (len(left) - 4)), rel=1e-6)
    assert found.effect("post:arm").degrees_of_freedom == pytest.approx(len(left) - 4, rel=1e-3)


def test_one_item_or_one_answer_a_person_is_a_singular_result() -> None:
    data = simulated()
    one_item = {key: values[data["item"] == 0] for key, values in data.items()}
    found = fit_of(one_item)
    assert found.item_covariance[0, 0] == 0
    assert found.certificate.is_singular
    assert found.effect("post").interval is not None
    first = (data["item"] == 0) & (data["post"] == 1)
    once = {key: values[first] for key, values in data.items()}
    alone = fit_linear(
        values=once["y"], fixed=np.stack([np.ones(20), once["arm"]], axis=1), names=("1", "arm"),
        participants=once["pid"], items=once["item"],
    )  # fmt: skip
    expected = stats.ttest_ind(once["y"][10:], once["y"][:10])
    assert alone.effect("arm").p_value == pytest.approx(expected.pvalue, rel=1e-6)


def test_values_that_do_not_vary_are_a_result_without_an_interval() -> None:
    data = simulated()
    found = fit_of({**data, "y": np.full(len(data["y"]), 3.0)})
    assert found.residual_deviation == 0
    assert found.effect("post").interval is None
    assert found.test(np.eye(4)).p_value is None
    # the same value from each person every time: all the variance is between them
    constant = fit_of({**data, "y": np.random.default_rng(0).normal(size=20)[data["pid"]]})
    assert constant.effect("post").estimate == pytest.approx(0.0, abs=1e-6)
    assert constant.certificate.is_singular


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"y": np.full(320, np.nan)}, "more than 4"),
        ({"y": np.full(320, np.inf)}, "infinite"),
        ({"arm": np.zeros(320)}, "independent columns"),
        ({"pid": np.zeros(3)}, "one length"),
    ],
)
def test_input_that_cannot_be_fitted_says_why(change: dict[str, np.ndarray], says: str) -> None:
    with pytest.raises(InputError, match=says):
        fit_of({**simulated(), **change})


def test_times_are_trimmed_as_planned_and_counted() -> None:
    data = simulated()
    times = np.exp(6.0 + 0.3 * data["y"])
    times[:3] = 10.0
    how = {"fixed": design_of(data), "names": NAMES, "participants": data["pid"], "items": data["item"]}
    found = fit_response_time(response_ms=times, low_ms=100.0, keep=data["post"] == data["post"], **how)
    assert found.n_trimmed == 3
    assert found.fit.n_trials == len(times) - 3
    with pytest.raises(InputError, match="above 0"):
        fit_response_time(response_ms=times - 10.0, **how)


# --- what it is for ---------------------------------------------------------------------------------------------------


def test_tests_of_an_absent_effect_reject_as_often_as_they_should() -> None:
    p_values = []
    for seed in range(100):
        data = simulated(10, 4, seed=seed, gain=0.0)
        p_values.append(fit_of(data, participant_slopes=data["post"]).effect("post:arm").p_value)
    # 5 % of 100 are 5, with a standard error of 2.2
    assert (np.array(p_values) < 0.05).sum() <= 12
    assert stats.kstest(p_values, "uniform").pvalue > 0.001
