"""The section of a report about the warmup: what was tried, then the comparison with the baseline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lrdoctor.reports.numbers import multiple, number, spread
from lrdoctor.reports.terminal.items import Item, print_items
from lrdoctor.reports.terminal.text import safe

if TYPE_CHECKING:
    from lrdoctor.core.fix_sections import TriedWarmup, WarmupResult
    from lrdoctor.core.study import Rate

ROOM_FOR_RANGES = 100
"""Columns from which the comparison shows the ranges over the seeds."""


def print_warmup(warmup: WarmupResult | None, console: Console, *, brief: bool = False) -> None:
    """Prints the section; nothing when no warmup was tried.

    Args:
        warmup: `Report.warmup`.
        console: where to; its width and colours are respected.
        brief: only the table of what was tried, without what happened in it.
    """
    if warmup is None:
        return
    _heading(console, "Warmups tried (a ramp from 0, then the base rate)")
    console.print(tried_table(warmup.tried, warmup, console, brief=brief))
    if brief:
        return
    if warmup.with_warmup:
        own = warmup.own_warmup_steps
        without = f"with the spec's own {_steps(own)} (without)" if own else "without"
        _heading(
            console, f"The whole schedule {without} and with {_steps(warmup.warmup_steps or 0)} of warmup before it"
        )
        console.print(comparison_table(warmup, console))
    print_items(console, "Warmup", _lines(warmup, console))


def tried_table(tried: Sequence[TriedWarmup], warmup: WarmupResult, console: Console, *, brief: bool = False) -> Table:
    """One row a base rate and warmup_steps, ascending; the shortest that holds is bold."""
    headers = ["base learning rate", "multiple", "warmup steps", "then", "holds", "what happened"]
    table = _table(*(headers[:-1] if brief else headers))
    for row in sorted(tried, key=lambda row: (row.base_learning_rate, row.warmup_steps)):
        chosen = (row.base_learning_rate, row.warmup_steps) == (warmup.base_learning_rate, warmup.warmup_steps)
        cells = [
            number(row.base_learning_rate),
            multiple(row.multiple),
            str(row.warmup_steps),
            str(row.post_warmup_steps),
            f"{row.n_held}/{row.n_judged}",
            *([] if brief else [_happened(row)]),
        ]
        style = "bold green" if chosen else "" if row.holds else "red" if row.n_judged else "dim"
        table.add_row(*(safe(console, cell) for cell in cells), style=style)
    return table


def comparison_table(warmup: WarmupResult, console: Console) -> Table:
    """One row a rate, without and with the warmup, by best checkpoint; the ranges where there is room for them."""
    wide = console.width >= ROOM_FOR_RANGES
    columns = ["low..high", "holds"] if wide else ["holds"]
    table = _table("base learning rate", "without", *columns, "with", *columns, "what happened")
    for plain, warmed in zip(warmup.without, warmup.with_warmup, strict=True):
        cells = [number(plain.base_learning_rate), *_measured(plain, wide), *_measured(warmed, wide)]
        cells.append(_both(plain, warmed))
        table.add_row(*(safe(console, cell) for cell in cells), style="red" if warmed.is_unstable else "")
    return table


def _table(*headers: str) -> Table:
    """Numbers to the right, the words of the last column to the left and wrapped."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for header in headers:
        if header == headers[-1]:
            table.add_column(header, overflow="fold")
        else:
            table.add_column(header.replace(" ", "\n", 1), justify="right", overflow="fold")
    return table


def _heading(console: Console, title: str) -> None:
    console.print()
    console.print(safe(console, title, "bold"))


def _steps(n: int) -> str:
    return f"{n} step{'' if n == 1 else 's'}"


def _measured(rate: Rate, wide: bool) -> list[str]:
    stable = f"{rate.n_judged - rate.n_unstable}/{rate.n_judged}"
    seeds = [spread(rate.objective_low, rate.objective_high)] if wide else []
    return [number(rate.objective), *seeds, stable]


def _both(plain: Rate, warmed: Rate) -> str:
    """What happened without and with the warmup, where something did."""
    told = {"without": _happened(plain), "with": _happened(warmed)}
    return "; ".join(f"{which}: {words}" for which, words in told.items() if words)


def _happened(row: Rate | TriedWarmup) -> str:
    """`early blow-up 4/5, non-finite 1/5`: seeds by event, the most frequent first."""
    if not row.n_judged:
        return "no trial could be judged"
    events = sorted(row.events.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {count}/{row.n_judged}" for name, count in events)


def _lines(warmup: WarmupResult, console: Console) -> Iterator[Item]:
    yield Text("result"), safe(console, warmup.status.replace("_", " "), "bold")
    if not warmup.with_warmup:
        yield Text("why"), safe(console, warmup.why)
        return
    highest, comparison = warmup.highest_stable_learning_rate, warmup.comparison
    rose = f"{number(highest.without)} without, {number(highest.with_warmup)} with"
    yield Text("highest stable rate"), safe(console, rose)
    if comparison is not None:
        objective = warmup.objective.replace("best_val", "best validation").replace("best_train", "best training")
        losses = (
            f"{number(comparison.without)} at lr* without, {number(comparison.with_warmup)} at "
            f"{number(comparison.base_learning_rate)} with: {comparison.words}"
        )
        yield Text(objective.replace("_", " ")), safe(console, losses)
    share = (
        f"{_steps(warmup.warmup_steps or 0)}, {100 * (warmup.share_of_max_train_steps or 0.0):.2g} % of max_train_steps"
    )
    yield Text("added to the run"), safe(console, share)
