import socket

import pytest

from studyapp.embedded import EmbeddedError
from studyapp.embedded.ports import any_free_port, free_port


def test_a_free_port_is_taken_as_asked_without_a_word() -> None:
    said: list[str] = []
    port = any_free_port()

    assert free_port(port, report=said.append) == port
    assert said == []


def test_a_taken_port_gives_a_later_one_and_says_so() -> None:
    said: list[str] = []
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        other = free_port(port, report=said.append)

        with socket.socket() as ours:
            ours.bind(("127.0.0.1", other))
    assert port < other < port + 50
    assert said == [f"Port {port} is taken by another program; using {other} instead."]


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_what_is_no_port_is_refused(port: int) -> None:
    with pytest.raises(EmbeddedError, match=f"a number from 1 to 65535, not {port}"):
        free_port(port)
