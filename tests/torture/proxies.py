"""Two servers between two others: one loses replies on the way to a person, one is a broker that stops answering."""

from __future__ import annotations

import random
import select
import socket
import socketserver
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass, field

CHUNK = 65_536
AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: close with a reset, as a cable that is pulled looks


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Connections break here all the time; that is the point."""


@dataclass
class Proxy:
    """Listens on a port of its own and carries what comes to `target`, the port of a server on this machine."""

    target: int
    _server: _Server = field(init=False)

    def __post_init__(self) -> None:
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                proxy.carry(self.request)

        self._server = _Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def carry(self, client: socket.socket) -> None:
        raise NotImplementedError


@dataclass
class ReplyCutter(Proxy):
    """Carries HTTP; of `share` of the POSTs the reply, already made by the server, is lost and the socket cut."""

    share: float = 0.0
    seed: int = 0
    cut: int = 0
    _dice: random.Random = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._dice = random.Random(f"cut {self.seed}")
        super().__post_init__()

    def carry(self, client: socket.socket) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.target), timeout=70) as server:
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while request := _message(client):
                server.sendall(request)
                reply = _message(server)
                if not reply:
                    break
                if request.startswith(b"POST") and self._falls():
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
                    break
                client.sendall(reply)
                if b"connection: close" in reply.partition(b"\r\n\r\n")[0].lower():
                    break
        client.close()

    def _falls(self) -> bool:
        with self._lock:
            falls = self._dice.random() < self.share
            self.cut += falls
            return falls


def _message(connection: socket.socket) -> bytes:
    """One whole request or reply; empty when the other side went away before its end."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += (more := connection.recv(CHUNK))
        if not more:
            return b""
    head, _, body = data.partition(b"\r\n\r\n")
    missing = _length(head) - len(body)
    while missing > 0:
        data += (more := connection.recv(CHUNK))
        if not more:
            return b""
        missing -= len(more)
    return data


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


@dataclass
class Gate(Proxy):
    """Carries bytes to the broker and back. While it is `hung`, it accepts whoever comes and never says a word."""

    hung: threading.Event = field(default_factory=threading.Event)
    swallowed: int = 0  # connections and messages that got no answer

    def carry(self, client: socket.socket) -> None:
        server: socket.socket | None = None
        with suppress(OSError), client:
            while True:
                if self.hung.is_set():
                    self._swallow(client)
                    break
                server = server or socket.create_connection(("127.0.0.1", self.target), timeout=5)
                ready, _, _ = select.select([client, server], [], [], 0.2)
                if not self.hung.is_set() and not all(_pass_on(one, client, server) for one in ready):
                    break
        if server is not None:
            server.close()

    def _swallow(self, client: socket.socket) -> None:
        """Hold the connection and say nothing, until the broker works again or the other side gives up."""
        self.swallowed += 1
        while self.hung.is_set():
            ready, _, _ = select.select([client], [], [], 0.1)
            if ready and not client.recv(CHUNK):
                return


def _pass_on(source: socket.socket, client: socket.socket, server: socket.socket) -> bool:
    data = source.recv(CHUNK)
    (server if source is client else client).sendall(data)
    return bool(data)
