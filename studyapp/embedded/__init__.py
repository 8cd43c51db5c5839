"""A real Postgres and a real Valkey from wheels, kept under a data folder, and the processes run beside them.

Plain Python, without Django: `manage.py` starts the servers before there are settings.
"""

from studyapp.embedded.errors import EmbeddedError
from studyapp.embedded.services import Services, erase, recorded, running, start, stop

__all__ = ["EmbeddedError", "Services", "erase", "recorded", "running", "start", "stop"]
