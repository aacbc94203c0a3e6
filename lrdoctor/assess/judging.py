"""What the rules say of runs and studies, and a run's line in the report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lrdoctor import rules
from lrdoctor.core.report import Finding, RunSummary, Skip, Verdict, by_run
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.measures.trials import Trials, held_against

Judged = tuple[tuple[Finding, ...], tuple[Skip, ...]]


def judge_runs(study: Study) -> Judged:
    """What the rules find in the single runs of the study, and what they could not check."""
    return split(found for run in study.runs for found in rules.judge_run(run, study))


class References:
    """Trials that others are compared with.

    A trial of fewer steps than a reference is compared with the beginning of it, which is made, and measured, once for
    all trials of that length.
    """

    def __init__(self, runs: Iterable[Run]) -> None:
        self._runs = tuple(runs)
        self._cut: dict[int, tuple[tuple[Run, ...], Trials]] = {}

    def judge(self, run: Run, *, beside_itself: bool = True) -> tuple[Finding | Skip, ...]:
        """What the rules say of a trial beside the references alone.

        Args:
            run: the trial.
            beside_itself: False to leave out a reference of its name.
        """
        n_steps = run.trial.n_steps if run.trial is not None else len(run.train_loss)
        if n_steps not in self._cut:
            begun = tuple(_first_steps(other, n_steps) for other in self._runs)
            self._cut[n_steps] = begun, Trials(begun, Study.alpha)
        others, trials = self._cut[n_steps]
        if not beside_itself and any(other.name == run.name for other in others):
            others = tuple(other for other in others if other.name != run.name)
            trials = Trials(others, Study.alpha)
        study = Study(name=run.name, runs=(*others, run))
        return tuple(rules.judge_run(run, held_against(study, trials)))


def judge_against(runs: Iterable[Run], references: Iterable[Run]) -> Judged:
    """What the rules say of single trials that are compared with the references alone.

    Args:
        runs: trials, with a fix as a rule.
        references: trials without it.
    """
    known = References(references)
    return split(found for run in runs for found in known.judge(run))


def judge_each(runs: Iterable[Run], references: Iterable[Run], *, beside_itself: bool = True) -> dict[str, Judged]:
    """The same by the name of the trial; see `References.judge`."""
    known = References(references)
    return {run.name: split(known.judge(run, beside_itself=beside_itself)) for run in runs}


def _first_steps(run: Run, n_steps: int) -> Run:
    """The beginning of a run; itself where it has no more steps, so that what was measured of it is kept."""
    begun = {name: curve.before(n_steps) for name, curve in run.curves.items()}
    return run if all(begun[name] is curve for name, curve in run.curves.items()) else replace(run, curves=begun)


def judge_study(study: Study) -> Judged:
    """What the rules find in the study as a whole."""
    return split(rules.judge_study(study))


def checks_of_logs() -> dict[str, dict[str, str]]:
    """`Report.checks` of logs."""
    return {"runs": {rule.code: rule.name for rule in rules.RULES if rule.check_log}, "study": {}}


def checks_of_trials() -> dict[str, dict[str, str]]:
    """`Report.checks` of a sweep."""
    return {
        "runs": {rule.code: rule.name for rule in rules.RULES if rule.check_trial},
        "study": {rule.code: rule.name for rule in rules.RULES if rule.check_study},
    }


def checks_of_models() -> dict[str, dict[str, str]]:
    """`Report.checks` of a look at a model."""
    return {"runs": {}, "study": {rule.code: rule.name for rule in rules.RULES if rule.check_model}}


def split(found: Iterable[Finding | Skip]) -> Judged:
    """The findings and the skips, each in order."""
    everything = tuple(found)
    return (
        tuple(f for f in everything if isinstance(f, Finding)),
        tuple(s for s in everything if isinstance(s, Skip)),
    )


def summaries_of(runs: Iterable[Run], findings: Iterable[Finding]) -> tuple[RunSummary, ...]:
    """The lines of runs in the report's table."""
    found = by_run(findings)
    return tuple(summary_of(run, found.get(run.name, ())) for run in runs)


def summary_of(run: Run, findings: Iterable[Finding]) -> RunSummary:
    """The run's line in the report's table."""
    trial, loss, best = run.trial, run.train_loss, run.val_loss.finite.value
    infeasible = any(f.run == run.name and f.severity == "error" for f in findings)
    feasible = None if run.status == "failed" else not infeasible
    verdicts: dict[bool | None, Verdict] = {None: "inconclusive", True: "stable", False: "unstable"}
    return RunSummary(
        name=run.name,
        source=run.source,
        verdict=verdicts[feasible],
        n_points=len(loss),
        first_step=int(loss.step[0]) if len(loss) else None,
        last_step=int(loss.step[-1]) if len(loss) else None,
        base_learning_rate=trial.base_learning_rate if trial else None,
        seed=trial.seed if trial else None,
        warmup_steps=trial.warmup_steps if trial else None,
        clip_norm=trial.clip_norm if trial else None,
        optimizer=str(run.provenance.get("update_rule") or trial.optimizer_name) if trial else None,
        status=run.status,
        exit_reason=run.exit_reason,
        feasible=feasible,
        best_val_loss=float(best.min()) if len(best) else None,
        final_train_loss=float(loss.value[-1]) if len(loss) else None,
    )
