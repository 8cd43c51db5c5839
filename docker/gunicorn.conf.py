"""How gunicorn serves Foretell: two processes of eight threads, because pages wait for Postgres more than they compute.

What differs by machine comes from the environment: FORETELL_BIND, WEB_CONCURRENCY, WEB_THREADS, WEB_ARRIVAL_S.
"""

import os
import shutil
import socket
import sys
import tempfile
import time
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

from gunicorn.workers.gthread import TConn, ThreadWorker

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # gunicorn adds it only after it has read this file
from studyapp import logs

# A whole request, head and body, must have come by then; 256 KiB take 21 s at 100 kbit/s. Replies may take longer.
ARRIVAL_S = float(os.environ.get("WEB_ARRIVAL_S", "30"))


class ImpatientWorker(ThreadWorker):
    """gthread, which waits for ever for the next byte of a request: sixteen slow senders would occupy every thread."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.under_way: dict[TConn, float] = {}

    def enqueue_req(self, conn: TConn) -> None:
        self.under_way[conn] = time.monotonic() + ARRIVAL_S
        super().enqueue_req(conn)

    def finish_request(self, conn: TConn, fs: "Future[object]") -> None:
        self.under_way.pop(conn, None)
        super().finish_request(conn, fs)

    def murder_pending(self) -> None:
        """About once a second: stop reading what came too slowly. Writing a reply goes on."""
        super().murder_pending()
        for conn in [conn for conn, until in self.under_way.items() if until < time.monotonic()]:
            del self.under_way[conn]
            with suppress(OSError):  # closed meanwhile
                conn.sock.shutdown(socket.SHUT_RD)


bind = os.environ.get("FORETELL_BIND", "0.0.0.0:8000")
worker_class = ImpatientWorker
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = int(os.environ.get("WEB_THREADS", "8"))

# The application is read once, before the processes part: a start takes half the work, a process that is started anew
# serves at once, and they share the memory. No connection and no thread of ours is made that early. New code comes by
# USR2, as below; HUP alone would keep the old.
preload_app = True

# Longer than any page may take; SIGTERM lets the pages under way finish. A deploy that nobody notices: USR2 to the
# master, which starts a second one on the same socket, then, when its processes serve, TERM to the first. (It must have
# been started as `gunicorn ...`: what `python -m gunicorn` was is lost on the second.)
timeout = 60
graceful_timeout = 30
# Longer than the proxy keeps an idle connection, so that it is never the server that closes one under a request.
keepalive = 75

# An address with a panel's parameters has some hundred characters; the longest header is a browser's cookies.
limit_request_line = 4094
limit_request_fields = 60
limit_request_field_size = 8190

# A leak stays small; the jitter keeps the processes from starting anew together.
max_requests = 20_000
max_requests_jitter = 2_000

# The heartbeat file of a process, and what it counts, must not wait for a disk.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
# The processes count side by side in this folder, and /metrics adds them up. A new start begins at nought, as
# Prometheus expects; the counts of a process that ended stay.
os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="foretell-metrics-", dir=worker_tmp_dir)

# No access log: an address and a time beside a link would tell who took part.
accesslog = None
errorlog = "-"
# What gunicorn says itself passes the same filter as everything else.
logconfig_dict = logs.from_environment()


def on_exit(server: object) -> None:
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
