"""The kinds of value a spec is made of.

An error raised here says what was found and what was expected; `lrdoctor.spec.validation` adds the place.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo

from lrdoctor.spec.class_paths import FORMS, file_of, is_class_path
from lrdoctor.spec.faults import shown

LOWEST_RATE, HIGHEST_RATE = 1e-30, 1e30
"""Beyond these a learning rate is a slip of the keyboard, and the sweep's extension and checks would leave the range of
a 32-bit number."""
MAX_EXACT = 2**53
"""From here on a float stands for several whole numbers."""


class Block(BaseModel):
    """A mapping of the spec: unknown keys are errors, text is no number, nothing is infinite."""

    model_config = ConfigDict(
        strict=True, frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )


def whole(value: Any) -> Any:
    """`1e4` is a float in YAML, and a count all the same."""
    counts = isinstance(value, float) and value.is_integer() and abs(value) < MAX_EXACT
    return int(value) if counts else value


def component(value: Any) -> Any:
    """A bare text is a class path without arguments."""
    if isinstance(value, str):
        return {"class_path": value}
    return _mapping(value, "a class path or {class_path, init_args}")


def named(value: Any) -> Any:
    """A bare text is a name."""
    return {"name": value} if isinstance(value, str) else _mapping(value, "a name or a mapping")


def name_or_class_path(value: Any) -> Any:
    """A bare text is a short name, or a class path when it has a dot or a colon."""
    if isinstance(value, str):
        return {"class_path" if set(value) & set(".:") else "name": value}
    block = _mapping(value, "a name, a class path or a mapping")
    given = [key for key in ("name", "class_path") if key in block]
    if len(given) != 1:
        found = "both `name` and `class_path`" if given else "neither `name` nor `class_path`"
        raise ValueError(f"found {found}, expected one of them")
    return block


def range_or_values(value: Any) -> Any:
    """The two ways to give the swept rates exclude each other; `auto` leaves them to lrdoctor."""
    if value == "auto":
        return value
    block = _mapping(value, "{min, max, points}, {values: [...]} or auto")
    others = [key for key in ("min", "max", "points") if key in block]
    if "values" in block and others:
        raise ValueError(f"found both `values` and `{others[0]}`, expected {{min, max, points}} or {{values: [...]}}")
    return block


def _mapping(value: Any, expected: str) -> Any:
    if not isinstance(value, dict | Block):
        raise ValueError(f"found {shown(value)}, expected {expected}")
    return value


def _class_path(text: str, info: ValidationInfo) -> str:
    if not is_class_path(text):
        raise ValueError(f"found {shown(text)}, expected {FORMS}")
    file = file_of(text)
    if file is not None and info.context is not None and not _is_file(info.context["folder"] / file):
        raise ValueError(f"found no file {file}, expected one at that path from the spec's folder")
    return text


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long, or with a NUL in it
        return False


def _pair(value: Any) -> Any:
    if not isinstance(value, list) or len(value) != len(("beta1", "beta2")):
        raise ValueError(f"found {shown(value)}, expected two numbers, such as [0.9, 0.999]")
    return value


def _plausible(rate: float) -> float:
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise ValueError(f"found {shown(rate)}, expected a learning rate from {LOWEST_RATE:g} to {HIGHEST_RATE:g}")
    return rate


MOST_LISTED = 1000
"""Seeds, rates or lengths of a study: more could not be trained, and are a slip."""


def _distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if not values:
        raise ValueError("found [], expected at least one value")
    if len(values) > MOST_LISTED:
        raise ValueError(f"found {len(values):,} values, expected {MOST_LISTED:,} at most: each is a trial or more")
    twice = [value for i, value in enumerate(values) if value in values[:i]]
    if twice:
        raise ValueError(f"found {shown(twice[0])} twice, expected distinct values")
    return values


def _ascending(values: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(sorted(_distinct(values)))


# A YAML list is a Python list, which strict validation would not take for a tuple. The length is judged by
# _distinct: min_length would count the valid items only, and so blame a wrong item twice.
_Listed = Field(strict=False, json_schema_extra={"minItems": 1})

Count = Annotated[int, BeforeValidator(whole), Field(ge=1)]
CountOrZero = Annotated[int, BeforeValidator(whole), Field(ge=0)]
Seed = Annotated[int, BeforeValidator(whole), Field(ge=0, lt=2**32)]
Positive = Annotated[float, Field(gt=0)]
Rate = Annotated[Positive, AfterValidator(_plausible)]
NonNegative = Annotated[float, Field(ge=0)]
Decay = Annotated[float, Field(ge=0, lt=1)]
Betas = Annotated[tuple[Decay, Decay], BeforeValidator(_pair), Field(strict=False)]
Seeds = Annotated[tuple[Seed, ...], _Listed, AfterValidator(_distinct)]
Counts = Annotated[tuple[Count, ...], _Listed, AfterValidator(_ascending)]
Rates = Annotated[tuple[Rate, ...], _Listed, AfterValidator(_ascending)]
ClassPath = Annotated[str, AfterValidator(_class_path)]
