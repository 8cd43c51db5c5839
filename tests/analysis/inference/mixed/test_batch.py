"""Many sets fitted side by side are the same sets fitted in full, one by one."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.errors import AnalysisError
from analysis.inference.mixed.ascent import maximise
from analysis.inference.mixed.batch import fit_batch, pilot
from analysis.inference.mixed.families import FAMILIES
from analysis.inference.mixed.information import inverse_of
from analysis.inference.mixed.laplace import Laplace
from analysis.inference.mixed.layout import Layout
from analysis.power import Scenario
from analysis.power.simulate import lay_out_studies, simulate, truth

LOGIT = FAMILIES["logit"]
N_PILOTS = 6
USUAL = Scenario(100, (0.1,))
LARGE = Scenario(600, (0.05,))
ARMS = Scenario(80, (0.1, 0.2, -0.1), weights=(2, 1, 1, 1))
SLOPES = Scenario(100, (0.1, 0.05), sd_gain=0.5, drop_out=0.1)
NO_SPREAD = Scenario(24, (0.1,), n_items=6, sd_participants=0.0, sd_items=0.0)


def studies(scenario: Scenario, n: int, seed: int) -> Layout:
    return lay_out_studies(scenario, simulate(scenario, np.arange(n), seed))


@pytest.mark.parametrize(
    ("scenario", "n"), [(USUAL, 40), (LARGE, 4), (ARMS, 6), (SLOPES, 6), (NO_SPREAD, 24)],
    ids=["100 x 32", "600 x 32", "four arms", "slopes", "no variances"],
)  # fmt: skip
def test_every_z_is_within_a_hundredth_of_a_full_fits(scenario: Scenario, n: int) -> None:
    layout, assumed = studies(scenario, n, seed=1), truth(scenario)
    known = pilot(studies(scenario, N_PILOTS, seed=2), LOGIT, assumed)
    tops = [maximise(Laplace(layout.take(np.array([number])), LOGIT), assumed) for number in range(n)]
    coefficients = np.array([top.parameters.beta[0] for top in tops])
    errors = np.sqrt([np.diag(inverse_of(-top.hessian))[: layout.n_fixed] for top in tops])

    found = fit_batch(layout, LOGIT, assumed, known)

    assert found.converged.all()
    z = found.coefficients / found.standard_errors
    assert z[:, 2:] == pytest.approx((coefficients / errors)[:, 2:], abs=0.01)
    assert np.abs((found.coefficients - coefficients) / errors).max() < 5e-4
    assert found.standard_errors == pytest.approx(errors, rel=5e-3)


def test_a_set_is_fitted_the_same_whatever_stands_beside_it() -> None:
    layout, assumed = studies(USUAL, 5, seed=3), truth(USUAL)
    known = pilot(studies(USUAL, N_PILOTS, seed=2), LOGIT, assumed)

    alone, among = (fit_batch(part, LOGIT, assumed, known) for part in (layout.take(np.array([4])), layout))

    assert alone.coefficients[0] == pytest.approx(among.coefficients[4], rel=1e-6)
    assert alone.standard_errors[0] == pytest.approx(among.standard_errors[4], rel=1e-4)


def test_a_design_that_cannot_be_fitted_says_so() -> None:
    layout = studies(USUAL, 1, seed=1)
    twice = np.concatenate([layout.fixed, layout.fixed[..., -1:]], axis=-1)
    doubled = Layout(
        layout.successes, layout.trials, twice, layout.row_design, layout.column_design, layout.column, layout.n_columns
    )
    assumed = truth(Scenario(100, (0.1, 0.1)))

    with pytest.raises(AnalysisError):
        pilot(doubled, LOGIT, assumed)


def test_a_direction_of_no_information_has_no_bound_and_leaves_the_others_alone() -> None:
    information = np.array([[[4.0, 0.0], [0.0, 0.0]], [[2.0, 1.0], [1.0, 2.0]]])

    found = inverse_of(information)

    assert found[0] == pytest.approx(np.diag([0.25, 1e12]))
    assert found[1] == pytest.approx(np.linalg.inv(information[1]))
    assert inverse_of(information, unknown=0.0)[0] == pytest.approx(np.diag([0.25, 0.0]))
