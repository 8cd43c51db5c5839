"""One suite over every entry of the registry: what `Outcome` promises, whatever the estimand."""

import numpy as np
import pytest

from analysis.api import analyse
from analysis.enrolments import read_enrolments
from analysis.estimands import ESTIMANDS
from analysis.estimands.base import Question
from analysis.table import table_of

KEYS = tuple(ESTIMANDS)


@pytest.fixture
def study(simulate):
    made = simulate(14, n_items=6, seed=5, dropout=0.2, gain={"lime": 0.2})
    draw = np.random.default_rng(6)
    # Two questions of rating, named so that the tests of items below are about ratings too.
    for row in made.where(trial_type="rating"):
        row["item"] = "i01"
        made.rows.append(row | {"item": "i02", "rating": str(draw.integers(1, 8)), "trial_index": "999"})
    return made


def measured(study, key, missing="available", table=None):
    table = study.table if table is None else table
    enrolments = read_enrolments(table, study.design)
    question = Question("pre", "post", missing)
    return enrolments, ESTIMANDS[key].measure(table, enrolments.positions(table), len(enrolments), question)


def by_subject(study, key, missing="available", table=None):
    enrolments, outcome = measured(study, key, missing, table)
    return dict(zip(enrolments.subjects, outcome.values.tolist(), strict=True))


@pytest.mark.parametrize("key", KEYS)
def test_it_says_what_it_is(key):
    estimand = ESTIMANDS[key]

    assert estimand.title
    assert estimand.unit
    assert all(vars(estimand.attributes).values())
    assert "available" in estimand.missing_rules
    assert estimand.effects_below > 0


@pytest.mark.parametrize("key", KEYS)
def test_weights_of_one_give_the_values(study, key):
    _, outcome = measured(study, key)
    ones = np.ones((outcome.n_items, 2))

    both = outcome.reweighted(ones)

    assert both.shape == (14, 2)
    np.testing.assert_allclose(both[:, 0], outcome.values, rtol=0, atol=1e-12)
    np.testing.assert_allclose(both[:, 1], outcome.values, rtol=0, atol=1e-12)
    assert len(set(outcome.values[outcome.is_observed].tolist())) > 1


@pytest.mark.parametrize("key", KEYS)
def test_a_weight_of_two_is_an_item_asked_twice(study, key):
    _, outcome = measured(study, key)
    weights = np.ones((outcome.n_items, 1))
    position = 0 if key == "rating" else 1
    weights[position] = 2
    again = [dict(row, item=row["item"] + "'") for row in study.rows if row["item"] == "i01"]
    doubled = table_of([*study.rows, *again])

    expected = measured(study, key, table=doubled)[1]

    np.testing.assert_allclose(outcome.reweighted(weights)[:, 0], expected.values, atol=1e-12)


@pytest.mark.parametrize("key", KEYS)
def test_no_weight_at_all_gives_nothing_though_who_left_is_filled_in(study, key):
    _, outcome = measured(study, key, next(iter(ESTIMANDS[key].missing_rules)))

    nothing = outcome.reweighted(np.zeros((outcome.n_items, 1)))[:, 0]

    assert np.isnan(nothing[outcome.is_observed]).all()


@pytest.mark.parametrize("key", KEYS)
def test_the_order_of_rows_and_the_names_of_items_do_not_matter(study, key):
    order = np.random.default_rng(1).permutation(len(study.rows))
    renamed = table_of(
        [dict(study.rows[i], item=study.rows[i]["item"] and f"x{hash_of(study.rows[i])}") for i in order]
    )

    found = by_subject(study, key, table=renamed)

    assert found == pytest.approx(by_subject(study, key), nan_ok=True, abs=1e-12)


def hash_of(row):
    return (7 * int(row["item"][1:])) % 11


@pytest.mark.parametrize(("key", "missing"), [(k, rule) for k in KEYS for rule in ESTIMANDS[k].missing_rules])
def test_who_never_answered_is_counted_by_the_rule(study, key, missing):
    study.without([r for r in study.where(subject_id="p0003") if r["trial_type"] in ("forward_simulation", "rating")])
    filled = {"no_gain": 0.0, "no_change": 0.0, "chance": 0.0 if "d_prime" in key else 0.5, "available": np.nan}

    enrolments, outcome = measured(study, key, missing)
    position = enrolments.subjects.index("p0003")

    assert not outcome.is_observed[position]
    np.testing.assert_equal(outcome.values[position], filled[missing])
    np.testing.assert_equal(outcome.reweighted(np.ones((outcome.n_items, 1)))[position, 0], filled[missing])


@pytest.mark.parametrize("key", KEYS)
def test_a_table_without_answers_has_nobody_observed(study, key):
    study.rows = [row for row in study.rows if row["trial_type"] not in ("forward_simulation", "rating")]

    _, outcome = measured(study, key)

    assert outcome.n_items == 0
    assert not outcome.is_observed.any()
    assert np.isnan(outcome.values).all()


@pytest.mark.parametrize("key", KEYS)
def test_a_plan_may_name_it_and_the_report_estimates_it(study, key):
    estimand = ESTIMANDS[key]
    study.tree["plan"] |= {"estimand": key, "missing": next(iter(estimand.missing_rules)), "draws": 199}

    report = analyse(study.table, study.design)

    assert (report.estimand_title, report.unit) == (estimand.title, estimand.unit)
    assert report.primary[0].value is not None
    assert report.primary[0].interval.low < report.primary[0].value < report.primary[0].interval.high
