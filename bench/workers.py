"""How many explanations a second one worker stores and how many two do, through the whole stack, and the same bytes.

`python -m bench.workers` (or `python bench/workers.py`) freezes a study on Adult with 512 items and six methods, which
the relay and Celery workers of one process then compute as on a server: embedded Postgres (fsync on), Valkey, jobs of
16 items. One worker, then two; then two whose study is stopped on the way and resumed. It prints a table and writes
`bench/workers.json`, in about four minutes. Every turn begins from a copy of one database, so equal digests say that
neither the number of workers nor being stopped changes a byte.

The predictor is copied from the data folder where `make demo` has left it, else trained first (seconds).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import psycopg2
from psycopg2 import sql

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

if TYPE_CHECKING:
    from studyapp.embedded.supervise import Supervisor
    from studyapp.models import Study

DATASET, PREDICTOR = "adult", "adult-mlp"
METHODS = ("lime", "kernel_shap", "integrated_gradients", "smoothgrad", "occlusion", "placebo_random_weights")
N_ITEMS, PER_SET, WARM_ITEMS = 512, 256, 64
PER_CELL = 132  # candidates a cell of label x output; four cells hold all the items
TURNS = (1, 2)
TIMEOUT_S = 900
POLL_S = 0.05


@dataclass(frozen=True)
class Turn:
    """What one turn came to. `stopped_at` explanations were there when it was stopped, 0 where it was not."""

    n_workers: int
    n_explanations: int  # computed while the clock ran
    seconds: float
    per_second: float
    sha256: str
    stopped_at: int
    after_stop: int  # stored by batches that were being finished when it was stopped
    computed_again: int  # of those that were there before going on


# --- one turn, in a process of its own -----------------------------------------------------------------------------


def document(n_items: int, seed: int) -> dict[str, Any]:
    """The forward template with an arm a method, and examples by the number."""
    from studyapp.design.templates import TEMPLATES

    found: dict[str, Any] = dict(TEMPLATES["forward"].make(DATASET))
    control = {**next(arm for arm in found["arms"] if arm["role"] == "control"), "predictor": PREDICTOR}
    arms = [
        {
            "key": name.replace("_", "-"),
            "title": name,
            "role": "placebo" if name.startswith("placebo") else "explained",
            "predictor": PREDICTOR,
            "explainer": {"name": name, "params": {}},
        }
        for name in METHODS
    ]
    sets = [{"key": f"set{n}", "n_items": min(PER_SET, n_items)} for n in range(1, 1 + -(-n_items // PER_SET))]
    blocks = [
        {"key": one["key"], "task": "worked_example", "item_set": one["key"], "explanation": True} for one in sets
    ]
    test = next(one for one in found["item_sets"] if one["key"] == "test")
    phases = [{**phase, "blocks": blocks} if phase["kind"] == "learning" else phase for phase in found["phases"]]
    sizes = {"item_sets": [*sets, {**test, "n_items": 8}], "phases": phases}
    return {**found, **sizes, "arms": [control, *arms], "seed": seed, "title": f"{n_items} items"}


def fill() -> None:
    """Tables and items, in the database that the turns' are copies of."""
    import django

    django.setup()
    from django.core.management import call_command

    from studyapp.actions.material import add_material

    call_command("migrate", verbosity=0)
    add_material([PREDICTOR], per_cell=PER_CELL, seed=0)


def turn(n_workers: int, *, is_stopped: bool) -> Turn:
    """Freeze the study and wait until its explanations are there."""
    import django

    django.setup()
    from django.conf import settings

    from studyapp.embedded.supervise import Supervisor
    from studyapp.management.station import start_workers
    from studyapp.models.heartbeat import Heartbeat

    with Supervisor(settings.DATA_DIR, cwd=ROOT, report=_to_stderr) as supervisor:
        start_workers(supervisor, explain=n_workers)
        _wait(supervisor, lambda: Heartbeat.objects.filter(kind="explain").count() == n_workers, "the workers")
        return _measured(supervisor, n_workers, is_stopped=is_stopped)


