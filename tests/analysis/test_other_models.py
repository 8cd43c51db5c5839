"""The primary contrasts by other models, printed beside the planned estimate."""

import numpy as np
import pytest

from analysis.api import analyse
from analysis.enrolments import read_enrolments
from analysis.estimands import ESTIMANDS
from analysis.estimands.base import Question
from analysis.inference.mixed.constrained import fit_constrained
from analysis.inference.welch import welch
from analysis.other_models import ODDS, UNIT

LABELS = {
    "Welch's t test of gains": UNIT,
    "accuracy after, given accuracy before": UNIT,
    "mixed model of every answer": UNIT,
    "mixed model of every answer, odds for one person and item": ODDS,
    "logit model, odds over people and items": ODDS,
}


def beside(study, **options):
    found = {e.label: e for e in analyse(study.table, study.design, draws=50, **options).sensitivity}
    return {label: found[label] for label in LABELS}


def test_every_model_finds_a_planted_gain_on_its_own_scale(simulate):
    found = beside(simulate(240, gain={"lime": 0.2}, seed=4))

    assert {label: e.unit for label, e in found.items()} == LABELS
    for label, unit in LABELS.items():
        e = found[label]
        assert e.interval.low < e.value < e.interval.high
        assert e.interval.low > (0 if unit == UNIT else 1)
        assert e.p_value < 1e-4
        assert e.n_enrolments == {"lime": 120, "none": 120}
    values = [found[label].value for label, unit in LABELS.items() if unit == UNIT]
    assert max(values) - min(values) < 0.03


def test_each_is_what_its_estimator_says_of_the_same_answers(simulate):
    study = simulate(80, gain={"lime": 0.1}, dropout=0.1, seed=7)
    found = beside(study)

    people = read_enrolments(study.table, study.design)
    question = Question("pre", "post", "available")
    gain = ESTIMANDS["gain_in_accuracy"].measure(study.table, people.positions(study.table), len(people), question)
    arm = people.allocation.arm
    other = welch(gain.values[arm == 1], gain.values[arm == 0], 0.95)
    assert found["Welch's t test of gains"].interval == other.interval

    rows = [(a, post) for a, post in ((gain.pre, False), (gain.post, True))]
    where = [np.nonzero(a.given) for a, _ in rows]
    fit = fit_constrained(
        correct=np.concatenate([a.correct[at] for (a, _), at in zip(rows, where, strict=True)]),
        arm=np.concatenate([arm[at[0]] for at in where]),
        is_post=np.concatenate([np.full(len(at[0]), post) for (_, post), at in zip(rows, where, strict=True)]),
        participants=np.concatenate([at[0] for at in where]),
        items=np.concatenate([at[1] for at in where]),
        n_arms=2,
    )
    assert found["mixed model of every answer"].value == pytest.approx(
        fit.marginal_gain(1).risk_difference.estimate, abs=1e-9
    )


def test_people_who_left_count_with_the_answers_they_gave(simulate):
    study = simulate(80, dropout=0.3, seed=3)
    found = beside(study)

    observed = found["Welch's t test of gains"].n_enrolments
    assert sum(observed.values()) < 80
    assert found["mixed model of every answer"].n_enrolments == {"lime": 40, "none": 40}


def test_several_arms_are_in_one_mixed_model(simulate):
    arms = (("none", "control", 1), ("lime", "explained", 1), ("senn", "explained", 1))
    study = simulate(150, arms=arms, gain={"lime": 0.05, "senn": 0.2}, seed=5)

    found = [e for e in analyse(study.table, study.design, draws=50).sensitivity if e.label in LABELS]

    assert len(found) == 2 * len(LABELS)
    mixed = {e.contrast.arm: e.value for e in found if e.label == "mixed model of every answer"}
    assert mixed["senn"] > mixed["lime"]


@pytest.mark.parametrize("gain", [5.0, -5.0])
def test_answers_that_an_arm_tells_perfectly_have_no_estimate_and_say_so(simulate, gain):
    found = beside(simulate(40, gain={"lime": gain}, seed=2))

    mixed = found["mixed model of every answer"]
    assert (mixed.value, mixed.interval, mixed.p_value) == (None, None, None)
    assert "no maximum" in mixed.method
    assert found["logit model, odds over people and items"].value is None
    assert found["Welch's t test of gains"].value is not None


def test_an_arm_that_everybody_left_is_not_estimated(simulate):
    study = simulate(24, seed=1)
    rows = [row for row in study.rows if not (row.get("arm") == "lime" and row.get("phase") == "post")]
    found = beside(type(study)(rows, study.tree))

    assert {label for label, e in found.items() if e.value is not None} == set()
    assert all(e.method for e in found.values())


def test_an_arm_to_which_nobody_was_allocated_is_said_and_breaks_nothing(simulate):
    study = simulate(1, n_items=5, seed=1, bootstrap_draws=10)
    assert study.where(trial_type="allocation")[0]["arm"] == "lime"

    found = {e.label: e for e in analyse(study.table, study.design, draws=10).sensitivity}

    ancova = found["accuracy after, given accuracy before"]
    assert (ancova.value, ancova.method) == (None, "an arm has nobody with answers in both phases")
