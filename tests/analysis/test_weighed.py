"""The primary contrasts weighed in other ways: against what matters, as odds of the data, under unequal losses."""

import pytest
from scipy import stats

from analysis.api import analyse, report_from_json
from analysis.enrolments import read_enrolments
from analysis.estimands import ESTIMANDS
from analysis.estimands.base import Question
from analysis.inference.bayes_factor import two_sample_bayes_factor


def weighed(study):
    (one,) = analyse(study.table, study.design, draws=50).weighed
    return one


def test_a_large_study_without_an_effect_shows_that_it_is_too_small_to_matter(simulate):
    one = weighed(simulate(600, seed=11))

    assert one.is_equivalent
    assert one.equivalence_p < 0.05
    assert one.equivalence.startswith("Too small to matter")
    assert one.bayes_factor < 1 / 3


def test_a_large_effect_is_large_enough_and_the_data_speak_for_it(simulate):
    one = weighed(simulate(400, gain={"lime": 0.3}, item_sd=0.2, seed=12))

    assert not one.is_equivalent
    assert one.equivalence.startswith("Large enough to matter")
    assert one.bayes_factor > 100


def test_the_interval_is_that_of_the_two_one_sided_tests(simulate):
    study = simulate(80, gain={"lime": 0.1}, seed=13)
    report = analyse(study.table, study.design, draws=50)
    (one,), (estimate,) = report.weighed, report.primary

    assert one.equivalence_interval.level == pytest.approx(0.9)
    inner, outer = one.equivalence_interval, estimate.interval
    assert outer.low < inner.low < inner.high < outer.high
    assert (inner.low + inner.high) / 2 == pytest.approx(estimate.value, abs=1e-12)


def test_losses_widen_the_bounds_and_their_share_is_told(simulate):
    study = simulate(200, dropout=0.25, seed=14)
    one = weighed(study)

    assert one.lee_low < one.lee_high
    assert one.lee_interval.low < one.lee_low
    assert one.lee_interval.high > one.lee_high
    assert "are cut from one end" in one.lee


def test_without_losses_nothing_is_cut(simulate):
    one = weighed(simulate(60, seed=15))

    assert one.lee_low == pytest.approx(one.lee_high, abs=1e-12)
    assert "nothing is cut" in one.lee


def test_the_bayes_factor_is_that_of_students_t(simulate):
    study = simulate(60, gain={"lime": 0.1}, seed=16)
    people = read_enrolments(study.table, study.design)
    question = Question("pre", "post", "no_gain")
    gain = ESTIMANDS["gain_in_accuracy"].measure(study.table, people.positions(study.table), len(people), question)
    groups = [gain.values[people.allocation.arm == k] for k in (1, 0)]

    t = stats.ttest_ind(*groups).statistic

    assert weighed(study).bayes_factor == two_sample_bayes_factor(t, 30, 30).value


def test_an_arm_without_outcomes_is_weighed_in_words(simulate):
    study = simulate(24, seed=1)
    rows = [row for row in study.rows if not (row.get("arm") == "lime" and row.get("phase") in {"pre", "post"})]
    study.tree["plan"]["missing"] = "available"
    report = analyse(type(study)(rows, study.tree).table, study.design, draws=50)
    (one,) = report.weighed

    assert (one.equivalence_p, one.bayes_factor, one.lee_low) == (None, None, None)
    assert {one.equivalence, one.bayes, one.lee} == {
        "There is no standard error to test by.",
        "An arm has too few outcomes.",
    }
    assert report_from_json(report.to_json()) == report
