"""Up to which learning rate the update rule is stable on a quadratic of the measured curvature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lrdoctor.core.architecture import Sharpness
from lrdoctor.core.sections import MeasuredSharpness

PRECONDITIONED = ("adam", "adamw", "nadam", "rmsprop")
"""Rules whose limit holds on the curvature divided by the square root of second moments, which need many steps."""


def safe_rate(top_eigenvalue: float, optimizer: Mapping[str, Any]) -> float | None:
    """The learning rate below which a quadratic of this top eigenvalue is minimized by the update rule.

    SGD: 2 / lambda. Momentum: 2 (1 + gamma) / lambda. Nesterov: 2 (1 + gamma) / ((1 + 2 gamma) lambda).

    >>> safe_rate(10.0, {"name": "sgd"}), safe_rate(10.0, {"name": "momentum", "momentum": 0.5})
    (0.2, 0.3)
    >>> safe_rate(10.0, {"name": "nesterov", "momentum": 0.5}), safe_rate(10.0, {"name": "adam"})
    (0.15, None)

    Returns:
        None where the rule has no such limit, or nothing curves upwards.
    """
    gamma = float(optimizer.get("momentum", 0.0))
    limits = {"sgd": 2.0, "momentum": 2 * (1 + gamma), "nesterov": 2 * (1 + gamma) / (1 + 2 * gamma)}
    limit = limits.get(str(optimizer.get("name")))
    return limit / top_eigenvalue if limit is not None and top_eigenvalue > 0 else None


def of_report(measured: Sharpness | None, spec: Mapping[str, Any]) -> MeasuredSharpness | None:
    """What the report holds of the sharpness; None where it was not measured."""
    if measured is None:
        return None
    optimizer = spec.get("optimizer") or {}
    rate = safe_rate(measured.top_eigenvalue, optimizer)
    return MeasuredSharpness(
        top_eigenvalue=measured.top_eigenvalue,
        n_iterations=measured.n_iterations,
        is_converged=measured.is_converged,
        optimizer=str(optimizer.get("name") or optimizer.get("class_path") or ""),
        safe_learning_rate=rate,
        words=_words(measured, rate, optimizer),
    )


def _words(measured: Sharpness, rate: float | None, optimizer: Mapping[str, Any]) -> str:
    name = str(optimizer.get("name") or optimizer.get("class_path"))
    bound = "" if measured.is_converged else " at least (the iteration had not converged)"
    top = f"the largest eigenvalue of the loss Hessian at initialization is {measured.top_eigenvalue:.3g}{bound}"
    if rate is not None:
        return (
            f"{top}: {name} stays stable on such a curvature below a learning rate of {rate:.3g}; above it training "
            "may blow up or recover, since the curvature changes"
        )
    if not measured.top_eigenvalue > 0:
        return f"{top}: the loss curves upwards in no direction, so it gives no limit"
    if name in PRECONDITIONED:
        return f"{top}: the limit of {name} is one of the preconditioned curvature, which this does not tell"
    return f"{top}: lrdoctor knows no limit of {name}"
