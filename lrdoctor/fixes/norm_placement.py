"""Normalization inside the branch instead of after the sum.

Norm(x + f(x)) is known to cause issues. The playbook's first edition (2023) asks for x + Norm(f(x)), the normalization
as the last operation before the residual; the edition of June 2024 for x + f(Norm(x)). Both are fine.
"""

from __future__ import annotations

from lrdoctor.fixes.base import Remedy, no_settings

SNIPPET = """\
x = x + f(norm(x))  # in place of x = norm(x + f(x))"""

FIX = Remedy(
    name="norm_placement",
    treats=frozenset({"early", "mid_training", "non_finite", "plateau", "architecture"}),
    summary="move the normalization off the sum: x + Norm(f(x)) or x + f(Norm(x)), not Norm(x + f(x))",
    manual=__doc__,
    settings=no_settings,
    snippet=lambda settings: SNIPPET,
)
