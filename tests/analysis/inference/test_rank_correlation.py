import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.errors import InputError
from analysis.inference.rank_correlation import (
    RankCorrelation,
    bonett_wright,
    clustered_spearman,
    disattenuated,
    kendall,
    spearman,
)
from analysis.types import Interval


def test_interval_is_the_reference():
    # reference.json, python.fisher_z_spearman_ci: r .25, n 120.
    found = bonett_wright(0.25, 120)

    assert (found.low, found.high) == pytest.approx((0.07128351911895126, 0.41316439234504787), abs=1e-12)


def test_ratings_against_effects_are_the_reference(set_a, people_of_a):
    # reference.json, checklist.A_rating_vs_effect: a person's mean rating against the gain in accuracy.
    rating = np.array([set_a["rating"][set_a["pid"] == person].mean() for person in np.unique(set_a["pid"])])
    gain = people_of_a["post"] - people_of_a["pre"]

    found = spearman(rating, gain)

    assert found.value == pytest.approx(0.01076975413, abs=1e-10)
    assert kendall(rating, gain) == pytest.approx(0.013488784162, abs=1e-10)
    assert (found.n_pairs, found.n_people) == (100, 100)


few = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=2, max_size=30)


@settings(max_examples=50, deadline=None)
@given(few)
def test_correlation_with_ties_is_scipys(pairs):
    x, y = np.array(pairs, dtype=float).T

    found = spearman(x, y).value

    if np.ptp(x) == 0 or np.ptp(y) == 0:
        assert found is None
    else:
        assert found == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)


def test_growing_transformations_change_nothing_and_turning_one_side_turns_the_sign():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, 40))

    found, grown, turned = spearman(x, y), spearman(np.exp(x), y**3), spearman(x, -y)

    assert grown == found
    assert turned.value == pytest.approx(-found.value, abs=1e-15)
    assert turned.interval.low == pytest.approx(-found.interval.high)


def test_resampled_people_are_repeated_rows():
    # A weight of two is a row that stands there twice: brute force for the draws of one seed.
    rng = np.random.default_rng(2)
    people = np.repeat(np.arange(8), [1, 2, 3, 4, 1, 2, 3, 4])
    x, y = rng.integers(0, 5, 20).astype(float), rng.integers(0, 5, 20).astype(float)

    found = clustered_spearman(x, y, people + 100, seed=3, draws=50)

    counts = np.random.default_rng(3).multinomial(8, np.full(8, 1 / 8), size=50)
    drawn = []
    for count in counts:
        rows = np.concatenate([np.flatnonzero(people == k) for k in range(8) for _ in range(count[k])])
        drawn.append(stats.spearmanr(x[rows], y[rows]).statistic)
    assert (found.interval.low, found.interval.high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])))
    assert found.value == pytest.approx(stats.spearmanr(x, y).statistic)
    assert (found.n_pairs, found.n_people) == (20, 8)


def test_answers_of_one_person_do_not_count_as_many_people():
    rng = np.random.default_rng(4)
    people = np.repeat(np.arange(20), 10)
    x, y = (rng.normal(size=20)[people] + 0.1 * rng.normal(size=200) for _ in range(2))

    together, alone = clustered_spearman(x, y, people, seed=5, draws=300), spearman(x, y)

    assert together.interval.high - together.interval.low > 2 * (alone.interval.high - alone.interval.low)


def test_unreliable_sides_stretch_the_correlation():
    # Spearman 1904: r / sqrt(r_xx r_yy).
    measured = RankCorrelation(0.3, Interval(0.1, 0.5, 0.95), 90, 90, "", "")

    found = disattenuated(measured, 0.5, 0.72)

    assert found.value == pytest.approx(0.5)
    assert (found.interval.low, found.interval.high) == pytest.approx((0.1 / 0.6, 0.5 / 0.6))
    assert disattenuated(measured, -0.1, 0.7).value is None
    assert disattenuated(spearman(np.ones(4), np.arange(4.0)), 0.5, 0.5).value is None


@pytest.mark.parametrize("n", [0, 1, 3])
def test_few_pairs_have_no_interval(n):
    assert spearman(np.arange(float(n)), np.arange(float(n))).interval is None


def test_pairs_that_lack_a_value_are_left_out_and_other_lengths_refused():
    x, y = np.array([1, 2, np.nan, 4, 5, 6]), np.array([1, 3, 2, np.nan, 4, 0])

    assert spearman(x, y) == spearman(x[[0, 1, 4, 5]], y[[0, 1, 4, 5]])
    with pytest.raises(InputError, match="expected pairs"):
        clustered_spearman(x, y, np.arange(3), seed=1)


def test_coverage_is_near_the_level():
    # Bivariate normal with Spearman correlation 0.4.
    rng = np.random.default_rng(6)
    pearson = 2 * np.sin(np.pi * 0.4 / 6)
    covered = []
    for _ in range(300):
        x, z = rng.normal(size=(2, 40))
        interval = spearman(x, pearson * x + np.sqrt(1 - pearson**2) * z).interval
        covered.append(interval.low <= 0.4 <= interval.high)

    assert np.mean(covered) == pytest.approx(0.95, abs=0.038)  # three standard errors
