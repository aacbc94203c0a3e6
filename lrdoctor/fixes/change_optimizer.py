"""Another optimizer: sometimes Adam handles an instability that Momentum cannot, and the other way round.

Learning rates do not compare across update rules: the other optimizer needs a sweep of its own. (Tuning playbook.)

A log does not tell its optimizer, so the advice names both ways. Spikes in mid-training that no gradient outlier
precedes point at the optimizer's own state: an Adam-like rule that averages squared gradients over too many steps goes
too far when they grow, and a smaller beta2 shortens that.
"""

from __future__ import annotations

from lrdoctor.core.study import Study
from lrdoctor.fixes._log import concerns_updates, events, run_of
from lrdoctor.fixes._norms import are_flat
from lrdoctor.fixes.base import Findings, FixRule, Settings, optimizer_of


def settings(study: Study, findings: Findings) -> Settings:
    if study.spec is None:
        return {}
    return {"optimizer": "momentum" if "adam" in optimizer_of(study).lower() else "adam"}


def why(study: Study, findings: Findings) -> str | None:
    run = run_of(study)
    if run is None:
        return None
    words = "Adam or AdamW where this run used SGD or Momentum, Momentum where it used an Adam-like rule"
    if are_flat(run, findings) and any(f.instability == "mid_training" for f in events(run, findings)):
        words += "; the gradient norm shows nothing before it, which points at the optimizer's state: "
        words += "with Adam also try beta2 = 0.95"
    return words


def snippet(settings: Settings) -> str:
    if not settings:
        return "optimizer = torch.optim.AdamW(model.parameters())  # or SGD with momentum=0.9; sweep its own rate"
    if settings.get("optimizer") == "momentum":
        return "optimizer = torch.optim.SGD(model.parameters(), lr=..., momentum=0.9)  # sweep its own rate"
    return "optimizer = torch.optim.Adam(model.parameters(), lr=...)  # sweep its own rate"


FIX = FixRule(
    name="change_optimizer",
    treats=frozenset({"early", "mid_training", "non_finite", "plateau", "gradient"}),
    summary="try another optimizer, with a learning-rate sweep of its own",
    manual=__doc__,
    settings=settings,
    snippet=snippet,
    why=why,
    applies=concerns_updates,
)
