import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from analysis.api import analyse, draw_figures
from analysis.figures.figure import WIDTH, wrapped
from analysis.numbers import effect

SVG = "{http://www.w3.org/2000/svg}"
KEYS = ["effects", "accuracy", "learning", "model_right", "sensitivity", "items", "flow"]


@pytest.fixture(scope="module")
def report(planted):
    return analyse(planted.table, planted.design)


@pytest.fixture(scope="module")
def figures(report):
    return {figure.key: figure for figure in draw_figures(report)}


def texts(figure):
    return [" ".join(element.itertext()) for element in ET.fromstring(figure.svg).iter(f"{SVG}text")]


def test_the_picture_that_answers_the_question_comes_first(figures):
    assert list(figures) == KEYS


@pytest.mark.parametrize("key", KEYS)
def test_a_figure_is_one_named_image_that_a_strict_policy_lets_through(figures, key):
    root = ET.fromstring(figures[key].svg)

    assert (root.get("role"), root.get("aria-label")) == ("img", figures[key].alt)
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    attributes = {name for element in root.iter() for name in element.attrib}
    assert not tags & {"script", "style", "image", "a", "foreignObject"}
    assert not [name for name in attributes if name == "style" or name.startswith("on") or name.endswith("href")]


@pytest.mark.parametrize("key", KEYS)
def test_text_stays_readable_on_a_phone(figures, key):
    root = ET.fromstring(figures[key].svg)
    sizes = [float(size) for size in re.findall(r'font-size="([\d.]+)', figures[key].svg)]

    # Scaled down to 375 pixels the smallest text is still 9 pixels high.
    assert min(sizes) * 375 / float(root.get("width")) >= 8.8
    assert float(root.get("width")) <= WIDTH * 1.08


def test_effects_are_labelled_at_the_mark_with_their_intervals(figures, report):
    shown = texts(figures["effects"])

    for estimate in report.primary:
        assert f"{report.arm_title(estimate.contrast.arm)}: {effect(estimate)}" in shown
    assert f"Placebo (no information): {effect(report.secondary[2])}" in shown
    assert "percentage points more than with: No explanation" in shown
    assert any("smallest effect of interest (10 points)" in text for text in shown)


def test_marks_stand_where_the_numbers_say(figures, report):
    """The places of points and of the axis labels in the SVG lie on one line: pixels against percentage points."""
    svg = figures["effects"].svg
    labels = re.findall(r'<text text-anchor="middle" transform="translate\(([-\d.]+),[^>]*>([+−]?\d+)</text>', svg)
    ticks = {float(text.replace("−", "-")): float(x) for x, text in labels}
    points = [float(x) for x in re.findall(r'aria-roledescription="point" transform="translate\(([-\d.]+),', svg)]
    low, high = min(ticks), max(ticks)
    values = [low + (x - ticks[low]) * (high - low) / (ticks[high] - ticks[low]) for x in points]

    expected = [100 * e.value for e in report.estimates if e.contrast.minus == "none"]
    assert values == pytest.approx(expected, abs=0.2)  # axis labels are set at half pixels


def test_every_arm_has_a_panel_and_its_two_numbers(figures, report):
    shown = texts(figures["accuracy"])

    for arm in report.arms:
        assert {word for word in arm.title.split()} <= {word for text in shown for word in text.split()}
        for phase in ("pre", "post"):
            assert f"{100 * report.share(arm.key, phase).value:.0f} %" in shown


def test_the_flow_shows_every_count(figures, report):
    shown = texts(figures["flow"])

    for arm in report.flow.arms:
        assert f"{arm.answered_post} in POST" in shown
        assert f"{arm.analysed} analysed" in shown
    assert {f"{report.flow.arrived} arrived", f"{report.flow.declined} declined"} <= set(shown)


def test_captions_are_made_of_the_numbers(figures, report):
    assert effect(max(report.primary, key=lambda e: e.value)) in figures["effects"].caption
    assert figures["flow"].caption == (
        f"169 arrived, 160 were allocated, {sum(arm.completed for arm in report.flow.arms)} completed the study, "
        "160 are analysed."
    )


def test_a_study_without_estimates_is_drawn_too(simulate):
    study = simulate(8, n_items=4, draws=20, bootstrap_draws=10)
    study.without(study.where(phase="post"))

    figures = draw_figures(analyse(study.table, study.design))

    assert "LIME: not estimated" in texts(figures[0])
    assert [figure.key for figure in figures] == ["effects", "accuracy", "learning", "model_right", "flow"]


