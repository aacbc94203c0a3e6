"""Learning-rate warmup: prepend a linear ramp from 0 to the schedule.

Good for instability at the start of training. The ramp goes from 0 to a base learning rate one order of magnitude
above the lowest unstable one; the right warmup_steps is the *shortest* that makes that rate trainable. It is searched
over orders of magnitude, with 2 x warmup_steps (at least 500 steps, or the whole run) at the full rate afterwards, and
up to a tenth of max_train_steps. The warmup is added to the run, not taken out of it; if it needs more than 5 % of
max_train_steps, train longer. (Tuning playbook.)
"""

from __future__ import annotations

from lrdoctor.core.study import Study
from lrdoctor.fixes.base import Remedy, Settings

FACTOR = 10.0
"""Base rate as a multiple of the lowest unstable one: "at least one order of magnitude larger" (tuning playbook)."""
ORDERS = (10, 1_000, 10_000, 100_000)
"""The playbook's example of warmup_steps to try."""
CAP = 0.1
"""Largest share of max_train_steps that a warmup may take."""
FEWEST = 3
"""Points that the search has at least: missing powers of ten and the cap fill up what the cap left."""


def settings(study: Study) -> Settings:
    if study.unstable_base_learning_rate is None or study.spec is None:
        return {}
    return {
        "base_learning_rate": float(f"{FACTOR * study.unstable_base_learning_rate:.4g}"),
        "warmup_steps": steps_to_try(int(study.spec["max_train_steps"])),
    }


def steps_to_try(max_train_steps: int) -> list[int]:
    """warmup_steps over orders of magnitude, none above the cap.

    >>> steps_to_try(1_000_000), steps_to_try(20_000), steps_to_try(300)
    ([10, 1000, 10000, 100000], [10, 100, 1000, 2000], [1, 10, 30])
    """
    cap = max(1, int(CAP * max_train_steps))
    chosen = {n for n in ORDERS if n <= cap}
    if len(chosen) < FEWEST:
        chosen |= {10**k for k in range(len(str(cap))) if 10**k <= cap and (10**k > 1 or cap < 100)} | {cap}
    return sorted(chosen)


def snippet(settings: Settings) -> str:
    base = settings.get("base_learning_rate", "base_learning_rate")
    steps = settings.get("warmup_steps", ["warmup_steps"])[0]
    return (
        f"warmup_steps = {steps}\n"
        f"optimizer = torch.optim.SGD(model.parameters(), lr={base}, momentum=0.9)  # or your own\n"
        "warmup = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, step / warmup_steps))\n"
        "# warmup.step() after every update; start your own schedule when the warmup is over"
    )


FIX = Remedy(
    name="warmup",
    treats=frozenset({"early", "plateau", "non_finite"}),
    summary="prepend a learning-rate warmup: a linear ramp from 0 to a rate well above the unstable one",
    manual=__doc__,
    settings=settings,
    snippet=snippet,
)
