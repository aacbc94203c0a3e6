"""Residual adds of a report in words: which are alike, how large their branches are, what is special about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from lrdoctor.core.architecture import Site
from lrdoctor.reports.untrusted import one_line

LONGEST_NAME = 60
"""Characters of a name in a cell or a sentence."""
MODEL = "(the model)"
"""The module whose path is empty."""
Kind = tuple[str | bool, ...]
"""What sites share that stand in one row."""


def alike(sites: Sequence[Site]) -> list[list[Site]]:
    """Sites that differ in their module and scale alone, in the order of the first of each."""
    order = {_kind(site): i for i, site in reversed(list(enumerate(sites)))}
    ordered = sorted(sites, key=lambda site: order[_kind(site)])
    return [list(group) for _, group in groupby(ordered, key=_kind)]


def _kind(site: Site) -> Kind:
    return site.where, site.skip, site.last_operation, site.post_norm, site.is_dead, site.gate is None


def modules_in_short(modules: Sequence[str], longest: int) -> str:
    """The first module, and how many more there are.

    >>> modules_in_short(("blocks.0.attention", "blocks.1"), 40), modules_in_short(("",), 40)
    ('blocks.0.attention and 1 more', '(the model)')
    """
    more = f" and {len(modules) - 1} more" if len(modules) > 1 else ""
    return one_line(modules[0] or MODEL, longest - len(more)) + more


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
    if site.post_norm:
        yield "Norm(x + f(x))"
    if site.gate is not None:
        yield "gated"
    if site.branch_scale == 0:
        yield "dead" if site.is_dead else "0 at init"
    if site.is_probable:
        yield "probable"
