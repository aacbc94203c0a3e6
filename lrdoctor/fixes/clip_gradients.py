"""Gradient clipping: scale gradients whose global norm is above a threshold down to it.

Good for early and mid-training instability, and for bad initializations that warmup cannot repair. The ideal
threshold lies just above the typical norm: the 90th percentile of the *unclipped* norms of a run that trains well.
If that is not enough clip harder, down to the median; beyond half of all updates clipped it is a strange way of
lowering the learning rate. With Adam-like rules a constant clip hardly changes the steps, since they do not depend on
the gradient's scale. (Tuning playbook.)

A sweep takes the runs at the best rate and `clip.percentile` of the spec. A log takes its own norms from before the
first instability (20 points or more), else from after the last one; where they drift by a decade, only the half that
does not tower over the other. Norms that are already clipped give no threshold: what clip_grad_norm_ returns is
unclipped, so log that. With a GradScaler call scaler.unscale_(optimizer) first. A norm that is nan or inf cannot be
clipped: skip that update.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.fixes._log import about, concerns_updates, onset, run_of
from lrdoctor.fixes._norms import PERCENTILE, norms_of, thinned
from lrdoctor.fixes.base import Findings, FixRule, Settings, clip_of, optimizer_of

AGGRESSIVE = 0.5
"""Share of updates clipped from which on clipping is a way of lowering the learning rate (tuning playbook)."""


def settings(study: Study, findings: Findings) -> Settings:
    run = run_of(study)
    if run is not None:
        return _settings_of_log(run, findings)
    norms = [
        run.grad_norm.finite.value
        for run in study.runs
        if run.trial is not None and run.trial.base_learning_rate == study.best_learning_rate
    ]
    norms = [values for values in norms if len(values)]
    if not norms or study.spec is None:
        return {}
    percentile = float(study.spec["clip"]["percentile"])
    threshold = float(np.median([np.percentile(values, percentile) for values in norms]))
    return {"clip_norm": float(f"{threshold:.4g}"), "percentile": percentile}


def _settings_of_log(run: Run, findings: Findings) -> Settings:
    used = norms_of(run, findings).used.value
    threshold = float(f"{np.percentile(used, PERCENTILE):.4g}") if len(used) else 0.0
    if not 0 < threshold < float("inf"):
        return {}
    share = float(np.mean(run.grad_norm.finite.value > threshold))
    return {"clip_norm": threshold, "percentile": PERCENTILE, "clipped_share": round(share, 4)}


def snippet(settings: Settings) -> str:
    if "clip_norm" in settings:
        call = f"clip_grad_norm_(model.parameters(), max_norm={settings['clip_norm']})"
        does = "returns the unclipped norm: log it"
    else:
        # clip_grad_norm_ with max_norm=inf makes nan of gradients whose norm overflows
        call = "get_total_norm([p.grad for p in model.parameters() if p.grad is not None])"
        does = "log it; nothing is clipped yet"
    return f"loss.backward()\ngrad_norm = torch.nn.utils.{call}  # {does}\noptimizer.step()"


def why(study: Study, findings: Findings) -> str | None:
    run = run_of(study)
    if run is not None:
        return "; ".join(_of_log(run, findings))
    parts = ["at the best rate, as `clip.percentile` of the spec has it"] if settings(study, findings) else []
    if (own := clip_of(study)) is not None:
        parts.append(f"the spec has clip_norm: {own:.4g} already, which another threshold takes the place of")
    if "adam" in optimizer_of(study).lower():
        parts.append("with Adam-like rules a constant clip hardly changes the steps")
    return "; ".join(parts) or None


def _of_log(run: Run, findings: Findings) -> Iterator[str]:
    """What the log's own norms say, and what they cannot say."""
    yield from _outliers_first(run, findings)
    settings, norms = _settings_of_log(run, findings), norms_of(run, findings)
    if not settings:
        yield f"{norms.why}; their 90th percentile is no threshold" if len(norms.used) else norms.why
        return
    n_bad = len(run.grad_norm) - len(run.grad_norm.finite)
    share, of = 100 * settings["clipped_share"], "steps with a finite norm" if n_bad else "logged steps"
    yield f"{settings['clip_norm']} is that of {norms.why}; it would clip {share:.3g} % of all {of}"
    if share > 100 * AGGRESSIVE:
        yield "more than half of the updates clipped is a way of lowering the learning rate: lower that instead"
    if n_bad:
        are = "1 logged norm is" if n_bad == 1 else f"{n_bad} logged norms are"
        yield f"{are} not finite, and clipping repairs no such update: skip it"
    if (hidden := thinned(run)) is not None:
        yield hidden
    yield "if the optimizer is Adam-like, a constant clip hardly changes its steps"


def _outliers_first(run: Run, findings: Findings) -> Iterator[str]:
    """Where gradient outliers came before the loss went wrong, that clipping is the likely cure."""
    step = onset(run, findings)
    first = next((f.first_step for f in about(run, findings) if f.instability == "gradient"), None)
    if step is not None and first is not None and first < step:
        yield f"the gradient norm was an outlier at step {first}, before the loss went wrong at step {step}"


FIX = FixRule(
    name="clip_gradients",
    treats=frozenset({"early", "mid_training", "non_finite", "gradient"}),
    summary="clip gradients at the 90th percentile of their unclipped norms",
    manual=__doc__,
    settings=settings,
    snippet=snippet,
    why=why,
    applies=concerns_updates,
)
