import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.errors import InputError
from analysis.inference.cluster_robust import RobustCoefficient, cluster_robust
from analysis.inference.welch import welch

NAMES = ("(Intercept)", "post", "arm", "post:arm")


def did_columns(post, arm):
    return np.stack([np.ones(len(post)), post, arm, post * arm], axis=1)


def fit_a(set_a, **how):
    columns = did_columns(set_a["post"], set_a["arm"])
    return cluster_robust(set_a["y"], columns, NAMES, set_a["pid"].astype(np.int64), **how)


# reference.json, checklist.A_lpm_did (clubSandwich 0.5.8).
@pytest.mark.parametrize(
    ("correction", "error", "freedom", "p_value"),
    [
        ("CR0", 0.0343708929400, 97.8433854066, 0.1352281251),
        ("CR1", 0.0345440471480, 97.8433854066, 0.1371744468),
        ("CR2", 0.0347191735150, 97.8401780691, 0.1391452067),
        ("CR3", 0.0350709861060, 97.8369384359, 0.1431098508),
    ],
)
def test_linear_probability_model_is_clubsandwichs(set_a, correction, error, freedom, p_value):
    found = fit_a(set_a, correction=correction).coefficient("post:arm")

    assert found.value == pytest.approx(0.051770708283, abs=1e-11)
    assert found.standard_error == pytest.approx(error, abs=1e-11)
    assert found.degrees_of_freedom == pytest.approx(freedom, abs=1e-8)
    assert found.p_value == pytest.approx(p_value, abs=1e-9)


# reference.json, checklist.A_logit_cr; R stops its iterations early, so its last digits are not those of the maximum.
@pytest.mark.parametrize(
    ("correction", "error", "freedom"),
    [
        ("CR0", 0.14579915389, 97.4694495947),
        ("CR1", 0.14653366309, 97.4694495947),
        ("CR2", 0.14727862047, 97.4636084855),
        ("CR3", 0.148773112, 97.4577361875),
    ],
)
def test_logistic_regression_is_clubsandwichs(set_a, correction, error, freedom):
    fit = fit_a(set_a, link="logit", correction=correction)
    found = fit.coefficient("post:arm")

    assert (fit.n_answers, fit.n_participants, fit.unit, fit.problem) == (3200, 100, "log odds", None)
    assert found.value == pytest.approx(0.23149706889, abs=1e-10)
    assert found.standard_error == pytest.approx(error, abs=5e-8)
    assert found.degrees_of_freedom == pytest.approx(freedom, abs=1e-5)


def test_gee_with_an_exchangeable_correlation_agrees_where_cells_are_balanced(set_a):
    # reference.json, checklist.A_gee_exch (geepack and statsmodels): every cell has as many answers a person, so the
    # working correlation changes nothing; its robust error is CR0, its bias-reduced one CR3.
    plain, reduced = (
        fit_a(set_a, link="logit", correction=correction).coefficient("post:arm").standard_error
        for correction in ("CR0", "CR3")
    )

    assert plain == pytest.approx(0.1457991779, abs=1e-9)
    assert reduced == pytest.approx(0.14877314, abs=1e-8)


def by_definition(y, x, people, *, link, correction):
    """Make the sandwich and its degrees of freedom from matrices of answers, as the papers write them."""
    beta = np.array([one.value for one in cluster_robust(y, x, list("abcdefg")[: x.shape[1]], people, link=link)
                     .coefficients])  # fmt: skip
    mu = x @ beta if link == "identity" else 1 / (1 + np.exp(-x @ beta))
    w = np.ones(len(y)) if link == "identity" else mu * (1 - mu)
    e, phi = (y - mu) / w, np.diag(1 / w)
    m = np.linalg.inv(x.T @ np.diag(w) @ x)
    middle = np.eye(len(y)) - x @ m @ x.T @ np.diag(w)
    meat, columns = 0, []
    for person in np.unique(people):
        rows = np.flatnonzero(people == person)
        own = np.ix_(rows, rows)
        root = np.diag(w[rows] ** -0.5)
        if correction == "CR2":
            values, vectors = np.linalg.eigh(root @ (middle @ phi @ middle.T)[own] @ root)
            adjust = root @ vectors @ np.diag(values**-0.5) @ vectors.T @ root
        else:
            adjust = np.linalg.inv(middle[own]) if correction == "CR3" else np.eye(len(rows))
        half = x[rows].T @ np.diag(w[rows]) @ adjust
        meat = meat + np.outer(half @ e[rows], half @ e[rows])
        columns.append(middle[rows].T @ adjust.T @ np.diag(w[rows]) @ x[rows] @ m)
    errors = np.sqrt(np.diag(m @ meat @ m))
    freedoms = []
    for k in range(x.shape[1]):
        p = np.stack([column[:, k] for column in columns], axis=1)
        form = p.T @ phi @ p
        freedoms.append(np.trace(form) ** 2 / (form**2).sum())
    return errors, np.array(freedoms)


