"""Made-up treatments that the tests of every format share: a deep network whose fixes were tried in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from report_samples import rate, sweep_of

from lrdoctor.core.plain import plain
from lrdoctor.core.study import Rate

BLOW_UP = {"early blow-up": 3}


def swept(*rates: Rate) -> list[dict[str, Any]]:
    """These rates as plain data."""
    rows: list[dict[str, Any]] = plain(sweep_of(rates).rates)
    return rows


def seeds(lr: float, objective: float = 0.5, feasible: int = 3, **changes: Any) -> Rate:
    return rate(lr, objective, feasible, n=3, **changes)


def paired(change: str, better: int, gain: float) -> dict[str, Any]:
    ends = {"gain_low": gain - 0.03, "gain_high": gain + 0.03}
    chances = {"chance_lower": 0.5 - 0.15 * better, "chance_higher": 0.05 + 0.3 * better}
    return {"n_pairs": 3, "n_better": better, "gain": gain, "change": change} | ends | chances


def paired_afresh(change: str, n: int, better: int, gain: float) -> dict[str, Any]:
    """The comparison on so many fresh seeds."""
    return paired(change, 0, gain) | {"n_pairs": n, "n_better": better, "chance_lower": 0.001, "chance_higher": 0.999}


def confirmation(
    use: float, reach: float, beside: float, objective: float, failing: str | None = None, n: int = 5, **changes: Any
) -> dict[str, Any]:
    """What so many fresh seeds said of a fix.

    Args:
        use: the rate to use with it.
        reach: the highest stable rate that the search claimed.
        beside: the rate without it that `reach` is compared with.
        objective: median at the rate to use.
        failing: why it is rejected; None where it is verified.
        n: fresh seeds.
        changes: of the other fields.
    """
    seen = {"objective": objective, "objective_low": 0.9 * objective, "objective_high": 1.1 * objective}
    fields: dict[str, Any] = {
        "status": "verified" if failing is None else "rejected",
        "failing": failing,
        "seeds": list(range(3, 3 + n)),
        "n_seeds": 5,
        "base_learning_rate": use,
        "reach": reach,
        "baseline_reach": beside,
        "unstable": 0,
        "unstable_at_reach": 1,
        "seeds_at_reach": n,
        "baseline_unstable_at_reach": 5,
        "baseline_seeds_at_reach": n,
        "objective": seen,
        "baseline_objective": {"objective": 0.63, "objective_low": 0.56, "objective_high": 0.7},
        "claimed": {"gain": False, "room": True, "highest_stable_learning_rate": reach, **seen},
    }
    return fields | changes


def afresh(use: float, reach: float) -> dict[str, Any]:
    """The key figures of a fix that fresh seeds confirm: the room is known up to the rate that they were stable at."""
    room = {"highest_stable_learning_rate": reach, "stability_margin": reach / use, "margin_is_bound": True}
    return {"on_fresh_seeds": True, **room}


def cost(trials: int, steps: int, seconds: float) -> dict[str, Any]:
    return {"trials": trials, "steps": steps, "seconds": seconds}


def row(name: str, rank: int, status: str, why: str, **changes: Any) -> dict[str, Any]:
    """A fix that was not tried unless `changes` say what came of it."""
    fields: dict[str, Any] = {
        "name": name,
        "rank": rank,
        "status": status,
        "why": why,
        "settings": {},
        "optimizer": "momentum",
        "base_learning_rate": None,
        "best_learning_rate": None,
        "unstable_base_learning_rate": None,
        "highest_stable_learning_rate": None,
        "stability_margin": None,
        "margin_is_bound": False,
        "objective": None,
        "objective_low": None,
        "objective_high": None,
        "unstable_interval": None,
        "comparison": None,
        "confirmation": None,
        "on_fresh_seeds": False,
        "lower": None,
        "steps_added": 0,
        "share_clipped": None,
        "reaches_target": False,
        "trains_better": False,
        "cost": cost(0, 0, 0.0),
        "rates": [],
    }
    return fields | changes


def measured(best: float, unstable: float, stable: float, objective: float) -> dict[str, Any]:
    """The key figures of a sweep whose best rate is prescribed."""
    return {
        "base_learning_rate": best,
        "best_learning_rate": best,
        "unstable_base_learning_rate": unstable,
        "highest_stable_learning_rate": stable,
        "stability_margin": unstable / best,
        "objective": objective,
        "objective_low": 0.9 * objective,
        "objective_high": 1.1 * objective,
    }


BEFORE = row(
    "none",
    0,
    "",
    "",
    **measured(0.02, 0.03162, 0.0282, 0.62),
    cost=None,
    rates=swept(
        seeds(0.005, 0.95),
        seeds(0.01, 0.71),
        seeds(0.02, 0.62),
        seeds(0.0282, 0.66, feasible=2, events={"rise": 1}),
        seeds(0.03162, feasible=1, events={"early blow-up": 2}),
        seeds(0.1, feasible=0, events=BLOW_UP),
        seeds(0.2, feasible=0, events={"non-finite": 3}),
    ),
)
BEFORE_AFRESH = {**BEFORE, "on_fresh_seeds": True}
"""The same where fixes were tried on fresh seeds: its loss is theirs."""
WARMUP = row(
    "warmup",
    1,
    "rejected",
    "30 steps of warmup reach 0.03637, 1.15 times the rate that is unstable without it, and no more",
    settings={"warmup_steps": 30},
    **measured(0.02, 0.04, 0.03637, 0.61),
    comparison=paired("no change", 2, 0.01),
    steps_added=30,
    cost=cost(42, 12_600, 9.4),
    rates=swept(
        seeds(0.01, 0.7), seeds(0.02, 0.61), seeds(0.03637, 0.65, feasible=2), seeds(0.04, feasible=1), seeds(0.2, 0, 0)
    ),
)
CLIPPING = row(
    "clip_gradients",
    2,
    "unconfirmed",
    "not tried on fresh seeds: another fix was confirmed first, the limit was reached, or the budget ended; "
    "clipping at 4.781 makes 0.05 trainable in 3 of 3 seeds",
    settings={"clip_norm": 4.781, "percentile": 90.0},
    **measured(0.02, 0.0562, 0.05, 0.58),
    comparison=paired("no change", 3, 0.04),
    share_clipped=0.114,
    cost=cost(36, 10_800, 8.0),
    rates=swept(seeds(0.01, 0.7), seeds(0.02, 0.58), seeds(0.05, 0.6), seeds(0.0562, feasible=1), seeds(0.2, 0, 0)),
)
PAIR = row(
    "warmup+clip_gradients",
    2,
    "verified",
    "confirmed on 5 fresh seeds; stable in 5 of 5 at 0.02; in 4 of 5 at 0.1, and without it in 0 of 5 at 0.1",
    settings={"warmup_steps": 30, "clip_norm": 4.781},
    **(measured(0.02, 0.1122, 0.1, 0.57) | afresh(0.02, 0.1)),
    confirmation=confirmation(0.02, 0.1, 0.1, 0.57),
    comparison=paired_afresh("no change", 5, 4, 0.05),
    steps_added=30,
    share_clipped=0.52,
    cost=cost(36, 11_880, 8.6),
    rates=swept(seeds(0.02, 0.57), seeds(0.05, 0.56), seeds(0.1, 0.8, feasible=2), seeds(0.1122, feasible=1)),
)
REFUTED = {
    **PAIR,
    "status": "rejected",
    "why": "rejected on fresh seeds: it helps nothing there; stable in 5 of 5 at 0.02; in 2 of 5 at 0.1",
    "confirmation": confirmation(0.02, 0.1, 0.1, 0.57, "nothing", unstable_at_reach=3),
    "highest_stable_learning_rate": None,
    "stability_margin": None,
    "margin_is_bound": False,
}
"""What held on the seeds of the search and not on fresh ones."""
ADAM = row(
    "change_optimizer",
    3,
    "verified",
    "confirmed on 10 fresh seeds; its best validation loss is lower in every one of them",
    settings={"optimizer": {"name": "adam"}},
    **(measured(0.002, 0.02818, 0.02512, 0.35) | afresh(0.002, 0.02512) | {"optimizer": "adam"}),
    confirmation=confirmation(0.002, 0.02512, 0.2512, 0.35, n=10, baseline_unstable_at_reach=10),
    comparison=paired_afresh("gain", 10, 10, 0.27),
    reaches_target=True,
    trains_better=True,
    cost=cost(51, 15_300, 12.2),
    rates=swept(
        seeds(0.0005, 0.6),
        seeds(0.002, 0.35),
        seeds(0.01, 0.41),
        seeds(0.02512, 0.52, feasible=2),
        seeds(0.02818, feasible=1),
        seeds(0.1, feasible=0),
    ),
)
NADAM = row(
    "change_optimizer",
    3,
    "rejected",
    "nadam has no more room",
    settings={"optimizer": {"name": "nadam"}},
    **(measured(0.002, 0.003, 0.0028, 0.66) | {"optimizer": "nadam"}),
    comparison=paired("loss", 0, -0.04),
    cost=cost(30, 9_000, 7.0),
    rates=swept(seeds(0.002, 0.66), seeds(0.003, feasible=0)),
)
NOT_SEEN = "nothing is known of the architecture"
NOT_TRIED = (
    row("add_residuals_and_norm", 4, "not_tried", NOT_SEEN),
    row("norm_placement", 5, "not_tried", NOT_SEEN),
    row("zero_init_residual", 6, "not_tried", NOT_SEEN),
)
LOWER = row(
    "lower_learning_rate",
    7,
    "rejected",
    "0.01 has a margin of 3.16x, and trains worse in every seed",
    settings={"base_learning_rate": 0.01},
    **(measured(0.02, 0.03162, 0.0282, 0.71) | {"base_learning_rate": 0.01, "stability_margin": 3.162}),
    comparison=paired("loss", 0, -0.09),
    rates=BEFORE["rates"],
)
NO_NUMBERS = row("warmup", 1, "rejected", "no warmup of up to 30 steps holds at 0.0398, so there is none to sweep")
PRESCRIPTION = {
    "names": ["change_optimizer"],
    "status": "verified",
    "why": "confirmed on 10 fresh seeds: it trains better than lr* as it is",
    "base_learning_rate": 0.002,
    "settings": {"optimizer": {"name": "adam"}},
    "snippet": "optimizer = torch.optim.Adam(model.parameters(), lr=0.002)\nscheduler = None",
    "spec_file": "lrdoctor_out/mlp10/prescription.yaml",
}


def treat(tried: Sequence[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "needed": True,
        "why_not": "",
        "target_margin": 10.0,
        "n_seeds": 3,
        "n_fresh_seeds": 0,
        "objective": "best_val_loss",
        "before": BEFORE,
        "tried": list(tried),
        "prescription": PRESCRIPTION,
        "cut": [],
        "cost": cost(195, 59_580, 75.2),
        "figures": [],
    }
    return fields | changes


CUT = "its sweep needs 15300 steps, 4200 are left"
TREATS: dict[str, dict[str, Any]] = {
    "all": treat(
        [WARMUP, CLIPPING, PAIR, ADAM, NADAM, *NOT_TRIED, LOWER],
        n_fresh_seeds=10,
        before=BEFORE_AFRESH,
        figures=["figures/figure_8.png"],
    ),
    "pair": treat(
        [WARMUP, CLIPPING, PAIR],
        n_fresh_seeds=5,
        before=BEFORE_AFRESH,
        prescription={
            **PRESCRIPTION,
            "names": ["warmup", "clip_gradients"],
            "base_learning_rate": 0.02,
            "settings": {"warmup_steps": 30, "clip_norm": 4.781},
        },
    ),
    "none": treat([WARMUP, *NOT_TRIED], prescription=None),
    "refuted": treat([WARMUP, REFUTED], n_fresh_seeds=5, before=BEFORE_AFRESH, prescription=None),
    "unconfirmed": treat(
        [WARMUP, CLIPPING], prescription=None, cut=["clip_gradients: 9 trials to train, of up to 900 steps in all"]
    ),
    "cut": treat(
        [NO_NUMBERS, row("change_optimizer", 3, "not_tried", f"cut by --max-trial-steps: {CUT}")],
        prescription=None,
        cut=[f"change_optimizer: {CUT}"],
    ),
    "healthy": treat(
        [],
        needed=False,
        why_not="no instability was found up to 10 times lr*",
        before={**BEFORE, "unstable_base_learning_rate": None, "stability_margin": 10.0, "margin_is_bound": True},
        prescription=None,
        cost=cost(65, 19_500, 10.0),
    ),
    "no rate": treat([], needed=False, why_not="no learning rate trains well", before=None, prescription=None),
}
