"""The report of the whole procedure: the sweep, the short run, and every fix proven or rejected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lrdoctor import fixes
from lrdoctor.assess import treat_text
from lrdoctor.assess.clip import clip_table
from lrdoctor.assess.judging import summaries_of
from lrdoctor.assess.prescription import changes_of, snippet_of
from lrdoctor.assess.probe import report_of_probe
from lrdoctor.assess.sweeps import ENOUGH_SEEDS, GO_ON, in_a_sentence, report_of_sweep, verdict_of
from lrdoctor.assess.treat_table import rank_of, treat_table
from lrdoctor.assess.warmup import status_of
from lrdoctor.assess.warmup_table import warmup_table
from lrdoctor.assess.warmup_text import words_of
from lrdoctor.core.report import Fix, Report
from lrdoctor.core.warmups import TRAIN_LONGER
from lrdoctor.procedures.confirmation import spread_of
from lrdoctor.procedures.treated import Treated
from lrdoctor.procedures.treatment_results import Swept, Tried

NAME = "treat"
REWRITTEN = ("add_residuals_and_norm", "norm_placement", "zero_init_residual")
"""Fixes that change the model."""


def report_of_treat(treated: Treated, figures: Sequence[str] = ()) -> Report:
    """The report of the whole procedure.

    The verdict is that of the spec's own training, which no fix changes; `treat` and the fixes say what they do to it.

    Args:
        treated: what was found.
        figures: paths of the sweep's figures, relative to the study folder.
    """
    base, warmup = _own(treated, figures), treated.warmup
    return replace(
        base,
        # the short run is one rate: where it broke is in the study, and what that shows is for the whole sweep to say
        verdict=verdict_of(treated.study),
        summary=f"{in_a_sentence(treated.study)}; {treat_text.in_short(treated)}",
        runs=base.runs + summaries_of(treated.runs, treated.findings),
        findings=base.findings + treated.findings,
        skipped=base.skipped + treated.skipped,
        fixes=_fixes(treated, base),
        # the searches for the numbers of warmup and clipping, as their own commands report them
        warmup=None if warmup is None else warmup_table(warmup, status_of(warmup), words_of(warmup, treated.study)),
        clip=None if treated.clipping is None else clip_table(treated.clipping),
        treat=treat_table(treated),
        next_steps=tuple(_next_steps(treated)),
    )


def _own(treated: Treated, figures: Sequence[str]) -> Report:
    if treated.probed is None:
        return report_of_sweep(treated.study, NAME, figures)
    return report_of_probe(treated.probed, NAME, figures)


def _fixes(treated: Treated, base: Report) -> tuple[Fix, ...]:
    """Every fix as it came out; none where the training has room."""
    because = {fix.name: fix.because for fix in base.fixes}
    by_hand = _by_hand(treated, base)
    return tuple(_fix(tried, treated, because, by_hand) for tried in treated.tried)


def _by_hand(treated: Treated, base: Report) -> dict[str, str]:
    """Code of the changes that the model calls for, by fix; nothing where the model is not known."""
    model = treated.possible.model if treated.possible is not None else None
    if model is None:
        return {}
    known = replace(treated.study, architecture=model)
    return {fix.name: fix.snippet for fix in fixes.recommend(known, base.findings) if fix.name in REWRITTEN}


def _fix(tried: Tried, treated: Treated, because: Mapping[str, tuple[str, ...]], by_hand: Mapping[str, str]) -> Fix:
    codes = {code for part in tried.name.split("+") for code in because.get(part, ())}
    fix = Fix(
        rank=rank_of(tried.name),
        name=tried.name,
        status=tried.status,
        why=treat_text.why(tried),
        because=tuple(sorted(codes)),
        snippet=by_hand.get(tried.name, ""),
    )
    if not isinstance(tried, Swept):
        return fix
    gain, use = _gain(tried, treated), tried.rate_to_use
    if use is None:
        return replace(fix, settings=dict(tried.settings), gain=gain)
    settings = {**tried.settings, "base_learning_rate": use}
    return replace(fix, settings=settings, snippet=snippet_of(tried, use, treated.study), gain=gain)


def _gain(tried: Swept, treated: Treated) -> dict[str, float | None]:
    before = tried.before
    gain = {
        "highest_stable_learning_rate": tried.highest_stable,
        "baseline_highest_stable_learning_rate": before.stable_up_to,
        "stability_margin": tried.room.margin,
        "baseline_stability_margin": treated.study.stability_margin,
    }
    if treated.study.objective != "best_val_loss":
        return gain
    old = before.rate(before.study.best_learning_rate)
    without = None if old is None else old.objective
    if tried.confirmation is not None and (fresh := spread_of(tried.confirmation.of_baseline)) is not None:
        without = fresh[0]
    return {
        **gain,
        "best_val_loss": None if tried.objective is None else tried.objective[0],
        "baseline_best_val_loss": without,
    }


def _next_steps(treated: Treated) -> Iterator[str]:
    if treated.study.cut is not None:
        yield GO_ON
        return
    n_seeds = len({run.trial.seed for run in treated.study.runs if run.trial is not None})
    if treated.study.best_learning_rate is None and treated.prescribed is None:
        yield "give lr* by --lr, or a sweep that reaches lower: --set sweep.min=..."
    if n_seeds < ENOUGH_SEEDS:
        yield f"--seeds {ENOUGH_SEEDS}: all this rests on {n_seeds} seed{'' if n_seeds == 1 else 's'} a rate"
    yield from _longer_run(treated)
    if any("--max-trial-steps" in cut for cut in treated.cut):
        yield "a higher --max-trial-steps: the same command goes on where the budget ended"
    elif treated.cut:
        yield GO_ON


def _longer_run(treated: Treated) -> Iterator[str]:
    """The playbook's advice for a warmup that takes much of the run."""
    chosen = treated.prescribed
    steps = None if chosen is None else chosen.fix.treatment.warmup_steps
    whole = (treated.study.spec or {}).get("max_train_steps")
    if steps and whole and steps > TRAIN_LONGER * whole:
        yield (
            f"raise max_train_steps: the warmup takes {steps} steps, more than {100 * TRAIN_LONGER:.0f} % of {whole} "
            "(tuning playbook)"
        )


def prescription_changes(treated: Treated) -> dict[str, Any] | None:
    """The spec's keys that make the prescription the spec's own training; None without a prescription."""
    if treated.prescribed is None:
        return None
    return {"name": f"{treated.study.name}-treated", **changes_of(treated.prescribed.fix)}
