"""What the page shows of a model that was looked at: its chain drawn, how the signal grows, its residual adds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lrdoctor.reports.html import chain_ink
from lrdoctor.reports.html.chain import chain
from lrdoctor.reports.html.chain_words import LONGEST_NAME, described, modules_in_short
from lrdoctor.reports.html.figures import Figure
from lrdoctor.reports.html.findings import MOST_ROWS, cut
from lrdoctor.reports.html.scales import scale_figure
from lrdoctor.reports.html.tables import Row, Table
from lrdoctor.reports.numbers import number
from lrdoctor.reports.sites import alike, notes, scales
from lrdoctor.reports.untrusted import one_line

FEW_ROWS = 24
"""Rows up to which the table of sites is not folded."""
MARKS = {"Norm(x + f(x))", "dead"}
"""Notes that are findings."""
PROBABLE = "Probable: the sum can also be read in another way, as where the skip has a layer or the branch is a sum."
SITE_HEADERS = ("where", "module", "adds", "skip", "||f(x)|| / ||x||", "branch ends with", "norm after the sum")

Part = Mapping[str, Any]


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


def model_view(model: Part) -> ModelView | None:
    """What to show of `Report.architecture`; None where nobody looked."""
    if not model:
        return None
    groups = _sites_table(alike(model["sites"]), model["sites"])
    few = len(groups.rows) <= FEW_ROWS
    return ModelView(
        failure=model["failure"],
        facts=tuple(_facts(model)),
        figures=tuple(_figures(model)) if model["chain"] else (),
        tables=(groups,) if few and groups.rows else (),
        folded=tuple(_folded(model, () if few else (groups,))),
        notes=tuple(_notes(model)),
    )


def _facts(model: Part) -> Iterator[tuple[str, str]]:
    if not model["failure"]:
        yield "parameters", f"{model['n_parameters']:,}"
        yield "loss", number(model["loss"])
        yield "residual adds", str(model["residual_adds"])
        yield "layers outside branches", str(model["depth_outside_residuals"])
        yield "layers without a norm", str(model["depth_without_norm"])
        yield "unknown operations", str(model["unknown_operations"])
    if model["sharpness"] is not None:
        yield "sharpness", model["sharpness"]["words"]


def _notes(model: Part) -> Iterator[str]:
    inside = chain(model).inside
    if inside:
        yield f"Inside branches, and not drawn: {inside} residual add{'s' if inside > 1 else ''}; the table has all."
    if any(site["is_probable"] for site in model["sites"]):
        yield PROBABLE
    if model["unknown"]:
        names = ", ".join(one_line(name, LONGEST_NAME) for name in model["unknown"][:3])
        more = f" and {len(model['unknown']) - 3} more" if len(model["unknown"]) > 3 else ""
        yield f"Unknown, which is not the same as absent: {names}{more}."
    if not model["failure"]:
        yield "Only code that ran for this batch was examined."


def _figures(model: Part) -> Iterator[Figure]:
    drawn = chain(model)
    markup, box = chain_ink.draw(drawn)
    title = "The chain of blocks at initialization, from input to output"
    yield Figure("chain", title, described(drawn), markup, box, "drawn chain")
    scale = scale_figure(model)
    if scale is not None:
        yield scale


def _folded(model: Part, before: Sequence[Table]) -> Iterator[Table]:
    yield from before
    sites = model["sites"]
    if len(alike(sites)) < len(sites):
        yield _sites_table([[site] for site in sites], sites, "Every residual add")


def _sites_table(groups: Sequence[Sequence[Part]], sites: Sequence[Part], name: str = "") -> Table:
    """One row a group of sites."""
    name = name or f"Residual adds, {len(sites)} in all, those that are alike in one row"
    headers = (*SITE_HEADERS, "may start at 0", "notes")
    rows = tuple(map(_site_row, groups[:MOST_ROWS]))
    words = tuple(header for header in headers if header not in ("adds", "||f(x)|| / ||x||"))
    return Table(f"{name}{cut(len(groups))}", headers, rows, words)


def _site_row(group: Sequence[Part]) -> Row:
    site = group[0]
    modules = tuple(dict.fromkeys(each["module"] for each in group))
    said = list(notes(site))
    cells = (
        one_line(site["where"], LONGEST_NAME),
        modules_in_short(modules, LONGEST_NAME),
        str(len(group)),
        site["skip"],
        scales([each["branch_scale"] for each in group]),
        one_line(site["last_operation"], LONGEST_NAME),
        "yes" if site["post_norm"] else "no",
        _zeroable(group),
        ", ".join(note for note in said if note != "Norm(x + f(x))"),
    )
    return Row(cells, "bad" if MARKS & set(said) else "")


def _zeroable(group: Sequence[Part]) -> str:
    """The parameters that make the branches 0, named from the module of each; or why the first without has none."""
    able = [each for each in group if each["zeroable"]]
    if len(able) == len(group):
        names = (name.removeprefix(f"{each['module']}.") for each in group for name in each["zeroable"])
        return one_line(", ".join(dict.fromkeys(names)), LONGEST_NAME * 2)
    why = next(each["why_not"] for each in group if not each["zeroable"])
    count = f"{len(able)} of {len(group)}: " if able else "no: "
    return count + one_line(why, LONGEST_NAME * 2)
