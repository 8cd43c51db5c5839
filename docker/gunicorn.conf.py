"""How gunicorn serves Foretell: two processes of eight threads, because pages wait for Postgres more than they compute.

What differs by machine comes from the environment: FORETELL_BIND, WEB_CONCURRENCY, WEB_THREADS.
"""

import os
from pathlib import Path

bind = os.environ.get("FORETELL_BIND", "0.0.0.0:8000")
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = int(os.environ.get("WEB_THREADS", "8"))

# Longer than any page may take; SIGTERM lets the pages under way finish.
timeout = 60
graceful_timeout = 30
# Longer than the proxy keeps an idle connection, so that it is never the server that closes one under a request.
keepalive = 75

# A leak stays small; the jitter keeps the processes from starting anew together.
max_requests = 20_000
max_requests_jitter = 2_000

# The heartbeat file of a process must not wait for a disk.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108

# No access log: an address and a time beside a link would tell who took part.
accesslog = None
errorlog = "-"
