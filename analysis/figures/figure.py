"""What a figure is, and the look all charts share."""

import textwrap
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape, quoteattr

import altair as alt
import vl_convert

WIDTH: Final = 600  # with 17 px text, still 10 px when scaled down to a phone of 375 px
TEXT: Final = 17
FONT: Final = "Arial, Helvetica, sans-serif"
INK: Final = "#1a1a1a"
QUIET: Final = "#595959"  # 7:1 on white
FAINT: Final = "#c4c4c4"
BAND: Final = "#ececec"
BLUE: Final = "#0b5fa5"  # told from orange by people who see no red or no green; both 5:1 or more on white
ORANGE: Final = "#b34700"

Chart = alt.LayerChart | alt.FacetChart | alt.HConcatChart | alt.ConcatChart
Row = dict[str, str | float | int | bool | None]


@dataclass(frozen=True)
class Figure:
    """One chart of a report.

    Parameters
    ----------
    key : str
        File name without the suffix.
    title : str
    caption : str
        A sentence on what to see, made from the numbers.
    alt : str
        The chart in words, for those who do not see it.
    svg : str
        Without scripts, links or style attributes.
    """

    key: str
    title: str
    caption: str
    alt: str
    svg: str


def rows(values: list[Row]) -> alt.Data:
    """Wrap rows for a chart."""
    return alt.Data(values=values)  # type: ignore[no-untyped-call]  # altair leaves it open


def to_svg(chart: Chart, alt_text: str) -> str:
    """Set a chart in the house's type and render it.

    Parameters
    ----------
    chart : altair chart
    alt_text : str
        For screen readers.

    Returns
    -------
    str
        SVG text.
    """
    styled = (
        chart.configure(font=FONT, background="white", padding=8)
        .configure_axis(labelFontSize=TEXT - 1, titleFontSize=TEXT - 1, labelColor=INK, titleColor=INK,
                        titleFontWeight="normal", gridColor="#e6e6e6", domainColor=QUIET, tickColor=QUIET)
        .configure_title(fontSize=TEXT + 2, subtitleFontSize=TEXT - 2, color=INK, subtitleColor=QUIET, anchor="start",
                         frame="group", offset=14, subtitlePadding=5)
        .configure_text(fontSize=TEXT - 1, color=INK)
        .configure_view(stroke=None)
        .configure_header(labelFontSize=TEXT, labelColor=INK)
    )  # fmt: skip
    version = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    return described(str(vl_convert.vegalite_to_svg(styled.to_dict(), vl_version=version)), alt_text)


def described(svg: str, alt_text: str) -> str:
    """Let an SVG be one image with a name, for assistive technology."""
    return svg.replace("<svg ", f'<svg role="img" aria-label={quoteattr(alt_text)} ', 1)


def wrapped(text: str, width_px: float) -> list[str]:
    """Break a bold label into lines that fit a width."""
    return textwrap.wrap(text, max(6, int(width_px / (0.52 * TEXT)))) or [""]


def text_element(
    x: float, y: float, text: str, *, size: int = TEXT - 1, bold: bool = False, anchor: str = "start"
) -> str:
    """Return a line of text for an SVG made by hand."""
    weight = ' font-weight="bold"' if bold else ""
    place = f'x="{x:g}" y="{y:g}" text-anchor="{anchor}"'
    return f'<text {place} font-size="{size}"{weight} fill="{INK}">{escape(text)}</text>'
