"""A signal or a gradient that grows or vanishes with depth.

## What it sees
Between the first and the last layer of the chain that the residual branches hang on, the root mean square of the
activations, or the norm of the gradient on its way back, changes more than a thousandfold before the first update.

## Why it matters
Layers that a gradient reaches a thousand times weaker than others learn a thousand times slower; layers that it
reaches as much stronger set the learning rate at which everything breaks. A norm in every block, residual connections
and a fitting initialization keep both scales level.

## Odd models
A thousandfold leaves room for what pooling and a last layer of small weights do by themselves. Activations that are 0
or not finite, or that have no gradient because they are frozen, are left out; with fewer than two layers left there is
nothing to compare. Where operations could not be looked into, the layers in them are missing from the comparison.
"""

from __future__ import annotations

from dataclasses import dataclass

from lrdoctor.core.architecture import Architecture
from lrdoctor.rules.base import Found, Rule


@dataclass(frozen=True)
class Thresholds:
    factor: float = 1000.0
    """Growth or loss over the whole depth. Healthy models of the test table stay below 150."""


THRESHOLDS = Thresholds()


def check(model: Architecture) -> Found:
    growths = {"root mean square of the activations": model.activation_growth, "gradient norm": model.gradient_growth}
    ways = {"gradient norm": "from the last layer to the first"}
    for what, growth in growths.items():
        if growth is not None and not 1 / THRESHOLDS.factor <= growth <= THRESHOLDS.factor:
            way = ways.get(what, "from the first layer to the last")
            yield RULE.finding(
                f"the {what} changes by a factor of {growth:.2g} {way}, before any update",
                observed=growth,
                threshold=THRESHOLDS.factor,
            )


RULE = Rule(
    code="LRD705",
    name="scale changes with depth",
    severity="warning",
    instability="architecture",
    summary="Activations or gradients grow or vanish a thousandfold over the depth of the model.",
    manual=__doc__,
    check_model=check,
)
