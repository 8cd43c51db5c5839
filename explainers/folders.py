"""Where fetched material and trained predictors are kept."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def data_folder() -> Path:
    """The folder that FORETELL_DATA names, else `.foretell` in the working directory."""
    return Path(os.environ.get("FORETELL_DATA") or ".foretell")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that others see all of it or nothing: to a temporary name in its folder, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        temporary = Path(file.name)
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            temporary.chmod(0o644)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
