"""The effect over items: the model fitted, what it must not take for variation, and what is said without one."""

import numpy as np
import pytest

from analysis.api import analyse, report_from_json
from analysis.enrolments import read_enrolments
from analysis.estimation import Estimation
from analysis.inference.mixed.constrained import fit_constrained
from analysis.inference.mixed.fit import BinomialModel
from analysis.inference.mixed.heterogeneity import item_heterogeneity
from analysis.items import item_table, vary_over_items
from analysis.text import report_text


def found_in(study):
    table, design = study.table, study.design
    people = read_enrolments(table, design)
    return vary_over_items(Estimation(design, people.allocation, 100), table, people.positions(table))


def answer(row, *, right):
    other = {"yes": "no", "no": "yes"}[row["model_output"]]
    row.update(response=row["model_output"] if right else other, correct=str(int(right)))


def redraw(study, chance, seed=1, **cells):
    """Answer the rows with these cells anew; `chance` maps the number of an item to P(correct)."""
    draw = np.random.default_rng(seed)
    for row in study.where(**cells):
        answer(row, right=draw.random() < chance(int(row["item"][1:])))


def answers_of(study, phases):
    rows = [row for phase in phases for row in study.where(phase=phase)]
    people = {subject: number for number, subject in enumerate(sorted({row["subject_id"] for row in rows}))}
    return {
        "correct": np.array([float(row["correct"]) for row in rows]),
        "arm": np.array([int(row["arm"] == "lime") for row in rows]),
        "is_post": np.array([row["phase"] == "post" for row in rows]),
        "participants": np.array([people[row["subject_id"]] for row in rows]),
        "items": np.array([int(row["item"][1:]) for row in rows]),
    }


@pytest.fixture(scope="module")
def helps_some(simulate):
    """LIME makes the even items easy and the odd ones hard."""
    study = simulate(60, n_items=12, seed=5, item_sd=0.1)
    redraw(study, lambda item: 0.35 if item % 2 else 0.95, arm="lime", phase="post")
    return study


def test_the_model_is_of_the_answers_after_with_a_slope_of_the_arm(helps_some):
    a = answers_of(helps_some, ["post"])
    fixed = np.stack([np.ones(len(a["arm"])), a["arm"].astype(float)], axis=1)
    expected = item_heterogeneity(
        BinomialModel(a["correct"], fixed, ("1", "arm"), a["participants"], a["items"]), "arm"
    )

    (found,) = found_in(helps_some)

    assert found.test.p_value == pytest.approx(expected.test.p_value, rel=1e-6)
    assert found.deviation == pytest.approx(expected.deviation, rel=1e-6)
    assert (found.new_item.low, found.new_item.high) == pytest.approx((expected.new_item.low, expected.new_item.high))
    ours = {one.item: (one.value, one.interval.low, one.n_answers) for one in found.items}
    theirs = {f"i{one.item:02d}": (one.estimate, one.interval.low, one.n_trials) for one in expected.items}
    assert ours == {item: pytest.approx(cells, rel=1e-6) for item, cells in theirs.items()}


def test_an_effect_that_differs_between_items_is_seen_and_the_items_are_in_its_order(helps_some):
    (found,) = found_in(helps_some)

    assert found.test.p_value < 1e-4
    assert [int(one.item[1:]) % 2 for one in found.items] == [1] * 6 + [0] * 6
    assert found.words.startswith("Around the average of ")
    assert f"deviation of {found.deviation:.2f}" in found.words


def test_items_that_change_in_every_arm_are_no_variation_of_the_effect(simulate):
    """The constrained model with a slope of post:arm takes them for one: why PRE is left out."""
    study = simulate(100, n_items=16, seed=6, item_sd=0.1)
    redraw(study, lambda item: 0.4 if item % 2 else 0.85, phase="post")
    taken_for_one = item_heterogeneity(
        fit_constrained(**answers_of(study, ["pre", "post"]), n_arms=2).model, "post:arm_1"
    )

    (found,) = found_in(study)

    assert taken_for_one.test.p_value < 0.001
    assert found.test.p_value > 0.1


