"""The playbook's update rules, written a second time: slowly, one numpy array a parameter, from the formulas."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def trajectory(
    name: str, theta: Array, gradients: list[Array], rates: list[float], s: Mapping[str, Any]
) -> Iterator[Array]:
    """theta after each update.

    Args:
        name: the rule.
        theta: the parameters at the start.
        gradients: g of each update, whatever theta is.
        rates: eta of each update.
        s: the rule's settings.
    """
    zero = np.zeros_like(theta)
    v = np.ones_like(theta) if name == "rmsprop" else zero
    m = zero
    for t, (g, eta) in enumerate(zip(gradients, rates, strict=True), start=1):
        g = g + s.get("weight_decay", 0.0) * theta
        if name == "sgd":
            theta = theta - eta * g
        elif name == "momentum":
            v = s["momentum"] * v + g
            theta = theta - eta * v
        elif name == "nesterov":
            v = s["momentum"] * v + g
            theta = theta - eta * (s["momentum"] * v + g)
        elif name == "rmsprop":
            v = s["rho"] * v + (1 - s["rho"]) * g**2
            m = s["momentum"] * m + eta * g / np.sqrt(v + s["eps"])
            theta = theta - m
        else:
            b1, b2 = s["betas"]
            m = b1 * m + (1 - b1) * g
            v = b2 * v + (1 - b2) * g**2
            b = math.sqrt(1 - b2**t) / (1 - b1**t)
            above = b1 * m + (1 - b1) * g if name == "nadam" else m
            theta = theta - eta * b * above / (np.sqrt(v) + s["eps"])
        yield theta
