"""Made-up warmup searches that the tests of every format share."""

from __future__ import annotations

from typing import Any

import numpy as np
from report_samples import falling, rate, trial

from lrdoctor.assess.warmup_table import warmup_table
from lrdoctor.core.curve import Curve
from lrdoctor.core.fix_sections import WarmupResult
from lrdoctor.core.run import Run
from lrdoctor.procedures.warmup import Settings, WarmupAttempt
from lrdoctor.procedures.warmup_comparison import Comparison, Held, WarmupFound

SETTINGS = Settings(0.05, (1, 10, 30), max_train_steps=300)


def tried(at: float, steps: int, n_held: int, n_judged: int = 5) -> WarmupAttempt:
    events = {"early blow-up": n_judged - n_held} if n_held < n_judged else {}
    return WarmupAttempt(base_learning_rate=at, warmup_steps=steps, n_judged=n_judged, n_held=n_held, events=events)


HELD = WarmupFound(
    settings=SETTINGS,
    tried=(tried(0.5, 1, 0), tried(0.5, 10, 1), tried(0.5, 30, 5), tried(0.5, 17, 3)),
    held=Held(base_learning_rate=0.5, warmup_steps=17),
    stable_without=0.02,
    without=(rate(0.01, 0.2), rate(0.05, feasible=0, events={"early blow-up": 5}), rate(0.5, feasible=0)),
    warmed=(rate(0.01, 0.19), rate(0.05, 0.25), rate(0.5, 0.4, feasible=4)),
    comparison=Comparison(base_learning_rate=0.01, baseline={0: 0.2, 1: 0.21}, warmed={0: 0.19, 1: 0.2}),
)
NOTHING = WarmupFound(settings=SETTINGS, tried=(tried(0.5, 1, 0), tried(0.5, 30, 0), tried(0.05, 30, 2)))
FAILED = WarmupFound(settings=SETTINGS, tried=(tried(0.5, 1, 0, n_judged=0),))

TABLES: dict[str, WarmupResult] = {
    "held": warmup_table(HELD, "verified", "17 steps reach 0.5"),
    "own": warmup_table(HELD, "verified", "17 steps reach 0.5", own=5),
    "nothing": warmup_table(NOTHING, "rejected", "no warmup of up to 30 steps held"),
    "failed": warmup_table(FAILED, "not_tried", "all its trials failed"),
}


def short_run(at: float, steps: int, seed: int = 0, loss: Any = None, **changes: Any) -> Run:
    """A trial of the search; its rate is the ramp's."""
    values = falling() if loss is None else np.asarray(loss)
    ramp = [at * min(1.0, t / steps) for t in range(len(values))]
    return Run(
        name=f"lr={at} seed={seed} warmup={steps}",
        source="x",
        curves={"train_loss": Curve.of(values), "learning_rate": Curve.of(ramp)},
        trial=trial(at, seed, 300, warmup_steps=steps, post_warmup_steps=300 - steps),
        **changes,
    )


BROKEN = [2.0, 3.0, 900.0, float("inf")]
RUNS = [
    *(short_run(0.5, 1, seed, BROKEN, status="diverged") for seed in range(2)),
    short_run(0.5, 10, 0, [2.0, 30.0, *falling(298)]),
    *(short_run(0.5, steps, seed) for steps in (17, 30) for seed in range(3)),
    short_run(0.05, 30),
]
