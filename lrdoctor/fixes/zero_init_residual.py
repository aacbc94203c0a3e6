"""Residual branches that start at zero.

The last operation of every residual branch is initialised to 0 (or gated by a factor that starts at 0, ReZero), so
that the network starts as the identity. (Tuning playbook.)
"""

from __future__ import annotations

from lrdoctor.fixes._log import architecture_unseen
from lrdoctor.fixes.base import Remedy, no_settings

SNIPPET = """\
torch.nn.init.zeros_(block.last.weight)
torch.nn.init.zeros_(block.last.bias)"""

FIX = Remedy(
    name="zero_init_residual",
    treats=frozenset({"early", "mid_training", "non_finite", "plateau", "architecture"}),
    summary="initialise the last operation of every residual branch to zero",
    manual=__doc__,
    settings=no_settings,
    snippet=lambda settings: SNIPPET,
    why=architecture_unseen,
)
