import numpy as np
import pytest

from analysis.errors import InputError
from analysis.inference.agreement import cohen_kappa, krippendorff_alpha
from analysis.inference.reliability import intraclass_correlations

NA = np.nan
# Krippendorff 2011, section D: four observers, twelve units.
OBSERVERS = np.array([
    [1, 2, 3, 3, 2, 1, 4, 1, 2, NA, NA, NA],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NA, 3],
    [NA, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NA],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NA],
])  # fmt: skip
# Fleiss, Levin & Paik 2003, table 18.1: psychotic, neurotic, organic; 100 people, two raters.
DIAGNOSES = np.array([[75, 1, 4], [5, 4, 1], [0, 0, 10]])


def as_ratings(table):
    first, second = np.indices(table.shape).reshape(2, -1)
    return np.repeat(first, table.ravel()).astype(float), np.repeat(second, table.ravel()).astype(float)


@pytest.mark.parametrize(
    ("scale", "expected"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)]
)
def test_alpha_is_krippendorffs_example(scale, expected):
    found = krippendorff_alpha(OBSERVERS, scale=scale, seed=1, draws=200)

    assert found.value == pytest.approx(expected, abs=5.1e-4)
    assert found.n == 11
    assert found.interval.low < found.value < found.interval.high


def test_order_of_observers_and_units_and_names_of_categories_do_not_matter():
    rng = np.random.default_rng(2)
    mixed = OBSERVERS[rng.permutation(4)][:, rng.permutation(12)]

    found = krippendorff_alpha(OBSERVERS, scale="nominal", seed=1, draws=10).value

    assert krippendorff_alpha(mixed, scale="nominal", seed=1, draws=10).value == pytest.approx(found, rel=1e-12)
    assert krippendorff_alpha(7 - 2 * mixed, scale="nominal", seed=1, draws=10).value == pytest.approx(found, rel=1e-12)


def test_an_ordinal_scale_knows_nothing_of_distances():
    stretched = np.exp(OBSERVERS)

    assert krippendorff_alpha(stretched, scale="ordinal", seed=1, draws=10).value == pytest.approx(
        krippendorff_alpha(OBSERVERS, scale="ordinal", seed=1, draws=10).value, rel=1e-12
    )


def test_chance_gives_zero_and_agreement_one():
    rng = np.random.default_rng(3)
    chance = krippendorff_alpha(rng.integers(0, 3, (2, 4000)).astype(float), scale="nominal", seed=1, draws=20)
    same = krippendorff_alpha(np.tile([1.0, 2, 3, 2], (3, 1)), scale="interval", seed=1, draws=20)

    assert chance.value == pytest.approx(0, abs=0.05)
    assert same.value == 1


@pytest.mark.parametrize("ratings", [np.ones((3, 5)), np.array([[1, NA], [NA, 2]]), np.full((2, 2), NA)])
def test_one_rating_for_all_or_nothing_rated_twice_has_no_alpha(ratings):
    found = krippendorff_alpha(ratings, scale="nominal", seed=1, draws=10)

    assert (found.value, found.interval) == (None, None)


def test_kappa_is_the_textbooks():
    found = cohen_kappa(*as_ratings(DIAGNOSES))

    assert found.value == pytest.approx((0.89 - 0.66) / (1 - 0.66), abs=1e-12)
    error = (found.interval.high - found.interval.low) / 2 / 1.959963984540054
    assert error == pytest.approx(0.088, abs=5e-4)


@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
def test_error_of_kappa_is_that_of_the_multinomial(weights):
    # The delta method done by differences: the variance of kappa's slopes over the cells, by n.
    n, step = DIAGNOSES.sum(), 1e-6
    distance = np.abs(np.subtract.outer(np.arange(3), np.arange(3))) / 2
    agreeing = {"none": np.eye(3), "linear": 1 - distance, "quadratic": 1 - distance**2}[weights]

    def kappa(p):
        expected = p.sum(axis=1) @ agreeing @ p.sum(axis=0)
        return ((p * agreeing).sum() - expected) / (1 - expected)

    p = DIAGNOSES / n
    slopes = np.array([(kappa(p + step * cell) - kappa(p - step * cell)) / (2 * step)
                       for cell in np.eye(9).reshape(9, 3, 3)]).reshape(3, 3)  # fmt: skip
    error = np.sqrt(((p * slopes**2).sum() - (p * slopes).sum() ** 2) / n)

    found = cohen_kappa(*as_ratings(DIAGNOSES), weights=weights)

    assert found.value == pytest.approx(kappa(p), rel=1e-12)
    assert (found.interval.high - found.value) / 1.959963984540054 == pytest.approx(error, rel=1e-6)


def test_quadratic_kappa_is_an_intraclass_correlation_in_the_long_run():
    # Fleiss & Cohen 1973: but for terms of 1/n it is ICC(2,1).
    rng = np.random.default_rng(4)
    first = rng.integers(0, 5, 3000).astype(float)
    second = np.clip(first + rng.integers(-1, 2, 3000), 0, 4)

    kappa = cohen_kappa(first, second, weights="quadratic").value

    assert kappa == pytest.approx(intraclass_correlations(np.stack([first, second], axis=1))[1].value, abs=2e-3)


def test_missing_ratings_are_left_out_and_one_category_has_no_kappa():
    first, second = np.array([1, 2, NA, 1, 2]), np.array([1, 2, 1, NA, 1])

    assert cohen_kappa(first, second).n == 3
    assert cohen_kappa(np.ones(4), np.ones(4)).value is None
    assert cohen_kappa(np.zeros(0), np.zeros(0)).value is None


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(InputError, match="found 2 and 3"):
        cohen_kappa(np.zeros(2), np.zeros(3))
    with pytest.raises(InputError, match="no negative ratings"):
        krippendorff_alpha(-OBSERVERS, scale="ratio", seed=1)
