"""Learning-rate warmup: prepend a linear ramp from 0 to the schedule.

Good for instability at the start of training. The ramp goes from 0 to a base learning rate one order of magnitude
above the lowest unstable one (`warmup.factor` of the spec); the right warmup_steps is the *shortest* that makes that
rate trainable. It is searched over orders of magnitude, with 2 x warmup_steps (at least 500 steps, or the whole run) at
the full rate afterwards, and up to a tenth of max_train_steps. The warmup is added to the run, not taken out of it; if
it needs more than 5 % of max_train_steps, train longer. (Tuning playbook.)

From a log: where its learning rate shows a warmup already, ten times as many steps, up to a tenth of the logged ones;
otherwise the orders of magnitude that fit into that tenth. The rate to reach is the log's own peak. A loss that becomes
non-finite only long after the start is no case for warmup: it counts as early within 500 updates, a twentieth of the
run, or three times the warmup that the run had.
"""

from __future__ import annotations

from lrdoctor.core.report import Finding
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.core.warmups import ORDERS, TRAIN_LONGER, longest_warmup, steps_to_try
from lrdoctor.fixes._log import concerns_updates, is_early, n_steps, onset, rates_of, run_of
from lrdoctor.fixes.base import Findings, FixRule, Settings, warmup_of
from lrdoctor.measures.learning_rates import Rates

LONGER = 10
"""The next order of magnitude, for a run that has a warmup already."""
WORTH_A_TRY = 2
"""Times the present warmup from which on a longer one is another experiment; below, only a longer run has room."""


def settings(study: Study, findings: Findings) -> Settings:
    run = run_of(study)
    if run is not None:
        return _settings_of_log(run)
    if study.unstable_base_learning_rate is None or study.spec is None:
        return {}
    return {
        "base_learning_rate": float(f"{study.spec['warmup']['factor'] * study.unstable_base_learning_rate:.4g}"),
        "warmup_steps": steps_to_try(study.spec["warmup"]["steps"], study.spec["max_train_steps"]),
    }


def _settings_of_log(run: Run) -> Settings:
    rates = rates_of(run)
    if rates is not None and rates.is_rising:
        return {}
    peak = {} if rates is None else {"base_learning_rate": float(f"{rates.peak:.4g}")}
    if not run.counts_updates or not n_steps(run):
        return peak
    if rates is None or rates.warmup_steps is None:
        return {**peak, "warmup_steps": steps_to_try(ORDERS, n_steps(run))}
    longer = _longer(rates.warmup_steps, run)
    return peak if longer is None else {**peak, "warmup_steps": [longer]}


def _cap(run: Run) -> int:
    return longest_warmup(n_steps(run))


def _longer(warmup_steps: int, run: Run) -> int | None:
    """The next warmup to try after one of `warmup_steps`, None where the run has no room for it."""
    steps = min(LONGER * warmup_steps, _cap(run))
    return steps if steps >= WORTH_A_TRY * warmup_steps else None


def why(study: Study, findings: Findings) -> str | None:
    run = run_of(study)
    if run is None:
        own = warmup_of(study)
        return f"the spec has warmup_steps: {own} already, which another length takes the place of" if own else None
    rates = rates_of(run)
    parts = [_where_it_went_wrong(run, rates, findings), _what_to_try(run, rates)]
    return "; ".join(part for part in parts if part) or None


def _where_it_went_wrong(run: Run, rates: Rates | None, findings: Findings) -> str:
    step = onset(run, findings)
    rate = None if rates is None or step is None else rates.at(step)
    if rate is None or rates is None:
        return ""
    return f"at step {step}, where the loss went wrong, the learning rate was {rate:.3g} (peak {rates.peak:.3g})"


def _what_to_try(run: Run, rates: Rates | None) -> str:
    if rates is not None and rates.is_rising:
        return f"the learning rate still rises where the log ends: take {LONGER} times as many steps to the same peak"
    if not run.counts_updates:
        return "the steps of this log are no updates, so no number of them can be given"
    length, cap = n_steps(run), _cap(run)
    if rates is None or rates.warmup_steps is None:
        seen = "" if rates is None else "the log shows no warmup: "
        steps = ", ".join(str(n) for n in steps_to_try(ORDERS, length))
        return f"{seen}try {steps} steps, the shortest first ({cap} is a tenth of the {length} logged steps)"
    words = f"this run warmed up over {rates.warmup_steps} steps"
    longer = _longer(rates.warmup_steps, run)
    if longer is None:
        return f"{words}, and a tenth of the {length} logged steps is the most: more only in a longer run"
    if longer == LONGER * rates.warmup_steps:
        words += f": try {LONGER} times that, to the same peak"
    else:
        words += f": try {longer} to the same peak, a tenth of the {length} logged steps"
    if longer > TRAIN_LONGER * length:
        words += f", and train longer by it, since it is more than {100 * TRAIN_LONGER:.0f} % of the run"
    return words


def applies(study: Study, finding: Finding) -> bool:
    """A log whose loss became non-finite only late has no early instability."""
    run = run_of(study)
    if run is None or finding.instability != "non_finite" or finding.first_step is None:
        return True
    if not concerns_updates(study, finding):
        return False
    return is_early(run, finding.first_step)


def snippet(settings: Settings) -> str:
    base = settings.get("base_learning_rate", "base_learning_rate")
    steps = settings.get("warmup_steps", ["..."])[0]  # to be filled in where no number can be given
    return (
        f"warmup_steps = {steps}\n"
        f"optimizer = torch.optim.SGD(model.parameters(), lr={base}, momentum=0.9)  # or your own\n"
        "warmup = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, step / warmup_steps))\n"
        "# warmup.step() after every update; start your own schedule when the warmup is over"
    )


FIX = FixRule(
    name="warmup",
    treats=frozenset({"early", "plateau", "non_finite"}),
    summary="prepend a learning-rate warmup: a linear ramp from 0 to a rate well above the unstable one",
    manual=__doc__,
    settings=settings,
    snippet=snippet,
    why=why,
    applies=applies,
)
