"""A fix with its settings in a few words, as every format names it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lrdoctor.reports.numbers import multiple, number

if TYPE_CHECKING:
    from lrdoctor.core.fix_sections import TriedFix

OTHER_OPTIMIZER = "change_optimizer"
LOWER_RATE = "lower_learning_rate"


def in_words(name: str) -> str:
    """A fix's name with blanks, so that it can be wrapped.

    >>> in_words("warmup+clip_gradients")
    'warmup + clip gradients'
    """
    return name.replace("_", " ").replace("+", " + ")


def in_short(row: TriedFix) -> str:
    """The fix and its numbers: the rows of one name are told apart by it.
    `clip gradients: norm 4.781`
    """
    numbers = settings_in_short(row)
    return f"{in_words(row.name)}: {numbers}" if numbers else in_words(row.name)


def settings_in_short(row: TriedFix) -> str:
    """The numbers of the fix without its name; empty where it has none.
    `30 steps, norm 4.781`
    """
    return ", ".join(_settings(row))


def _settings(row: TriedFix) -> Iterator[str]:
    from lrdoctor.core.changes import SETTINGS, given

    settings = row.settings
    if row.name == OTHER_OPTIMIZER:
        yield row.optimizer
    if settings.warmup_steps:
        yield steps(settings.warmup_steps)
    for name, value in given(settings).items():
        yield SETTINGS[name].words.format(in_words(value) if isinstance(value, str) else number(value))
    if row.name == LOWER_RATE and row.base_learning_rate is not None:
        yield number(row.base_learning_rate)


def steps(n: int) -> str:
    """
    >>> steps(1), steps(30)
    ('1 step', '30 steps')
    """
    return f"{n} step{'' if n == 1 else 's'}"


def margin(row: TriedFix) -> str:
    """`1.58x`; `>= 10x` where no instability was found up to it, `-` where nothing is known."""
    if row.stability_margin is None:
        return "-"
    words = multiple(row.stability_margin)
    return f">= {words}" if row.margin_is_bound else words
