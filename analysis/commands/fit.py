"""`python -m analysis fit data.csv --formula "y ~ post*arm + (1|pid) + (1|item)"`: a mixed model by formula."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from analysis.codec import encode
from analysis.commands.base import Commands, add_json, number, p_text, show
from analysis.errors import InputError
from analysis.formula import ModelFit, fit
from analysis.formula.fitting import FAMILIES, LINKS

NAME = "fit"
EPILOG = """
examples:
  python -m analysis fit data.csv --formula "y ~ post*arm + (1|pid) + (1|item)" --json
  python -m analysis fit data.csv --formula "y ~ post + post:arm + (1+post|pid) + (1|item)" --reference arm=none
  python -m analysis fit times.csv --formula "rt_ms ~ arm + (1|pid) + (1|item)" --family lognormal
  python -m analysis fit counts.csv --formula "cbind(right, n - right) ~ arm + (1|class)"

Columns whose cells are all numbers are numbers, all others factors; factor(arm) makes a factor of a number. The first
level in alphabetical order is what others are compared with, unless --reference names another. Rows with an empty cell
(or NA) in a column of the formula are left out and counted. In Python: analysis.formula.fit(data, formula).
"""


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        NAME,
        help="fit a mixed model by formula, in the notation of lme4",
        description="Fit a mixed model with one or two groups of random effects, in the notation of lme4.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("data", type=Path, help="CSV file with a row of names (gzip by its ending)")
    parser.add_argument("--formula", required=True, help="such as 'y ~ post*arm + (1|pid) + (1|item)'")
    parser.add_argument("--family", choices=FAMILIES, default="binomial", help="of the answers (default: binomial)")
    parser.add_argument("--link", choices=LINKS, default="logit", help="of binomial and ordinal models")
    parser.add_argument("--factor", action="append", default=[], metavar="COLUMN", help="take these numbers as names")
    parser.add_argument(
        "--reference", action="append", default=[], metavar="COLUMN=LEVEL", help="what others are compared with"
    )
    parser.add_argument("--weights", metavar="COLUMN", help="how many answers a row stands for; y is then a share")
    parser.add_argument("--level", type=float, default=0.95, help="of the intervals (default: 0.95)")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Fit, and print what came out."""
    found = fit(
        options.data,
        options.formula,
        family=options.family,
        link=options.link,
        factors=options.factor,
        references=dict(_reference(text) for text in options.reference),
        weights=options.weights,
        level=options.level,
    )
    show(options, _document(found), lambda: "\n".join(_lines(found)))
    return 0


def _reference(text: str) -> tuple[str, str]:
    column, sign, level = text.partition("=")
    if not sign:
        raise InputError("--reference", [f"COLUMN=LEVEL was expected, such as arm=control, {text!r} came"])
    return column.strip(), level.strip()


def _document(found: ModelFit) -> dict[str, object]:
    """Everything, with what scripts look for at the top: names, coefficients and standard errors side by side."""
    whole = encode(found)
    assert isinstance(whole, dict)
    return {
        "formula": whole.pop("formula"),
        "names": found.names,
        "coefficients": tuple(effect.estimate for effect in found.fixed),
        "standard_errors": tuple(effect.standard_error for effect in found.fixed),
        "random_sd": {
            part.group: dict(zip(part.names, part.standard_deviations, strict=True)) for part in found.random
        },
        **whole,
    }


def _lines(found: ModelFit) -> Iterator[str]:
    yield f"{found.formula}"
    yield f"{found.family}, {found.link}; {found.method}"
    yield ""
    yield from _fixed(found)
    yield ""
    yield from _random(found)
    if found.thresholds:
        yield f"Thresholds: {', '.join(number(value) for value in found.thresholds)}"
    yield ""
    dropped = f", {found.n_dropped} left out for an empty cell" if found.n_dropped else ""
    yield f"log-likelihood {found.loglik:.6f}; {found.n_trials} trials{dropped}; {found.seconds:.3f} s"
    yield _certificate(found)
    yield from (f"Note: {note}." for note in found.notes)


def _fixed(found: ModelFit) -> Iterator[str]:
    width = max(len(name) for name in ("", *found.names))
    has_freedom = any(effect.degrees_of_freedom is not None for effect in found.fixed)
    statistic = f"{'t':>8} {'df':>8}" if has_freedom else f"{'z':>8}"
    yield f"{'Fixed effects':<{width}} {'estimate':>10} {'std. error':>10} {statistic} {'p':>8}"
    for effect in found.fixed:
        interval = effect.confidence_interval
        around = f"  [{interval.low:.4f}, {interval.high:.4f}]" if interval else ""
        freedom = f"{number(effect.degrees_of_freedom, 1):>9}" if has_freedom else ""
        yield (
            f"{effect.name:<{width}} {effect.estimate:>10.4f} {number(effect.standard_error):>10}"
            f" {number(effect.statistic, 3):>8}{freedom} {p_text(effect.p_value):>8}{around}"
        )


def _random(found: ModelFit) -> Iterator[str]:
    yield f"{'Random effects':<32} {'std. dev.':>10}  correlations"
    for part in found.random:
        yield f"{part.group} ({part.n_levels})"
        for k, (name, deviation) in enumerate(zip(part.names, part.standard_deviations, strict=True)):
            own = part.correlations[k][:k]
            yield f"  {name:<30} {deviation:>10.4f}  {' '.join(number(value, 2) for value in own)}".rstrip()
    if found.residual_deviation is not None:
        yield f"{'Residual':<32} {found.residual_deviation:>10.4f}"


def _certificate(found: ModelFit) -> str:
    own = found.certificate
    if own.is_separated:
        return "No maximum: the fixed effects tell some answers perfectly, so their estimates run off to infinity."
    if not found.is_maximum:
        return f"No maximum was reached: one more step would gain {own.gain:.2g}. Do not report this fit."
    where = (
        "; a variance is zero or a correlation 1 (a singular fit: a result, not a failure)" if own.is_singular else ""
    )
    return f"Maximum: one more Newton step would gain {own.gain:.1e}; {own.evaluations} evaluations{where}."
