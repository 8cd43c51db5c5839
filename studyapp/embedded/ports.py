"""Ports on loopback."""

import socket
from collections.abc import Callable

from studyapp.embedded.errors import EmbeddedError

LOOPBACK = "127.0.0.1"
NEIGHBOURS = 50


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """True where a server could listen now; a port that merely rests after its last connection counts as free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def any_free_port(host: str = LOOPBACK) -> int:
    """A port that the system calls free; somebody else may take it before it is used."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
    return port


def free_port(preferred: int, *, host: str = LOOPBACK, report: Callable[[str], None] = print) -> int:
    """The preferred port, or the next free one, saying so."""
    if not 0 < preferred < 65536:
        raise EmbeddedError(f"A port is a number from 1 to 65535, not {preferred}.")
    for port in range(preferred, min(preferred + NEIGHBOURS, 65536)):
        if is_free(port, host):
            if port != preferred:
                report(f"Port {preferred} is taken by another program; using {port} instead.")
            return port
    raise EmbeddedError(
        f"The ports {preferred} to {min(preferred + NEIGHBOURS, 65536) - 1} on {host} are all taken or not allowed. "
        "Name another port, or end the programs that hold them."
    )