def _measured(supervisor: Supervisor, n_workers: int, *, is_stopped: bool) -> Turn:
    # The workers import torch at their first jobs, which are those of another study; the clock starts after it.
    warm, study = _frozen(document(WARM_ITEMS, seed=2)), _frozen(document(N_ITEMS, seed=1))
    _wait(supervisor, _is_ready(warm), "the first jobs")
    begun, at_first = time.perf_counter(), _progress(study)
    stopped_at, after_stop, before = (0, 0, {})
    if is_stopped:
        _wait(supervisor, lambda: _progress(study).ready >= at_first.total // 3, "a third")
        stopped_at, after_stop, before = _stop_and_go_on(supervisor, study)
    _wait(supervisor, _is_ready(study), "the explanations")
    seconds = time.perf_counter() - begun
    n_done, now = at_first.total - at_first.ready, _computed_at(study)
    again = sum(now[key] != at for key, at in before.items())
    return Turn(n_workers, n_done, seconds, n_done / seconds, _digest(study), stopped_at, after_stop, again)


def _stop_and_go_on(supervisor: Supervisor, study: Study) -> tuple[int, int, dict[str, str]]:
    """How many were there at the stop, how many came after it, and when each of them all was computed."""
    from studyapp.actions.stopping import resume_explanations, stop_explanations

    stop_explanations(study=study, actor="system")
    stopped_at, rest_s = _progress(study).ready, 3.0
    quiet = time.perf_counter() + rest_s
    _wait(supervisor, lambda: time.perf_counter() > quiet, "the workers to rest")
    before = _computed_at(study)
    if _progress(study).stopped == 0:
        raise SystemExit(f"bench.workers: nothing was left to stop, {stopped_at} were there: {_progress(study)}")
    resume_explanations(study=study, actor="system")
    return stopped_at, len(before) - stopped_at, before


def _frozen(design: dict[str, Any]) -> Study:
    from studyapp.actions.accounts import create_lab
    from studyapp.actions.freeze import freeze
    from studyapp.actions.studies import create_study
    from studyapp.models import Lab, Study, User

    user = User.objects.filter(email="bench@foretell.invalid").first() or User.objects.create_user(
        email="bench@foretell.invalid"
    )
    lab = Lab.objects.first() or create_lab(name="Bench", owner=user)
    study = create_study(lab=lab, document=design, actor=user)
    freeze(study=study, actor=user)
    return Study.objects.select_related("frozen").get(pk=study.pk)


def _progress(study: Study) -> Any:
    from studyapp.models.progress import explanation_progress

    return explanation_progress(study.frozen)


def _is_ready(study: Study) -> Callable[[], bool]:
    def ask() -> bool:
        progress = _progress(study)
        if progress.failed:
            raise SystemExit(f"bench.workers: {progress.failed} explanations failed: {'; '.join(progress.errors)}")
        return bool(progress.is_complete)

    return ask


def _computed_at(study: Study) -> dict[str, str]:
    from studyapp.models import Explanation

    rows = Explanation.objects.of_design(study.frozen).ready().values_list("key", "computed_at")
    return {key: at.isoformat() for key, at in rows}


def _digest(study: Study) -> str:
    """Of every address and what is stored under it, but for the seconds it took."""
    from studyapp.models import Explanation

    digest = hashlib.sha256()
    rows = Explanation.objects.of_design(study.frozen).order_by("key")
    for key, explained_class, form, found in rows.values_list("key", "explained_class", "form", "diagnostics"):
        kept = {name: value for name, value in found.items() if name != "seconds"}
        digest.update(json.dumps([key, explained_class, form, kept], sort_keys=True).encode())
    return digest.hexdigest()


def _wait(supervisor: Supervisor, ready: Callable[[], bool], what: str) -> None:
    deadline = time.perf_counter() + TIMEOUT_S
    while not ready():
        supervisor.check()
        if time.perf_counter() > deadline:
            raise SystemExit(f"bench.workers: waited {TIMEOUT_S} s for {what}, in vain")
        time.sleep(POLL_S)


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


# --- all of them ---------------------------------------------------------------------------------------------------


def prepare(data: Path) -> None:
    """The predictor and its material in a data folder: from the demo's, or trained here."""
    from explainers.folders import data_folder

    for part in (Path("predictors") / PREDICTOR, Path("material")):
        if (data_folder() / part).is_dir():
            shutil.copytree(data_folder() / part, data / part)
    run(data, ["-m", "explainers", "train", PREDICTOR, "--seed", "0"], {})


def turns(data: Path) -> Iterator[Turn]:
    """Every turn, each in a process of its own on a database of its own."""
    from studyapp.embedded import erase, start

    services = start(data)
    try:
        plan = [(n, False) for n in TURNS] + [(max(TURNS), True)]
        own = {"REDIS_URL": services.redis_url, "DATABASE_URL": services.database_url}
        run(data, ["-m", "bench.workers", "--fill"], own)
        for number, (n_workers, is_stopped) in enumerate(plan):
            own["DATABASE_URL"] = copied(services.database_url, f"turn_{number}")
            arguments = ["-m", "bench.workers", "--turn", str(n_workers), *(["--stop"] if is_stopped else [])]
            yield Turn(**json.loads(run(data, arguments, own)))
    finally:
        erase(data)


def copied(database_url: str, name: str) -> str:
    """The address of a new database that holds what that one does."""
    parts = urlsplit(database_url)
    connection = psycopg2.connect(urlunsplit(parts._replace(path="/postgres")))
    connection.autocommit = True
    with connection.cursor() as cursor:
        names = (sql.Identifier(name), sql.Identifier(parts.path.lstrip("/")))
        cursor.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
    connection.close()
    return urlunsplit(parts._replace(path=f"/{name}"))


def run(data: Path, arguments: list[str], environment: Mapping[str, str]) -> bytes:
    """What a process of Python prints, with a data folder of its own and one thread."""
    ours = {
        "FORETELL_DATA": str(data),
        "FORETELL_LOG_LEVEL": "WARNING",
        "DJANGO_SETTINGS_MODULE": "studyapp.settings",
        "OMP_NUM_THREADS": "1",
    }
    everything = {**os.environ, **ours, **environment}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, env=everything, stdout=subprocess.PIPE, check=True).stdout  # noqa: S603


