"""What to do now: the one action that a report comes down to, and the one that goes with each finding. Pure.

Every format prints it beside what was found, the most concrete one that is known: a setting with its number before a
command, a command before advice.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lrdoctor.reports.numbers import number
from lrdoctor.reports.treated import in_words

if TYPE_CHECKING:
    from lrdoctor.core.fix_sections import Prescription, TreatResult
    from lrdoctor.core.report import Finding as Finding
    from lrdoctor.core.report import Fix as Fix
    from lrdoctor.core.report import Report

OPEN = ("recommended", "verified", "unconfirmed")
"""Fixes that may still be followed: no rejected one, and none that could not be tried."""
COMMAND = "lrdoctor "
COMMANDS = (COMMAND, "lrdoctor.")
"""How a next step begins that is to be typed: into a shell, or into Python."""
WORST = ("error", "warning", "info")


@dataclass(frozen=True)
class Action:
    """One thing to do."""

    words: str
    """In a sentence."""
    lines: tuple[str, ...] = ()
    """What to type for it: a command; empty where the words say it all."""


def do_now(report: Report) -> Action | None:
    """What the report comes down to; None where there is nothing to do."""
    if report.treat is not None and report.treat.needed:
        return _of_treatment(report.treat, report)
    if report.architecture is not None and not report.runs:
        return _of_model(report)
    worst = _worst(report)
    if report.is_of_trials:
        return _of_trials(report, worst)
    if worst is None:
        return _advice(report) if report.is_incomplete else None
    return _of_logs(report, worst)


def for_finding(report: Report, finding: Finding) -> str:
    """`clip gradients at norm 5.37`: the first fix in the playbook's order that answers the finding, of a sweep the
    command that tries them all; "" for none."""
    if finding.severity == "info":
        return ""
    if report.treat is not None and report.treat.needed and finding.run is None:
        # every fix was tried by then: what they came to answers the finding, and not the first one of the list
        return _of_treatment(report.treat, report).words
    if report.runs and report.is_of_trials and report.treat is None:
        proven = _proven(report)
        if proven is not None and finding.run is None:
            # what the report comes down to answers the finding of its sweep, too: two answers would contradict
            return fix_in_short(proven)
        if typed := _command(report):
            return typed
    fix = _fix_for(report, finding)
    return "" if fix is None else fix_in_short(fix)


def fix_in_short(fix: Fix) -> str:
    """A fix with its setting, as one types it.

    >>> from lrdoctor.core.report import Fix
    >>> fix_in_short(Fix(rank=2, name="clip_gradients", status="recommended", why="", because=(),
    ...                  settings={"clip_norm": 5.3664}))
    'clip gradients at norm 5.366'
    """
    settings: Mapping[str, Any] = fix.settings
    if fix.name == "warmup" and settings.get("warmup_steps"):
        steps = settings["warmup_steps"]
        lengths = [str(n) for n in (steps if isinstance(steps, list | tuple) else [steps])]
        some = " or ".join(filter(None, (", ".join(lengths[:-1]), lengths[-1])))
        return f"warm the learning rate up over {some} step{'' if some == '1' else 's'}"
    if fix.name == "clip_gradients" and settings.get("clip_norm") is not None:
        return f"clip gradients at norm {number(settings['clip_norm'])}"
    if fix.name == "change_optimizer" and isinstance(settings.get("optimizer"), str):
        return f"change the optimizer to {settings['optimizer']}"
    if fix.name == "lower_learning_rate" and settings.get("base_learning_rate") is not None:
        return f"lower the learning rate to {number(settings['base_learning_rate'])}"
    return WITHOUT_NUMBER.get(fix.name, in_words(fix.name))


WITHOUT_NUMBER = {
    "warmup": "warm the learning rate up",
    "clip_gradients": "log the gradient norms, then clip at their 90th percentile",
    "change_optimizer": "try another optimizer",
    "add_residuals_and_norm": "add residual connections and norms",
    "norm_placement": "move the norms into the residual branches",
    "zero_init_residual": "start the residual branches at 0",
    "lower_learning_rate": "lower the learning rate",
}


def _fix_for(report: Report, finding: Finding) -> Fix | None:
    def answering(fixes: Iterable[Fix]) -> list[Fix]:
        return [fix for fix in fixes if fix.status in OPEN and finding.code in fix.because]

    mine = answering(report.fixes_of(finding.run)) or answering(report.fixes_of(None))
    return min(mine, key=lambda fix: (fix.status != "verified", fix.rank), default=None)


def _worst(report: Report) -> Finding | None:
    """The finding that the verdict rests on, or the worst one that is a warning."""
    counted = [f for f in report.findings if report.counts_for_verdict(f) and f.severity != "info"]
    return min(counted, key=lambda finding: WORST.index(finding.severity), default=None)


def _of_treatment(treat: TreatResult, report: Report) -> Action:
    if treat.prescription is not None:
        typed = sweep_of(treat.prescription)
        return Action(f"train with {settings_of(treat.prescription)}", (typed,) if typed else ())
    best = report.best_learning_rate
    if best is not None:
        return Action(f"stay at lr* = {number(best)} as it is: no fix that was tried is shown to be better")
    return _advice(report) or Action("no learning rate trains, with or without a fix: look at the data and the loss")


def settings_of(given: Prescription) -> str:
    """`warmup_steps 30, clip_norm 4.781 at learning rate 0.02`: with all digits, since these numbers are typed off."""
    from lrdoctor.core import changes

    found = given.settings
    told = [f"warmup_steps {found.warmup_steps}"] if found.warmup_steps else []
    told += changes.told(found, exact=True)
    told += [f"optimizer {found.optimizer.get('name', 'as below')}"] if found.optimizer else []
    return f"{', '.join(told) + ' at ' if told else ''}learning rate {given.base_learning_rate}"


def sweep_of(given: Prescription) -> str:
    """The command that trains with the prescription; empty where no file holds it."""
    return given.spec_file and f"{COMMAND}sweep {shlex.quote(given.spec_file)}"


def _of_trials(report: Report, worst: Finding | None) -> Action | None:
    typed, proven = _command(report), _proven(report)
    if worst is not None and proven is not None:
        return Action(fix_in_short(proven))
    if worst is not None and typed:
        return Action("try every fix on this training, in the playbook's order", (typed,))
    if worst is None and typed.startswith(("lrdoctor sweep ", "lrdoctor.sweep(")):
        return Action("add seeds until they tell", (typed,))
    if worst is not None or report.verdict == "inconclusive":
        return _advice(report)
    best = report.best_learning_rate
    return None if best is None else Action(f"nothing needs a fix: train at lr* = {number(best)}")


def _proven(report: Report) -> Fix | None:
    """The first fix that was tried and holds."""
    return min((fix for fix in report.fixes if fix.status == "verified"), key=lambda fix: fix.rank, default=None)


def _of_model(report: Report) -> Action | None:
    typed = _command(report)
    if typed:
        return Action("try the changes on copies of the model, each trained and judged", (typed,))
    return Action("nothing to change was seen; whether training is stable is measured by `lrdoctor sweep`")


def _of_logs(report: Report, worst: Finding) -> Action | None:
    fix = _fix_for(report, worst)
    command = report.recorded.get("command")
    typed = f"{COMMAND}treat -- {shlex.join(command)}" if command else ""
    if fix is None:
        return _advice(report)
    of = f"{worst.run}: " if worst.run is not None and len(report.runs) > 1 else ""
    return Action(f"{of}{fix_in_short(fix)}", tuple(filter(None, (typed,))))


def _command(report: Report) -> str:
    """The first next step that is a command; "" for none."""
    return next((step for step in report.next_steps if step.startswith(COMMANDS)), "")


def _advice(report: Report) -> Action | None:
    """The first next step."""
    step = next(iter(report.next_steps), None)
    if step is None:
        return None
    return Action("run", (step,)) if step.startswith(COMMANDS) else Action(step)


def numbered(fixes: list[Fix]) -> Iterator[tuple[int, Fix]]:
    """The fixes by rank with their places in this list, from 1: a rank is the place in the playbook's whole order."""
    return enumerate(sorted(fixes, key=lambda fix: fix.rank), start=1)
