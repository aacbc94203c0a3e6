"""The whole procedure, run: the sweep, the short run above lr*, then every fix in the documented order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from lrdoctor import assess
from lrdoctor.core.study import Cut, Study
from lrdoctor.errors import BudgetEnded, BudgetSpent, WorkloadError
from lrdoctor.examine import range_test
from lrdoctor.examine.bench import FixRunner, cost_of, measured, plain_rates
from lrdoctor.examine.laboratory import Laboratory
from lrdoctor.examine.probe import probe
from lrdoctor.examine.sweep import rates, refuse_unordered, sweep
from lrdoctor.examine.treatments import CHANGE_THE_MODEL, COURSES, FixProcedure
from lrdoctor.procedures import clip as clips
from lrdoctor.procedures import probe as probes
from lrdoctor.procedures import sweep as sweeps
from lrdoctor.procedures import treatment
from lrdoctor.procedures.measured import Measured
from lrdoctor.procedures.probe import Probed
from lrdoctor.procedures.treated import Treated
from lrdoctor.procedures.treatment_results import Cost, NotTried, Swept, prescribed, to_confirm

CUT = "cut by --max-trial-steps"
ENDED = "the budget ended"
NOT_REACHED = f"{ENDED} before it: a fix is not tried before those that come first in order"
NEEDS_A_RATE = "no learning rate trains well, and this fix starts from one that does"


def treat(
    laboratory: Laboratory,
    seeds: Sequence[int],
    best: float | None = None,
    unstable: float | None = None,
    everything: bool = False,
    add_norm: bool = False,
) -> Treated:
    """Runs the sweep, the short run and the fixes, until one restores all the room or all were tried.

    Args:
        laboratory: where.
        seeds: of every setting.
        best: lr*, as the user gave it; None for that of the sweep.
        unstable: the lowest unstable rate, likewise.
        everything: try the fixes that come after one that suffices too, and those that the room above lr* does not
            call for.
        add_norm: try norms at the ends of residual branches too, on a copy of the model.

    Raises:
        SpecError: a given rate is on the wrong side of the other one.
        WorkloadError: the workload does not work, or every trial of the sweep failed.
        BudgetSpent: the steps do not even reach for the sweep and the short run, or the allowance for one trial.
        Interrupted: the user stopped it; what was finished is saved.
    """
    study = _own_sweep(laboratory, seeds, best, unstable)
    if study.cut is not None:
        return _without_fixes(laboratory, Treated(study=study), study.cut.left_out)
    limits = treatment.Settings()
    spec = laboratory.spec
    if study.best_learning_rate is None:
        before = measured(study, assess.judge_runs(study)[0])
        bench = FixRunner(laboratory, seeds, before, clips.Settings(spec.clip.percentile), everything, add_norm, limits)
        return _in_the_fixes_terms(_with_fixes(Treated(study=study, before=before), bench))
    short = probes.Settings(spec.probe.factor, spec.probe.steps)
    try:
        probed = replace(probe(laboratory, short, seeds, study.best_learning_rate), study=study)
    except BudgetEnded as stop:
        _leave_out(laboratory, str(stop))
        # it is one more check of how far training is stable
        study = replace(study, cut=Cut(stage="check", left_out=str(stop)))
        return _without_fixes(laboratory, Treated(study=study), str(stop))
    study = _with_probed_edge(study, probed)
    before = measured(study, assess.judge_runs(study)[0])
    treated = Treated(
        study=study, probed=replace(probed, study=study), before=before, unneeded=_why_none(before, limits, everything)
    )
    if treated.unneeded:
        return replace(treated, cost=cost_of(laboratory.runs.values()))
    bench = FixRunner(laboratory, seeds, before, clips.Settings(spec.clip.percentile), everything, add_norm, limits)
    return _with_fixes(treated, bench)


def _leave_out(laboratory: Laboratory, what: str) -> None:
    if laboratory.allowance is not None:
        laboratory.allowance.left_out.append(what)


def _without_fixes(laboratory: Laboratory, treated: Treated, left_out: str) -> Treated:
    """What was found before the budget ended, ahead of every fix."""
    nothing = Cost()
    _leave_out(laboratory, f"every fix, since {ENDED} before they are asked for")
    return replace(
        treated,
        before=measured(treated.study, assess.judge_runs(treated.study)[0]),
        tried=tuple(NotTried(name=name, reason=f"{ENDED} before the fixes", cost=nothing) for name, _ in COURSES),
        cut=(left_out,),
        cost=cost_of(laboratory.runs.values()),
    )


def _with_fixes(treated: Treated, bench: FixRunner) -> Treated:
    """What was found so far, with every fix tried."""
    # a fix that the budget keeps from fresh seeds is asked for twice, the second time with less of it left
    cut = tuple({stop.partition(" to train")[0]: stop for stop in _try_all(bench)}.values())
    not_reached = [t.name for t in bench.tried if isinstance(t, NotTried) and t.reason == NOT_REACHED]
    for left_out in (*cut, *([f"the fixes {', '.join(not_reached)}"] if not_reached else [])):
        _leave_out(bench.laboratory, left_out)
    return replace(
        treated,
        tried=tuple(bench.tried),
        prescribed=prescribed(bench.tried),
        possible=bench.seen,
        warmup=bench.warmup,
        clipping=bench.clipping,
        runs=tuple(bench.runs.values()),
        findings=tuple(f for found, _ in bench.judged.values() for f in found),
        skipped=tuple(s for _, skips in bench.judged.values() for s in skips),
        cut=cut,
        cost=cost_of(bench.laboratory.runs.values()),
    )


def _in_the_fixes_terms(treated: Treated) -> Treated:
    """With the objective of what trains: a training that breaks at once is never evaluated."""
    told = next((tried.after.study.objective for tried in treated.tried if isinstance(tried, Swept)), None)
    return treated if told is None else replace(treated, study=replace(treated.study, objective=told))


def _own_sweep(laboratory: Laboratory, seeds: Sequence[int], best: float | None, unstable: float | None) -> Study:
    """The spec's own training over its rates; only over those from lr* on where both rates are given."""
    if best is None or unstable is None:
        study = rates(laboratory, seeds, best, unstable)
        if best is not None:
            refuse_unordered(best, study.unstable_base_learning_rate)
    else:
        refuse_unordered(best, unstable)
        given = replace(_nothing(laboratory), best_learning_rate=best, unstable_base_learning_rate=unstable)
        asked = treatment.ladder(
            given, best, treatment.Settings(), [r for r in range_test.grid(laboratory) if best <= r <= unstable]
        )
        found = sweep(laboratory, sweeps.Settings(asked), seeds)
        note = f"lr* = {best:.4g} and the unstable rate {unstable:.4g} are as given"
        study = replace(
            found,
            certainty=None,
            best_learning_rate=best,
            unstable_base_learning_rate=unstable,
            notes=(note, *(n for n in found.notes)),
        )
    if study.cut is not None:
        return study
    given_rates = [rate for rate in (best, unstable) if rate is not None]
    try:
        return plain_rates(laboratory, study, given_rates, seeds)
    except BudgetEnded as stop:
        _leave_out(laboratory, str(stop))
        return replace(study, cut=Cut(stage=None, left_out=str(stop)))


