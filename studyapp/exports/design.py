"""The frozen design as the file that is downloaded and that the analysis reads."""

from __future__ import annotations

import json

from studyapp.models import FrozenDesign


def design_json(frozen: FrozenDesign) -> str:
    """The same text on every machine, so that a report can name its hash."""
    return json.dumps(frozen.document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
