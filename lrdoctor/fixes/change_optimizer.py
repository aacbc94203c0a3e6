"""Another optimizer: sometimes Adam handles an instability that Momentum cannot, and the other way round.

Learning rates do not compare across update rules: the other optimizer needs a sweep of its own. (Tuning playbook.)
"""

from __future__ import annotations

from lrdoctor.core.study import Study
from lrdoctor.fixes.base import Remedy, Settings, optimizer_of


def settings(study: Study) -> Settings:
    return {"optimizer": "momentum" if "adam" in optimizer_of(study).lower() else "adam"}


def snippet(settings: Settings) -> str:
    if settings.get("optimizer") == "momentum":
        return "optimizer = torch.optim.SGD(model.parameters(), lr=..., momentum=0.9)  # sweep its own rate"
    return "optimizer = torch.optim.Adam(model.parameters(), lr=...)  # sweep its own rate"


FIX = Remedy(
    name="change_optimizer",
    treats=frozenset({"early", "mid_training", "non_finite", "plateau", "gradient"}),
    summary="try another optimizer, with a learning-rate sweep of its own",
    manual=__doc__,
    settings=settings,
    snippet=snippet,
)
