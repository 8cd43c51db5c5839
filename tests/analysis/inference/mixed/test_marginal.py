"""Marginal probabilities against R's quadrature, closed forms, brute force and simulation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import integrate as quadrature
from scipy import special, stats

from analysis.errors import InputError
from analysis.inference.mixed import MixedFit, fit_binomial
from analysis.inference.mixed.marginal import MarginalCells, integrate, marginal_cells

CELLS = np.array([[1, 0, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0], [1, 1, 1, 1]], dtype=float)
NAMES = ("pre0", "post0", "pre1", "post1")
GAIN = (1.0, -1.0, -1.0, 1.0)


def simulated(n_people: int = 40, n_items: int = 10, seed: int = 3, slope: float = 0.6) -> dict[str, np.ndarray]:
    """People who answer every item before and after; the second half have an explanation."""
    draw = np.random.default_rng(seed)
    person, item, post = (v.ravel() for v in np.meshgrid(range(n_people), range(n_items), (0, 1), indexing="ij"))
    arm = (person >= n_people // 2).astype(float)
    eta = 0.3 + 0.2 * post + 0.5 * post * arm + 0.9 * draw.normal(size=n_people)[person]
    eta += 0.6 * draw.normal(size=n_items)[item] + slope * draw.normal(size=n_people)[person] * post
    y = (draw.random(len(eta)) < special.expit(eta)).astype(float)
    return {"pid": person, "item": item, "post": post.astype(float), "arm": arm, "y": y}


def fit_of(data: dict[str, np.ndarray], **how: object) -> MixedFit:
    fixed = np.stack([np.ones(len(data["y"])), data["post"], data["arm"], data["post"] * data["arm"]], axis=1)
    return fit_binomial(
        correct=data["y"], fixed=fixed, names=("(Intercept)", "post", "arm", "post:arm"),
        participants=data["pid"].astype(int), items=data["item"].astype(int), **how,
    )  # fmt: skip


def cells_of(fit: MixedFit, **slopes: np.ndarray) -> MarginalCells:
    return marginal_cells(fit, names=NAMES, fixed=CELLS, **slopes)


# --- the integral ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("deviation", [0.0, 0.3, 1.07, 3.0, 12.0])
@pytest.mark.parametrize("link", ["logit", "probit"])
def test_the_integral_is_that_of_adaptive_quadrature(link: str, deviation: float) -> None:
    inverse = special.expit if link == "logit" else special.ndtr
    etas = np.array([-4.0, -0.7, 0.0, 0.3, 2.5])
    found, by_eta, by_variance = integrate(link, etas, np.full(5, deviation**2))
    for eta, value in zip(etas, found, strict=True):
        kink = -eta / deviation if deviation else 0.0
        expected = quadrature.quad(
            lambda t, eta=eta: inverse(eta + deviation * t) * stats.norm.pdf(t), -12, 12,
            points=[np.clip(kink, -11, 11)], limit=400, epsabs=1e-13, epsrel=1e-13,
        )[0]  # fmt: skip
        assert value == pytest.approx(expected, abs=1e-10)
    # and its derivatives are the slopes
    step = 1e-4
    up, down = (integrate(link, etas + way, np.full(5, deviation**2))[0] for way in (step, -step))
    assert (up - down) / (2 * step) == pytest.approx(by_eta, abs=1e-8)
    if deviation:
        up, down = (integrate(link, etas, np.full(5, deviation**2 + way))[0] for way in (step, -step))
        assert (up - down) / (2 * step) == pytest.approx(by_variance, abs=1e-7)


def test_without_variance_it_is_the_inverse_link_and_its_curvature() -> None:
    eta = np.array([-1.0, 0.4])
    p = special.expit(eta)
    for found, expected in zip(
        integrate("logit", eta, np.zeros(2)), (p, p * (1 - p), 0.5 * p * (1 - p) * (1 - 2 * p)), strict=True
    ):
        assert found == pytest.approx(expected, abs=1e-14)


# --- the cells ------------------------------------------------------------------------------------------------------


def test_cells_of_the_reference_study_are_those_of_r(set_a: dict[str, np.ndarray], reference: dict[str, Any]) -> None:
    """reference.json, checklist.A_glmm_marginal: R's quadrature of lme4's estimates, which are good to some 1e-7."""
    cells, expected = cells_of(fit_of(set_a)), reference["checklist"]["A_glmm_marginal"]
    assert cells.probabilities == pytest.approx([expected[f"p_{name}"] for name in NAMES], abs=2e-7)
    found = cells.risk_difference(GAIN)
    assert found.estimate == pytest.approx(expected["did_risk"], abs=2e-8)
    ratio = cells.conditional_odds_ratio(GAIN)
    assert ratio is not None
    assert ratio.estimate == pytest.approx(expected["or"], abs=1e-8)
    # its test is near the Wald test of the coefficient (R: p = 0.0506), whose null is on another scale
    assert found.p_value == pytest.approx(0.0506, abs=0.02)


def test_the_quadrature_gives_rs_cells_from_rs_own_estimates() -> None:
    """lme4's fit of set A (reference.json: glmm.A.laplace_tight_bobyqa, checklist.A_glmm_marginal)."""
    coefficients = np.array([0.36413660056, 0.087923709942, 0.18399842745, 0.32049395225])
    variance = np.full(4, 0.7586507642**2 + 0.76117955402**2)
    found = integrate("logit", CELLS @ coefficients, variance)[0]
    assert found == pytest.approx([0.57308334428, 0.59042271771, 0.60914513231, 0.68513058555], abs=2e-7)
    assert np.array(GAIN) @ found == pytest.approx(0.058646079807, abs=2e-7)


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_the_gradient_by_every_parameter_is_the_slope(link: str) -> None:
    data = simulated()
    fit = fit_of(data, participant_slopes=data["post"], item_slopes=data["post"], link=link)
    slopes = {"participant_slopes": CELLS[:, 1], "item_slopes": CELLS[:, 1]}
    cells, step = cells_of(fit, **slopes), 1e-5
    triangle = np.tril_indices(2)

    def moved(number: int, way: float) -> np.ndarray:
        change = np.zeros(10)
        change[number] = way
        people, items = fit.participant_factor.copy(), fit.item_factor.copy()
        people[triangle] += change[4:7]
        items[triangle] += change[7:]
        near = replace(fit, coefficients=fit.coefficients + change[:4], participant_factor=people, item_factor=items)
        return cells_of(near, **slopes).probabilities

    for number in range(10):
        slope = (moved(number, step) - moved(number, -step)) / (2 * step)
        assert cells.jacobian[:, number] == pytest.approx(slope, abs=1e-8)


