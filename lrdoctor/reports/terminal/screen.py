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
from lrdoctor.reports.terminal.clip import print_clip
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
from lrdoctor.reports.terminal.table_draw import BETWEEN, legend
from lrdoctor.reports.terminal.table_draw import draw as draw_table
from lrdoctor.reports.terminal.text import safe
from lrdoctor.reports.terminal.treat_table import tried_table
from lrdoctor.reports.terminal.warmup import print_warmup

if TYPE_CHECKING:
    from lrdoctor.core.fix_sections import TreatResult
    from lrdoctor.core.report import Report, RunSummary, Verdict
    from lrdoctor.reports.table import Row, Table

LINES = 40
"""Of a default terminal window; people read what they need not scroll back for."""
MANY = 200
"""More lines than are needed to see that a part is cut."""
LAST = 4
"""Lines at the end: what was left out, and where the page is."""
MOST_MORE, CUT = 2, " ..."
"""Lines of what was left out, and how a longer list of it ends."""
CURVE = 12
"""Columns of the curve beside a run that has one line."""
MOST_FINDINGS = 6
"""Findings of a study that a screen has; each takes two or three lines."""
MOST_TRIED = 20
"""Lines of the table of fixes from which it is drawn with fewer columns: half a screen, so that more has room."""
LONGEST_CELL = 44
"""Characters of what happened at a rate; -v has the whole."""
VERDICT_LINES = 3
"""Lines of the verdict, so that what to do now is read at once; what else it says stands below."""
NARROWEST_WORDS = 22
"""Columns on which what to do with a run reads well though it is wrapped; the curves give way to it."""
SHORTEST_NAME = 20
"""Columns of a run's name, however narrow the terminal."""


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
    lines = safe(console, more, "dim").wrap(console, console.width)
    if len(lines) > MOST_MORE:
        lines[MOST_MORE - 1].truncate(console.width - len(CUT))
        lines[MOST_MORE - 1].append(CUT)
    for line in lines[:MOST_MORE]:
        console.print(line)
    print_page(console, page)


def print_page(console: Console, page: str) -> None:
    """Where the HTML page is; nothing where none was written."""
    print_lines(console, "", [f"the page: {page}"] if page else [])


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
    verdict, more = _verdict(report, console)
    # where nobody looks at a terminal the one line that is searched for in a CI log is not broken
    console.print(safe(console, verdict, verdict_text(report)[1]), soft_wrap=not console.is_terminal)
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
    # of logs the list of runs says it again
    if more and report.is_of_trials:
        console.print()
        print_items(console, "", ((Text("-"), safe(console, clause)) for clause in more))
    print_gates(report, console)


def _verdict(report: Report, console: Console) -> tuple[str, list[str]]:
    """The verdict on `VERDICT_LINES` lines, and what else it says; all of it where nobody looks at a terminal."""
    text, _ = verdict_text(report)
    if not console.is_terminal:
        return text, []
    clauses = list(clauses_of(text))
    wrapped = (Text("; ".join(clauses[:n])).wrap(console, console.width) for n in range(1, len(clauses) + 1))
    kept = max((n for n, lines in enumerate(wrapped, start=1) if len(lines) <= VERDICT_LINES), default=1)
    return "; ".join(clauses[:kept]), clauses[kept:]


def clauses_of(sentence: str) -> Iterator[str]:
    """Its parts between semicolons that stand in no brackets.

    >>> list(clauses_of("it broke (at 0.1; 90 %: 0.05 to 0.2); train at 0.01"))
    ['it broke (at 0.1; 90 %: 0.05 to 0.2)', 'train at 0.01']
    """
    clause = ""
    for part in sentence.split("; "):
        clause = f"{clause}; {part}" if clause else part
        if clause.count("(") <= clause.count(")"):
            yield clause
            clause = ""
    if clause:
        yield clause


def _parts(report: Report) -> Iterator[Part]:
    """What a report has besides, the most useful first."""
    if not report.is_of_trials:
        yield from _of_logs(report)
        return
    if (treat := report.treat) is not None and treat.done:
        yield Part("the fixes that were tried", lambda on, room: _print_fixes_tried(report, on, room))
    model, sweep = report.architecture, report.sweep
    own = dict(_searches(report))
    if report.command in own:
        yield own.pop(report.command)
    if model is not None:
        yield _findings(report)
        yield Part("the model", lambda on, room: print_architecture(model, on, verbose=False), 12)
    if sweep is not None and sweep.rates:
        yield Part(
            "the rates", lambda on, room: _print_rates(rates_table(sweep, report.best_learning_rate), on, room), 9
        )
    if model is None:
        yield _findings(report)
    if "probe" in own:
        yield own["probe"]
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


