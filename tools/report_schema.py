"""The JSON Schemas of report.json and compare.json: what is made of `core/sections.py` and `core/compared.py`, and
what is written by hand of report.json.

The sections that are dataclasses are described by their fields and the text under each; definitions of anything else
are kept as they stand in the file.
"""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from lrdoctor.core.architecture import Scale, Site
from lrdoctor.core.compared import Compared, ComparedStudy, Difference, Pair, SeedObjective, StudyComparison
from lrdoctor.core.fix_sections import (
    Claimed,
    ClipAttempt,
    ClipResult,
    Cost,
    FixSettings,
    Longer,
    Lower,
    LoweredAttempt,
    NormPercentile,
    NormsAtBest,
    OnFreshSeeds,
    Paired,
    Prescription,
    RateObjective,
    Rewritten,
    Spread,
    TreatResult,
    TriedFix,
    TriedWarmup,
    WarmupComparison,
    WarmupResult,
    WithoutAndWith,
)
from lrdoctor.core.plain import EMPTY, is_required, keyed
from lrdoctor.core.rewriting import Edit, Refusal
from lrdoctor.core.sections import (
    Comparison,
    Intervals,
    MeasuredSharpness,
    MinMargin,
    Model,
    Peak,
    Probe,
    ProbedSeed,
    Spending,
    Sweep,
    Worse,
)
from lrdoctor.core.study import Cut, Obstacle, Rate

Schema = dict[str, Any]

NAMES: Mapping[type, str] = {
    Sweep: "sweep",
    Rate: "rate",
    Obstacle: "obstacle",
    Intervals: "intervals",
    Probe: "probe",
    ProbedSeed: "probed_seed",
    Peak: "peak",
    Model: "architecture",
    Site: "residual_site",
    Scale: "layer_scale",
    MeasuredSharpness: "sharpness",
    Comparison: "baseline",
    Worse: "worse",
    MinMargin: "min_margin",
    Spending: "spending",
    Cut: "cut",
    WarmupResult: "warmup",
    TriedWarmup: "tried_warmup",
    WithoutAndWith: "without_and_with",
    WarmupComparison: "comparison",
    ClipResult: "clip",
    NormsAtBest: "norms",
    NormPercentile: "norm_percentile",
    ClipAttempt: "clip_attempt",
    LoweredAttempt: "lowered_attempt",
    RateObjective: "rate_objective",
    TreatResult: "treat",
    TriedFix: "treated",
    FixSettings: "fix_settings",
    Spread: "objective_spread",
    Claimed: "claimed",
    OnFreshSeeds: "confirmation",
    Rewritten: "rewriting",
    Edit: "edit",
    Refusal: "refusal",
    Prescription: "prescription",
    Paired: "paired",
    Cost: "cost",
    Longer: "longer",
    Lower: "lower",
}
"""Dataclass -> its name in the schema of report.json."""
OF_COMPARE: Mapping[type, str] = {
    ComparedStudy: "study",
    SeedObjective: "seed_objective",
    Pair: "pair",
    Compared: "compared",
    Difference: "difference",
    Rate: "rate",
}
"""The same of compare.json."""
BY_HAND: Mapping[tuple[type, str], Schema] = {
    (TriedFix, "name"): {"anyOf": [{"$ref": "#/$defs/fix_name"}, {"const": "none"}]},
    (Prescription, "names"): {"type": "array", "items": {"$ref": "#/$defs/fix_name"}},
}
"""Fields that hold names of fixes, which are listed in the schema alone."""
LONGEST_LINE = 240
"""Characters of a line, so that most properties with their description are one."""
REPLACED = ("interval", "peak_or_null")
"""Definitions of the time before sections were dataclasses."""


class Generator(GenerateJsonSchema):
    """As the reader of reports takes it: a tuple is an array of whatever its places hold."""

    def tuple_schema(self, schema: core_schema.TupleSchema) -> JsonSchemaValue:
        items = [self.generate_inner(of) for of in schema["items_schema"]]
        return {"type": "array", "items": items[0] if len(items) == 1 else {"anyOf": items}}

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])


