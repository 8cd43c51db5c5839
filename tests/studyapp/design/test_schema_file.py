"""The published JSON Schema is the one that the code checks by."""

from __future__ import annotations

import json
from pathlib import Path

from studyapp.design.schema import Design

ROOT = Path(__file__).resolve().parents[3]


def test_the_schema_in_the_docs_is_the_schema_in_force():
    """Refresh it with `python -m studyapp.design > docs/design.schema.json`."""
    assert json.loads((ROOT / "docs" / "design.schema.json").read_text()) == Design.model_json_schema()
