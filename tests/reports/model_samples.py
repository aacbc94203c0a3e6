"""`Report.architecture`: models of a few lines, and reports of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from report_samples import report

from lrdoctor.core.plain import read
from lrdoctor.core.report import Report
from lrdoctor.core.sections import Model

Row = dict[str, Any]


def site(module: str = "", **changes: Any) -> Row:
    """A residual add of an identity skip and a linear branch."""
    plain: Row = {
        "where": "net.py:12",
        "module": module,
        "call": 0,
        "skip": "identity",
        "branch_scale": 0.5,
        "last_operation": "linear",
        "gate": None,
        "post_norm": False,
        "norm": None,
        "zeroable": [f"{module}.down.weight"],
        "why_not": "",
        "is_dead": False,
        "is_probable": False,
    }
    return plain | changes


def layer(module: str, operation: str = "linear", **changes: Any) -> Row:
    return {"module": module, "operation": operation, "activation": 1.0, "gradient": 2.0, "site": None} | changes


def model(*parts: Row, **changes: Any) -> Model:
    """The model of these layers and sites on its chain, in order."""
    sites = [part for part in parts if "where" in part]
    at = {id(part): i for i, part in enumerate(sites)}
    chain = [layer(p["module"], "sum", site=at[id(p)]) if "where" in p else p for p in parts]
    plain: Row = {
        "failure": "",
        "n_parameters": 1234,
        "mode": "train",
        "loss": 2.3,
        "residual_adds": len(sites),
        "post_norm_sites": sum(each["post_norm"] for each in sites),
        "branches_not_norm_last": len(sites),
        "branches_zero_at_init": 0,
        "depth_outside_residuals": 2,
        "depth_without_norm": 2,
        "activation_growth": 3.0,
        "gradient_growth": None,
        "unknown_operations": 0,
        "unknown": [],
        "sites": sites,
        "chain": chain,
        "sharpness": None,
    }
    return read(Model, plain | changes)


def inspected(of: Model) -> Report:
    return report(command="inspect", sweep={}, runs=(), findings=(), fixes=(), skipped=(), architecture=of)


def transformer(n: int) -> list[Row]:
    """`n` blocks of two residual adds with a norm after each sum."""
    names = [f"blocks.{i}.{part}" for i in range(n) for part in ("attention", "mlp")]
    return [site(name, post_norm=True, branch_scale=0.1 * (i + 1)) for i, name in enumerate(names)]


MIXED: Sequence[Row] = (
    layer("stem", "conv2d"),
    layer("down", "conv2d"),
    site("a", skip="projection", is_probable=True),
    site("b", gate="b.gate", branch_scale=0.0),
    site("c", branch_scale=0.0, is_dead=True, zeroable=[], why_not="the branch is 0 already"),
    site("d", post_norm=True, last_operation="relu", zeroable=[], why_not="its last operation is relu"),
    layer("head"),
)
"""Every kind of residual add that is drawn in its own way."""

FAILED = model(
    failure="it raised ValueError", n_parameters=0, mode=None, loss=None, residual_adds=None, post_norm_sites=None,
    branches_not_norm_last=None, branches_zero_at_init=None, depth_outside_residuals=None, depth_without_norm=None,
    activation_growth=None, unknown_operations=None,
)  # fmt: skip

MODELS: dict[str, Model] = {
    "post-norm": model(*transformer(12), layer("head")),
    "mixed": model(*MIXED),
    "plain": model(*(layer(f"layers.{2 * i}") for i in range(10))),
    "one layer": model(layer("")),
    "no chain": model(site(), chain=[]),
    "unknown": model(layer("a"), unknown_operations=5, unknown=[f"encoder.{i} (Fused)" for i in range(5)]),
    "not finite": model(layer("a", activation=float("inf"), gradient=None), layer("b", activation=0.0)),
    "add inside a branch": model(site("a"), sites=[site("a.inner"), site("a")]),
    "before sites were numbered": model(
        site("a"), chain=[{"module": "a", "operation": "sum", "activation": 1.0, "gradient": 1.0}]
    ),
    "failed": FAILED,
}
