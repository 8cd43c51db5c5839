"""How often each test is wrong where nothing is to be found, and how often each interval holds the truth.

`make calibration`, or `python -m bench.calibration`, tries all of them on 2,000 studies (about 25 minutes of one core;
a process a core) and writes docs/calibration.json and docs/calibration.md. It can be stopped and goes on where it was,
as long as the code is the same. `--only GROUP` tries some again and leaves the others' lines in place. `--studies 100`
is a quick look: it prints the table and writes nothing into docs.
"""

from __future__ import annotations

import os

# Before numpy is loaded, and handed on to the other processes: one thread each.
os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")

import argparse
import sys
from pathlib import Path

from bench.calibration.groups import GROUPS
from bench.calibration.report import Table, commit_now, rows_of, stamp, to_page, write
from bench.calibration.run import ROOT, read, run

SEED = 20261122


def main() -> int:
    """Try everything, and say what is not as expected."""
    options = _options()
    commit = commit_now()
    sizes = {key: options.studies or GROUPS[key].n_studies for key in options.only or GROUPS}
    for key, done, of in run(sizes, options.seed, options.keep, options.processes):
        print(f"\r{key}: {done:,} of {of:,}".ljust(60), end="\n" if done == of else "", file=sys.stderr, flush=True)
    rows = []
    for key, n in sizes.items():
        columns = {name: answers[:n] for name, answers in read(options.keep, key, options.seed).items()}
        rows += rows_of(GROUPS[key], columns)
    found = Table(tuple(rows), {key: stamp(GROUPS[key], options.seed, commit) for key in sizes})
    if options.studies:
        print(to_page(found))
    else:
        write(found, ROOT / "docs")
        print("docs/calibration.md", file=sys.stderr)
    off = [row for row in rows if not row.is_kept]
    print(f"{len(rows) - len(off)} of {len(rows)} lines are as expected.", file=sys.stderr)
    return 1 if off else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.calibration", description=(__doc__ or "").split("\n")[0])
    kept = Path(os.environ.get("FORETELL_DATA", ROOT / ".foretell")) / "calibration"
    parser.add_argument("--studies", type=int, help="of each group, for a quick look (default: 2,000, written to docs)")
    parser.add_argument("--only", nargs="+", choices=GROUPS, metavar="GROUP", help=f"some of {', '.join(GROUPS)}")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--keep", type=Path, default=kept, help="folder for what is done (default: the data folder)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
