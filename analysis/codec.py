"""Frozen dataclasses to JSON and back, and their JSON Schema, told by annotations; no other code knows that form."""

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Final, Literal, Union, get_args, get_origin, get_type_hints

from analysis.errors import ReportError

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
PLAIN: Final[dict[object, str]] = {
    str: "string", int: "integer", float: "number", bool: "boolean", types.NoneType: "null",
}  # fmt: skip


def encode(value: object) -> Json:
    """Return dataclasses, tuples, mappings and plain values as JSON values.

    Raises
    ------
    ReportError
        For anything else.
    """
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if is_dataclass(value):
        return {field.name: encode(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): encode(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return [encode(inner) for inner in value]
    raise ReportError(f"a report holds no {type(value).__name__}")


def decode(kind: object, data: object, path: str = "report") -> object:
    """Return `data` as an instance of the annotation `kind`.

    Parameters
    ----------
    kind : annotation
        A dataclass, ``tuple[X, ...]``, ``Mapping[str, X]``, a union, a literal, or str, int, float, bool, None.
    data : object
        What `json.loads` gave.
    path : str
        Where in the report this is, for messages.

    Raises
    ------
    ReportError
        When `data` does not fit, naming the path.
    """
    arguments = get_args(kind)
    if isinstance(kind, type) and is_dataclass(kind):
        return _decode_dataclass(kind, data, path)
    if get_origin(kind) is tuple and isinstance(data, list):
        return tuple(decode(arguments[0], inner, f"{path}[{i}]") for i, inner in enumerate(data))
    if get_origin(kind) is Mapping and isinstance(data, dict):
        return {key: decode(arguments[1], inner, f"{path}.{key}") for key, inner in data.items()}
    if get_origin(kind) in (types.UnionType, Union):
        inner = types.NoneType if data is None else next(k for k in arguments if k is not types.NoneType)
        return decode(inner, data, path)
    return _decode_plain(kind, data, path)


def _decode_dataclass(kind: type, data: object, path: str) -> object:
    if not isinstance(data, dict):
        raise ReportError(f"{path}: expected an object, found {data!r}")
    hints = get_type_hints(kind)
    if set(data) != set(hints):
        raise ReportError(f"{path}: expected the fields {', '.join(hints)}, found {', '.join(map(str, data))}")
    made: object = kind(**{name: decode(hint, data[name], f"{path}.{name}") for name, hint in hints.items()})
    return made


def _decode_plain(kind: object, data: object, path: str) -> object:
    if get_origin(kind) is Literal and data in get_args(kind):
        return data
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if kind in (str, int, float, bool, types.NoneType) and type(data) is kind:
        return data
    raise ReportError(f"{path}: expected {kind}, found {data!r}")


def schema_of(kind: type) -> dict[str, Json]:
    """Return the JSON Schema of what `encode` writes of a dataclass, and `decode` reads.

    Parameters
    ----------
    kind : type
        A dataclass, of the annotations that `decode` knows.

    Returns
    -------
    dict
        The parts that are dataclasses stand by name under ``$defs``; every field is required, and there is no other.

    Raises
    ------
    ReportError
        When an annotation is another, or two parts have one name.
    """
    parts: dict[type, dict[str, Json]] = {}
    _collect(kind, parts)
    names = [part.__name__ for part in parts]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ReportError(f"schema: two parts are called {', '.join(twice)}; rename one")
    top = parts.pop(kind)
    definitions: dict[str, Json] = {
        part.__name__: parts[part] for part in sorted(parts, key=lambda part: part.__name__)
    }
    return {"$schema": DIALECT, **top, "$defs": definitions}


def _collect(kind: type, parts: dict[type, dict[str, Json]]) -> None:
    """Describe a dataclass, and every one that it is made of."""
    parts[kind] = {}
    properties: dict[str, Json] = {name: _schema(hint, parts) for name, hint in get_type_hints(kind).items()}
    parts[kind] = {
        "title": kind.__name__,
        "description": " ".join((kind.__doc__ or "").split("\n\n")[0].split()),
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _schema(kind: object, parts: dict[type, dict[str, Json]]) -> Json:
    arguments = get_args(kind)
    if isinstance(kind, type) and is_dataclass(kind):
        if kind not in parts:
            _collect(kind, parts)
        return {"$ref": f"#/$defs/{kind.__name__}"}
    if kind in PLAIN:
        return {"type": PLAIN[kind]}
    origin = get_origin(kind)
    if origin is tuple:
        return {"type": "array", "items": _schema(arguments[0], parts)}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": _schema(arguments[1], parts)}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (types.UnionType, Union):
        return {"anyOf": [_schema(inner, parts) for inner in arguments]}
    raise ReportError(f"schema: a report holds no {kind}")
