"""Children that die, disobey, fork and outlive: real processes, real signals."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from studyapp.embedded import EmbeddedError
from studyapp.embedded.sessions import Identity, wait_until
from studyapp.embedded.supervise import ChildDiedError, Supervisor

ROOT = Path(__file__).parents[3]
SLEEP = ["sleep", "300"]
# A leader with a child and a grandchild that all ignore the polite signal.
STUBBORN = ["sh", "-c", "trap '' TERM; (trap '' TERM; sleep 301 & wait) & sleep 302 & echo started; wait; sleep 300"]
PROGRAM = """
import sys
from pathlib import Path
from studyapp.embedded.supervise import Supervisor

try:
    with Supervisor(Path(sys.argv[1])) as supervisor:
        supervisor.start("one", ["sh", "-c", "sleep 301 & sleep 302"], grace_s=2)
        supervisor.start("two", ["sleep", "303"])
        print("serving", flush=True)
        supervisor.serve()
except KeyboardInterrupt:
    print("left", flush=True)
"""


def note_of(data: Path, name: str) -> Path:
    return data / "processes" / f"{name}.json"


def leader_of(data: Path, name: str) -> Identity:
    return Identity(**json.loads(note_of(data, name).read_text())["child"])


def gone(pids: list[int]) -> bool:
    def is_gone(pid: int) -> bool:
        try:
            return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    return wait_until(lambda: all(is_gone(pid) for pid in pids), 10)


@pytest.fixture
def run_program(tmp_path: Path) -> Callable[[], "subprocess.Popen[str]"]:
    def run() -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdout is not None
        while "serving" not in (line := process.stdout.readline()):
            assert line, process.communicate()[1]
        wait_until(lambda: len(leader_of(tmp_path, "one").session()) == 3, 10)
        return process

    return run


def test_a_childs_words_go_to_its_own_log(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        log = supervisor.start("speaker", ["sh", "-c", "echo out; echo $WORD >&2; sleep 300"], env={"WORD": "err"})
        supervisor.wait_until(lambda: log.read_text() == "out\nerr\n", what="both words", timeout_s=10)

    assert log == tmp_path / "logs" / "speaker.log"
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_child_that_dies_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    script = "for i in $(seq 40); do echo line $i; done; exit 7"
    with Supervisor(tmp_path) as supervisor:
        supervisor.start("steady", SLEEP)
        log = supervisor.start("dying", ["sh", "-c", script])

        with pytest.raises(ChildDiedError) as caught:
            supervisor.serve()

    expected = "\n".join(f"line {i}" for i in range(26, 41))
    assert str(caught.value) == f"The process 'dying' ended by itself (exit code 7). Its log, {log}, ends:\n{expected}"


def test_a_child_killed_by_a_signal_is_reported_by_its_name(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        supervisor.start("victim", SLEEP)
        os.kill(leader_of(tmp_path, "victim").pid, signal.SIGKILL)

        with pytest.raises(ChildDiedError, match=r"'victim' ended by itself \(killed by SIGKILL\)"):
            supervisor.serve()


def test_waiting_ends_at_once_when_a_child_dies(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        supervisor.start("dying", ["false"])

        with pytest.raises(ChildDiedError):
            supervisor.wait_until(lambda: False, what="what never comes", timeout_s=300)


def test_waiting_in_vain_says_for_what(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        supervisor.start("steady", SLEEP)

        with pytest.raises(EmbeddedError, match=r"Waited 0 s for the web server, in vain\. See the logs in"):
            supervisor.wait_until(lambda: False, what="the web server", timeout_s=0.2)


def test_stopping_kills_the_stubborn_with_their_grandchildren(tmp_path: Path) -> None:
    said: list[str] = []
    with Supervisor(tmp_path, report=said.append) as supervisor:
        log = supervisor.start("stubborn", STUBBORN, grace_s=0.3)
        leader = leader_of(tmp_path, "stubborn")
        supervisor.wait_until(lambda: len(leader.session()) == 4, what=log.name, timeout_s=10)
        pids = leader.session()

    assert gone(pids)
    assert said == ["'stubborn' did not end within 0 s; killing it."]
    assert not note_of(tmp_path, "stubborn").exists()


def test_offspring_of_a_dead_leader_is_stopped_too(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        supervisor.start("leader", ["sh", "-c", "sleep 301 & sleep 302"])
        leader = leader_of(tmp_path, "leader")
        supervisor.wait_until(lambda: len(leader.session()) == 3, what="three processes", timeout_s=10)
        pids = leader.session()
        os.kill(leader.pid, signal.SIGKILL)

    assert gone(pids)


def test_the_last_started_is_stopped_first_and_has_time_to_finish(tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    with Supervisor(tmp_path) as supervisor:
        for name in ("relay", "workers", "web"):
            script = f"trap 'sleep 0.2; echo {name} >> {diary}; exit' TERM; echo ready; while :; do sleep 0.05; done"
            log = supervisor.start(name, ["sh", "-c", script])
            supervisor.wait_until(lambda log=log: "ready" in log.read_text(), what=name, timeout_s=10)  # type: ignore[misc]

    assert diary.read_text().split() == ["web", "workers", "relay"]


@pytest.mark.parametrize(
    ("sign", "code", "last_words"), [("INT", 0, "left\n"), ("TERM", 128 + 15, ""), ("HUP", 128 + 1, "")]
)
def test_a_signal_stops_everything_that_was_started(
    tmp_path: Path, run_program: Callable[[], "subprocess.Popen[str]"], sign: str, code: int, last_words: str
) -> None:
    program = run_program()
    pids = leader_of(tmp_path, "one").session() + leader_of(tmp_path, "two").session()
    assert len(pids) == 4

    program.send_signal(signal.Signals[f"SIG{sign}"])
    out, err = program.communicate(timeout=90)

    assert (program.returncode, out, err) == (code, last_words, "")
    assert gone(pids)


def test_sigint_works_though_a_shell_started_the_program_with_it_ignored(tmp_path: Path) -> None:
    command = f"exec {sys.executable} -c '{PROGRAM}' {tmp_path}"
    script = f"trap '' INT; {command}"
    with subprocess.Popen(["sh", "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "serving\n"
        program.send_signal(signal.SIGINT)
        assert program.wait(timeout=90) == 0


def test_a_second_signal_does_not_wait_for_the_stubborn(tmp_path: Path) -> None:
    program = f"""
