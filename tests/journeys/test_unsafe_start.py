"""The processes themselves do not start with unsafe settings; those of docker/ start without a warning."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from django.db import connection

from studyapp.embedded.ports import any_free_port
from tests.journeys.processes import ROOT, database_url
from tests.promises.ledger import scale
from tests.studyapp.unsafe import PUBLIC, UNSAFE, Unsafe

pytestmark = pytest.mark.django_db(transaction=True)

CELERY = ["-m", "celery", "-A", "studyapp", "worker", "-Q", "analysis", "--pool", "solo"]
PROCESSES = {
    "web": ["-m", "gunicorn", "studyapp.wsgi:application", "-c", "docker/gunicorn.conf.py"],
    "relay": ["manage.py", "relay"],
    "worker": CELERY,
}
# In a short run each process meets one of them; in a full one it meets all.
CASES = [
    (process, unsafe)
    for number, process in enumerate(PROCESSES)
    for unsafe in UNSAFE[: scale(full=len(UNSAFE), quick=0)] or (UNSAFE[(0, 10, 15)[number]],)
]


# Where both processes of the web refuse in the same moment, their master may trip over the second: 1 instead of 3.
REFUSED = {"web": {1, 3}, "relay": {3}, "worker": {3}}


def ended(process: str, settings: dict[str, object]) -> subprocess.CompletedProcess[str]:
    """What a process with these settings says until it ends; it would run on if it had started."""
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "tests.studyapp.unsafe_settings",
        "UNSAFE": json.dumps(settings),
        "FORETELL_BIND": f"127.0.0.1:{any_free_port()}",
        "PYTHONPATH": str(ROOT),
        "C_FORCE_ROOT": "1",  # it is our refusal that is looked at, not Celery's own of pickle as root
    }
    return subprocess.run(
        [sys.executable, *PROCESSES[process]], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=90
    )


@pytest.mark.promise(41)
@pytest.mark.parametrize(("process", "unsafe"), CASES, ids=lambda value: getattr(value, "name", value))
def test_a_process_with_an_unsafe_setting_ends_at_once(process: str, unsafe: Unsafe, reached):
    done = ended(process, {**PUBLIC, **unsafe.changes})
    assert done.returncode in REFUSED[process]
    assert "Foretell does not start" in done.stderr
    assert f"  {unsafe.refused_by}: " in done.stderr
    assert "→" in done.stderr
    reached(f"{process}, {unsafe.name}: exit code {done.returncode}")


def test_a_process_whose_database_lost_a_guard_ends_at_once():
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE studyapp_response DISABLE TRIGGER never_changed")
    try:
        done = ended("web", {})
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE studyapp_response ENABLE TRIGGER never_changed")
    assert done.returncode in REFUSED["web"]
    assert "foretell.E020" in done.stderr


def compose_environment() -> dict[str, str]:
    """What docker/compose.yaml gives its processes, with docker/.env filled in as it says."""
    example = (ROOT / "docker" / ".env.example").read_text()
    filled = dict(line.split("=", 1) for line in example.splitlines() if re.match(r"[A-Z_]+=", line))
    is_secret = re.compile("KEY|PASSWORD|PASSPHRASE|TOKEN")
    filled = {
        name: value or (secrets.token_hex(32) if is_secret.search(name) else "") for name, value in filled.items()
    }
    filled["FORETELL_EMAIL_URL"] = "smtp://user:password@mail.example.org:587"
    document = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())

    def fill(text: str) -> str:
        return re.sub(r"\$\{(\w+)[^}]*\}", lambda found: filled[found[1]], text)

    return {name: fill(value) for name, value in document["x-foretell"]["environment"].items()}


@pytest.mark.promise(41)
def test_the_docker_configuration_has_no_warning(tmp_path: Path, reached):
    environment = compose_environment() | {"DATABASE_URL": database_url(), "FORETELL_DATA": str(tmp_path)}
    command = ["manage.py", "check", "--deploy", "--fail-level", "WARNING", "--database", "default"]
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "no issues (0 silenced)" in done.stdout
    reached("check --deploy on docker/compose.yaml: 0 warnings")
