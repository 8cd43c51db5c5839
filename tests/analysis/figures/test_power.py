"""The power curve: every cell is drawn, and what it says in words is what the cells say."""

from analysis.figures.power import power_figure
from analysis.power.grid import Cell
from analysis.types import Interval


def made(n_people: int, effect: float, power: float) -> Cell:
    return Cell(n_people, effect, power, Interval(power - 0.03, power + 0.03, 0.95), 1_000, 0)


CELLS = [made(100, 0.05, 0.31), made(100, 0.1, 0.78), made(200, 0.05, 0.52), made(200, 0.1, 0.96)]


def test_the_caption_says_what_the_largest_size_finds():
    figure = power_figure(CELLS, planned=150)

    assert figure.caption == (
        "With 200 people, a gain of 5 points in 52 % of studies; a gain of 10 points in 96 % of studies. "
        "The grey line is 80 %."
    )


def test_every_cell_and_the_planned_size_are_drawn():
    svg = power_figure(CELLS, planned=150).svg

    assert svg.count('aria-roledescription="point"') == len(CELLS)
    assert all(text in svg for text in ("5 points", "10 points"))
    assert "Upright line: the 150 people planned." in svg
    assert "<script" not in svg


def test_one_size_and_one_effect_are_a_picture_too():
    assert power_figure(CELLS[:1], planned=100).svg.count('aria-roledescription="point"') == 1
