"""A report on one screen: the verdict, what to do now, and as much of the evidence as fits; `-v` prints all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from os.path import commonprefix
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from lrdoctor.reports import actions
from lrdoctor.reports.tables import rates_table
from lrdoctor.reports.terminal.architecture import print_architecture
from lrdoctor.reports.terminal.gates import print_gates
from lrdoctor.reports.terminal.items import (
    INDENT,
    VERDICT_STYLE,
    Item,
    finding_item,
    print_items,
    print_lines,
    skipped_items,
)
from lrdoctor.reports.terminal.logs import WORST_FIRST, print_run
from lrdoctor.reports.terminal.probe import print_probe
from lrdoctor.reports.terminal.result import headline, verdict_text
from lrdoctor.reports.terminal.sparkline import Axis, draw
from lrdoctor.reports.terminal.table_ink import draw as draw_table
from lrdoctor.reports.terminal.table_ink import legend
from lrdoctor.reports.terminal.text import safe
from lrdoctor.reports.terminal.treat_table import tried_table

if TYPE_CHECKING:
    from lrdoctor.core.fix_sections import TreatResult
    from lrdoctor.core.report import Report, RunSummary
    from lrdoctor.reports.table import Row, Table

LINES = 40
"""Of a default terminal window; people read what they need not scroll back for."""
MANY = 200
"""More lines than are needed to see that a part is cut."""
LAST = 4
"""Lines at the end: what was left out, and where the page is."""
CURVE = 12
"""Columns of the curve beside a run that has one line."""
MOST_FINDINGS = 6
"""Findings of a study that a screen has; each takes two or three lines."""
MOST_TRIED = 20
"""Lines of the table of fixes from which it is drawn with fewer columns: half a screen, so that more has room."""
LONGEST_CELL = 44
"""Characters of what happened at a rate; -v has the whole."""


@dataclass(frozen=True)
class Part:
    """A part of the screen that is printed where there is room for it."""

    name: str
    """What it is, for the line that says what was left out."""
    drawn: Callable[[Console, int], None]
    """Prints it on that many lines at most; nothing where there is nothing to print."""
    fewest: int = 3
    """Lines without which it says nothing."""

    def on(self, room: int) -> Callable[[Console], None]:
        """What prints it on so many lines."""
        return lambda console: self.drawn(console, room)


def print_screen(report: Report, console: Console, page: str = "") -> None:
    """Prints the report on `LINES` lines at most.

    Args:
        report: what was judged.
        console: where to; its width and colours are respected.
        page: path of the HTML page, printed last; "" where none was written.
    """
    used = _shown(console, lambda on: _print_top(report, on))
    room, left_out = LINES - LAST - used, list[str]()
    for part in _parts(report):
        whole = _lines(console, part.on(MANY))
        if not whole:
            continue
        needed = len(_lines(console, part.on(room))) if room >= part.fewest else MANY
        if needed > room:
            left_out.append(part.name)
            continue
        if needed < len(whole):
            left_out.append(f"all of {part.name}")
        room -= _shown(console, part.on(room))
    single = sum(finding.run is not None for finding in report.findings)
    if report.is_of_trials and single:
        left_out.append(f"{single} findings of single trials")
    more = f"-v shows the rest: {', '.join(left_out)}" if left_out else "-v shows every detail"
    console.print()
    for line in _cut(more, 2 * console.width - 1, console):
        console.print(safe(console, line, "dim"))
    print_page(console, page)


def print_page(console: Console, page: str) -> None:
    """Where the HTML page is; nothing where none was written."""
    print_lines(console, "", [f"the page: {page}"] if page else [])


def _cut(words: str, most: int, console: Console) -> Iterator[str]:
    yield words if cell_len(words) <= most else f"{words[: most - 4]} ..."


def _lines(console: Console, draw_: Callable[[Console], None]) -> list[str]:
    """What it prints, line by line as the terminal wraps them."""
    with console.capture() as text:
        draw_(console)
    plain = Text.from_ansi(text.get()).plain.removesuffix("\n") if text.get() else ""
    wrapped = []
    for line in plain.split("\n") if text.get() else []:
        wrapped += [line[i : i + console.width] for i in range(0, max(cell_len(line), 1), console.width)]
    return wrapped


def _shown(console: Console, draw_: Callable[[Console], None]) -> int:
    """Prints it; how many lines that took."""
    n = len(_lines(console, draw_))
    draw_(console)
    return n


def _print_top(report: Report, console: Console) -> None:
    """The verdict, what to do now, and the key figures."""
    text, style = verdict_text(report)
    console.print(safe(console, text, style), soft_wrap=True)
    action = actions.do_now(report)
    if action is not None:
        console.print()
        told = safe(console, "DO NOW  ", "bold").append_text(safe(console, action.words))
        console.print(Padding(told, (0, 0, 0, INDENT)), overflow="fold")
        for line in action.lines:
            console.print(Text(" " * (2 * INDENT)).append_text(safe(console, line, "bold cyan")), soft_wrap=True)
    items = [(Text(label), safe(console, value)) for label, value in headline(report)]
    if items:
        console.print()
    print_items(console, "", items)
    print_gates(report, console)


def _parts(report: Report) -> Iterator[Part]:
    """What a report has besides, the most useful first."""
    if not report.is_of_trials:
        yield from _of_logs(report)
        return
    if (treat := report.treat) is not None and treat.done:
        yield Part("the fixes that were tried", lambda on, room: _print_fixes_tried(report, on, room))
    model, sweep = report.architecture, report.sweep
    if model is not None:
        yield _findings(report)
        yield Part("the model", lambda on, room: print_architecture(model, on, verbose=False), 12)
    if sweep is not None and sweep.rates:
        yield Part("the rates", lambda on, room: _print_rates(rates_table(sweep, report.best_learning_rate), on, room))
    if model is None:
        yield _findings(report)
    if (probe := report.probe) is not None:
        yield Part("the short run", lambda on, room: print_probe(probe, on), 12)
    fixes = [fix for fix in report.fixes if fix.status in actions.OPEN] if report.treat is None else []
    yield Part("fixes to try", lambda on, room: _print_fixes(fixes, on))
    if treat is not None and treat.prescription is not None:
        snippet = treat.prescription.snippet.splitlines()
        yield Part("the code", lambda on, room: print_lines(on, "The code", snippet))
    further = _further(report)
    yield Part(
        "next steps", lambda on, room: print_items(on, "Next", ((Text("-"), safe(on, step)) for step in further))
    )
    notes = sweep.notes if sweep is not None else ()
    yield Part("notes", lambda on, room: print_items(on, "Notes", ((Text("-"), safe(on, note)) for note in notes)))
    yield Part(
        "what could not be checked", lambda on, room: print_items(on, "Not checked", skipped_items(report.skipped, on))
    )


def _findings(report: Report) -> Part:
    """Those of the whole study, the first few."""
    whole = [finding for finding in report.findings if finding.run is None][:MOST_FINDINGS]

    def items(on: Console) -> Iterator[Item]:
        return (finding_item(f, on, False, do=actions.for_finding(report, f)) for f in whole)

    return Part("findings", lambda on, room: print_items(on, "Findings", items(on)))


def _print_fixes_tried(report: Report, console: Console, room: int) -> None:
    """The table with its columns, or with the few that a narrow terminal has room for."""
    treat = report.treat
    if treat is None:
        return
    whole = partial(_print_tried, treat)
    fits = len(_lines(console, whole)) <= min(room, MOST_TRIED)
    (whole if fits else partial(_print_tried, treat, brief=True))(console)


def _print_tried(treat: TreatResult, console: Console, brief: bool = False) -> None:
    console.print()
    console.print(safe(console, "Fixes tried, in the playbook's order (* on fresh seeds)", "bold"))
    console.print(Padding(tried_table(treat, console, brief), (0, 0, 0, INDENT), expand=False))


def _print_rates(table: Table, console: Console, room: int) -> None:
    """The table, or the rows next to lr* and to the lowest unstable rate, as many as there is room for."""
    rows = [_short(row) for row in table.rows]

    def shown(n: int) -> Table:
        kept = _nearest(rows, n)
        return replace(table, rows=tuple(row for i, row in enumerate(rows) if i in kept))

    n = _most(min(len(rows), room), lambda n: len(_lines(console, partial(_print_table, shown(n)))) <= room)
    _print_table(shown(n), console)


def _most(n: int, fits: Callable[[int], bool]) -> int:
    """The largest number up to n that fits, 1 at least; by halving, since every try is drawn."""
    low, high = 1, n
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def _print_table(table: Table, console: Console) -> None:
    console.print()
    console.print(draw_table(table, console))
    console.print(legend(table, console))


def _short(row: Row) -> Row:
    last = row.cells[-1]
    words = last if len(last) <= LONGEST_CELL else f"{last.split(', ')[0]}, ..."
    return replace(row, cells=(*row.cells[:-1], words))


def _nearest(rows: Sequence[Row], n: int) -> set[int]:
    """Places of the rows closest to lr* and to where training breaks."""
    middle = [i for i, row in enumerate(rows) if row.mark == "best"] or [0]
    broken = next((i for i, row in enumerate(rows) if row.kind == "bad"), len(rows) - 1)
    by_distance = sorted(range(len(rows)), key=lambda i: min(abs(i - middle[0]), abs(i - broken)))
    return set(by_distance[:n])


def _print_fixes(fixes: Sequence[actions.Fix], console: Console) -> None:
    """Each fix in a line, in the playbook's order."""
    items = [
        (safe(console, f"{place}.", "bold"), safe(console, actions.fix_in_short(fix)))
        for place, fix in actions.numbered(list(fixes))
    ]
    print_items(console, "Fixes to try, in this order", items)


