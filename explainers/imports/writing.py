"""Writing the format: what another tool writes by itself, and what `python -m explainers explain` writes."""

from __future__ import annotations

import json
from collections.abc import Iterable

from explainers.imports.reading import FORMAT, VERSION, Header
from explainers.types import Form, Input


def as_lines(header: Header, explained: Iterable[tuple[Input | str, Form, int | None]]) -> str:
    """The file's text from items (or their SHA-256), their explanations and the explained classes where known."""
    predictor = {"name": header.predictor}
    if header.weights_sha256:
        predictor["weights_sha256"] = header.weights_sha256
    first: dict[str, object] = {FORMAT: VERSION, "method": header.method, "form": header.form, "signed": header.signed}
    first["predictor"] = predictor
    if header.reference:
        first["reference"] = header.reference
    lines = [first, *(_line(*one) for one in explained)]
    return "".join(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n" for line in lines)


def _line(item: Input | str, form: Form, class_index: int | None) -> dict[str, object]:
    line: dict[str, object] = {"item": item if isinstance(item, str) else item.to_json()}
    if class_index is not None:
        line["explained_class"] = class_index
    return {**line, "explanation": form.to_json()}
