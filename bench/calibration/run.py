"""Trying every group on many studies: some at a time, each kept as soon as it is done, so that a run can go on."""

import hashlib
import inspect
import json
import multiprocessing
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from zlib import crc32

import numpy as np

from analysis.errors import AnalysisError
from bench.calibration.checks import Answers, Group
from bench.calibration.groups import GROUPS

CHUNK = 50
HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
Columns = Mapping[str, list[bool | None]]


@dataclass(frozen=True)
class Part:
    """The studies of a group from number `start` on, `n` of them."""

    group: str
    seed: int
    start: int
    n: int


def try_part(part: Part) -> Columns:
    """Try a group on some studies; the answers to each check, in the order of the studies."""
    group = GROUPS[part.group]
    rows = [try_one(group, part.seed, part.start + k) for k in range(part.n)]
    return {key: [row[key] for row in rows] for key in group.checks}


def try_one(group: Group, seed: int, number: int) -> Answers:
    """Try a group on one study, drawn from a generator of its own; a model without a maximum gives no answer."""
    draw = np.random.default_rng([seed, crc32(group.key.encode()), number])
    try:
        found = group.trial(draw)
    except AnalysisError:
        return dict.fromkeys(group.checks)
    return {key: None if found[key] is None else bool(found[key]) for key in group.checks}


def run(groups: Mapping[str, int], seed: int, folder: Path, processes: int) -> Iterator[tuple[str, int, int]]:
    """Try groups on so many studies each, on from where an earlier run ended; yield what is done of how many."""
    done = {key: len(next(iter(read(folder, key, seed).values()), [])) for key in groups}
    starts = [(key, start, n) for key, n in groups.items() for start in range(done[key], n, CHUNK)]
    todo = [Part(key, seed, start, min(CHUNK, n - start)) for key, start, n in starts]
    for part, columns in zip(todo, _tried(todo, processes), strict=True):
        _keep(kept_in(folder, part.group, seed) / f"{part.start:06}.json", columns)
        done[part.group] += part.n
        yield part.group, done[part.group], groups[part.group]


def _tried(todo: list[Part], processes: int) -> Iterator[Columns]:
    if processes == 1:
        yield from map(try_part, todo)
        return
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(try_part, todo)


def _keep(path: Path, columns: Columns) -> None:
    """Write answers so that a run which is killed leaves whole files only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps({key: [None if x is None else int(x) for x in c] for key, c in columns.items()}))
    unfinished.replace(path)


def read(folder: Path, key: str, seed: int) -> Columns:
    """Return the answers that are kept of a group; nothing where there are none."""
    columns: dict[str, list[bool | None]] = {}
    for path in sorted(kept_in(folder, key, seed).glob("*.json")):
        for name, answers in json.loads(path.read_text()).items():
            columns.setdefault(name, []).extend(None if x is None else bool(x) for x in answers)
    return columns


def kept_in(folder: Path, key: str, seed: int) -> Path:
    """Return the folder of a group's answers; it goes by the code too, so that no other code's are mixed in."""
    return folder / f"{key}-{seed}-{fingerprint(key)}"


@cache
def fingerprint(key: str) -> str:
    """Return a name for the code that makes a group's answers, as it was when this program first asked."""
    files = [*sorted((ROOT / "analysis").rglob("*.py")), HERE / "checks.py", HERE / "draw.py", _home(GROUPS[key])]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]


def _home(group: Group) -> Path:
    """Return the file that a group's trial is written in."""
    trial = group.trial.func if isinstance(group.trial, partial) else group.trial
    return Path(inspect.getfile(trial))
