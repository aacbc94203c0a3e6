"""The section of a treatment: every fix that was tried, with its numbers, and what is prescribed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from lrdoctor.core.plain import plain
from lrdoctor.reports.actions import sweep_of
from lrdoctor.reports.numbers import multiple, number
from lrdoctor.reports.terminal.items import INDENT, Item, print_items, print_lines
from lrdoctor.reports.terminal.text import safe
from lrdoctor.reports.terminal.treat_table import CONFIRMED, tried_table
from lrdoctor.reports.treated import in_short, margin, settings_in_short

if TYPE_CHECKING:
    from lrdoctor.core.fix_sections import Cost, Prescription, TreatResult

SEEDS_FOR_A_GAIN = 3
"""Fewer cannot stand out of their spread by the rank-sum test."""
MINUTE = 60


def print_treat(treat: TreatResult | None, console: Console) -> None:
    """Prints the section; nothing when no treatment was asked for.

    Args:
        treat: `Report.treat`.
        console: where to; its width and colours are respected.
    """
    if treat is None:
        return
    if not treat.needed:
        print_items(console, "Fixes", [(Text("-"), safe(console, f"none was tried: {treat.why_not}"))])
        return
    if treat.done:
        _print_tried(treat, console)
    print_items(console, "Not tried", _not_tried(treat, console))
    print_items(console, "Cut by the budget", ((Text("-"), safe(console, c)) for c in _cut(treat)))
    if treat.prescription is None:
        sentences = ((Text("-"), safe(console, sentence)) for sentence in _without_prescription(treat))
        print_items(console, "No prescription", sentences)
    else:
        _print_prescription(treat.prescription, console)
    console.print()
    console.print(safe(console, f"Cost, with the sweep: {_cost(treat.cost)}"))


def _print_tried(treat: TreatResult, console: Console) -> None:
    console.print()
    title = f"Fixes tried in the playbook's order, to restore a margin of {multiple(treat.target_margin)}"
    console.print(safe(console, title, "bold"))
    console.print(Padding(tried_table(treat, console), (0, 0, 0, INDENT), expand=False))
    print_items(console, "", ((Text("-", style="dim"), safe(console, words, "dim")) for words in _legend(treat)))
    rows, names = treat.done, Counter(row.name for row in treat.done)
    labels = [f"{row.name} {settings_in_short(row)}" if names[row.name] > 1 else row.name for row in rows]
    whys = [(safe(console, label, "bold"), safe(console, row.why)) for label, row in zip(labels, rows, strict=True)]
    print_items(console, "What came of them", whys)


def _legend(treat: TreatResult) -> Iterator[str]:
    n = treat.n_seeds
    seeds = f"{n} seed{'' if n == 1 else 's'}"
    yield f"every row is a sweep of its own with {seeds} a rate; the loss is the median at the rate that goes with it"
    if treat.n_fresh_seeds:
        yield (
            f"rows marked {CONFIRMED} were trained again, beside the training as it is, on up to "
            f"{treat.n_fresh_seeds} fresh seeds that the search did not use; their loss and its change are those of "
            "these seeds, and verified is what holds there"
        )
    if n < SEEDS_FOR_A_GAIN:
        yield f"change: none can be shown with {seeds}; --seeds {SEEDS_FOR_A_GAIN} is the least that can"
    else:
        yield (
            "change: of the loss against lr* as it is, then the seeds that did better; a gain or a loss is more than "
            "the spread over the seeds (exact rank-sum test)"
        )
    if treat.before and any(row.optimizer != treat.before.optimizer for row in treat.done):
        yield "the rates of two optimizers do not compare, their margins do"


def _not_tried(treat: TreatResult, console: Console) -> Iterator[Item]:
    """Each reason once, with the fixes that it is for."""
    names: dict[str, list[str]] = {}
    for row in treat.tried:
        if not row.was_tried:
            names.setdefault(row.why, []).append(row.name)
    for why, of in names.items():
        fixes, reason = safe(console, ", ".join(of), "bold"), safe(console, f": {why}")
        yield Text("-"), Text(overflow="fold").append_text(fixes).append_text(reason)


def _cut(treat: TreatResult) -> Iterator[str]:
    """What the budget cut, beyond what stands among the reasons of the fixes that were not tried."""
    reasons = [row.why for row in treat.tried if not row.was_tried]
    for cut in treat.cut:
        if not any((cut.partition(": ")[2] or cut) in reason for reason in reasons):
            yield cut


def _without_prescription(treat: TreatResult) -> Iterator[str]:
    before, tried = treat.before, treat.done
    if not tried:
        yield treat.why_not or "no fix could be tried"
    else:
        refuted = [in_short(row) for row in tried if row.status == "rejected" and row.confirmation is not None]
        left = [in_short(row) for row in tried if row.status == "unconfirmed"]
        if refuted:
            yield f"on fresh seeds these helped nothing, or cost something: {'; '.join(refuted)}"
        if left:
            yield f"not tried on fresh seeds: {'; '.join(left)}"
        if not refuted and not left:
            yield (
                "none of the fixes that were tried makes clearly higher rates trainable without losing, or trains "
                "better by more than the spread over the seeds"
            )
    if before is not None and before.best_learning_rate is not None:
        room = "that is not known" if before.stability_margin is None else f"of {margin(before)}"
        yield f"stay at lr* = {number(before.best_learning_rate)} as it is, with a margin {room}"
    if treat.cut:
        yield "a larger budget goes on with what was cut; what was trained is not trained again"


def _print_prescription(prescription: Prescription, console: Console) -> None:
    title = f"Prescription: {' + '.join(prescription.names)} ({prescription.status.replace('_', ' ')})"
    lines: dict[str, object] = {"why": prescription.why, "base_learning_rate": prescription.base_learning_rate}
    lines |= {key: value for key, value in plain(prescription.settings).items() if key not in lines}
    lines |= {"patched spec": prescription.spec_file} if prescription.spec_file else {}
    print_items(console, title, ((Text(key), safe(console, _exactly(value))) for key, value in lines.items()))
    print_lines(console, f"For {prescription.trainer or 'PyTorch'}", prescription.snippet.splitlines())
    print_lines(console, "The same as a spec that runs", list(filter(None, [sweep_of(prescription)])))


def _exactly(value: object) -> str:
    """All digits: these numbers are typed off."""
    return value if isinstance(value, str) else json.dumps(value)


def _cost(cost: Cost) -> str:
    minutes, seconds = divmod(round(cost.seconds), MINUTE)
    time = f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
    return f"{cost.trials:,} trials, {cost.steps:,} training steps, {time} summed over the trials"