def test_without_variation_every_item_has_the_average_and_its_interval(simulate):
    (found,) = found_in(simulate(40, n_items=8, seed=0, gain={"lime": 0.1}, dropout=0.1))

    assert (found.deviation, found.test.statistic, found.test.p_value) == (0.0, 0.0, 0.5)
    assert {(one.value, one.interval) for one in found.items} == {(found.average.estimate, found.average.interval)}
    assert [one.item for one in found.items] == [f"i{number:02d}" for number in range(8)]
    assert found.words.startswith("No variation over items is seen")


def test_the_order_of_rows_does_not_matter_and_that_of_arms_only_to_rounding(helps_some):
    same = type(helps_some)(helps_some.rows[::-1], helps_some.tree)
    turned = type(helps_some)(helps_some.rows, {**helps_some.tree, "arms": helps_some.tree["arms"][::-1]})

    assert found_in(same) == found_in(helps_some)
    (first,), (second,) = found_in(helps_some), found_in(turned)
    assert (second.contrast, second.words) == (first.contrast, first.words)
    assert second.test.statistic == pytest.approx(first.test.statistic, rel=1e-9)
    assert [one.item for one in second.items] == [one.item for one in first.items]
    assert [one.value for one in second.items] == pytest.approx([one.value for one in first.items], rel=1e-9)


def test_every_explained_arm_is_compared_with_control_alone(planted):
    found = found_in(planted)
    alone = type(planted)([row for row in planted.rows if row["phase"] == "" or row["arm"] != "senn"], planted.tree)

    first, second = found_in(alone)

    assert [(one.contrast.arm, one.contrast.minus) for one in found] == [("lime", "none"), ("senn", "none")]
    assert (found[1].test is None, first) == (False, found[0])
    assert second.words.startswith("An arm has too few people")


def test_items_asked_in_one_arm_only_are_left_out(helps_some):
    study = type(helps_some)(list(helps_some.rows), helps_some.tree)
    study.without(study.where(arm="none", phase="post", item="i03"))

    (found,) = found_in(study)

    assert sorted(one.item for one in found.items) == [f"i{n:02d}" for n in range(12) if n != 3]
    assert "i03" not in dict(item_table([found]))


def all_right(study):
    redraw(study, lambda item: 1.0, phase="post")


def one_arm_right(study):
    redraw(study, lambda item: 1.0, phase="post", arm="lime")


def nobody_after(study):
    study.without(study.where(phase="post"))


@pytest.mark.parametrize(
    ("n_items", "spoil", "words"),
    [
        (2, lambda study: None, "Fewer than 3 items were answered in both arms."),
        (6, nobody_after, "An arm has too few people with answers to the items asked in both."),
        (6, all_right, "All answers are right, or all are wrong: nothing varies."),
        (6, one_arm_right, "Some answers are told apart perfectly, so the model of them has no maximum."),
    ],
)
def test_where_no_model_can_be_fitted_a_sentence_says_why(simulate, n_items, spoil, words):
    study = simulate(16, n_items=n_items, seed=2, bootstrap_draws=20)
    spoil(study)

    report = analyse(study.table, study.design, draws=20)

    (found,) = report.items
    assert (found.words, found.test, found.deviation, found.average, found.new_item, found.items) == (
        words, None, None, None, None, (),
    )  # fmt: skip
    assert f"LIME minus No explanation: {words}" in report_text(report)
    assert report_from_json(report.to_json()) == report


def test_the_text_lists_every_item(helps_some):
    report = analyse(helps_some.table, helps_some.design, draws=20)

    text = report_text(report)

    assert "Effect over the items of POST, in log odds of a right answer" in text
    for one in report.items[0].items:
        assert f"{one.item}" in text.split("Effect for each item")[1].split("\n\n")[0]
