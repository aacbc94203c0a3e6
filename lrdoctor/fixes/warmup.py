"""Learning-rate warmup: prepend a linear ramp from 0 to the schedule.

Good for instability at the start of training. The ramp goes from 0 to a base learning rate one order of magnitude
above the lowest unstable one (`warmup.factor` of the spec); the right warmup_steps is the *shortest* that makes that
rate trainable. It is searched over orders of magnitude, with 2 x warmup_steps (at least 500 steps, or the whole run) at
the full rate afterwards, and up to a tenth of max_train_steps. The warmup is added to the run, not taken out of it; if
it needs more than 5 % of max_train_steps, train longer. (Tuning playbook.)
"""

from __future__ import annotations

from collections.abc import Sequence

from lrdoctor.core.study import Study
from lrdoctor.fixes.base import Remedy, Settings

CAP = 0.1
"""Largest share of max_train_steps that a warmup may take."""
FEWEST = 3
"""Points that the search has at least, where the cap has room for them: missing powers of ten and the cap itself
fill up what the cap left."""


def settings(study: Study) -> Settings:
    if study.unstable_base_learning_rate is None or study.spec is None:
        return {}
    return {
        "base_learning_rate": float(f"{study.spec['warmup']['factor'] * study.unstable_base_learning_rate:.4g}"),
        "warmup_steps": steps_to_try(study.spec["warmup"]["steps"], study.spec["max_train_steps"]),
    }


def steps_to_try(wanted: Sequence[int], max_train_steps: int) -> list[int]:
    """warmup_steps over orders of magnitude, none above the cap.

    Args:
        wanted: the spec's `warmup.steps`.
        max_train_steps: what the cap is a share of.

    >>> wanted = [10, 1000, 10000, 100000]
    >>> steps_to_try(wanted, 10**6), steps_to_try(wanted, 20_000), steps_to_try(wanted, 300)
    ([10, 1000, 10000, 100000], [10, 100, 1000, 2000], [1, 10, 30])
    """
    cap = max(1, int(CAP * max_train_steps))
    chosen = {n for n in wanted if n <= cap}
    if len(chosen) < FEWEST:
        chosen |= {10**k for k in range(1, len(str(cap))) if 10**k <= cap} | {cap}
    if len(chosen) < FEWEST:
        chosen |= {1}  # short runs: the shortest ramp there is
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