def _of_logs(report: Report) -> Iterator[Part]:
    runs = [run for run in report.runs if run.status != "failed"]
    unread = [run for run in report.runs if run.status == "failed"]
    if len(runs) == 1:
        run = runs[0]
        yield Part("the run", lambda on, room: print_run(run, report, on), 6)
        fixes = [*report.fixes_of(None), *report.fixes_of(run.name)]
        yield Part("fixes to try", lambda on, room: _print_fixes(fixes, on))
    elif runs:
        yield Part("the runs", lambda on, room: _print_runs(runs, report, on, room))
    whole = report.findings_of(None)
    yield Part("findings", lambda on, room: print_items(on, "Findings", (finding_item(f, on, False) for f in whole)))
    yield Part("what could not be read", lambda on, room: _print_unread(unread[: max(room, 3) - 2], on))
    further = _further(report)
    yield Part(
        "next steps", lambda on, room: print_items(on, "Next", ((Text("-"), safe(on, step)) for step in further))
    )


def _further(report: Report) -> list[str]:
    """The next steps in words, without the one that is to be done now."""
    now = actions.do_now(report)
    return [s for s in report.next_steps if not s.startswith(actions.COMMANDS) and (now is None or s != now.words)]


def _print_unread(runs: Sequence[RunSummary], console: Console) -> None:
    reasons = ((safe(console, run.name, "bold"), safe(console, run.exit_reason or "")) for run in runs)
    print_items(console, "Could not be read", reasons)


