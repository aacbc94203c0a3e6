"""Frozen dataclasses as plain data and back: what a section of the report is in report.json.

A field's key is its name, with exceptions that its metadata says: `key("with")` for a name that Python keeps to
itself, `EMPTY` for a section in the place of which `{}` stands where it was not made, `LEFT_OUT` for a key that is
absent where there is no value. A class may have further keys,
worked out from its fields: `ALSO` maps them to properties, and reading passes over them.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from importlib import import_module
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import numpy as np

T = TypeVar("T")

EMPTY: Mapping[str, Any] = {"none": {}}
"""Metadata of a field whose None is written `{}`."""
LEFT_OUT: Mapping[str, Any] = {"left out": True}
"""Metadata of a field whose key is absent where it is None."""
REQUIRED: Mapping[str, Any] = {"required": True}
"""Metadata of a field with a default whose key has always been there."""


def key(name: str) -> Mapping[str, Any]:
    """Metadata of a field that has another key than its name."""
    return {"key": name}


@cache
def hints(kind: type) -> Mapping[str, Any]:
    """Field -> its type, names resolved. A class names in `TYPES_FROM` the modules of those that it does not import."""
    elsewhere = [vars(import_module(name)) for name in getattr(kind, "TYPES_FROM", ())]
    return get_type_hints(kind, localns={name: value for names in elsewhere for name, value in names.items()})


def keyed(kind: type) -> Iterator[tuple[str, Field[Any]]]:
    """Every key of a dataclass that is a field, with the field."""
    return ((of.metadata.get("key", of.name), of) for of in fields(kind))


def plain(value: Any) -> Any:
    """Dataclasses and mappings as dicts, sequences as lists, numpy's scalars as Python's; anything else as it is.

    >>> from lrdoctor.core.study import Rate
    >>> rate = Rate(base_learning_rate=0.1, stage="grid", n_judged=3, n_feasible=3, n_unstable=0, objective=0.5,
    ...             objective_low=0.4, objective_high=0.6, final_loss=0.5)
    >>> plain(rate)["unstable"], plain((rate,))[0]["objective"]
    (False, 0.5)
    """
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if not is_dataclass(value) or isinstance(value, type):
        return value
    there = [(name, of) for name, of in keyed(type(value)) if "left out" not in of.metadata or _is_known(value, of)]
    found = {name: _field(value, of) for name, of in there}
    return found | {name: plain(getattr(value, of)) for name, of in getattr(value, "ALSO", {}).items()}


def _is_known(value: Any, of: Field[Any]) -> bool:
    return getattr(value, of.name) is not None


def _field(value: Any, of: Field[Any]) -> Any:
    item = getattr(value, of.name)
    return dict(of.metadata["none"]) if item is None and "none" in of.metadata else plain(item)


def read(kind: type[T], value: Any) -> T:
    """The value of that type that plain data stands for. Keys that the type does not know are passed over.

    >>> from lrdoctor.core.study import Obstacle
    >>> read(Obstacle, {"kind": "no_effect", "reason": "r", "advice": "a", "of a later version": 1})
    Obstacle(kind='no_effect', reason='r', advice='a')

    Args:
        kind: a dataclass, made of numbers, texts, tuples, mappings and further dataclasses.
        value: what `plain` gave, or the value itself; held against the schema before.
    """
    return cast(T, _read(kind, value))


def _read(kind: Any, value: Any) -> Any:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        kinds = [each for each in get_args(kind) if each is not types.NoneType]
        return value if value is None or len(kinds) > 1 else _read(kinds[0], value)
    if origin is tuple:
        items = [each for each in get_args(kind) if each is not Ellipsis]
        return tuple(_read(items[min(i, len(items) - 1)], item) for i, item in enumerate(value))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {name: _read(get_args(kind)[1], item) for name, item in value.items()}
    if not is_dataclass(kind) or isinstance(value, cast(type, kind)):
        return value
    known = hints(cast(type, kind))
    found: dict[str, Any] = {}
    for name, of in keyed(cast(type, kind)):
        if name in value:
            is_absent = "none" in of.metadata and not value[name]
            found[of.name] = None if is_absent else _read(known[of.name], value[name])
    return cast(type, kind)(**found)


def is_required(of: Field[Any]) -> bool:
    """Whether plain data without the key cannot be read."""
    return "required" in of.metadata or (of.default is MISSING and of.default_factory is MISSING)
