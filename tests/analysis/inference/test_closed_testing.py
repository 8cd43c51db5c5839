import numpy as np
import pytest

from analysis.errors import InputError
from analysis.inference.allocation import Allocation
from analysis.inference.closed_testing import placebo_closed_test
from analysis.inference.mechanisms import SimpleRandomisation
from analysis.inference.permutation import permutation_tests, studentised

TITLES = {2: "LIME", 3: "SENN"}
NONE, PLACEBO, LIME, SENN = range(4)


def in_blocks(n_blocks, n_arms=3, seed=0):
    rng = np.random.default_rng(seed)
    arm = np.concatenate([rng.permutation(n_arms) for _ in range(n_blocks)])
    return Allocation(arm, np.repeat(np.arange(n_blocks), n_arms), (n_arms,) * n_blocks, (1,) * n_arms)


def closed(values, allocation, explained=(LIME,), **how):
    how = {"draws": 500, "seed": 1, **how}
    return placebo_closed_test(
        values, allocation, explained=explained, placebo=PLACEBO, none=NONE, titles=TITLES, **how
    )


def test_adjusted_p_is_the_largest_of_the_intersections():
    # Three blocks of three arms: 6^3 allocations of all, 2^3 of two arms, all of them counted by hand below.
    allocation = in_blocks(3)
    values = np.random.default_rng(2).normal(size=9) + 2.0 * (allocation.arm == LIME)

    found = closed(values, allocation)

    (content, attention), pairs = found.hypotheses, [(LIME, PLACEBO), (PLACEBO, NONE)]
    alone = []
    for pair in pairs:
        members, held = allocation.between(pair)
        alone.append(permutation_tests(values[members], held, [pair], draws=500, seed=1)[0].p_value)
    drawn = np.abs(studentised(values, allocation.every()[0], pairs)).max(axis=1)
    observed = np.abs([content.statistic, attention.statistic]).max()
    joint = (drawn >= observed * (1 - 1e-9)).mean()
    assert [(one.arms, one.n_allocations, one.is_exact) for one in found.intersections] == [
        ((PLACEBO, LIME), 8, True),
        ((NONE, PLACEBO), 8, True),
        ((NONE, PLACEBO, LIME), 216, True),
    ]
    assert found.intersections[2].p_value == pytest.approx(joint, abs=1e-12)
    assert [content.p_value, attention.p_value] == pytest.approx(alone, abs=1e-12)
    assert content.p_adjusted == pytest.approx(max(alone[0], joint), abs=1e-12)
    assert attention.p_adjusted == pytest.approx(max(alone[1], joint), abs=1e-12)


@pytest.mark.parametrize(
    ("effects", "sentence"),
    [
        (
            (0, 0, 2),
            "It was shown that what LIME says is better than a placebo (adjusted p = 0.002); "
            "it was not shown that being shown an explanation does something whatever it says",
        ),
        ((0, 2, 2), "It was shown that being shown an explanation helps whatever it says (adjusted p = 0.002); "
                    "it was not shown that what LIME says differs from a placebo"),
        ((2, 0, 0), "It was shown that being shown an explanation does harm whatever it says"),
        ((0, 0, 0), "It was not shown that what LIME says differs from a placebo"),
        ((0, 2, 4), "It was shown that what LIME says is better than a placebo (adjusted p = 0.002) and "
                    "being shown an explanation helps whatever it says (adjusted p = 0.002)."),
    ],
)  # fmt: skip
def test_the_sentence_says_which_part_worked(effects, sentence):
    allocation = in_blocks(40, seed=3)
    values = np.random.default_rng(4).normal(size=120) + np.array(effects)[allocation.arm]

    assert closed(values, allocation).sentence.startswith(sentence)


def test_two_explained_arms_make_seven_intersections_and_none_is_missing():
    allocation = in_blocks(30, n_arms=4, seed=5)
    values = np.random.default_rng(6).normal(size=120) + 1.5 * (allocation.arm == SENN)

    found = closed(values, allocation, explained=(LIME, SENN), draws=200)

    assert [one.arms for one in found.intersections] == [
        (1, 2), (1, 3), (0, 1), (1, 2, 3), (0, 1, 2), (0, 1, 3), (0, 1, 2, 3)
    ]  # fmt: skip
    assert [(one.kind, one.arm, one.is_shown) for one in found.hypotheses] == [
        ("content", LIME, False), ("content", SENN, True), ("attention", PLACEBO, False)
    ]  # fmt: skip
    for one in found.hypotheses:
        assert one.p_adjusted >= one.p_value


def test_an_arm_without_values_is_said_to_be_untested_and_the_rest_goes_on():
    allocation = in_blocks(30, n_arms=4, seed=5)
    values = np.random.default_rng(6).normal(size=120) + 1.5 * (allocation.arm == SENN)
    values[allocation.arm == LIME] = np.nan

    found = closed(values, allocation, explained=(LIME, SENN), draws=200)

    assert [one.p_adjusted is None for one in found.hypotheses] == [True, False, False]
    assert "what LIME says differs from a placebo (not tested)" in found.sentence
    assert found.hypotheses[1].is_shown


def test_error_over_the_family_is_kept_when_one_part_works():
    # Content is real and large, attention is nothing: how often attention is "shown" must stay at alpha.
    rng = np.random.default_rng(7)
    wrong = []
    for trial in range(250):
        arm = rng.integers(0, 3, 36)
        values = rng.normal(size=36) + 3.0 * (arm == LIME)
        found = closed(values, SimpleRandomisation(arm, (1, 1, 1)), draws=99, seed=trial, alpha=0.1)
        wrong.append(found.hypotheses[1].is_shown)

    assert np.mean(wrong) == pytest.approx(0.1, abs=0.057)  # three standard errors


def test_an_arm_named_twice_is_refused():
    with pytest.raises(InputError, match="1 to 8 explained arms"):
        closed(np.zeros(9), in_blocks(3), explained=(LIME, PLACEBO))
