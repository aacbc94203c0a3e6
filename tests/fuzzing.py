"""How many examples a fuzz test draws: LRDOCTOR_FUZZ=N asks for N each, otherwise the test's own small number."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings


def fuzzing(examples: int) -> settings:
    """The settings of a fuzz test."""
    return settings(
        max_examples=int(os.environ.get("LRDOCTOR_FUZZ", examples)),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        print_blob=True,
    )
