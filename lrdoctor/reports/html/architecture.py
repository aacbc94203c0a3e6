"""What the page shows of a model that was looked at: its chain drawn, how the signal grows, its residual adds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lrdoctor.core.sections import Model
from lrdoctor.reports.html import chain_draw
from lrdoctor.reports.html.chain import chain
from lrdoctor.reports.html.chain_text import described
from lrdoctor.reports.html.figures import Figure
from lrdoctor.reports.html.findings import MOST_ROWS
from lrdoctor.reports.html.scales import scale_figure
from lrdoctor.reports.numbers import number
from lrdoctor.reports.sites import LONGEST_NAME, alike
from lrdoctor.reports.table import Table
from lrdoctor.reports.tables import sites_table
from lrdoctor.reports.untrusted import one_line

FEW_ROWS = 24
"""Rows up to which the table of sites is not folded."""
PROBABLE = "Probable: the sum can also be read in another way, as where the skip has a layer or the branch is a sum."


@dataclass(frozen=True)
class ModelView:
    """The part of the page on the model."""

    failure: str
    """Why nothing is known; empty where something is."""
    facts: tuple[tuple[str, str], ...]
    figures: tuple[Figure, ...]
    tables: tuple[Table, ...]
    folded: tuple[Table, ...]
    notes: tuple[str, ...]


def model_view(model: Model | None) -> ModelView | None:
    """What to show of `Report.architecture`; None where nobody looked."""
    if model is None:
        return None
    groups = sites_table(model.sites).first(MOST_ROWS)
    few = len(groups.rows) <= FEW_ROWS
    return ModelView(
        failure=model.failure,
        facts=tuple(_facts(model)),
        figures=tuple(_figures(model)) if model.chain else (),
        tables=(groups,) if few and groups.rows else (),
        folded=tuple(_folded(model, () if few else (groups,))),
        notes=tuple(_notes(model)),
    )


def _facts(model: Model) -> Iterator[tuple[str, str]]:
    if not model.failure:
        yield "parameters", f"{model.n_parameters:,}"
        yield "loss", number(model.loss)
        yield "residual adds", str(model.residual_adds)
        yield "layers outside branches", str(model.depth_outside_residuals)
        yield "layers without a norm", str(model.depth_without_norm)
        yield "unknown operations", str(model.unknown_operations)
    if model.sharpness is not None:
        yield "sharpness", model.sharpness.words


def _notes(model: Model) -> Iterator[str]:
    inside = chain(model).inside
    if inside:
        yield f"Inside branches, and not drawn: {inside} residual add{'s' if inside > 1 else ''}; the table has all."
    if any(site.is_probable for site in model.sites):
        yield PROBABLE
    if model.unknown:
        names = ", ".join(one_line(name, LONGEST_NAME) for name in model.unknown[:3])
        more = f" and {len(model.unknown) - 3} more" if len(model.unknown) > 3 else ""
        yield f"Unknown, which is not the same as absent: {names}{more}."
    if not model.failure:
        yield "Only code that ran for this batch was examined."


def _figures(model: Model) -> Iterator[Figure]:
    drawn = chain(model)
    markup, box = chain_draw.draw(drawn)
    title = "The chain of blocks at initialization, from input to output"
    yield Figure("chain", title, described(drawn), markup, box, "drawn chain")
    scale = scale_figure(model)
    if scale is not None:
        yield scale


def _folded(model: Model, before: Sequence[Table]) -> Iterator[Table]:
    yield from before
    if len(alike(model.sites)) < len(model.sites):
        yield sites_table(model.sites, each=True).first(MOST_ROWS)
