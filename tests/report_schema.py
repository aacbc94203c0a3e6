"""Whether a document is strict JSON and fits the schema of the report that ships with lrdoctor."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

SCHEMA = json.loads((resources.files("lrdoctor") / "schemas/report.schema.json").read_text("utf-8"))
PYTHON_TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "null": type(None),
}


def faults(value: Any, schema: dict[str, Any], at: str = "$", root: dict[str, Any] = SCHEMA) -> list[str]:
    """What is wrong with `value` by the keywords that the shipped schema uses; `root` has the definitions."""
    if "$ref" in schema:
        return faults(value, root["$defs"][schema["$ref"].removeprefix("#/$defs/")], at, root)
    if "anyOf" in schema:
        return [] if any(not faults(value, s, at, root) for s in schema["anyOf"]) else [f"{at}: no alternative fits"]
    if value not in schema.get("enum", [value]) or value != schema.get("const", value):
        return [f"{at}: {value!r}"]
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(is_type(value, t) for t in types):
        return [f"{at}: {value!r} is not {types}"]
    found: list[str] = []
    if isinstance(value, dict):
        known = schema.get("properties", {})
        found += [f"{at}: no {key}" for key in schema.get("required", []) if key not in value]
        for key, item in value.items():
            other = schema.get("additionalProperties", True)
            if key in known:
                found += faults(item, known[key], f"{at}.{key}", root)
            elif isinstance(other, dict):
                found += faults(item, other, f"{at}.{key}", root)
            elif not other:
                found.append(f"{at}.{key}: not allowed")
    if isinstance(value, list):
        found += [f for i, item in enumerate(value) for f in faults(item, schema.get("items", {}), f"{at}[{i}]", root)]
    return found


def is_type(value: Any, name: str) -> bool:
    return isinstance(value, PYTHON_TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def parse(text: str) -> dict[str, Any]:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    return json.loads(text, parse_constant=refuse)
