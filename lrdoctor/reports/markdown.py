"""Markdown for a comment on a pull request, and for the summary of a job's step.

The verdict first, then the numbers, what was found, and what to do. Everything is bounded, so that the whole stays
below what a comment may have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from lrdoctor.core.report import Fix, Report, RunSummary
from lrdoctor.reports import actions, gates
from lrdoctor.reports.markdown_study import blocks_of_study, headline
from lrdoctor.reports.markdown_text import code, details, name, table, words
from lrdoctor.reports.notices import Notice, notices
from lrdoctor.reports.terminal.sparkline import Axis, draw, scale

SIGNS = {"stable": "✅", "unstable": "❌", "inconclusive": "❔"}
MOST_FINDINGS, MOST_RUNS, MOST_SKIPS, MOST_FIXES = 20, 30, 20, 8
LONGEST_CODE = 4000
COLUMNS = 32
"""Characters of a curve."""
LONGEST = 60_000
"""Characters of the whole; GitHub refuses a comment of more than 65536."""
CUT = "_The rest is left out here; report.json has it._"
WORST_FIRST = ("unstable", "inconclusive", "stable")


def render(report: Report, folder: Path | None) -> str:
    """The Markdown, with a newline at the end.

    Args:
        report: what was judged.
        folder: not looked at: a comment can hold no figures.
    """
    shown: list[str] = []
    room = LONGEST - len(CUT)
    for block in filter(None, _blocks(report)):
        room -= len(block) + 2
        if room < 0:
            shown.append(CUT)
            break
        shown.append(block)
    return "\n\n".join(shown) + "\n"


def _blocks(report: Report) -> Iterator[str]:
    # nothing was trained for an inspection
    verdict = "nothing was trained" if report.command == "inspect" else report.verdict
    sign = "" if report.command == "inspect" else f"{SIGNS[report.verdict]} "
    yield f"### {sign}lrdoctor {words(report.command)}: {verdict}"
    yield words(report.summary, 1000)
    if (action := actions.do_now(report)) is not None:
        typed = "".join(f"\n\n{code(line)}" for line in action.lines)
        yield f"**Do now:** {words(action.words)}{typed}"
    yield table(("", ""), ((label, words(value)) for label, value in headline(report)))
    yield _bullets(f"**{label}**: {words(line)}" for label, line in gates.lines(report))
    yield _findings(report)
    if report.is_of_trials:
        yield from blocks_of_study(report)
    else:
        yield _runs(report)
    yield from _fixes(report)
    yield _bullets((f"**next**: {words(step)}" for step in report.next_steps), MOST_FIXES)
    yield _skipped(report)


def _bullets(lines: Iterator[str], most: int = MOST_FINDINGS) -> str:
    found = list(lines)
    more = [f"- and {len(found) - most} more"] if len(found) > most else []
    return "\n".join([*(f"- {line}" for line in found[:most]), *more])


def _findings(report: Report) -> str:
    found = notices(report)
    text = table(
        ("severity", "code", "what", "where", "do now"), (_row(notice, report) for notice in found[:MOST_FINDINGS])
    )
    more = len(found) - MOST_FINDINGS
    return f"{text}\n\nand {more} more findings" if more > 0 else text


def _row(notice: Notice, report: Report) -> tuple[str, str, str, str, str]:
    more = f" (the first of {notice.count})" if notice.count > 1 else ""
    known = " (known)" if notice.is_known else ""
    step = "" if notice.first_step is None else f" step {notice.first_step}"
    run = "the study" if notice.run is None else name(notice.run)
    found = next((f for f in report.findings_of(notice.run) if f.code == notice.code), None)
    do = "" if found is None else actions.for_finding(report, found)
    return f"{notice.severity}{known}", words(notice.code), words(notice.message) + more, f"{run}{step}", words(do)


def _runs(report: Report) -> str:
    """A line for each log, the worst first, with its loss drawn."""
    ordered = sorted(report.runs, key=lambda run: WORST_FIRST.index(run.verdict))
    text = table(("run", "verdict", "points", "training loss"), (_run(run) for run in ordered[:MOST_RUNS]))
    counts = Counter(run.verdict for run in ordered[MOST_RUNS:])
    rest = ", ".join(f"{n} {verdict}" for verdict, n in counts.items())
    return f"{text}\n\nand {sum(counts.values())} more runs: {rest}" if counts else text


def _run(run: RunSummary) -> tuple[str, str, str, str]:
    loss = run.curves.get("train_loss")
    drawn = ""
    if loss is not None and len(loss):
        # blanks at either end would be taken off, and a row of them shown as one
        line = draw(loss, Axis.of(loss, COLUMNS)).replace(" ", "\u2007")
        drawn = f"<code>{line}</code> {words(scale(loss))}"
    return name(run.name), f"{SIGNS[run.verdict]} {run.verdict}", str(run.n_points), drawn


def _fixes(report: Report) -> Iterator[str]:
    """The fixes that are not told of as tried, those of several logs once."""
    told = {fix.name for fix in report.treat.tried} if report.treat else set()
    first = {(fix.name, fix.why): fix for fix in reversed(report.fixes) if fix.name not in told}
    fixes = sorted(first.values(), key=lambda fix: fix.rank)
    lines = (f"**{words(fix.name.replace('_', ' '))}** ({_for(fix, report)}): {words(fix.why)}" for fix in fixes)
    title = "Further fixes, in this order" if report.treat else "Fixes to try, in this order"
    bullets = _bullets(lines, MOST_FIXES)
    yield f"**{title}**\n\n{bullets}" if bullets else ""
    snippets = [fix.code for fix in fixes[:MOST_FIXES] if 0 < len(fix.code) <= LONGEST_CODE]
    yield details("The code of these fixes", "\n\n".join(code(text) for text in dict.fromkeys(snippets)))


def _for(fix: Fix, report: Report) -> str:
    status = fix.status.replace("_", " ")
    return status if fix.run is None or len(report.runs) == 1 else f"{status}, {name(fix.run)}"


def _skipped(report: Report) -> str:
    """What was not checked, each reason once."""
    reasons: dict[str, set[str]] = {}
    runs: Counter[str] = Counter()
    for skip in report.skipped:
        reasons.setdefault(skip.reason, set()).add(skip.code)
        runs[skip.reason] += 1
    lines = [
        f"**{words(', '.join(sorted(codes)))}**: {words(reason)}{_times(runs[reason])}"
        for reason, codes in reasons.items()
    ]
    return details(f"Not checked ({len(report.skipped)})", _bullets(iter(lines), MOST_SKIPS))


def _times(n: int) -> str:
    return f" ({n} times)" if n > 1 else ""
