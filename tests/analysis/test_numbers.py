import pytest

from analysis.numbers import amount, between, decimals, level_text, p_text, percent, points, scale_of, span
from analysis.types import Interval


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [(0.1234, 1, "+12.3"), (-0.1, 0, "−10"), (-0.0004, 1, "0.0"), (0.0, 0, "0"), (None, 1, "–")],
)
def test_proportions_are_written_as_signed_points(value, places, text):
    assert points(value, places) == text


@pytest.mark.parametrize(("half_width", "places"), [(0.0883, 1), (0.0999, 1), (0.1, 0), (0.35, 0), (0.004, 1)])
def test_digits_follow_the_half_width(half_width, places):
    assert decimals(Interval(-half_width, half_width, 0.95)) == places


@pytest.mark.parametrize(
    ("p", "text"), [(0.0001, "< 0.001"), (0.0234, "0.023"), (0.314, "0.31"), (1.0, "1.00"), (None, "–")]
)
def test_p_values_are_written_without_stars(p, text):
    assert p_text(p) == text


def test_intervals_shares_and_levels():
    assert span(Interval(-0.02, 0.118, 0.95)) == "−2.0 to +11.8"
    assert span(Interval(0.48, 0.561, 0.95), 0, signed=False) == "48 to 56"
    assert (span(None), percent(0.625), percent(None), level_text(0.95), level_text(0.975)) == (
        "–", "62 %", "–", "95 %", "97.5 %",
    )  # fmt: skip


def test_ratios_and_other_units_are_written_as_they_are_read():
    ratio = Interval(1.14, 2.013, 0.95)

    assert decimals(ratio, "ratio of odds") == 2
    assert (amount(1.514, "ratio of odds", 2), between(ratio, "ratio of odds", 2)) == ("× 1.51", "× 1.14 to 2.01")
    assert amount(-0.3, "standard deviations (d′)", 2) == "−0.30"
    assert decimals(Interval(-0.051, 0.049, 0.95), "log ms") == 3
    assert amount(0.0512, "log ms", 3) == "+0.051"
    assert scale_of("furlongs").noun == "furlongs"
