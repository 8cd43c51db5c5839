"""d' and criterion: the numbers of Hautus' correction, symmetries, and tables by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from analysis.errors import TableError
from analysis.estimands import ESTIMANDS
from analysis.estimands.base import Question
from analysis.estimands.signal_detection import detection
from analysis.table import table_of


def counts(hits, misses, false_alarms, correct_rejections):
    numbers = (hits, hits + misses, false_alarms, false_alarms + correct_rejections)
    found = detection(*(np.array([float(number)]) for number in numbers))
    return found.d_prime[0], found.criterion[0], found.log_beta[0]


@pytest.mark.parametrize(
    ("table", "d_prime", "criterion", "beta"),
    [
        ((40, 10, 15, 35), 1.3339467506, -0.1538187130, 0.81449582856),
        ((50, 0, 5, 45), 3.5718489104, -0.5478441196, 0.1413075693),
    ],
)
def test_the_numbers_are_those_of_r(table, d_prime, criterion, beta):
    # qnorm((hits + .5) / (n + 1)) and so on, R 4.2.2 (Hautus 1995).
    found = counts(*table)

    assert found == pytest.approx((d_prime, criterion, np.log(beta)), abs=1e-9)


count = st.integers(0, 60)


@given(count, count, count, count)
def test_the_other_class_as_the_signal_leaves_d_prime_and_turns_the_criterion(hits, misses, alarms, rejections):
    d_prime, criterion, _ = counts(hits, misses, alarms, rejections)
    other_d_prime, other_criterion, _ = counts(rejections, alarms, misses, hits)

    np.testing.assert_allclose((other_d_prime, other_criterion), (d_prime, -criterion), atol=1e-12)


@given(count, count)
def test_a_symmetrical_table_has_no_leaning_and_equal_rates_no_sensitivity(right, wrong):
    _, criterion, _ = counts(right, wrong, wrong, right)
    d_prime, _, _ = counts(right, wrong, right, wrong)

    if right + wrong:
        assert criterion == pytest.approx(0, abs=1e-12)
        assert d_prime == pytest.approx(0, abs=1e-12)
    else:
        assert np.isnan([criterion, d_prime]).all()


# One person's answers in POST: "no" and "yes" are the model's classes.
ANSWERS = [("yes", "yes"), ("yes", "yes"), ("yes", "no"), ("no", "no"), ("no", "no"), ("no", "yes"), ("no", "no")]


def rows_of(answers, phase="post", subject="p0"):
    return [
        {
            "study_id": "s", "subject_id": subject, "stage": "main", "simulated": "0", "trial_index": str(i),
            "trial_type": "forward_simulation", "phase": phase, "item": f"i{i}", "label": "no", "model_output": output,
            "response": response, "correct": str(int(output == response)),
        }
        for i, (output, response) in enumerate(answers)
    ]  # fmt: skip


def value_of(key, rows, missing="available"):
    table = table_of(rows)
    positions = np.zeros(len(rows), dtype=np.int64)
    return ESTIMANDS[key].measure(table, positions, 1, Question("pre", "post", missing)).values[0]


def test_hits_and_false_alarms_are_counted_for_the_class_last_by_alphabet():
    hit, alarm = norm.ppf(2.5 / 4), norm.ppf(1.5 / 5)  # 2 of 3 yes, 1 of 4 no

    assert value_of("d_prime", rows_of(ANSWERS)) == pytest.approx(hit - alarm)
    assert value_of("criterion", rows_of(ANSWERS)) == pytest.approx(-(hit + alarm) / 2)


def test_the_gain_is_after_minus_before():
    before = [("yes", "no"), ("no", "no"), ("no", "no"), ("yes", "yes")]
    rows = rows_of(ANSWERS) + rows_of(before, "pre")

    assert value_of("gain_in_d_prime", rows) == pytest.approx(
        value_of("d_prime", rows_of(ANSWERS)) - value_of("d_prime", rows_of(before))
    )
    assert value_of("change_in_criterion", rows) == pytest.approx(
        value_of("criterion", rows_of(ANSWERS)) - value_of("criterion", rows_of(before))
    )


def test_without_trials_of_either_kind_nothing_is_known():
    assert np.isnan(value_of("d_prime", rows_of([("yes", "yes"), ("yes", "no")])))
    assert value_of("d_prime", rows_of([("yes", "yes"), ("yes", "no")]), "chance") == 0


@pytest.mark.parametrize("key", ["d_prime", "criterion", "gain_in_d_prime", "change_in_criterion"])
def test_more_than_two_classes_are_refused_by_name(key):
    rows = rows_of([("bag", "bag"), ("shirt", "bag"), ("boot", "boot")])

    with pytest.raises(TableError, match=r"two classes, found 4 \(bag, boot, no, shirt\); plan the accuracy instead"):
        value_of(key, rows)
