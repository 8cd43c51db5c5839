from collections import Counter

import numpy as np
import pytest

from analysis.errors import InputError
from analysis.inference.mechanisms import SimpleRandomisation, complete_randomisation
from analysis.inference.permutation import permutation_tests


def shares_of(mechanism, draws=40_000):
    labels = np.concatenate(list(mechanism.redraws(draws, seed=1)))
    assert labels.shape == (draws, len(mechanism.arm))
    return {row: count / draws for row, count in Counter(map(tuple, labels.tolist())).items()}


def test_everybody_drawn_for_himself_comes_by_the_weights():
    mechanism = SimpleRandomisation(np.array([0, 1, 0]), (2, 1))

    labels, probability = mechanism.every()

    assert mechanism.n_distinct() == 8
    by_hand = {(a, b, c): (2 / 3) ** (3 - a - b - c) * (1 / 3) ** (a + b + c)
               for a in (0, 1) for b in (0, 1) for c in (0, 1)}  # fmt: skip
    assert dict(zip(map(tuple, labels.tolist()), probability, strict=True)) == pytest.approx(by_hand, abs=1e-15)
    assert shares_of(mechanism) == pytest.approx(by_hand, abs=0.012)  # five standard errors


def test_arms_held_in_place_leave_the_others_drawn_one_by_one():
    members, held = SimpleRandomisation(np.array([0, 2, 1, 0, 2]), (1, 1, 2)).between((0, 2))

    assert members.tolist() == [0, 1, 3, 4]
    assert (held.arm.tolist(), held.weights) == ([0, 2, 0, 2], (1, 0, 2))
    labels, probability = held.every()
    assert held.n_distinct() == len(labels) == 16
    assert set(np.unique(labels)) == {0, 2}
    assert probability.sum() == pytest.approx(1)


def test_fixed_sizes_are_all_that_complete_randomisation_keeps():
    mechanism = complete_randomisation(np.array([0, 0, 1, 1, 1, 2]), 3)

    labels, probability = mechanism.every()

    assert mechanism.n_distinct() == len(labels) == 60
    assert (np.sort(labels, axis=1) == [0, 0, 1, 1, 1, 2]).all()
    np.testing.assert_allclose(probability, 1 / 60)


def test_complete_randomisation_gives_the_reference_p():
    # reference.json, checklist.perm_exact: 18 of 924.
    twelve = np.array([0.12, 0.31, 0.05, 0.22, 0.4, 0.18, -0.02, 0.1, 0, 0.15, 0.07, -0.05])
    mechanism = complete_randomisation(np.repeat([0, 1], 6), 2)

    (test,) = permutation_tests(twelve, mechanism, [(0, 1)], draws=1000, seed=0)

    assert (test.n_allocations, test.is_exact) == (924, True)
    assert test.p_value == pytest.approx(18 / 924, abs=1e-12)


def test_random_p_under_simple_randomisation_comes_near_the_listed_one():
    rng = np.random.default_rng(3)
    mechanism = SimpleRandomisation(rng.integers(0, 2, 11), (1, 1))
    values = rng.normal(size=11) + 0.8 * mechanism.arm

    (listed,) = permutation_tests(values, mechanism, [(1, 0)], draws=2048, seed=0)
    (drawn,) = permutation_tests(values, mechanism, [(1, 0)], draws=2047, seed=0)

    assert (listed.is_exact, drawn.is_exact) == (True, False)
    assert drawn.p_value == pytest.approx(listed.p_value, abs=0.03)


def test_an_arm_outside_the_study_is_refused():
    with pytest.raises(InputError, match="from 0 to 1, found 0 to 2"):
        complete_randomisation(np.array([0, 1, 2]), 2)
