"""Effects that differ between items: the boundary test, shrinkage in closed form, and coverage."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import special, stats

from analysis.errors import InputError
from analysis.inference.mixed.constrained import fit_constrained
from analysis.inference.mixed.fit import BinomialModel, describe, solve
from analysis.inference.mixed.heterogeneity import boundary_test, item_heterogeneity


def simulated(
    deviation: float, *, n_people: int = 40, n_items: int = 16, seed: int = 1
) -> tuple[BinomialModel, np.ndarray]:
    """Return a study in which the gain is 0.5 on average and differs between items, and each item's true gain."""
    draw = np.random.default_rng(seed)
    person, item, post = (v.ravel() for v in np.meshgrid(range(n_people), range(n_items), (0, 1), indexing="ij"))
    effect = (post * (person >= n_people // 2)).astype(float)
    gains = 0.5 + deviation * draw.normal(size=n_items)
    eta = 0.2 + 0.1 * post + gains[item] * effect + 0.7 * draw.normal(size=n_people)[person]
    eta += 0.5 * draw.normal(size=n_items)[item]
    y = (draw.random(len(eta)) < special.expit(eta)).astype(float)
    fixed = np.stack([np.ones(len(y)), post, effect], axis=1)
    return BinomialModel(y, fixed, ("intercept", "post", "post:arm_1"), person, 10 * item), gains


# --- the test ---------------------------------------------------------------------------------------------------------


def test_the_reference_study_lies_on_the_boundary(set_a: dict[str, np.ndarray]) -> None:
    """reference.json, checklist.A_item_slope_lrt: LRT 3.0e-7, p 0.49978 (lme4); it must not crash."""
    y, post, arm, person, item = (set_a[key] for key in ("y", "post", "arm", "pid", "item"))
    fixed = np.stack([np.ones(len(y)), post, arm, post * arm], axis=1)
    model = BinomialModel(y, fixed, ("1", "post", "arm", "post:arm"), person.astype(int), item.astype(int))
    found = item_heterogeneity(model, "post:arm")
    assert found.test.statistic == pytest.approx(0.0, abs=1e-6)
    assert found.test.p_value == pytest.approx(0.5, abs=1e-3)
    assert found.deviation == pytest.approx(0.0, abs=1e-3)
    assert found.fit.certificate.is_singular
    # nothing differs, so each item has the average effect with the average's interval
    assert found.items[0].estimate == pytest.approx(found.items[-1].estimate, abs=1e-6)
    assert found.items[0].standard_error == pytest.approx(found.average.standard_error, rel=1e-6)


def test_p_is_that_of_the_mixture() -> None:
    model, _ = simulated(0.9)
    alone, correlated = (
        item_heterogeneity(model, "post:arm_1"),
        item_heterogeneity(model, "post:arm_1", correlated=True),
    )
    first, second = alone.test.statistic, correlated.test.statistic
    assert alone.test.p_value == pytest.approx(0.5 * stats.chi2.sf(first, 1))
    assert correlated.test.p_value == pytest.approx(0.5 * (stats.chi2.sf(second, 1) + stats.chi2.sf(second, 2)))
    assert second >= first - 1e-6
    assert "0 and 1" in alone.test.method
    assert "1 and 2" in correlated.test.method
    assert correlated.fit.item_covariance[0, 1] != 0 == alone.fit.item_covariance[0, 1]


def test_planted_heterogeneity_is_found_and_its_absence_rarely_denied() -> None:
    def tested(deviation: float, seed: int) -> tuple[float, float]:
        model, _ = simulated(deviation, n_people=24, n_items=10, seed=seed)
        slope = replace(model, item_slopes=model.fixed[:, 2], item_slopes_correlated=False)
        full = describe(solve(slope))
        return boundary_test(describe(solve(model)), full, correlated=False).p_value, full.item_covariance[1, 1]

    present, absent = ([tested(deviation, seed) for seed in range(8)] for deviation in (1.5, 0.0))
    assert sum(p < 0.05 for p, _ in present) >= 6
    assert np.sqrt(np.mean([variance for _, variance in present])) == pytest.approx(1.5, abs=0.5)
    # 5 % of 8 are 0.4, with a standard error of 0.6
    assert sum(p < 0.05 for p, _ in absent) <= 2
    assert max(p for p, _ in absent) <= 0.5


# --- the items --------------------------------------------------------------------------------------------------------


def test_items_are_drawn_towards_the_average_and_sorted() -> None:
    model, gains = simulated(1.0, n_people=60)
    found = item_heterogeneity(model, "post:arm_1")
    estimates = np.array([item.estimate for item in found.items])
    assert (np.diff(estimates) >= 0).all()
    assert estimates.std() < found.deviation  # shrunken: less spread than there is
    order = [item.item // 10 for item in found.items]
    assert np.corrcoef(estimates, gains[order])[0, 1] > 0.6
    assert estimates.mean() == pytest.approx(found.average.estimate, abs=0.1)
    assert all(item.n_trials == 30 for item in found.items)
    assert found.new_item.low < min(item.estimate for item in found.items)
    reach = stats.t.ppf(0.975, 14) * np.hypot(found.deviation, found.average.standard_error)
    assert found.new_item.high - found.average.estimate == pytest.approx(reach)


def test_an_item_never_shown_explained_has_the_average_and_the_widest_interval() -> None:
    model, _ = simulated(1.0)
    gone = (model.items == 30) & (model.fixed[:, 2] == 1)
    found = item_heterogeneity(replace(model, correct=np.where(gone, np.nan, model.correct)), "post:arm_1")
    alone = next(item for item in found.items if item.item == 30)
    assert alone.n_trials == 0
    assert alone.estimate == pytest.approx(found.average.estimate, abs=1e-3)
    assert alone.standard_error == max(item.standard_error for item in found.items)
    # what is left open is all of the variance between items, and the error of the average
    assert alone.standard_error == pytest.approx(np.hypot(found.deviation, found.average.standard_error), rel=1e-3)


def test_intervals_of_items_cover_their_true_effects() -> None:
    covered, new = [], []
    for seed in range(4):
        model, gains = simulated(0.8, n_people=24, seed=100 + seed)
        found = item_heterogeneity(model, "post:arm_1")
        covered += [item.interval.low <= gains[item.item // 10] <= item.interval.high for item in found.items]
        fresh = 0.5 + 0.8 * np.random.default_rng(seed).normal(size=200)
        new.append(np.mean((found.new_item.low <= fresh) & (fresh <= found.new_item.high)))
    assert 0.84 <= np.mean(covered) <= 1.0  # of 64
    assert 0.85 <= np.mean(new) <= 1.0


def test_fewer_people_than_items_change_nothing() -> None:
    """The engine lays items out in rows then."""
    model, _ = simulated(1.0, n_people=12, n_items=20)
    found = item_heterogeneity(model, "post:arm_1", correlated=True)
    assert solve(model).crossing.participants_are_rows is False
    assert len(found.items) == 20
    doubled, _ = simulated(1.0, n_people=12, n_items=20)
    again = item_heterogeneity(replace(doubled, items=1000 - doubled.items), "post:arm_1", correlated=True)
    assert {1000 - item.item: item.estimate for item in again.items} == pytest.approx(
        {item.item: item.estimate for item in found.items}, abs=1e-4
    )


# --- where it comes from, and odd data --------------------------------------------------------------------------------


def test_it_takes_the_model_of_a_trial() -> None:
    model, _ = simulated(0.8)
    trial = fit_constrained(
        correct=model.correct, arm=(model.participants >= 20).astype(int), is_post=model.fixed[:, 1] == 1,
        participants=model.participants, items=model.items, n_arms=2,
    )  # fmt: skip
    assert item_heterogeneity(trial.model, "post:arm_1").deviation == pytest.approx(
        item_heterogeneity(model, "post:arm_1").deviation, abs=1e-6
    )


def test_separated_answers_give_no_intervals() -> None:
    model, _ = simulated(0.8)
    right = np.where(model.fixed[:, 2] == 1, 1.0, model.correct)
    found = item_heterogeneity(replace(model, correct=right), "post:arm_1")
    assert found.average.interval is None
    assert found.new_item is None
    assert all(item.interval is None for item in found.items)


def test_models_that_cannot_be_asked_are_refused() -> None:
    model, _ = simulated(0.8)
    with pytest.raises(InputError, match="intercept, post, post:arm_1"):
        item_heterogeneity(model, "arm")
    with pytest.raises(InputError, match="slopes over items"):
        item_heterogeneity(replace(model, item_slopes=model.fixed[:, 1]), "post:arm_1")
