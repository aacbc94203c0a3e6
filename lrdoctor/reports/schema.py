"""A JSON document held against the schema that ships with lrdoctor.

Only the keywords that the schema uses: $ref, anyOf, const, enum, type, required, properties, additionalProperties,
items.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

Schema = Mapping[str, Any]

NON_FINITE = ("NaN", "Infinity", "-Infinity")
"""How JSON, which has no such numbers, writes them."""
TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}
LONGEST_SHOWN = 60
"""Characters of a wrong value that a message quotes."""


class MismatchError(ValueError):
    """The document does not fit; the text says where, what was found and what was expected."""


@cache
def report_schema() -> Schema:
    """The schema of report.json."""
    text = (resources.files("lrdoctor") / "schemas/report.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def revived(value: Any, schema: Schema, root: Schema, at: str = "") -> Any:
    """The value with numbers where the schema has strings for those that are not finite.

    Args:
        value: as `json.loads` gives it.
        schema: what it has to fit. Keys that the schema does not know are kept as they are.
        root: the whole schema, which holds the definitions.
        at: dotted path of the value, for messages.

    Raises:
        MismatchError: it does not fit.
    """
    if "$ref" in schema:
        return revived(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root, at)
    if "anyOf" in schema:
        return _any_of(value, schema["anyOf"], root, at)
    if "const" in schema and value != schema["const"]:
        raise _mismatch(at, value, repr(schema["const"]))
    if "enum" in schema and value not in schema["enum"]:
        raise _mismatch(at, value, "one of " + ", ".join(map(str, schema["enum"])))
    if tuple(schema.get("enum", ())) == NON_FINITE:
        return float(value)
    _check_type(value, schema, at)
    if isinstance(value, dict):
        return {key: revived(item, _of_key(key, schema, at), root, _join(at, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [revived(item, schema.get("items", {}), root, f"{at}[{i}]") for i, item in enumerate(value)]
    return value


def _any_of(value: Any, alternatives: list[Schema], root: Schema, at: str) -> Any:
    """By the first alternative that fits; where none does, the first one says why."""
    first: MismatchError | None = None
    for schema in alternatives:
        try:
            return revived(value, schema, root, at)
        except MismatchError as error:
            first = first or error
    raise first or _mismatch(at, value, "nothing")


def _check_type(value: Any, schema: Schema, at: str) -> None:
    names = schema.get("type", [])
    names = [names] if isinstance(names, str) else names
    if names and not any(_is(value, name) for name in names):
        raise _mismatch(at, value, " or ".join(names))
    if isinstance(value, dict):
        for key in _missing(value, schema):
            raise MismatchError(f"{_join(at, key)}: is missing")


def _is(value: Any, name: str) -> bool:
    # True is an int to Python
    return isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def _missing(value: Mapping[str, Any], schema: Schema) -> Iterator[str]:
    return (key for key in schema.get("required", ()) if key not in value)


def _of_key(key: str, schema: Schema, at: str) -> Schema:
    if key in schema.get("properties", {}):
        known: Schema = schema["properties"][key]
        return known
    others = schema.get("additionalProperties", True)
    if others is False:
        raise MismatchError(f"{_join(at, key)}: found an unknown key, expected none")
    return others if isinstance(others, dict) else {}


def _join(at: str, key: str) -> str:
    return f"{at}.{key}" if at else key


def _mismatch(at: str, value: Any, expected: str) -> MismatchError:
    shown = repr(value)
    shown = shown if len(shown) <= LONGEST_SHOWN else f"{shown[:LONGEST_SHOWN]}…"
    return MismatchError(f"{at or 'the document'}: found {shown}, expected {expected}")
