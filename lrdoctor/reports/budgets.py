"""What a call was allowed to spend and did not reach for, in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lrdoctor.reports.numbers import duration

if TYPE_CHECKING:
    from lrdoctor.core.sections import Spending

LABEL = "budget"

MOST = 3
"""Things left out that are named; report.json has all of them."""


def in_words(budget: Spending) -> str:
    """The line.

    >>> from lrdoctor.core.sections import Spending
    >>> in_words(Spending(given="20k-steps", unit="steps", limit=20000, spent=1200))
    '1,200 steps of 20k-steps spent; nothing was left out'
    """
    spent = duration(budget.spent) if budget.unit == "seconds" else f"{budget.spent:,.0f} steps"
    n = len(budget.left_out)
    more = [f"{n - MOST} more"] if n > MOST else []
    left = "; ".join([*budget.left_out[:MOST], *more])
    return f"{spent} of {budget.given} spent; {f'left out: {left}' if n else 'nothing was left out'}"
