"""gunicorn as in production; each process leaves a note when it serves, named after the master it belongs to."""

import os
import runpy
from pathlib import Path

globals().update(runpy.run_path("docker/gunicorn.conf.py"))


def post_worker_init(worker: object) -> None:
    (Path(os.environ["TORTURE_SERVING"]) / str(os.getppid())).touch()
