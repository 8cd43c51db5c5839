"""Utility-K by hand, and the coverage of its interval."""

import numpy as np
import pytest

from analysis.estimands.base import Question
from analysis.estimands.utility_curve import utility_curve
from analysis.table import table_of

QUESTION = Question("one", "two", "available")


def screen(subject, index, kind, phase, item="", correct=""):
    cells = {
        "label": "yes",
        "model_output": "yes",
        "response": "yes" if correct == 1 else "no",
        "correct": str(correct),
    }
    return {
        "study_id": "s", "subject_id": subject, "stage": "main", "simulated": "0", "trial_index": str(index),
        "trial_type": kind, "phase": phase, "item": item, **(cells if correct != "" else {}),
    }  # fmt: skip


def person(subject, one, two, examples=3):
    """Somebody who learns from `examples`, answers session one, learns from as many again, answers session two."""
    screens = [("worked_example", "learn", f"e{i}", "") for i in range(examples)]
    screens += [("forward_simulation", "one", f"a{i}", hit) for i, hit in enumerate(one)]
    screens += [("worked_example", "again", f"f{i}", "") for i in range(examples)]
    screens += [("forward_simulation", "two", f"b{i}", hit) for i, hit in enumerate(two)]
    return [screen(subject, index, *cells) for index, cells in enumerate(screens)]


def curve_of(people, arm, **how):
    table = table_of([row for rows in people for row in rows])
    positions = np.array([int(subject[1:]) for subject in table.subject_id])
    settings = {"level": 0.95, "draws": 400, "seed": 1, **how}
    return utility_curve(table, positions, np.array(arm), (1, 0), QUESTION, **settings)


def test_each_session_is_a_ratio_of_arm_means_and_the_area_is_their_mean():
    people = [
        person("p0", (1, 0, 0, 0), (1, 1, 0, 0)),
        person("p1", (1, 1, 0, 0), (1, 0, 0, 0)),
        person("p2", (1, 1, 0, 0), (1, 1, 1, 0)),
        person("p3", (1, 1, 1, 0), (1, 1, 1, 1)),
    ]

    found = curve_of(people, [0, 0, 1, 1])

    assert [(p.session, p.n_examples, p.explained, p.control) for p in found.points] == [
        ("one", 3, 0.625, 0.375),
        ("two", 6, 0.875, 0.375),
    ]
    assert [p.utility.value for p in found.points] == pytest.approx([5 / 3, 7 / 3])
    assert found.area.value == pytest.approx(2)
    assert [p.n_enrolments for p in found.points] == [(2, 2), (2, 2)]


def test_sessions_come_in_the_order_in_which_people_met_them():
    phases = ("one", "z", "a", "two")
    rows = [screen("p0", i, "forward_simulation", phase, f"i{i}", 1) for i, phase in enumerate(phases)]

    assert [p.session for p in curve_of([rows], [0]).points] == list(phases)


def random_people(draw, rates, n, n_items=8):
    arms = np.repeat([0, 1], n // 2)
    return [
        person(f"p{i}", *(draw.random((2, n_items)) < np.array(rates[k])[:, None]).astype(int), examples=0)
        for i, k in enumerate(arms)
    ], arms.tolist()


def test_the_interval_holds_the_true_ratio_as_often_as_it_says():
    draw = np.random.default_rng(4)
    truth, held = np.array([1.2, 1.5]), np.zeros(2)
    for seed in range(60):
        people, arms = random_people(draw, ((0.5, 0.5), (0.6, 0.75)), 40)
        found = curve_of(people, arms, seed=seed, draws=200)
        held += [
            p.utility.interval.low <= t <= p.utility.interval.high for p, t in zip(found.points, truth, strict=True)
        ]

    assert (held / 60 >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 60)).all()
    assert {p.n_examples for p in found.points} == {None}


def test_the_conservative_interval_is_wider_and_the_same_seed_gives_the_same():
    people, arms = random_people(np.random.default_rng(6), ((0.5, 0.5), (0.6, 0.7)), 60)

    found = curve_of(people, arms)

    area = found.area
    assert area.conservative_interval.high - area.conservative_interval.low > area.interval.high - area.interval.low
    assert curve_of(people, arms) == found
    assert curve_of(people, arms, seed=2) != found


def test_without_answers_there_is_no_ratio_and_with_one_person_no_interval():
    lone = curve_of([person("p0", (1, 0), (1, 1)), person("p1", (1, 1), (1, 1))], [0, 1])
    nobody = curve_of([person("p0", (1, 0), (1, 1)), person("p1", (), ())], [0, 1])
    all_wrong = curve_of([person("p0", (0, 0), (0, 0)), person("p1", (1, 1), (1, 1))], [0, 1])

    assert (lone.points[0].utility.value, lone.points[0].utility.interval) == (2.0, None)
    assert nobody.area.value is None
    assert all_wrong.points[0].utility.value is None
    assert all_wrong.points[0].control == 0
