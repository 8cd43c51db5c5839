"""`python -m analysis responses.csv design.json [--out FOLDER]`: the report, repeated from the downloaded files.

`python -m analysis schema` prints the JSON Schema of report.json (docs/report.schema.json is its output).
"""

import argparse
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from analysis.api import analyse, draw_figures, read_design, read_table
from analysis.columns import STAGES
from analysis.errors import AnalysisError
from analysis.report import Report, report_schema
from analysis.text import report_text
from analysis.words import methods_paragraph, results_paragraph


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 0, or 2 with a message on what to mend."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given == ["schema"]:
        sys.stdout.write(schema_text())
        return 0
    options = _parser().parse_args(given)
    try:
        table, design = read_table(options.responses), read_design(options.design)
        report = analyse(table, design, stages=options.stage, draws=options.draws)
        text = "\n".join(
            [report_text(report), "Methods", methods_paragraph(report), "", "Results", results_paragraph(report)]
        )
        if options.out is not None:
            write_report(report, text, options.out)
    except (AnalysisError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a console without a minus sign or curly quotes still gets its table
    sys.stdout.write(f"{text}\n")
    return 0


def schema_text() -> str:
    """Return the JSON Schema of report.json as text."""
    return json.dumps(report_schema(), indent=2) + "\n"


def write_report(report: Report, text: str, folder: Path) -> None:
    """Write report.json, report.txt and figures/*.svg into a folder, which is made if absent.

    Parameters
    ----------
    report : Report
    text : str
        What report.txt is to say.
    folder : Path
    """
    figures = folder / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(report.to_json(), encoding="utf-8")
    (folder / "report.txt").write_text(text + "\n", encoding="utf-8")
    for figure in draw_figures(report):
        (figures / f"{figure.key}.svg").write_text(figure.svg, encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m analysis",
        description="Say whether the explanations helped.",
        epilog="python -m analysis schema prints the JSON Schema of report.json.",
    )
    parser.add_argument("responses", type=Path, help="responses.csv, as downloaded")
    parser.add_argument("design", type=Path, help="design.json, as downloaded")
    parser.add_argument("--out", type=Path, help="folder for report.json, report.txt and figures/*.svg")
    parser.add_argument(
        "--stage", action="append", choices=STAGES, help="analyse this stage instead of the plan's; may be repeated"
    )
    parser.add_argument("--draws", type=_positive, help="re-draw the allocation this often instead of as planned")
    return parser


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, found {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
