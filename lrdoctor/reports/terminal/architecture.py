"""The section of an inspection: the model's numbers, and its residual adds, those that are alike in one row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from lrdoctor.reports.numbers import number
from lrdoctor.reports.tables import chain_table, sites_table
from lrdoctor.reports.terminal.items import print_items
from lrdoctor.reports.terminal.table_draw import draw
from lrdoctor.reports.terminal.text import safe

if TYPE_CHECKING:
    from lrdoctor.core.sections import Model

LIMIT = "Only code that ran for this batch was examined."


def print_architecture(model: Model, console: Console, verbose: bool) -> None:
    """Prints what `Report.architecture` holds; nothing of a model that could not be looked at but its sharpness."""
    items = [(Text(label), safe(console, value)) for label, value in _numbers(model)]
    print_items(console, "The model at initialization", items)
    if model.sites:
        console.print()
        console.print(draw(sites_table(model.sites, each=verbose), console))
    if not model.failure:
        console.print()
        console.print(safe(console, LIMIT, "dim"))
    if verbose and model.chain:
        console.print()
        console.print(draw(chain_table(model), console))


def _numbers(model: Model) -> Iterator[tuple[str, str]]:
    if not model.failure:
        yield "parameters", f"{model.n_parameters:,}"
        yield "loss", number(model.loss)
        yield "layers outside branches", str(model.depth_outside_residuals)
        yield "layers without a norm", str(model.depth_without_norm)
        yield "activations, last / first", number(model.activation_growth)
        yield "gradient, first / last", number(model.gradient_growth)
        yield "unknown operations", str(model.unknown_operations)
    if model.sharpness is not None:
        yield "sharpness", model.sharpness.words
