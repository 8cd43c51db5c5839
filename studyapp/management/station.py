"""Web server, relay and workers on one machine, as the demo, the benchmark and the screenshots run them."""

from __future__ import annotations

import contextlib
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator

from django.conf import settings
from django.core.management import call_command

from studyapp.embedded.supervise import Supervisor, free_port

PORT = 8000


@contextlib.contextmanager
def station(*, workers: bool = True, web_processes: int = 2) -> Iterator[Supervisor]:
    """Everything running, and stopped again however the block is left; `settings.BASE_URL` is its address."""
    call_command("collectstatic", interactive=False, verbosity=0)
    with Supervisor(settings.DATA_DIR, cwd=settings.BASE_DIR) as supervisor:
        start_web(supervisor, web_processes)
        if workers:
            start_workers(supervisor)
        yield supervisor


def start_web(supervisor: Supervisor, processes: int) -> None:
    port = free_port(int(os.environ.get("FORETELL_PORT", PORT)))
    settings.BASE_URL = os.environ["FORETELL_BASE_URL"] = f"http://127.0.0.1:{port}"
    supervisor.start(
        "web",
        [sys.executable, "-m", "gunicorn", "studyapp.wsgi:application", "-c", "docker/gunicorn.conf.py"],
        env={"FORETELL_BIND": f"127.0.0.1:{port}", "WEB_CONCURRENCY": str(processes)},
        grace_s=15,
    )
    supervisor.wait_until(web_answers, what="the web server", timeout_s=60)


def start_workers(supervisor: Supervisor, *, explain: int = 1) -> None:
    """The relay, a worker for analyses and so many that explain."""
    supervisor.start("relay", [sys.executable, "manage.py", "relay"])
    names = {f"explain{number or ''}": "explain" for number in range(explain)} | {"analysis": "analysis"}
    for name, queue in names.items():
        supervisor.start(
            f"worker-{name}",
            [
                sys.executable, "-m", "celery", "-A", "studyapp", "worker", "-Q", queue, "-n", f"{name}@%h",
                "--concurrency", "1", "--pool", "solo", "--without-gossip", "--without-mingle", "--loglevel", "INFO",
            ],
            # One thread a worker: threads of torch that wait for each other are slower than one on a busy machine.
            env={"OMP_NUM_THREADS": "1"},
        )  # fmt: skip


def web_answers() -> bool:
    """Whether the web server of this station serves pages."""
    try:
        with urllib.request.urlopen(f"{settings.BASE_URL}/livez", timeout=2) as answer:  # noqa: S310  (our own)
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