def rows_of(found: list[Turn]) -> list[dict[str, object]]:
    """What each number of workers does, and their ratio."""
    rates = {turn.n_workers: turn.per_second for turn in found if not turn.stopped_at}
    rows: list[dict[str, object]] = [
        {"what": f"explanations a second, {in_words(n)}", "value": value} for n, value in rates.items()
    ]
    return [*rows, {"what": "two workers against one", "value": rates[2] / rates[1]}]


def in_words(n_workers: int) -> str:
    return f"{n_workers} worker{'s' if n_workers > 1 else ''}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.workers", description=__doc__)
    parser.add_argument("--fill", action="store_true", help=argparse.SUPPRESS)  # for processes that this one starts
    parser.add_argument("--turn", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--stop", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fill:
        fill()
    elif options.turn:
        print(json.dumps(asdict(turn(options.turn, is_stopped=options.stop))))
    else:
        compare()
    return 0


def compare() -> None:
    """Take all turns, show them, and keep them."""
    found = []
    with tempfile.TemporaryDirectory(prefix="foretell-bench-", ignore_cleanup_errors=True) as folder:
        prepare(Path(folder))
        for one in turns(Path(folder)):
            found.append(one)
            show(one)
    digests = {turn.sha256 for turn in found}
    if len(digests) > 1:
        raise SystemExit("bench.workers: the stored explanations differ between turns")
    rows = rows_of(found)
    for row in rows:
        print(f"{row['what']:42} {row['value']:8.2f}")
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "torch": version("torch")}
    study = {"items": N_ITEMS, "methods": METHODS, "predictor": PREDICTOR, "sha256": digests.pop()}
    written = {"machine": machine, "study": study, "rows": rows, "turns": [asdict(turn) for turn in found]}
    Path(__file__).with_suffix(".json").write_text(json.dumps(written, indent=1) + "\n")


def show(turn: Turn) -> None:
    line = f"{in_words(turn.n_workers):9}  {turn.n_explanations} in {turn.seconds:6.1f} s  {turn.sha256[:12]}"
    if turn.stopped_at:
        line += f"  stopped at {turn.stopped_at}, {turn.after_stop} came after that, {turn.computed_again} twice"
    print(line, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