def _nothing(laboratory: Laboratory) -> Study:
    return Study(name=laboratory.spec.name, runs=(), spec=laboratory.spec.resolved(laboratory.folder.out))


def _with_probed_edge(study: Study, probed: Probed) -> Study:
    """The study with the probed rate as the unstable one, where the short run is unstable below what the sweep found.

    Evaluated at every step, it sees what the sweep may have missed at the rates between its own.
    """
    findings, rate = assess.judge_runs(probed.as_study)[0], probed.base_learning_rate
    judged = [run.name for run in probed.runs if run.status != "failed"]
    bad = {f.run for f in findings if f.severity != "info"}
    known = study.unstable_base_learning_rate
    if rate is None or 2 * len(bad.intersection(judged)) <= len(judged) or (known is not None and known <= rate):
        return study
    note = f"the short run at {rate:.4g} is unstable, below every rate that the sweep found unstable"
    return replace(study, unstable_base_learning_rate=rate, notes=(*study.notes, note))


def _why_none(before: Measured, limits: treatment.Settings, everything: bool) -> str:
    """Why no fix is tried, empty where fixes are."""
    study = before.study
    room = before.room(study.best_learning_rate)
    if study.unstable_base_learning_rate is None:
        return f"no instability was found up to {study.stable_up_to or 1.0:.3g} times lr*"
    margin = room.margin or 0.0
    known = study.certainty.stability_margin if study.certainty is not None else None
    # with other seeds it may be as low as this
    lowest = margin if known is None else min(margin, known[0])
    found = f"there is room: training becomes unstable at {margin:.3g} times lr*{study.margin_range}"
    if lowest >= limits.target:
        return found
    if lowest > limits.needed_up_to and not everything:
        return f"{found}, beyond the check at {limits.needed_up_to:g} x lr*; --all tries the fixes all the same"
    return ""


