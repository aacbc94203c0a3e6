"""The section of an inspection: the model's numbers, and its residual adds, those that are alike in one row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from lrdoctor.reports.numbers import number
from lrdoctor.reports.terminal.items import print_items
from lrdoctor.reports.terminal.text import safe

CHAIN = ("layer outside branches", "operation", "activation", "gradient")
LIMIT = "Only code that ran for this batch was examined."
Row = Mapping[str, Any]

ALIKE = ("where", "skip", "last_operation", "post_norm", "is_dead")
"""What sites share that stand in one row."""
HEADERS = ("where", "module", "adds", "skip", "||f(x)||\n/ ||x||", "branch\nends with", "notes")
RIGHT = ("adds", "||f(x)||\n/ ||x||")


def print_architecture(model: Row, console: Console, verbose: bool) -> None:
    """Prints what `Report.architecture` holds; nothing of a model that could not be looked at but its sharpness."""
    if not model:
        return
    items = [(Text(label), safe(console, value)) for label, value in _numbers(model)]
    print_items(console, "The model at initialization", items)
    if model["sites"]:
        console.print()
        console.print(_sites(model["sites"], console, verbose))
    if not model["failure"]:
        console.print()
        console.print(safe(console, LIMIT, "dim"))
    if verbose and model["chain"]:
        console.print()
        console.print(_chain(model["chain"], console))


def _numbers(model: Row) -> Iterator[tuple[str, str]]:
    if not model["failure"]:
        yield "parameters", f"{model['n_parameters']:,}"
        yield "loss", number(model["loss"])
        yield "layers outside branches", str(model["depth_outside_residuals"])
        yield "layers without a norm", str(model["depth_without_norm"])
        yield "activations, last / first", number(model["activation_growth"])
        yield "gradient, first / last", number(model["gradient_growth"])
        yield "unknown operations", str(model["unknown_operations"])
    if model["sharpness"] is not None:
        yield "sharpness", model["sharpness"]["words"]


def _sites(sites: Sequence[Row], console: Console, verbose: bool) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for header in HEADERS:
        justify: JustifyMethod = "right" if header in RIGHT else "left"
        table.add_column(header, justify=justify, overflow="fold", no_wrap=header != "module")
    groups = [[site] for site in sites] if verbose else _groups(sites)
    for group in groups:
        style = "yellow" if group[0]["post_norm"] or group[0]["is_dead"] else ""
        table.add_row(*(safe(console, cell) for cell in _cells(group)), style=style)
    return table


def _groups(sites: Sequence[Row]) -> list[list[Row]]:
    """Sites that differ in their module and scale alone, in the order of the first of each."""
    order = {_kind(site): i for i, site in reversed(list(enumerate(sites)))}
    ordered = sorted(sites, key=lambda site: order[_kind(site)])
    return [list(group) for _, group in groupby(ordered, key=_kind)]


def _kind(site: Row) -> tuple[Any, ...]:
    return (*(site[name] for name in ALIKE), site["gate"] is None)


def _cells(group: Sequence[Row]) -> list[str]:
    first, modules = group[0], list(dict.fromkeys(site["module"] for site in group))
    more = f" +{len(modules) - 1}" if len(modules) > 1 else ""
    return [
        first["where"],
        (modules[0] or "(the model)") + more,
        str(len(group)),
        first["skip"],
        _scales([site["branch_scale"] for site in group]),
        first["last_operation"],
        ", ".join(_notes(first)),
    ]


def _scales(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    low, high = f"{min(known):.2g}", f"{max(known):.2g}"
    return low if low == high else f"{low}..{high}"


def _notes(site: Row) -> Iterator[str]:
    if site["post_norm"]:
        yield "Norm(x + f(x))"
    if site["gate"] is not None:
        yield "gated"
    if site["branch_scale"] == 0:
        yield "dead" if site["is_dead"] else "0 at init"
    if site["is_probable"]:
        yield "probable"


def _chain(chain: Sequence[Row], console: Console) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for header in CHAIN:
        table.add_column(header, justify="left" if header in CHAIN[:2] else "right", overflow="fold")
    for row in chain:
        cells = (row["module"] or "(the model)", row["operation"], number(row["activation"]), number(row["gradient"]))
        table.add_row(*(safe(console, cell) for cell in cells))
    return table
