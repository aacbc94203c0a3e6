"""The section of an inspection: the model's numbers, and its residual adds, those that are alike in one row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from lrdoctor.reports.numbers import number
from lrdoctor.reports.sites import alike, notes, scales
from lrdoctor.reports.terminal.items import print_items
from lrdoctor.reports.terminal.text import safe

CHAIN = ("layer outside branches", "operation", "activation", "gradient")
LIMIT = "Only code that ran for this batch was examined."
Row = Mapping[str, Any]

FOLDED = ("where", "module")
"""Columns of names, which may be long."""
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
        table.add_column(header, justify=justify, overflow="fold", no_wrap=header not in FOLDED)
    groups = [[site] for site in sites] if verbose else alike(sites)
    for group in groups:
        style = "yellow" if group[0]["post_norm"] or group[0]["is_dead"] else ""
        table.add_row(*(safe(console, cell) for cell in _cells(group)), style=style)
    return table


def _cells(group: Sequence[Row]) -> list[str]:
    first, modules = group[0], list(dict.fromkeys(site["module"] for site in group))
    more = f" +{len(modules) - 1}" if len(modules) > 1 else ""
    return [
        first["where"],
        (modules[0] or "(the model)") + more,
        str(len(group)),
        first["skip"],
        scales([site["branch_scale"] for site in group]),
        first["last_operation"],
        ", ".join(notes(first)),
    ]


def _chain(chain: Sequence[Row], console: Console) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for header in CHAIN:
        table.add_column(header, justify="left" if header in CHAIN[:2] else "right", overflow="fold")
    for row in chain:
        cells = (row["module"] or "(the model)", row["operation"], number(row["activation"]), number(row["gradient"]))
        table.add_row(*(safe(console, cell) for cell in cells))
    return table
