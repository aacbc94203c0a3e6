"""What validation found, as faults with their places.

Validation gives each error a location and a type; the place comes from the document, the words from here.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from lrdoctor.spec.faults import Fault, KeyPath, shown
from lrdoctor.spec.yaml_source import Document

UNIONS = ("optimizer", "schedule", "sweep")
"""Blocks of several kinds: validation puts the kind into the location, behind the key."""

SWEPT_KEYS = ("lr", "learning_rate", "base_learning_rate")
"""Spellings of the one hyperparameter that a spec must not fix."""

_EXPECTED = {
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text; put it in quotes",
    "string_too_short": "some text",
    "model_type": "a mapping",
    "dict_type": "a mapping",
    "tuple_type": "a list",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "{ge:g} or more",
    "less_than": "less than {lt:.10g}",
    "less_than_equal": "at most {le:g}",
    "literal_error": "one of {expected}",
    "union_tag_invalid": "one of {expected_tags}",
}
"""Type of an error -> what was expected, filled in from the error's context."""

_FOLLOWS_ANOTHER = "default_factory_not_called"
"""A default that depends on another key could not be made; the other key's own error says why."""


def faults_of(
    document: Document,
    errors: Iterable[Mapping[str, Any]],
    keys_at: Callable[[KeyPath], Sequence[str]],
    foreign: Callable[[str], str | None],
) -> list[Fault]:
    """Everything wrong with a document: its text, its values, and what validation said of it.

    Args:
        document: the values that were validated.
        errors: as pydantic lists them.
        keys_at: the known keys of the block that an error's location lies in.
        foreign: what to say of a top-level key that belongs to another kind of spec; None for any other key.
    """
    faults = [*document.faults, *_not_finite(document, document.data, ()), *_fixed_rates(document)]
    known = {(fault.place, fault.path) for fault in faults}
    judged = [_fault(document, error, keys_at, foreign) for error in errors if error["type"] != _FOLLOWS_ANOTHER]
    return faults + [fault for fault in judged if (fault.place, fault.path) not in known]


def _not_finite(document: Document, value: Any, path: KeyPath) -> Iterator[Fault]:
    if isinstance(value, float) and not math.isfinite(value):
        yield Fault(document.value_place(path), path, f"found {value}, expected a finite number")
    elif isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _not_finite(document, inner, (*path, key))


def _fixed_rates(document: Document) -> Iterator[Fault]:
    for parent in (("optimizer",), ("optimizer", "init_args")):
        block = _at(document.data, parent)
        for key in SWEPT_KEYS if isinstance(block, dict) else ():
            if key in block:
                path = (*parent, key)
                text = f"found {shown(block[key])}, expected no learning rate here: the sweep sets it"
                yield Fault(document.key_place(path), path, text)


def _at(data: Any, path: KeyPath) -> Any:
    for key in path:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def _fault(
    document: Document,
    error: Mapping[str, Any],
    keys_at: Callable[[KeyPath], Sequence[str]],
    foreign: Callable[[str], str | None],
) -> Fault:
    location: KeyPath = error["loc"]
    path = location[:1] + location[2:] if location[0] in UNIONS else location
    if error["type"] == "extra_forbidden":
        known = foreign(str(path[0])) if len(path) == 1 else None
        return Fault(document.key_place(path), path, known or _unknown(str(path[-1]), keys_at(location)))
    if error["type"] == "missing":
        return Fault(document.key_place(path), path, "found nothing, expected this key: it has no default")
    found = error["input"]
    if error["type"] == "union_tag_invalid":
        path, found = (*path, "name"), found["name"]
    if path not in document.values:
        path = path[:-1]  # a bare text stands for the mapping that validation saw
    return Fault(document.value_place(path), path, _message(error, found))


def _unknown(key: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    if near:
        return f"found an unknown key, did you mean `{near[0]}`?"
    return f"found an unknown key, expected one of {', '.join(known)}"


def _message(error: Mapping[str, Any], found: Any) -> str:
    context = error.get("ctx", {})
    if error["type"] == "value_error":
        return str(context["error"])
    if error["type"] not in _EXPECTED:
        return f"found {shown(found)}: {error['msg']}"
    expected = _EXPECTED[error["type"]].format(**context).replace("'", "")
    return f"found {shown(found)}, expected {expected}"