def section(kind: type) -> Schema:
    """The definition of one dataclass; others are referred to."""
    texts = dict(_texts(kind))
    made = TypeAdapter(kind).json_schema(
        ref_template="#/$defs/{model}", schema_generator=Generator, mode="serialization"
    )
    known = made["properties"]
    properties: Schema = {}
    for name, of in keyed(kind):
        found = BY_HAND.get((kind, of.name)) or _renamed(known[of.name])
        if of.metadata == EMPTY:
            found = {"anyOf": [{"$ref": "#/$defs/empty"} if one == {"type": "null"} else one for one in found["anyOf"]]}
        properties[name] = found | ({"description": texts[of.name]} if of.name in texts else {})
    for name, of_property in getattr(kind, "ALSO", {}).items():
        getter = inspect.getdoc(getattr(kind, of_property)) or ""
        answer = inspect.signature(getattr(kind, of_property).fget).return_annotation
        what: Schema = {"type": "boolean"} if answer == "bool" else {"$ref": "#/$defs/verdict"}
        properties[name] = what | {"description": " ".join(getter.split())}
    required = [name for name, of in keyed(kind) if is_required(of)]
    text = " ".join((inspect.getdoc(kind) or "").split())
    return {"type": "object", "description": text, "required": required, "properties": properties}


def _texts(kind: type) -> Iterator[tuple[str, str]]:
    """Field -> the text under it, in the class and what it is derived from."""
    for of in reversed([base for base in kind.__mro__ if is_dataclass(base)]):
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(of))).body
        assert isinstance(tree, ast.ClassDef)
        for field, after in zip(tree.body, tree.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(after, ast.Expr) and isinstance(field.target, ast.Name):
                yield field.target.id, " ".join(ast.literal_eval(after.value).split())


def _renamed(value: Any) -> Any:
    """With our names of definitions, numbers as the file writes them, and without what pydantic says by itself."""
    if isinstance(value, list):
        return [_renamed(item) for item in value]
    if not isinstance(value, dict):
        return value
    value = {key: item for key, item in value.items() if key not in ("title", "default", "propertyNames")}
    if value == {"type": "number"}:  # it may be a string for what is not finite
        return {"$ref": "#/$defs/number"}
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        ours = {kind.__name__: of for kind, of in (*NAMES.items(), *OF_COMPARE.items())}
        return {"$ref": f"#/$defs/{ours.get(name, name)}"}
    return {key: _renamed(item) for key, item in value.items()}


def report_schema(known: str) -> str:
    """The text of the schema.

    Args:
        known: as the file stands: what is no dataclass is taken from it.
    """
    document: Schema = json.loads(known)
    kept = {name: of for name, of in document["$defs"].items() if name not in REPLACED}
    made = {name: section(kind) for kind, name in NAMES.items()}
    document["$defs"] = {**{name: made.get(name, of) for name, of in kept.items()}, **made}
    return f"{_text(document)}\n"


def compare_schema(of_reports: str) -> str:
    """The text of the schema of compare.json.

    Args:
        of_reports: the schema of report.json, from which it has what a number and a verdict are.
    """
    shared: Schema = json.loads(of_reports)["$defs"]
    whole = section(StudyComparison)
    head: Schema = {
        "schema_version": {"const": 1},
        "lrdoctor_version": {"type": "string"},
        "command": {"const": "compare"},
    }
    document: Schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "compare.json of lrdoctor",
        **whole,
        "required": [*head, *whole["required"]],
        "properties": {**head, **whole["properties"]},
        "$defs": {
            **{name: shared[name] for name in ("number", "verdict")},
            **{name: section(kind) for kind, name in OF_COMPARE.items()},
        },
    }
    return f"{_text(document)}\n"


def _text(value: Any, indent: str = "") -> str:
    """JSON with what is short on one line, so that a property is a line and a change of it is one as well."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + len(indent) <= LONGEST_LINE or not isinstance(value, dict | list):
        return line
    inner = f"{indent}  "
    if isinstance(value, list):
        return "[\n" + ",\n".join(inner + _text(item, inner) for item in value) + f"\n{indent}]"
    items = (f"{inner}{json.dumps(key)}: {_text(item, inner)}" for key, item in value.items())
    return "{\n" + ",\n".join(items) + f"\n{indent}}}"