def _try_all(bench: FixRunner) -> Iterator[str]:
    """Tries the fixes in order and confirms what they promise; yields what the budget cut."""
    nothing_trains = bench.study.best_learning_rate is None
    has_ended = False
    for name, course in COURSES:
        if nothing_trains and name not in CHANGE_THE_MODEL:
            bench.tried.append(bench.not_tried(name, NEEDS_A_RATE))
            continue
        enough = next((t for t in bench.tried if isinstance(t, Swept) and t.reaches_target), None)
        if enough is not None and not bench.everything:
            why = f"{enough.name} restores the room asked for; --all tries the others too"
            bench.tried.append(bench.not_tried(name, why))
            continue
        if has_ended:
            bench.tried.append(bench.not_tried(name, NOT_REACHED))
            continue
        n_before = len(bench.tried)
        bench.keep_for_confirmation()
        stop = _try(bench, name, course)
        if isinstance(stop, BudgetEnded) and bench.let_kept_go():
            # what is found is confirmed before more is searched for; with nothing to confirm nothing need be kept
            bench.tried.pop()
            n_found = len(bench.tried) - n_before
            if (best := to_confirm(bench.tried, bench.confirmation.most_fixes)) is not None:
                yield from _confirm(bench, best)
            stop = _try(bench, name, course, n_found)
        has_ended = isinstance(stop, BudgetEnded)
        if isinstance(stop, BudgetSpent):
            yield f"{name}: {stop}"
        if not bench.everything:  # what is enough ends the procedure, so it has to be known now whether it is
            for tried in bench.tried[n_before:]:
                if not isinstance(tried, Swept) or not tried.promises_target or tried.confirmation is not None:
                    continue
                if bench.n_confirmed < bench.confirmation.most_fixes:
                    yield from _confirm(bench, tried)
    while (best := to_confirm(bench.tried, bench.confirmation.most_fixes)) is not None:
        cut = tuple(_confirm(bench, best))
        yield from cut
        if cut:
            return


def _confirm(bench: FixRunner, tried: Swept) -> Iterator[str]:
    """Puts the fix as fresh seeds see it in the place of what the search made of it; yields what the budget cut."""
    bench.let_kept_go()
    try:
        confirmed = bench.confirmed(tried)
    except BudgetSpent as stop:
        yield str(stop)  # the stage has the name of the fix
        return
    bench.tried[bench.tried.index(tried)] = confirmed


def _try(bench: FixRunner, name: str, course: FixProcedure, n_found: int = 0) -> Exception | None:
    """Tries one fix; gives what stopped it.

    Args:
        bench: where.
        name: of the fix.
        course: its search.
        n_found: results that an earlier call came to, which this one comes to again first.
    """
    try:
        for tried in islice(course(bench), n_found, None):
            bench.tried.append(tried)
    except BudgetSpent as stop:
        bench.tried.append(bench.not_tried(name, f"{ENDED if isinstance(stop, BudgetEnded) else CUT}: {stop}"))
        return stop
    except WorkloadError as stop:
        bench.tried.append(bench.not_tried(name, str(stop)))
        return stop
    return None
