import re
import xml.etree.ElementTree as ET

import pytest

from analysis.api import analyse, draw_figures
from analysis.figures.figure import WIDTH, wrapped
from analysis.numbers import effect

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def report(planted):
    return analyse(planted.table, planted.design)


@pytest.fixture(scope="module")
def figures(report):
    return {figure.key: figure for figure in draw_figures(report)}


def texts(figure):
    return [" ".join(element.itertext()) for element in ET.fromstring(figure.svg).iter(f"{SVG}text")]


def test_the_picture_that_answers_the_question_comes_first(figures):
    assert list(figures) == ["effects", "accuracy", "model_right", "sensitivity", "flow"]


@pytest.mark.parametrize("key", ["effects", "accuracy", "model_right", "sensitivity", "flow"])
def test_a_figure_is_one_named_image_that_a_strict_policy_lets_through(figures, key):
    root = ET.fromstring(figures[key].svg)

    assert (root.get("role"), root.get("aria-label")) == ("img", figures[key].alt)
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    attributes = {name for element in root.iter() for name in element.attrib}
    assert not tags & {"script", "style", "image", "a", "foreignObject"}
    assert not [name for name in attributes if name == "style" or name.startswith("on") or name.endswith("href")]


@pytest.mark.parametrize("key", ["effects", "accuracy", "model_right", "sensitivity", "flow"])
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
    assert len(figures) == 4


def test_titles_are_escaped_and_long_ones_broken(simulate):
    arms = (("none", "control", 1), *((f"arm{i}", "explained", 1) for i in range(5)))
    study = simulate(12, arms=arms, n_items=4, draws=20, bootstrap_draws=10)
    study.tree["arms"][1]["title"] = 'Self-explaining <network> & "concepts"'

    figures = draw_figures(analyse(study.table, study.design))

    assert "<network>" in " ".join(texts(figures[3]))
    assert all(ET.fromstring(figure.svg) is not None for figure in figures)
    assert wrapped("Self-explaining network", 120) == ["Self-", "explaining", "network"]


def test_the_forest_shows_every_other_way_in_the_same_unit(figures, report):
    shown = texts(figures["sensitivity"])

    for estimate in report.primary:
        assert f"as planned: {effect(estimate)}" in shown
    for estimate in report.sensitivity:
        assert (f"{estimate.label}: {effect(estimate)}" in shown) == (estimate.unit == report.unit)
    assert {estimate.unit for estimate in report.sensitivity} == {report.unit, "ratio of odds"}
