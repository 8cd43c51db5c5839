"""Errors of this package: each message says what was expected, what came and what to do."""

from collections.abc import Sequence

SHOWN = 20  # a table scored in the wrong way is wrong in every row: nobody reads past these


class AnalysisError(Exception):
    """Base of everything `analysis` raises on purpose."""


class InputError(AnalysisError):
    """An input with problems, all of them listed so that one round of mending is enough.

    Parameters
    ----------
    what : str
        The input, as the reader calls it.
    problems : sequence of str
        One sentence each, with the row and column or the path it is about.
    """

    def __init__(self, what: str, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        shown = "".join(f"\n  {problem}" for problem in self.problems[:SHOWN])
        more = f"\n  and {len(self.problems) - SHOWN} more" if len(self.problems) > SHOWN else ""
        noun = "problem" if len(self.problems) == 1 else "problems"
        super().__init__(f"{what}: {len(self.problems)} {noun} to mend{shown}{more}")


class TableError(InputError):
    """A response table that cannot be read or contradicts itself or the design."""


class DesignError(InputError):
    """A design file whose parts needed here are absent or out of bounds."""


class EmptyStudyError(AnalysisError):
    """A table that is sound but holds nobody the plan asks about."""


class ReportError(AnalysisError):
    """A report.json that this version cannot read."""


class MappingError(InputError):
    """A mapping that does not say, or says wrongly, what a file from elsewhere means."""


class ImportedFileError(InputError):
    """A file from elsewhere that cannot be read as its mapping says, or that holds what may not be brought in."""
