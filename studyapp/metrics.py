"""What each process counts of its own work. What the database knows is counted when it is asked (views/metrics.py).

gunicorn's processes share these through files (docker/gunicorn.conf.py sets PROMETHEUS_MULTIPROC_DIR), so that one
scrape tells of all of them. No label names a study, an arm or a person.
"""

from __future__ import annotations

from prometheus_client import Counter, Histogram, disable_created_metrics

disable_created_metrics()  # type: ignore[no-untyped-call] # a second series of each, which nobody asks for

REQUESTS = Counter("foretell_requests", "Requests, by view and class of status.", ["view", "status"])
REQUEST_SECONDS = Histogram(
    "foretell_request_seconds",
    "How long a request took, by view.",
    ["view"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
ALLOCATION_WAIT = Histogram(
    "foretell_allocation_lock_wait_seconds",
    "How long an allocation waited for the lock of its stratum.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3),
)