from pathlib import Path
from studyapp.embedded.supervise import Supervisor
try:
    with Supervisor(Path({str(tmp_path)!r})) as supervisor:
        log = supervisor.start("stubborn", {STUBBORN!r}, grace_s=60)
        supervisor.wait_until(lambda: "started" in log.read_text(), what="it", timeout_s=10)
        print("serving", flush=True)
        supervisor.serve()
except KeyboardInterrupt:
    pass
"""
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "serving\n"
        process.send_signal(signal.SIGINT)  # leaves `serve`
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=1)
        process.send_signal(signal.SIGINT)  # cuts the 60 s short
        try:
            assert process.wait(timeout=90) == 0
        finally:
            process.wait()


def test_what_a_killed_supervisor_left_is_ended_by_the_next(
    tmp_path: Path, run_program: Callable[[], "subprocess.Popen[str]"]
) -> None:
    program = run_program()
    pids = leader_of(tmp_path, "one").session()
    program.kill()
    program.communicate()
    assert len(pids) == 3
    os.kill(pids[0], signal.SIGKILL)  # the leader dies too; its offspring still holds whatever it held
    said: list[str] = []

    with Supervisor(tmp_path, report=said.append) as supervisor:
        supervisor.start("one", SLEEP)
        supervisor.start("two", SLEEP)

        assert gone(pids)
    assert [line.split(" (")[0] for line in said] == [
        "Ending 'one', left behind by an earlier run that was killed",
        "Ending 'two', left behind by an earlier run that was killed",
    ]


def test_a_second_supervisor_leaves_the_firsts_children_alone(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as first:
        first.start("web", SLEEP)

        with Supervisor(tmp_path) as second, pytest.raises(EmbeddedError, match="'web' of this data folder is running"):
            second.start("web", SLEEP)
        first.check()


def test_a_note_about_a_stranger_with_the_same_number_is_no_reason_to_kill(tmp_path: Path) -> None:
    with subprocess.Popen(SLEEP, start_new_session=True) as stranger:
        folder = tmp_path / "processes"
        folder.mkdir()
        note = (
            f'{{"child": {{"pid": {stranger.pid}, "born": 1.0}}, "supervisor": {{"pid": {stranger.pid}, "born": 1.0}}}}'
        )
        (folder / "web.json").write_text(note)

        with Supervisor(tmp_path) as supervisor:
            supervisor.start("web", SLEEP)
            assert stranger.poll() is None
        stranger.kill()


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    with (
        Supervisor(tmp_path) as supervisor,
        pytest.raises(EmbeddedError, match="Cannot start 'web': the program 'no-such-program' is not there"),
    ):
        supervisor.start("web", ["no-such-program"])


def test_a_name_is_used_once(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        supervisor.start("web", SLEEP)
        with pytest.raises(EmbeddedError, match="A process named 'web' is running already"):
            supervisor.start("web", SLEEP)


def test_the_handlers_of_signals_are_given_back(tmp_path: Path) -> None:
    before = [signal.getsignal(sign) for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]

    with Supervisor(tmp_path) as supervisor:
        supervisor.start("web", SLEEP)

    assert [signal.getsignal(sign) for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before