def test_cells_with_slopes_are_those_of_many_simulated_people() -> None:
    data = simulated()
    fit = fit_of(data, participant_slopes=data["post"])
    cells = cells_of(fit, participant_slopes=CELLS[:, 1])
    draw = np.random.default_rng(0)
    people = draw.multivariate_normal(np.zeros(2), fit.participant_covariance, 400_000)
    items = draw.normal(0, np.sqrt(fit.item_covariance[0, 0]), 400_000)
    eta = CELLS[3] @ fit.coefficients + people.sum(axis=1) + items
    assert cells.probabilities[3] == pytest.approx(special.expit(eta).mean(), abs=2e-3)


def test_fewer_people_than_items_change_nothing_in_the_order_of_parameters() -> None:
    """The engine then lays items out in rows; what is reported stays participants first."""
    data = simulated(n_people=12, n_items=30)
    plain = cells_of(fit_of(data)).risk_difference(GAIN)
    swapped = fit_of({**data, "pid": data["item"], "item": data["pid"]})
    other = cells_of(swapped).risk_difference(GAIN)
    assert plain.standard_error == pytest.approx(other.standard_error, rel=1e-4)
    assert np.diag(swapped.parameter_covariance)[4] == pytest.approx(
        np.diag(fit_of(data).parameter_covariance)[5], rel=1e-3
    )


def test_the_marginal_odds_ratio_is_nearer_to_one_than_the_conditional() -> None:
    cells = cells_of(fit_of(simulated(seed=8)))
    marginal, conditional = cells.odds_ratio(GAIN), cells.conditional_odds_ratio(GAIN)
    assert conditional is not None
    assert 0 < np.log(marginal.estimate) < np.log(conditional.estimate)
    assert marginal.interval.low < marginal.estimate < marginal.interval.high
    assert cells.conditional_odds_ratio(GAIN).unit == "ratio of odds"


def test_a_probability_has_an_interval_inside_0_and_1() -> None:
    data = simulated(n_people=6, n_items=4, seed=2)
    found = cells_of(fit_of(data)).probability("post1", level=0.999)
    assert 0 < found.interval.low < found.estimate < found.interval.high < 1


def test_the_probit_has_no_conditional_odds() -> None:
    assert cells_of(fit_of(simulated(), link="probit")).conditional_odds_ratio(GAIN) is None


def test_a_separated_fit_gives_an_estimate_without_an_interval() -> None:
    data = simulated()
    data["y"] = np.where((data["post"] == 1) & (data["arm"] == 1), 1.0, data["y"])
    found = cells_of(fit_of(data)).risk_difference(GAIN)
    assert found.estimate > 0
    assert found.interval is None
    assert found.p_value is None


def test_wrong_shapes_are_refused() -> None:
    fit = fit_of(simulated())
    with pytest.raises(InputError, match="0 columns were expected"):
        cells_of(fit, participant_slopes=CELLS[:, 1])
    with pytest.raises(InputError, match="4 columns were expected"):
        marginal_cells(fit, names=NAMES, fixed=CELLS[:, :3])
    with pytest.raises(InputError, match="4 cells"):
        cells_of(fit).risk_difference([1.0, -1.0])


def test_intervals_cover_the_true_marginal_difference() -> None:
    """Planted on the logit scale; 40 studies of 30 people: 38 are expected to cover, standard error 1.4."""
    variance = np.full(4, 0.9**2 + 0.6**2)
    eta = CELLS @ np.array([0.3, 0.2, 0.0, 0.5])
    truth = np.array(GAIN) @ integrate("logit", eta, variance)[0]
    covered = 0
    for seed in range(40):
        found = cells_of(fit_of(simulated(30, 10, seed=seed, slope=0.0))).risk_difference(GAIN)
        covered += found.interval.low <= truth <= found.interval.high
    assert covered >= 33
