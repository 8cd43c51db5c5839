"""The machine's own Chromium, for screenshots and browser tests."""

from __future__ import annotations

import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",  # root may start it
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def executable() -> str | None:
    """Its path; None where only Playwright's own is there, which Playwright finds by itself."""
    return next((path for path in map(shutil.which, NAMES) if path), None)
