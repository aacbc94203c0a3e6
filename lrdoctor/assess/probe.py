"""The report of the short run above lr*: what happened early, and what an ordinary schedule would have shown."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lrdoctor import fixes
from lrdoctor.assess.judging import checks_of_trials, judge_runs, summaries_of
from lrdoctor.assess.sweeps import ENOUGH_SEEDS, report_of_sweep, to_treat
from lrdoctor.core.report import Finding, Report, Skip, Verdict
from lrdoctor.core.run import trial_of
from lrdoctor.core.sections import Peak, Probe, ProbedSeed, Reading
from lrdoctor.procedures.probe import Probed, reading

VERDICTS_WORST_FIRST: tuple[Verdict, ...] = ("unstable", "inconclusive")

HOLDS = ("info",)
"""Severities of findings that leave a seed stable."""


@dataclass(frozen=True)
class _Judged:
    """The short runs with what was found in them."""

    probed: Probed
    readings: tuple[Reading, ...]
    """Of the runs that did not fail."""
    findings: tuple[Finding, ...]
    skips: tuple[Skip, ...]

    def found(self, one: Reading) -> list[str]:
        """Names of what makes the seed unstable."""
        bad = [f.name for f in self.findings if f.run == one.run and f.severity not in HOLDS]
        return list(dict.fromkeys(bad))

    @property
    def unstable(self) -> list[Reading]:
        return [one for one in self.readings if self.found(one)]

    @property
    def hidden(self) -> list[Reading]:
        return [one for one in self.unstable if one.is_hidden]

    @property
    def verdict(self) -> Verdict:
        if not self.readings:
            return "inconclusive"
        return "unstable" if 2 * len(self.unstable) > len(self.readings) else "stable"


def report_of_probe(probed: Probed, command: str, sweep_figures: Sequence[str] = ()) -> Report:
    """The report of a probe.

    Unstable by a majority of the judged seeds, or by the sweep that found lr*, where there was one.

    Args:
        probed: the short runs.
        command: the command that ran them.
        sweep_figures: paths of the sweep's figures, relative to the study folder.
    """
    before = _before(probed, command, sweep_figures)
    if probed.base_learning_rate is None:
        why = "there is no best learning rate to probe above"
        step = "give lr* by --lr, or a sweep that reaches lower: --set sweep.min=..."
        return replace(before, summary=f"{why}: {before.summary}", next_steps=(step, *before.next_steps))
    judged = _judge(probed)
    treat = to_treat(probed.study, [f for f in before.findings if f.run is None], before.findings)
    if judged.verdict == "unstable":
        treat += [f for f in judged.findings if f.severity not in HOLDS]
    return replace(
        before,
        # stable is only what both the short run and the sweep call so
        verdict=next((v for v in VERDICTS_WORST_FIRST if v in (judged.verdict, before.verdict)), "stable"),
        summary=_summary(judged, before),
        runs=before.runs + summaries_of(probed.runs, judged.findings),
        findings=before.findings + judged.findings,
        skipped=before.skipped + judged.skips,
        fixes=fixes.recommend(probed.study, treat),
        probe=_section(judged, probed.base_learning_rate),
        next_steps=_next_steps(judged, before),
    )


def _before(probed: Probed, command: str, figures: Sequence[str]) -> Report:
    """The report of the sweep, or of nothing where lr* was given."""
    if probed.study.rates:
        return report_of_sweep(probed.study, command, figures)
    return Report(
        command=command,
        verdict="stable",
        summary="",
        runs=(),
        findings=(),
        skipped=(),
        best_learning_rate=probed.study.best_learning_rate,
        checks={**checks_of_trials(), "study": {}},
    )


def _judge(probed: Probed) -> _Judged:
    findings, skips = judge_runs(probed.as_study)
    ran = [run for run in probed.runs if run.status != "failed"]
    return _Judged(probed, tuple(reading(run, probed.eval_every, probed.settings) for run in ran), findings, skips)


def _summary(judged: _Judged, before: Report) -> str:
    """The verdict in one sentence; of an unstable sweep above a quiet probe too."""
    text = _in_short(judged)
    if before.verdict == "unstable" and judged.verdict != "unstable":
        text += f"; but the sweep shows: {before.summary}"
    return text


def _in_short(judged: _Judged) -> str:
    probed, n = judged.probed, len(judged.readings)
    at = f"{probed.base_learning_rate:.4g}, {probed.settings.factor:.3g} x lr*"
    if not n:
        return f"no seed could be judged at {at}: {probed.runs[0].exit_reason}"
    if not judged.unstable:
        return f"no early instability at {at}: {_of(n, n)} train steadily over {_steps(judged)} steps"
    what = ", ".join(f"{name} in {count}" for name, count in Counter(_events(judged)).most_common())
    if judged.verdict == "unstable":
        return f"training at {at}, is unstable in {_of(len(judged.unstable), n)} within {_steps(judged)} steps ({what})"
    few = f"{_of(len(judged.unstable), n)} unstable within {_steps(judged)} steps, not most of them"
    return f"at {at}: {few} ({what})"


def _events(judged: _Judged) -> list[str]:
    return [name for one in judged.readings for name in judged.found(one)]


def _of(k: int, n: int) -> str:
    return f"{k} of {n} seeds" if n > 1 else f"{k} of 1 seed"


def _steps(judged: _Judged) -> int:
    return trial_of(judged.probed.runs[0]).n_steps


def missed(judged: _Judged) -> str:
    """What an ordinary schedule would have shown of the unstable seeds, against what every step shows."""
    if "command" in (judged.probed.study.spec or {}):
        return "The command evaluates when it likes, so what its evaluations miss is not known."
    every = f"every {judged.probed.eval_every} steps"
    if not judged.unstable:
        return f"Evaluation {every} would have told the same."
    curve = "evaluation" if judged.unstable[0].val_peak else "training loss"
    tops = [(one.peak, one) for one in judged.unstable if one.peak is not None]
    top, of = max(tops, key=lambda item: item[0].value)
    shows = f"every step shows up to {_number(top)} at step {top.step} (seed {of.seed})"
    seen = [one.seen for one in judged.unstable if one.seen is not None]
    if not seen:
        return f"The {curve} {every} has no point within these {_steps(judged)} steps; {shows}."
    highest = _number(max(seen, key=lambda one: one.value))
    hides = f"hides the blow-up in {_of(len(judged.hidden), len(judged.readings))}" if judged.hidden else "hides none"
    return f"The {curve} {every} shows at most {highest}; {shows}; it {hides}."


def _number(peak: Peak) -> str:
    return f"{peak.value:.3g}" if math.isfinite(peak.value) else "a non-finite loss"


def _section(judged: _Judged, rate: float) -> Probe:
    """`Report.probe` of short runs at this rate."""
    probed = judged.probed
    return Probe(
        base_learning_rate=rate,
        factor=probed.settings.factor,
        n_steps=_steps(judged),
        eval_every=probed.eval_every,
        evaluated=probed.evaluated,
        verdict=judged.verdict,
        n_seeds=len(probed.runs),
        n_judged=len(judged.readings),
        n_unstable=len(judged.unstable),
        n_hidden=len(judged.hidden),
        missed=missed(judged) if judged.readings else "",
        note=_note(judged),
        seeds=tuple(ProbedSeed(**vars(one), found=tuple(judged.found(one))) for one in judged.readings),
    )


def _note(judged: _Judged) -> str:
    """What a reader of the table might stumble over, empty for nothing."""
    quiet = [one for one in judged.readings if not judged.found(one)]
    high = [one for one in quiet if _top(one.val_peak) > one.limit >= _top(one.train_peak)]
    if not high:
        return ""
    seeds = ", ".join(str(one.seed) for one in high)
    return (
        f"In seed{'s' if len(high) > 1 else ''} {seeds} the evaluation loss alone rose above twice the first loss. The "
        "verdict rests on the training loss: running statistics, as batch normalization keeps them, lag behind the "
        "weights at first."
    )


def _top(peak: Peak | None) -> float:
    return -math.inf if peak is None else peak.value


def _next_steps(judged: _Judged, before: Report) -> tuple[str, ...]:
    steps = list(before.next_steps)
    n = len(judged.readings)
    if 0 < n < ENOUGH_SEEDS and not before.sweep:  # a sweep has the same seeds, and said so
        steps.append(f"--seeds {ENOUGH_SEEDS}: the verdict rests on {n} seed{'s' if n > 1 else ''}")
    early = {f.instability for f in judged.findings if f.severity not in HOLDS} & {"early"}
    if judged.verdict == "unstable" and early:
        steps.append(
            "`lrdoctor warmup` on this spec: a warmup is the first fix to try where training breaks in its first steps"
        )
    return tuple(steps)
