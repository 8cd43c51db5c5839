import numpy as np
import pytest

from analysis.errors import InputError
from analysis.inference.reliability import (
    clustering,
    cronbach_alpha,
    design_effect,
    intraclass_correlations,
    latent_clustering,
)

# Shrout & Fleiss 1979, table 2: six targets, four judges.
JUDGES = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7.0]])


def test_correlations_are_those_of_the_paper():
    # reference.json, checklist.icc_shrout_fleiss (R's psych); intervals as psych prints them.
    found = {one.name: one for one in intraclass_correlations(JUDGES)}

    assert {name: one.value for name, one in found.items()} == pytest.approx(
        {
            "ICC(1,1)": 0.16574176841, "ICC(2,1)": 0.28976377953, "ICC(3,1)": 0.71484071484,
            "ICC(1,k)": 0.44279713368, "ICC(2,k)": 0.6200505476, "ICC(3,k)": 0.90931554238,
        }, abs=1e-10
    )  # fmt: skip
    assert {name: (round(one.interval.low, 2), round(one.interval.high, 2)) for name, one in found.items()} == {
        "ICC(1,1)": (-0.13, 0.72), "ICC(2,1)": (0.02, 0.76), "ICC(3,1)": (0.34, 0.95),
        "ICC(1,k)": (-0.88, 0.91), "ICC(2,k)": (0.07, 0.93), "ICC(3,k)": (0.68, 0.99),
    }  # fmt: skip
    assert (found["ICC(1,1)"].n_targets, found["ICC(1,1)"].n_raters) == (6, 4)


def test_alpha_is_its_definition_and_the_third_correlation_of_means():
    found = cronbach_alpha(JUDGES)

    by_definition = 4 / 3 * (1 - JUDGES.var(axis=0, ddof=1).sum() / JUDGES.sum(axis=1).var(ddof=1))
    mean = intraclass_correlations(JUDGES)[5]
    assert found.value == pytest.approx(by_definition, rel=1e-12)
    assert (found.value, found.interval) == (mean.value, mean.interval)


def test_a_judges_own_level_matters_where_levels_count_and_only_there():
    shifted = JUDGES + np.array([0, 10, -3, 5])

    before, after = intraclass_correlations(JUDGES), intraclass_correlations(shifted)

    assert after[2].value == pytest.approx(before[2].value, rel=1e-10)
    assert after[1].value < before[1].value


def test_targets_that_lack_a_rating_are_left_out():
    holes = np.vstack([JUDGES, [1, np.nan, 2, 3]])

    assert intraclass_correlations(holes) == intraclass_correlations(JUDGES)


@pytest.mark.parametrize("table", [np.full((5, 3), 0.1), np.full((1, 3), 2.0), np.full((4, 2), np.nan)])
def test_what_does_not_vary_has_no_reliability(table):
    assert all((one.value, one.interval) == (None, None) for one in intraclass_correlations(table))
    assert (cronbach_alpha(table).value, cronbach_alpha(table).interval) == (None, None)


def test_judges_in_perfect_agreement_have_one_and_no_interval():
    table = np.tile(np.arange(5.0)[:, None], (1, 3))

    assert [one.value for one in intraclass_correlations(table)] == pytest.approx([1] * 6)
    assert intraclass_correlations(table)[0].interval is None


def test_clustering_of_answers_is_the_reference(set_a):
    # reference.json, checklist.A_icc_anova_pre.
    before = set_a["post"] == 0

    found = clustering(set_a["y"][before], set_a["pid"][before].astype(np.int64))

    assert found.value == pytest.approx(0.095796128528, abs=1e-11)
    assert design_effect(found.value, 16) == pytest.approx(2.4369419279, abs=1e-9)
    assert (found.n_targets, found.n_raters) == (100, 16)


def test_clusters_of_equal_size_are_targets_rated_by_others():
    found = clustering(JUDGES.ravel(), np.repeat(np.arange(6), 4))

    one_way = intraclass_correlations(JUDGES)[0]
    assert found.value == pytest.approx(one_way.value, rel=1e-12)
    assert (found.interval.low, found.interval.high) == pytest.approx((one_way.interval.low, one_way.interval.high))


def test_clusters_of_unequal_size_have_the_size_of_donner():
    # By hand for the clusters {0, 2} and {5}: means 1 and 5, of all 7/3; mean squares between 32/3, within 2;
    # n0 = 3 - 5/3 = 4/3; (32/3 - 2) / (32/3 + 2/3) = 26/34.
    found = clustering(np.array([0, 2, 5.0, np.nan]), np.array([7, 7, 3, 3]))

    assert found.value == pytest.approx(26 / 34, rel=1e-12)


@pytest.mark.parametrize(
    ("values", "clusters"), [([1, 2, 3], [0, 1, 2]), ([1, 1, 1, 1], [0, 0, 1, 1]), ([1, 2], [0, 0]), ([], [])]
)
def test_one_value_a_cluster_or_no_spread_has_no_clustering(values, clusters):
    found = clustering(np.array(values, dtype=float), np.array(clusters, dtype=np.int64))

    assert (found.value, found.interval) == (None, None)


def test_latent_clustering_is_the_reference():
    # reference.json, checklist.A_icc, from glmmTMB's variances of A (participants .575543, items .579376).
    assert latent_clustering(0.57554323752, 0.57937630865) == pytest.approx(0.12948823218, abs=1e-5)
    assert latent_clustering(0.57937630865, 0.57554323752) == pytest.approx(0.13035286838, abs=1e-5)


def test_a_table_of_one_column_is_refused():
    with pytest.raises(InputError, match="two or more columns"):
        cronbach_alpha(np.zeros((5, 1)))


def test_coverage_of_the_one_way_interval_is_the_level():
    rng = np.random.default_rng(1)
    truth, covered = 0.3, []
    for _ in range(400):
        people = rng.normal(0, np.sqrt(truth), 15)[:, None]
        interval = intraclass_correlations(people + rng.normal(0, np.sqrt(1 - truth), (15, 4)))[0].interval
        covered.append(interval.low <= truth <= interval.high)

    assert np.mean(covered) == pytest.approx(0.95, abs=0.033)  # three standard errors
