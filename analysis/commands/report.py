"""`python -m analysis report responses.csv design.json [--out FOLDER]`: the report, repeated from downloaded files."""

import argparse
from pathlib import Path

from analysis.api import analyse, draw_figures, read_design, read_looks, read_table
from analysis.columns import STAGES
from analysis.commands.base import Commands, add_json, show
from analysis.report import Report
from analysis.text import report_text
from analysis.words import methods_paragraph, results_paragraph

NAME = "report"


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        NAME,
        help="say whether the explanations helped, from responses.csv and design.json",
        description="Say whether the explanations helped: the planned analysis, from the files as downloaded.",
        epilog="In Python: analysis.api.analyse(read_table('responses.csv'), read_design('design.json')).",
    )
    parser.add_argument("responses", type=Path, help="responses.csv, as downloaded")
    parser.add_argument("design", type=Path, help="design.json, as downloaded")
    parser.add_argument("--out", type=Path, help="folder for report.json, report.txt and figures/*.svg")
    parser.add_argument(
        "--stage", action="append", choices=STAGES, help="analyse this stage instead of the plan's; may be repeated"
    )
    parser.add_argument("--draws", type=_positive, help="re-draw the allocation this often instead of as planned")
    parser.add_argument("--looks", type=Path, help="looks.json, as downloaded, of a study with planned looks")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Analyse, print the report as text, and write it with its figures where that was asked for."""
    table, design = read_table(options.responses), read_design(options.design)
    looks = read_looks(options.looks) if options.looks else ()
    report = analyse(table, design, stages=options.stage, draws=options.draws, looks=looks)
    text = "\n".join(
        [report_text(report), "Methods", methods_paragraph(report), "", "Results", results_paragraph(report)]
    )
    if options.out is not None:
        write_report(report, text, options.out)
    show(options, report, lambda: text)
    return 0


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


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, found {text!r}")
    return int(text)
