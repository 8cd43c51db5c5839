"""What is the matter with a backup, in words for an operator."""

from __future__ import annotations


class BackupError(Exception):
    """A backup that cannot be written, read or restored; the message says what to do."""
