"""`python -m analysis.power plan.json [--people 60 100 200] [--effect 0.05 0.1] [--out FILE]`: power before money.

A grid is written cell by cell; a cell that the file holds already is not computed again.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from analysis.errors import AnalysisError
from analysis.power.grid import grid
from analysis.power.plan import PowerPlan, read_plan
from analysis.power.run import minimal_detectable_effect, power


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 0, or 2 with a message on what to mend."""
    options = _parser().parse_args(arguments)
    try:
        plan = read_plan(json.loads(options.plan.read_text(encoding="utf-8")))
        if options.target is not None:
            effect = minimal_detectable_effect(plan, target=options.target, workers=options.workers)
            sys.stdout.write(f"Smallest effect found with power {options.target:.0%}: {100 * effect:.1f} points\n")
        else:
            _fill(grid(plan, options.people or (), options.effect or ()), options.out, options.workers)
    except (AnalysisError, OSError, json.JSONDecodeError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("Stopped; the cells that were finished are kept, and are not computed again.\n")
        return 130
    return 0


def _fill(plans: Sequence[PowerPlan], out: Path | None, workers: int) -> None:
    done = json.loads(out.read_text(encoding="utf-8")) if out is not None and out.exists() else {}
    sys.stdout.write(f"{'people':>7} {'effects':>22} {'power an arm':>24} {'any':>6} {'studies':>8} {'failed':>7}\n")
    for plan in plans:
        if plan.key() not in done:
            result = power(plan, workers=workers, progress=_tell)
            done[plan.key()] = {"plan": asdict(plan), "power": asdict(result)}
            if out is not None:
                out.write_text(json.dumps(done, indent=1) + "\n", encoding="utf-8")
        found = done[plan.key()]["power"]
        effects = " ".join(f"{100 * effect:+.1f}" for effect in plan.scenario.effects)
        shares = " ".join(f"{100 * share:.1f} %" for share in found["by_arm"])
        sys.stdout.write(
            f"{plan.scenario.n_people:>7} {effects:>22} {shares:>24} {100 * found['any_arm']:>4.0f} %"
            f" {found['n_studies']:>8} {found['n_failed']:>7}\n"
        )


def _tell(done: int, total: int) -> bool:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{done} of {total} studies" if done < total else "\r" + " " * 30 + "\r")
    return True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m analysis.power", description="How often would the planned analysis find the effect?"
    )
    parser.add_argument(
        "plan", type=Path, help="JSON: n_people, effects, n_items, accuracy, ... (analysis/power/plan.py)"
    )
    parser.add_argument("--people", type=int, nargs="+", help="sizes to try instead of the plan's")
    parser.add_argument("--effect", type=float, nargs="+", help="effects to try instead of the plan's")
    parser.add_argument("--target", type=float, help="find the smallest effect that has this power, such as 0.8")
    parser.add_argument("--out", type=Path, help="file of the grid's results; filled up when it is there")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes; the result is the same")
    return parser


if __name__ == "__main__":
    sys.exit(main())
