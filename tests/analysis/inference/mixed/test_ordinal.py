"""The cumulative-link mixed model against R's clmm, its own derivatives, the binomial model, and odd ratings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import special

from analysis.errors import InputError
from analysis.inference.mixed import fit_binomial
from analysis.inference.mixed.cumulative import Cumulative, CumulativeLaplace
from analysis.inference.mixed.laplace import Parameters
from analysis.inference.mixed.layout import lay_out
from analysis.inference.mixed.ordinal import OrdinalFit, fit_ordinal
from analysis.inference.mixed.packing import pack, unpack

NAMES = ("post", "arm", "post:arm")


def simulated(n_people: int = 24, n_items: int = 8, seed: int = 1, gain: float = 0.8) -> dict[str, np.ndarray]:
    """People who rate every item before and after from 1 to 4; the second half have an explanation."""
    draw = np.random.default_rng(seed)
    person, item, post = (v.ravel() for v in np.meshgrid(range(n_people), range(n_items), (0, 1), indexing="ij"))
    arm = (person >= n_people // 2).astype(float)
    latent = 0.2 * post + gain * post * arm + 0.7 * draw.normal(size=n_people)[person]
    latent += 0.4 * draw.normal(size=n_items)[item] + draw.logistic(size=len(person))
    rating = 1.0 + np.searchsorted([-1.0, 0.3, 1.5], latent)
    return {"pid": person, "item": item, "post": post.astype(float), "arm": arm, "rating": rating}


def design_of(data: dict[str, np.ndarray]) -> np.ndarray:
    return np.stack([data["post"], data["arm"], data["post"] * data["arm"]], axis=1)


def fit_of(data: dict[str, np.ndarray], **how: Any) -> OrdinalFit:
    return fit_ordinal(
        ratings=data["rating"], fixed=design_of(data), names=NAMES,
        participants=data["pid"].astype(int), items=data["item"].astype(int), **how,
    )  # fmt: skip


# --- against R ------------------------------------------------------------------------------------------------------


def test_it_is_clmms_fit_of_the_ratings(set_a: dict[str, np.ndarray]) -> None:
    """reference.json, checklist.A_clmm_rating: ordinal 2022.11-16, `rating ~ post*arm + (1|pid) + (1|item)`."""
    found = fit_of(set_a)
    values = np.array([-1.6047238074, -0.47598628574, 0.65943551024, 1.7871650484])
    effects = np.array([0.21558217324, 0.22776574485, -0.17460223619])
    errors = np.array([0.08978035076, 0.17337049662, 0.12823148169])
    assert found.loglik == pytest.approx(-4943.387183319, abs=1e-6)
    assert np.abs((found.coefficients - effects) / errors).max() <= 5e-4
    assert found.standard_errors == pytest.approx(errors, rel=1e-5)
    of_thresholds = np.array([0.13665660575, 0.13331572996, 0.13353600162, 0.13688539045])
    assert np.abs((found.thresholds - values) / of_thresholds).max() <= 5e-4
    assert found.threshold_errors == pytest.approx(of_thresholds, rel=1e-5)
    assert np.sqrt(found.participant_covariance[0, 0]) == pytest.approx(0.73735160217, abs=1e-4)
    assert np.sqrt(found.item_covariance[0, 0]) == pytest.approx(0.40636762814, abs=1e-4)
    assert found.certificate.is_maximum


# --- its derivatives ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_the_family_knows_its_derivatives(link: str) -> None:
    family = Cumulative(link, np.array([-1.0, 0.2, 0.9]))
    eta, category = (part.ravel() for part in np.meshgrid(np.linspace(-6, 6, 9), np.arange(4.0)))
    ones, step = np.ones(len(eta)), 1e-5
    terms = family.terms(eta, category, ones)
    chance = np.take_along_axis(family.probability(eta), category.astype(int)[:, None], axis=1)[:, 0]
    assert terms.loglik == pytest.approx(np.log(chance), rel=1e-6)  # the plain difference loses digits
    assert family.probability(eta).sum(axis=-1) == pytest.approx(ones)
    up, down = (family.terms(eta + way, category, ones) for way in (step, -step))
    assert (up.loglik - down.loglik) / (2 * step) == pytest.approx(terms.score, abs=1e-8)
    assert (down.score - up.score) / (2 * step) == pytest.approx(terms.weight, abs=1e-8)
    slope = family.weight_slope(eta, category, ones)
    assert (up.weight - down.weight) / (2 * step) == pytest.approx(slope, abs=1e-7)
    assert (terms.weight >= 0).all()


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_the_tails_lose_no_precision(link: str) -> None:
    family = Cumulative(link, np.array([-1.0, 1.0]))
    far = np.array([-30.0, 30.0])
    terms = family.terms(far, np.array([1.0, 1.0]), np.ones(2))
    assert np.isfinite([terms.loglik, terms.score, terms.weight]).all()
    assert terms.loglik[0] == pytest.approx(terms.loglik[1])
    expected = special.log_expit(-29.0) if link == "logit" else special.log_ndtr(-29.0)
    assert terms.loglik[0] == pytest.approx(expected, abs=0.2)


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_the_gradient_by_every_parameter_is_the_slope(link: str) -> None:
    data = simulated(10, 5)
    keep = np.random.default_rng(3).random(len(data["rating"])) < 0.8
    data = {key: values[keep] for key, values in data.items()}
    ones = np.ones((int(keep.sum()), 1))
    layout = lay_out(
        successes=data["rating"] - 1, trials=ones[:, 0], fixed=design_of(data),
        rows=data["pid"], row_design=np.column_stack([ones, data["post"]]), columns=data["item"], column_design=ones,
    )  # fmt: skip
    laplace = CumulativeLaplace(layout, link, 3)
    at = Parameters(
        np.array([[-0.9, 0.1, 1.2, 0.2, -0.3, 0.5]]), np.array([[[0.7, 0.0], [0.2, 0.4]]]), np.array([[[0.5]]])
    )
    here = laplace.evaluate(at, laplace.no_effects())
    place = pack(at)
    for number in range(place.shape[1]):
        step = 1e-5 * np.eye(place.shape[1])[[number]]
        up, down = (laplace.evaluate(unpack(place + way * step, at), here.modes).loglik[0] for way in (1, -1))
        assert (up - down) / 2e-5 == pytest.approx(pack(here.gradient)[0, number], rel=1e-5, abs=1e-5)
    # thresholds out of order are nowhere
    wrong = Parameters(at.beta[:, [1, 0, 2, 3, 4, 5]], at.row_factor, at.column_factor)
    assert laplace.evaluate(wrong, here.modes).loglik[0] == -np.inf


# --- closed forms and symmetries ----------------------------------------------------------------------------------


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_two_categories_are_the_binomial_model(link: str) -> None:
    data = simulated()
    data["rating"] = (data["rating"] > 2).astype(float)
    found = fit_of(data, link=link, participant_slopes=data["post"])
    binomial = fit_binomial(
        correct=data["rating"], fixed=np.column_stack([np.ones(len(data["post"])), design_of(data)]),
        names=("1", *NAMES), participants=data["pid"], items=data["item"], link=link,
        participant_slopes=data["post"],
    )  # fmt: skip
    assert found.loglik == pytest.approx(binomial.loglik, abs=1e-7)
    assert found.coefficients == pytest.approx(binomial.coefficients[1:], abs=2e-4)
    assert found.standard_errors == pytest.approx(binomial.standard_errors[1:], rel=1e-4)
    assert found.thresholds[0] == pytest.approx(-binomial.coefficients[0], abs=2e-4)
    assert found.threshold_errors[0] == pytest.approx(binomial.standard_errors[0], rel=1e-4)


def test_only_the_order_of_ratings_counts_and_turning_it_turns_the_effects() -> None:
    data = simulated()
    plain = fit_of(data)
    stretched = fit_of({**data, "rating": data["rating"] ** 3})
    assert stretched.loglik == pytest.approx(plain.loglik, abs=1e-9)
    assert stretched.categories == (1.0, 8.0, 27.0, 64.0)
    turned = fit_of({**data, "rating": -data["rating"]})
    assert turned.loglik == pytest.approx(plain.loglik, abs=1e-8)
    assert turned.coefficients == pytest.approx(-plain.coefficients, abs=1e-4)
    assert turned.thresholds == pytest.approx(-plain.thresholds[::-1], abs=1e-4)


def test_order_of_trials_and_names_of_people_do_not_matter() -> None:
    data = simulated(6, 12)  # items are the larger factor
    plain = fit_of(data)
    order = np.random.default_rng(0).permutation(len(data["rating"]))
    shuffled = {key: values[order] for key, values in data.items()}
    again = fit_of({**shuffled, "pid": 99 - 2 * shuffled["pid"]})
    assert again.loglik == pytest.approx(plain.loglik, abs=1e-8)
    assert again.coefficients == pytest.approx(plain.coefficients, abs=1e-5)


def test_missing_ratings_are_left_out() -> None:
    data = simulated()
    gone = np.random.default_rng(2).random(len(data["rating"])) < 0.2
    holes = fit_of({**data, "rating": np.where(gone, np.nan, data["rating"])})
    without = fit_of({key: values[~gone] for key, values in data.items()})
    assert holes.loglik == pytest.approx(without.loglik, abs=1e-9)


def test_marginal_probabilities_are_those_of_simulated_people() -> None:
    found = fit_of(simulated(), participant_slopes=simulated()["post"])
    cell = np.array([[1.0, 1.0, 1.0]])
    chances = found.probabilities(cell, participant_slopes=np.ones((1, 1)))
    draw = np.random.default_rng(0)
    people = draw.multivariate_normal(np.zeros(2), found.participant_covariance, 300_000).sum(axis=1)
    eta = cell @ found.coefficients + people + draw.normal(0, np.sqrt(found.item_covariance[0, 0]), 300_000)
    expected = Cumulative("logit", found.thresholds).probability(eta).mean(axis=0)
    assert chances[0] == pytest.approx(expected, abs=2e-3)
    assert chances.sum() == pytest.approx(1.0)


def test_an_effect_is_read_as_a_ratio_of_odds() -> None:
    found = fit_of(simulated())
    ratio = found.odds_ratio([0, 0, 1])
    assert ratio.estimate == pytest.approx(np.exp(found.effect("post:arm").estimate))
    assert ratio.interval.low == pytest.approx(np.exp(found.effect("post:arm").interval.low))
    assert fit_of(simulated(), link="probit").odds_ratio([0, 0, 1]) is None


# --- odd ratings ------------------------------------------------------------------------------------------------------


def test_an_arm_that_always_rates_highest_is_a_result_that_says_so() -> None:
    data = simulated()
    data["rating"] = np.where((data["post"] == 1) & (data["arm"] == 1), 4.0, data["rating"])
    found = fit_of(data)
    assert found.certificate.is_separated
    assert found.effect("post:arm").interval is None


def test_ratings_that_run_away_for_ever_are_a_result_too() -> None:
    """Low before, high after, whoever rates what: thresholds, effect and variances all grow without end."""
    person, item, post = (v.ravel() for v in np.meshgrid(range(6), range(1), (0, 1), indexing="ij"))
    rating = 1.0 + 2.0 * post + (np.arange(12) % 5 == 0)
    found = fit_ordinal(
        ratings=rating, fixed=post[:, None].astype(float), names=("post",), participants=person, items=item
    )
    assert found.certificate.is_separated
    assert found.effect("post").interval is None


def test_no_difference_between_people_is_a_singular_result() -> None:
    data = simulated()
    found = fit_of({**data, "rating": np.random.default_rng(0).permutation(np.tile([1.0, 2.0, 3.0], 128))})
    assert found.certificate.is_singular
    assert found.effect("post").interval is not None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"rating": np.full(384, 3.0)}, "at least two"),
        ({"rating": np.full(384, np.nan)}, "at least two"),
        ({"arm": np.ones(384)}, "with the intercept"),
        ({"item": np.zeros(3)}, "one length"),
    ],
)
def test_input_that_cannot_be_fitted_says_why(change: dict[str, np.ndarray], says: str) -> None:
    with pytest.raises(InputError, match=says):
        fit_of({**simulated(), **change})


# --- what it is for ---------------------------------------------------------------------------------------------------


def test_absent_effects_are_rarely_found_and_present_ones_often() -> None:
    absent = [fit_of(simulated(16, 6, seed=seed, gain=0.0)).effect("post:arm").p_value for seed in range(20)]
    present = [fit_of(simulated(16, 6, seed=seed, gain=1.5)).effect("post:arm").p_value for seed in range(10)]
    # 5 % of 20 are 1, with a standard error of 1
    assert (np.array(absent) < 0.05).sum() <= 4
    assert (np.array(present) < 0.05).sum() >= 6
