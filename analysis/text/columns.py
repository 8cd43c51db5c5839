"""Columns of plain text, and how arms and effects are named in them."""

from collections.abc import Sequence

from analysis.numbers import (
    scale_of,
)
from analysis.report import Report
from analysis.types import Contrast, Estimate


def columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Set rows under a header, the first column to the left, the others to the right."""
    table = [list(header), *map(list, rows)]
    widths = [max(len(cells[i]) for cells in table) for i in range(len(header))]
    lines = [
        "  ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                  for i, (cell, width) in enumerate(zip(cells, widths, strict=True))).rstrip()
        for cells in table
    ]  # fmt: skip
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def name_of(report: Report, contrast: Contrast) -> str:
    """A contrast by its arms' titles."""
    return f"{report.arm_title(contrast.arm)} minus {report.arm_title(contrast.minus)}"


def counts(estimate: Estimate) -> str:
    """How many people each arm has in an estimate."""
    return "/".join(str(count) for count in estimate.n_enrolments.values())


def effect_of(report: Report) -> str:
    """What the column of effects is headed with: the unit."""
    return f"effect, {scale_of(report.unit).noun}"
