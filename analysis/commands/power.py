"""`python -m analysis power plan.json [--people 60 100 200] [--effect 0.05 0.1] [--out FILE]`: power before money.

A grid is written cell by cell; a cell that the file holds already is not computed again.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from math import isnan
from pathlib import Path
from typing import Any

from analysis.commands.base import Commands, add_json, show
from analysis.errors import InputError
from analysis.power.grid import grid
from analysis.power.plan import PowerPlan, read_plan
from analysis.power.run import minimal_detectable_effect, power

NAME = "power"
EPILOG = """
example of plan.json (the rest has defaults, see analysis/power/plan.py):
  {"n_people": 120, "effects": [0.08, 0.08], "n_items": 16, "accuracy": 0.6, "drop_out": 0.1, "multiplicity": "dunnett"}

In Python: analysis.power.run.power(read_plan({...})).
"""


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        NAME,
        help="simulate how often the planned analysis would find the effect",
        description="How often would the planned analysis find the effect? People and items are drawn anew each time.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("plan", type=Path, help="JSON: n_people, effects, n_items, accuracy, ...")
    parser.add_argument("--people", type=int, nargs="+", help="sizes to try instead of the plan's")
    parser.add_argument("--effect", type=float, nargs="+", help="effects to try instead of the plan's")
    parser.add_argument("--target", type=float, help="find the smallest effect that has this power, such as 0.8")
    parser.add_argument("--out", type=Path, help="file of the grid's results; filled up when it is there")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes; the result is the same")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Simulate, and print the power of every cell of the grid, or the smallest effect."""
    plan = _read(options.plan)
    if options.target is not None:
        effect = minimal_detectable_effect(plan, target=options.target, workers=options.workers)
        found = {"target": options.target, "smallest_effect": effect}
        show(options, found, lambda: _smallest(options.target, effect))
        return 0
    try:
        cells = _fill(grid(plan, options.people or (), options.effect or ()), options.out, options.workers)
    except KeyboardInterrupt:
        sys.stderr.write("Stopped; the cells that were finished are kept, and are not computed again.\n")
        return 130
    show(options, cells, lambda: "\n".join(_lines(cells)))
    return 0


def _smallest(target: float, effect: float) -> str:
    if isnan(effect):
        return f"No effect that the scenario allows is found with power {target:.0%}; plan more people or items."
    return f"Smallest effect found with power {target:.0%}: {100 * effect:.1f} points"


def _read(path: Path) -> PowerPlan:
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(path.name, [f"expected JSON: {error}"]) from error
    if not isinstance(tree, dict):
        raise InputError(path.name, [f"expected an object with n_people and effects, found a {type(tree).__name__}"])
    return read_plan(tree)


def _fill(plans: Sequence[PowerPlan], out: Path | None, workers: int) -> list[dict[str, Any]]:
    done = json.loads(out.read_text(encoding="utf-8")) if out is not None and out.exists() else {}
    for plan in plans:
        if plan.key() not in done:
            result = power(plan, workers=workers, progress=_tell)
            done[plan.key()] = json.loads(json.dumps({"plan": asdict(plan), "power": asdict(result)}))
            if out is not None:
                out.write_text(json.dumps(done, indent=1) + "\n", encoding="utf-8")
    return [done[plan.key()] for plan in plans]


def _lines(cells: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield f"{'people':>7} {'effects':>22} {'power an arm':>24} {'any':>6} {'studies':>8} {'failed':>7}"
    for cell in cells:
        scenario, found = cell["plan"]["scenario"], cell["power"]
        effects = " ".join(f"{100 * effect:+.1f}" for effect in scenario["effects"])
        shares = " ".join(f"{100 * share:.1f} %" for share in found["by_arm"])
        yield (
            f"{scenario['n_people']:>7} {effects:>22} {shares:>24} {100 * found['any_arm']:>4.0f} %"
            f" {found['n_studies']:>8} {found['n_failed']:>7}"
        )
        if cell["plan"].get("looks"):
            ended = ", ".join(f"{100 * share:.0f} %" for share in found["ended"])
            yield f"        ends at each look: {ended}; {found['expected_people']:.0f} people on average"


def _tell(done: int, total: int) -> bool:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{done} of {total} studies" if done < total else "\r" + " " * 30 + "\r")
    return True
