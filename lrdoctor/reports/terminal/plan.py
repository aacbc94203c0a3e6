"""What a command would train, as people read it: the total first, what it is made of under it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lrdoctor.core.plan import Plan, PlannedStage
from lrdoctor.reports.numbers import duration
from lrdoctor.reports.terminal.items import print_items
from lrdoctor.reports.terminal.text import safe


def print_plan(plan: Plan, console: Console) -> None:
    """Prints the plan.

    Args:
        plan: what would be trained.
        console: where to; its width and colours are respected.
    """
    # the one line that scripts and people search a CI log for is not broken
    console.print(safe(console, f"PLAN: {_total(plan)}", "bold"), soft_wrap=True)
    console.print()
    console.print(stages_table(plan.stages, console))
    if plan.trials:
        _heading(console, "Up to and with each part (one that suffices ends it there)")
        console.print(parts_table(plan, console))
    print_items(console, "Assumed", ((Text("-"), safe(console, words)) for words in plan.assumptions))


def _total(plan: Plan) -> str:
    reused = f", {plan.reused:,} are finished or asked for twice" if plan.reused else ""
    if not plan.trials:
        return f"nothing to train{reused}"
    side = f"{plan.jobs} side by side" if plan.jobs > 1 else "one after the other"
    trials = f"{plan.trials:,} trial{'s' if plan.trials > 1 else ''} to train{reused}"
    worst = f"; {plan.worst_steps:,} where none can be left out" if plan.worst_steps > plan.steps else ""
    return f"about {plan.steps:,} training steps, {duration(plan.seconds)} ({trials}; {side}{worst})"


def stages_table(stages: Iterable[PlannedStage], console: Console) -> Table:
    """One row a stage; those of one name that follow each other are one row."""
    table = _table(("part", "stage"), "trials", "reused", "steps", "evaluations", "about")
    part = ""
    for (of, name), group in groupby(stages, key=lambda stage: (stage.part, stage.name)):
        row = _summed(list(group))
        first = of if of != part else ""
        part = of
        style = "" if row.trials > row.reused else "dim"
        counts = (row.trials, row.reused, row.steps, row.evaluations)
        cells = [first, name, *(f"{count:,}" for count in counts), duration(row.seconds)]
        table.add_row(*(safe(console, cell) for cell in cells), style=style)
    return table


def _summed(stages: Sequence[PlannedStage]) -> PlannedStage:
    return PlannedStage(
        part=stages[0].part,
        name=stages[0].name,
        trials=sum(stage.trials for stage in stages),
        reused=sum(stage.reused for stage in stages),
        steps=sum(stage.steps for stage in stages),
        evaluations=sum(stage.evaluations for stage in stages),
        seconds=sum(stage.seconds for stage in stages),
    )


def parts_table(plan: Plan, console: Console) -> Table:
    """One row a part: what it takes, and what everything up to it does."""
    table = _table(("part",), "trials", "steps", "steps so far", "about")
    for part in plan.parts():
        counts = (part.trials, part.steps, part.steps_so_far)
        cells = [part.name, *(f"{count:,}" for count in counts), duration(part.seconds_so_far)]
        table.add_row(*(safe(console, cell) for cell in cells))
    return table


def _table(words: Sequence[str], *numbers: str) -> Table:
    """Columns of words, then numbers to the right."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for header in words:
        table.add_column(header, overflow="fold")
    for header in numbers:
        table.add_column(header, justify="right", overflow="fold")
    return table


def _heading(console: Console, title: str) -> None:
    console.print()
    console.print(safe(console, title, "bold"))