def _print_runs(runs: Sequence[RunSummary], report: Report, console: Console, room: int) -> None:
    """A line a run, the worst first: its verdict, its curve, what was found and what to do about it."""
    ordered = sorted(runs, key=lambda run: WORST_FIRST.index(run.verdict))
    folder = _shared_folder([run.name for run in ordered])

    def shown(n: int) -> Callable[[Console], None]:
        return partial(_print_run_table, ordered[:n], len(ordered), report, folder)

    shown(_most(min(len(ordered), room), lambda n: len(_lines(console, shown(n))) <= room))(console)


def _shared_folder(names: list[str]) -> str:
    """The folder, with its last slash, that all of them begin with: told once, since a table has no room for it.

    >>> _shared_folder(["runs/a/1.csv", "runs/a/2.csv", "runs/b.csv"])
    'runs/'
    """
    folder, slash, _ = commonprefix(names).rpartition("/")  # noqa: RUF071  # cut at a slash
    return folder + slash


def _print_run_table(runs: Sequence[RunSummary], n: int, report: Report, folder: str, console: Console) -> None:
    table = RichTable(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for header in ("run", "verdict", "loss", "found", "do now"):
        table.add_column(header, overflow="fold", no_wrap=header in ("verdict", "loss"))
    for run in runs:
        found = report.findings_of(run.name)
        worst = min((f for f in found if f.severity != "info"), key=_place, default=None)
        loss = run.curves.get("train_loss")
        ascii_only = console.options.ascii_only
        line = "" if loss is None or not len(loss) else draw(loss, Axis.of(loss, CURVE), ascii_only=ascii_only)
        codes = ", ".join(dict.fromkeys(f.code for f in sorted(found, key=_place)))
        do = "" if worst is None else actions.for_finding(report, worst)
        verdict = Text(run.verdict, VERDICT_STYLE[run.verdict])
        table.add_row(
            safe(console, run.name.removeprefix(folder), "bold"),
            verdict,
            Text(line),
            safe(console, codes),
            safe(console, do),
        )
    console.print()
    below = f" below {folder}" if folder else ""
    title = f"Runs{below}, the worst first{f': {len(runs)} of {n}' if len(runs) < n else ''}"
    console.print(safe(console, title, "bold"))
    console.print(Padding(table, (0, 0, 0, INDENT), expand=False))


def _place(finding: actions.Finding) -> int:
    return actions.WORST.index(finding.severity)
