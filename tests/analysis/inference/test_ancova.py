import numpy as np
import pytest

from analysis.errors import InputError
from analysis.inference.ancova import ancova
from analysis.inference.welch import welch


def test_pooled_errors_are_those_of_r(people_of_a):
    # reference.json, checklist.A_ancova (R's lm).
    found = ancova(people_of_a["post"], people_of_a["pre"], people_of_a["arm"], control=0, errors="pooled")

    (difference,) = found.differences
    assert difference.value == pytest.approx(0.068526348662, abs=1e-11)
    assert difference.standard_error == pytest.approx(0.030558250675, abs=1e-11)
    assert difference.p_value == pytest.approx(0.027207191932, abs=1e-11)
    assert (difference.degrees_of_freedom, difference.n, found.n) == (97, 100, 100)


def some_people(n=60, n_arms=3, seed=1):
    rng = np.random.default_rng(seed)
    arm = rng.permutation(np.arange(n) % n_arms)
    before = rng.normal(size=n)
    return 0.5 * before + 0.3 * arm + rng.normal(size=n) * (1 + arm), before, arm


def test_hc2_errors_are_the_definition():
    # MacKinnon & White 1985, J. Econometrics 29: squared residuals over one minus the leverage.
    after, before, arm = some_people()
    x = np.stack([np.ones(60), before, arm == 1, arm == 2], axis=1).astype(float)

    found = ancova(after, before, arm, control=0).differences

    bread = np.linalg.inv(x.T @ x)
    beta = bread @ x.T @ after
    leverage = np.einsum("ij,jk,ik->i", x, bread, x)
    meat = (x * ((after - x @ beta) ** 2 / (1 - leverage))[:, None]).T @ x
    errors = np.sqrt(np.diag(bread @ meat @ bread))
    assert [one.value for one in found] == pytest.approx(beta[2:], rel=1e-10)
    assert [one.standard_error for one in found] == pytest.approx(errors[2:], rel=1e-10)


def test_a_baseline_alike_in_everybody_of_an_arm_pair_leaves_welch():
    # The values before are the same set in both arms and unrelated to those after: the slope is zero, HC2 is Welch.
    before = np.tile([-1.0, 1.0, -1.0, 1.0], 2)
    after = np.array([1, 1, 2, 2, 5, 5, 9, 9.0])
    arm = np.repeat([0, 1], 4)

    found = ancova(after, before, arm, control=0)

    expected = welch(after[arm == 1], after[arm == 0], 0.95)
    assert found.slope == pytest.approx(0, abs=1e-12)
    assert found.differences[0].value == pytest.approx(expected.value, rel=1e-12)


def test_slopes_by_arm_estimate_the_difference_at_everybodys_mean():
    after, before, arm = some_people(40, 2)
    lines = [np.polyfit(before[arm == k], after[arm == k], 1) for k in (0, 1)]

    found = ancova(after, before, arm, control=0, slopes="by_arm")

    at_mean = [np.polyval(line, before.mean()) for line in lines]
    assert found.differences[0].value == pytest.approx(at_mean[1] - at_mean[0], rel=1e-9)
    assert found.slope == pytest.approx(lines[0][0], rel=1e-9)


def test_people_who_lack_a_value_are_left_out():
    after, before, arm = some_people()
    after[:5], before[5:9] = np.nan, np.nan

    found = ancova(after, before, arm, control=1)

    rest = ancova(after[9:], before[9:], arm[9:], control=1)
    assert found == rest
    assert found.n == 51


def test_an_arm_whose_people_all_left_leaves_the_others_as_they_are():
    after, before, arm = some_people()
    after[arm == 2] = np.nan

    first, second = ancova(after, before, arm, control=0).differences

    rest = arm != 2
    assert (first,) == ancova(after[rest], before[rest], arm[rest], control=0).differences
    assert (second.arm, second.value, second.interval) == (2, None, None)


def test_a_control_whose_people_all_left_gives_a_sentence():
    after, before, arm = some_people()
    after[arm == 0] = np.nan

    found = ancova(after, before, arm, control=0)

    assert "a cell of the design is empty" in found.problem
    assert [one.value for one in found.differences] == [None, None]


def test_a_control_without_anybody_is_refused():
    with pytest.raises(InputError, match="in which nobody is"):
        ancova(np.zeros(3), np.zeros(3), np.zeros(3, dtype=np.int64), control=1)


def test_coverage_holds_when_the_smaller_arm_varies_more():
    # 15 people with SD 2 against 45 with SD 1: pooled errors cover about 85 %.
    rng = np.random.default_rng(3)
    arm = np.repeat([0, 1], [45, 15])
    covered = []
    for _ in range(600):
        before = rng.normal(size=60)
        after = before + 0.5 * arm + rng.normal(size=60) * np.where(arm == 1, 2, 1)
        interval = ancova(after, before, arm, control=0).differences[0].interval
        covered.append(interval.low < 0.5 < interval.high)

    assert np.mean(covered) == pytest.approx(0.95, abs=0.027)  # three standard errors
