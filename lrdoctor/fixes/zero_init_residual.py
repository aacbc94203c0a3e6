"""Residual branches that start at zero.

The last operation of every residual branch is initialised to 0 (or gated by a factor that starts at 0, ReZero), so
that the network starts as the identity. (Tuning playbook.)

A zeroed last layer is the first choice: it changes no line of the forward pass, and learns from the first update on,
while a gate learns slowly at first. It is none where something non-linear stands behind it, which passes no gradient
at 0: there take a gate. Where a norm ends the branch, its weight and bias are what to zero; zeroing the layer before
it would divide by almost 0. A branch that is 0 already needs nothing, and a gate of 0 on it would keep it 0 for ever.
Zero the parameters before the optimizer is made.
"""

from __future__ import annotations

from lrdoctor.core.study import Study
from lrdoctor.fixes._architecture import has_loud_branch, where_to_zero, zeroable
from lrdoctor.fixes._log import architecture_unseen
from lrdoctor.fixes.base import Findings, FixRule, Settings

SNIPPET = """\
torch.nn.init.zeros_(block.last.weight)
torch.nn.init.zeros_(block.last.bias)"""


def settings(study: Study, findings: Findings) -> Settings:
    return {} if study.architecture is None else {"parameters": list(zeroable(study.architecture))}


def snippet(settings: Settings) -> str:
    """Code that names the parameters, where they are known."""
    names = settings.get("parameters")
    if not names:
        return SNIPPET
    listed = "\n".join(f"    {name!r}," for name in names)
    return (
        f"for name in (  # before the optimizer is made\n{listed}\n):\n"
        "    torch.nn.init.zeros_(model.get_parameter(name))"
    )


def why(study: Study, findings: Findings) -> str | None:
    model = study.architecture
    return architecture_unseen(study, findings) if model is None else where_to_zero(model)


FIX = FixRule(
    name="zero_init_residual",
    treats=frozenset({"early", "mid_training", "non_finite", "plateau", "architecture"}),
    summary="initialise the last operation of every residual branch to zero",
    manual=__doc__,
    settings=settings,
    snippet=snippet,
    why=why,
    applies=has_loud_branch,
)