def _searches(report: Report) -> Iterator[tuple[str, Part]]:
    """What `probe`, `clip` and `warmup` brought, by the name of the command."""
    if (probe := report.probe) is not None:
        yield "probe", Part("the short run", lambda on, room: print_probe(probe, on), 6)
    if (clip := report.clip) is not None:
        yield "clip", Part("the clipping", lambda on, room: print_clip(clip, on, brief=True), 6)
    if report.warmup:
        yield "warmup", Part("the warmups", lambda on, room: print_warmup(report.warmup, on, brief=True), 6)


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
    # a rate's row says low..high, so that its loss is read as the one in the middle
    rate, loss, *others = table.columns
    short = (replace(rate, name="learning rate"), replace(loss, name=loss.name.removeprefix("median ")))
    table = replace(table, columns=(*short, *others))

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
    rows = [_listed(run, report, folder, console) for run in runs]
    found = BETWEEN + max(map(cell_len, ("found", *(row.found for row in rows))))
    for_name = console.width - INDENT - max(map(len, VERDICT_STYLE)) - 2 * BETWEEN - NARROWEST_WORDS
    longest = max((cell_len(row.name) for row in rows), default=0)
    has_found = for_name - found >= SHORTEST_NAME
    has_curves = has_found and for_name - found - CURVE - BETWEEN >= longest
    for_name -= found * has_found + (CURVE + BETWEEN) * has_curves
    names = _shortened([row.name for row in rows], max(for_name, SHORTEST_NAME))
    table = RichTable(box=None, padding=(0, BETWEEN, 0, 0), pad_edge=False, header_style="bold")
    shown = ["run", "verdict", *(["loss"] if has_curves else []), *(["found"] if has_found else []), "do now"]
    for header in shown:
        table.add_column(header, overflow="fold", no_wrap=header in ("verdict", "loss", "found"))
    if for_name >= max(map(cell_len, names), default=0):
        # the words of the last column wrap at blanks, which a name has not
        table.columns[0].no_wrap = True
    for row, name in zip(rows, names, strict=True):
        cells = {
            "run": safe(console, name, "bold"),
            "verdict": Text(row.verdict, VERDICT_STYLE[row.verdict]),
            "loss": Text(row.curve),
            "found": safe(console, row.found),
            "do now": safe(console, row.do),
        }
        table.add_row(*(cells[header] for header in shown))
    console.print()
    below = f" below {folder}" if folder else ""
    title = f"Runs{below}, the worst first{f': {len(runs)} of {n}' if len(runs) < n else ''}"
    console.print(safe(console, title, "bold"))
    console.print(Padding(table, (0, 0, 0, INDENT), expand=False))
    named = report.checks.get("runs", {}) if has_found else {}
    meanings = [f"{code} {named[code]}" for code in sorted({row.found.split(" ")[0] for row in rows} & set(named))]
    print_items(console, "", [(Text(""), safe(console, ", ".join(meanings), "dim"))] if meanings else [], 0)


@dataclass(frozen=True)
class Listed:
    """A run's line in the list."""

    name: str
    verdict: Verdict
    curve: str
    found: str
    """The code of the worst finding, and how many others there are."""
    do: str


def _listed(run: RunSummary, report: Report, folder: str, console: Console) -> Listed:
    found = sorted(report.findings_of(run.name), key=_place)
    codes = list(dict.fromkeys(finding.code for finding in found))
    loss = run.curves.get("train_loss")
    ascii_only = console.options.ascii_only
    return Listed(
        name=run.name.removeprefix(folder),
        verdict=run.verdict,
        curve="" if loss is None or not len(loss) else draw(loss, Axis.of(loss, CURVE), ascii_only=ascii_only),
        found=f"{codes[0]} +{len(codes) - 1}" if len(codes) > 1 else "".join(codes),
        do=actions.for_finding(report, found[0]) if found else "",
    )


def _shortened(names: list[str], most: int) -> list[str]:
    """The names without their middle where they are longer, if they can still be told apart; else as they are.

    >>> _shortened(["a_model_of_a_long_name_lr0.1.csv", "a_model_of_a_long_name_lr0.2.csv"], 16)
    ['a_mod...r0.1.csv', 'a_mod...r0.2.csv']
    """
    begin = (most - 3) * 2 // 5
    short = [name if len(name) <= most else f"{name[:begin]}...{name[begin + 3 - most :]}" for name in names]
    return short if len({*short}) == len({*names}) else names


def _place(finding: actions.Finding) -> int:
    return actions.WORST.index(finding.severity)