@pytest.mark.parametrize("link", ["identity", "logit"])
@pytest.mark.parametrize("correction", ["CR0", "CR2", "CR3"])
def test_clusters_of_unequal_size_with_a_covariate_follow_the_definition(link, correction):
    rng = np.random.default_rng(4)
    people = rng.permutation(np.repeat(np.arange(12), rng.integers(2, 9, 12)))
    x = np.stack([np.ones(len(people)), people % 2, rng.normal(size=len(people))], axis=1)
    y = (rng.random(len(people)) < 0.6).astype(float)

    found = cluster_robust(y, x, "abc", people, link=link, correction=correction).coefficients

    errors, freedoms = by_definition(y, x, people, link=link, correction=correction)
    np.testing.assert_allclose([one.standard_error for one in found], errors, rtol=1e-9)
    np.testing.assert_allclose([one.degrees_of_freedom for one in found], freedoms, rtol=1e-8)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 9), st.integers(2, 9), st.integers(1, 5), st.integers(0, 10_000))
def test_cr2_of_the_difference_in_differences_is_welch_on_differences(n_first, n_second, n_answers, seed):
    # Pustejovsky & Tipton 2018, section 2: with as many answers a phase the two are one.
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(n_first + n_second), 2 * n_answers)
    post = np.tile(np.repeat([0.0, 1.0], n_answers), n_first + n_second)
    arm = (person >= n_first).astype(float)
    y = rng.normal(size=len(person)) + arm

    found = cluster_robust(y, did_columns(post, arm), NAMES, person).coefficient("post:arm")

    differences = np.array([y[(person == k) & (post == 1)].mean() - y[(person == k) & (post == 0)].mean()
                            for k in range(n_first + n_second)])  # fmt: skip
    expected = welch(differences[n_first:], differences[:n_first], 0.95)
    assert found.value == pytest.approx(expected.value, abs=1e-9)
    assert found.standard_error == pytest.approx(expected.standard_error, rel=1e-8)


def test_order_of_rows_and_names_of_people_change_nothing():
    rng = np.random.default_rng(5)
    people = np.repeat(np.arange(20), 6)
    x, y = did_columns(np.tile([0, 0, 0, 1, 1, 1], 20), people % 2), rng.integers(0, 2, 120).astype(float)
    order, renamed = rng.permutation(120), rng.permutation(1000)[:20]

    first = cluster_robust(y, x, NAMES, people, link="logit").coefficients
    second = cluster_robust(y[order], x[order], NAMES, renamed[people][order], link="logit").coefficients

    for one, other in zip(first, second, strict=True):
        assert (other.value, other.standard_error) == pytest.approx((one.value, one.standard_error), rel=1e-10)


def test_an_arm_of_one_person_has_an_estimate_and_no_error():
    people = np.repeat(np.arange(5), 4)
    post, arm = np.tile([0.0, 0, 1, 1], 5), (people == 4).astype(float)
    y = np.random.default_rng(6).normal(size=20)

    found = cluster_robust(y, did_columns(post, arm), NAMES, people)

    assert found.coefficient("post:arm").value is not None
    assert found.coefficient("post:arm").standard_error is None
    assert found.coefficient("post:arm").interval is None
    assert found.coefficient("post").standard_error is not None


@pytest.mark.parametrize(
    ("outcome", "arm", "link", "words"),
    [
        ([0, 1, 1, 1, 1, 1], [0, 0, 0, 1, 1, 1], "logit", "at infinity"),
        ([0, 1, 1, 0, 1, 1], [0, 0, 0, 0, 0, 0], "identity", "a cell of the design is empty"),
        ([np.nan] * 6, [0, 0, 0, 1, 1, 1], "identity", "at least two participants"),
    ],
)
def test_data_that_cannot_be_fitted_give_a_sentence(outcome, arm, link, words):
    x = np.stack([np.ones(6), np.array(arm, dtype=float)], axis=1)

    found = cluster_robust(np.array(outcome, dtype=float), x, ("one", "arm"), np.arange(6), link=link)

    assert words in found.problem
    assert found.coefficient("arm") == RobustCoefficient("arm", None, None, None, None, None)


def test_nobody_differing_from_anybody_has_no_test():
    x = np.stack([np.ones(6), np.array([0, 0, 0, 1, 1, 1.0])], axis=1)

    found = cluster_robust(np.full(6, 0.3), x, ("one", "arm"), np.arange(6)).coefficient("arm")

    assert (found.p_value, found.interval) == (None, None)


def test_bad_input_is_told_all_at_once():
    with pytest.raises(InputError, match="2 problems") as caught:
        cluster_robust(np.array([0, 2.0]), np.array([[1.0], [np.nan]]), ["one"], np.arange(2), link="logit")

    assert "finite numbers" in str(caught.value)
    assert "from 0 to 1" in str(caught.value)


def test_type_one_error_with_few_clusters_is_near_nominal():
    # 12 people, half an arm, strong dependence: CR0 with normal quantiles rejects about 9 % here.
    rng = np.random.default_rng(8)
    people = np.repeat(np.arange(12), 10)
    x = np.stack([np.ones(120), (people % 2).astype(float)], axis=1)

    p_values = [
        cluster_robust(rng.normal(size=12)[people] + rng.normal(size=120), x, ("one", "arm"), people)
        .coefficient("arm").p_value
        for _ in range(1000)
    ]  # fmt: skip

    assert np.mean(np.array(p_values) < 0.05) == pytest.approx(0.05, abs=0.021)  # three standard errors
