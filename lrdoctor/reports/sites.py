"""Residual adds of a report in words: which are alike, how large their branches are, what is special about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

Site = Mapping[str, Any]
"""One of `Report.architecture["sites"]`."""

ALIKE = ("where", "skip", "last_operation", "post_norm", "is_dead")
"""What sites share that stand in one row."""


def alike(sites: Sequence[Site]) -> list[list[Site]]:
    """Sites that differ in their module and scale alone, in the order of the first of each."""
    order = {_kind(site): i for i, site in reversed(list(enumerate(sites)))}
    ordered = sorted(sites, key=lambda site: order[_kind(site)])
    return [list(group) for _, group in groupby(ordered, key=_kind)]


def _kind(site: Site) -> tuple[Any, ...]:
    return (*(site[name] for name in ALIKE), site["gate"] is None)


def scales(values: Sequence[float | None]) -> str:
    """The range of ||f(x)|| / ||x||.

    >>> scales([0.377, None, 0.81]), scales([0.5]), scales([None])
    ('0.38..0.81', '0.5', '-')
    """
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    low, high = f"{min(known):.2g}", f"{max(known):.2g}"
    return low if low == high else f"{low}..{high}"


def notes(site: Site) -> Iterator[str]:
    """What is special about a site, in two or three words each."""
    if site["post_norm"]:
        yield "Norm(x + f(x))"
    if site["gate"] is not None:
        yield "gated"
    if site["branch_scale"] == 0:
        yield "dead" if site["is_dead"] else "0 at init"
    if site["is_probable"]:
        yield "probable"