def test_titles_are_escaped_and_long_ones_broken(simulate):
    arms = (("none", "control", 1), *((f"arm{i}", "explained", 1) for i in range(5)))
    study = simulate(12, arms=arms, n_items=4, draws=20, bootstrap_draws=10)
    study.tree["arms"][1]["title"] = 'Self-explaining <network> & "concepts"'

    figures = draw_figures(analyse(study.table, study.design))

    assert "<network>" in " ".join(texts(next(figure for figure in figures if figure.key == "model_right")))
    assert all(ET.fromstring(figure.svg) is not None for figure in figures)
    assert wrapped("Self-explaining network", 120) == ["Self-", "explaining", "network"]


def test_the_forest_shows_every_other_way_in_the_same_unit(figures, report):
    shown = texts(figures["sensitivity"])

    for estimate in report.primary:
        assert f"as planned: {effect(estimate)}" in shown
    for estimate in report.sensitivity:
        assert (f"{estimate.label}: {effect(estimate)}" in shown) == (estimate.unit == report.unit)
    assert {estimate.unit for estimate in report.sensitivity} == {report.unit, "ratio of odds"}


def points_of(svg):
    """Return the places of the marks of points, as (x, y) in pixels."""
    found = re.findall(r'aria-roledescription="point" transform="translate\(([-\d.]+),([-\d.]+)\)', svg)
    return [(float(x), float(y)) for x, y in found]


def test_the_caterpillar_climbs_and_names_its_items_and_its_scale(figures, report):
    figure = figures["items"]
    shown = texts(figure)

    assert figure.title in shown
    assert "logit scale" in figure.title
    for one in report.items:
        assert report.arm_title(one.contrast.arm) in shown
        assert [text for text in shown if re.fullmatch(r"i\d\d", text)].count(one.items[0].item) == len(report.items)
        assert f"{one.items[0].value:+.2f}".replace("-", "−") in figure.caption
    panels = np.array_split(points_of(figure.svg), len(report.items))
    for panel, one in zip(panels, report.items, strict=True):
        assert len(panel) == len(one.items)
        assert (np.diff(panel, axis=0) >= 0).all()
        # Marks stand where the numbers say: pixels against log odds lie on one line.
        values = np.array([item.value for item in one.items])
        slope, start = np.polyfit(values, panel[:, 0], 1)
        assert panel[:, 0] == pytest.approx(start + slope * values, abs=0.1)


def test_many_items_go_without_their_names(simulate):
    study = simulate(30, n_items=41, seed=7, draws=20, bootstrap_draws=10, gain={"lime": 0.1})

    figures = {figure.key: figure for figure in draw_figures(analyse(study.table, study.design))}

    assert not any(re.fullmatch(r"i\d\d", text) for text in texts(figures["items"]))
    assert len(points_of(figures["items"].svg)) == 41


def test_long_names_of_items_keep_their_ends(simulate):
    study = simulate(30, n_items=4, seed=7, draws=20, bootstrap_draws=10, gain={"lime": 0.1})
    for row in study.where(trial_type="forward_simulation"):
        row["item"] = f"income-test-{row['item']}"

    figures = {figure.key: figure for figure in draw_figures(analyse(study.table, study.design))}

    assert {text for text in texts(figures["items"]) if "…" in text} == {f"…e-test-i0{n}" for n in range(4)}


def test_learning_has_a_panel_an_arm_with_controls_line_in_each(figures, report):
    figure = figures["learning"]
    shown = texts(figure)

    arms = [arm for arm in report.arms if arm.key != "none"]
    assert all(arm.title in shown for arm in arms)
    assert "No explanation" not in shown
    assert len(points_of(figure.svg)) == 2 * len(arms) * len(report.learning) // len(report.arms)
    assert [text for text in shown if "–" in text] == ["1–4", "13–16"] * 2 * len(arms)
    assert shown.count("Before") == shown.count("After") == len(arms)
    first, last = (point for point in report.learning if (point.arm, point.phase) == ("lime", "post")
                   and point.first in (1, 13))  # fmt: skip
    assert f"LIME {100 * first.value:.0f} % to {100 * last.value:.0f} %" in figure.caption
