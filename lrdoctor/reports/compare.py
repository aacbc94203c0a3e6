"""A comparison of studies as JSON, as an HTML page, and as the tables that the terminal and the page share."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lrdoctor import __version__
from lrdoctor.core.certainty import range_text
from lrdoctor.core.compared import ComparedStudy, Outcome, StudyComparison
from lrdoctor.core.plain import plain
from lrdoctor.reports.html import environment
from lrdoctor.reports.html.figures import Figure, is_wide
from lrdoctor.reports.html.study_files import figure_text
from lrdoctor.reports.html.svg import inlined
from lrdoctor.reports.json import strict
from lrdoctor.reports.numbers import multiple, number, spread
from lrdoctor.reports.table import Kind, Row, Table
from lrdoctor.reports.tables import objective_words

SCHEMA_VERSION = 1
WORDS: dict[Outcome, str] = {
    "worse": "worse",
    "mixed": "better in one measure, worse in the other",
    "inconclusive": "cannot be told",
    "no_difference": "no difference beyond chance",
    "better": "better",
}
LONGEST_VALUE = 60
"""Characters of a value of a spec."""


def as_json(of: StudyComparison) -> str:
    """The comparison as strict JSON, in the shape of `schemas/compare.schema.json`."""
    document: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "lrdoctor_version": __version__,
        "command": "compare",
        **plain(of),
    }
    return json.dumps(strict(document), indent=2, allow_nan=False) + "\n"


def studies_table(of: StudyComparison, *, intervals: bool = True) -> Table:
    """One row a study.

    Args:
        of: what was compared.
        intervals: with what each stability margin may be, which the words of a pair say as well.
    """
    objective = objective_words(of.studies[0].objective)
    headers = ("study", "lr*", f"{objective} at lr*", "low..high", "unstable from", "stability margin", "by itself")
    rows = tuple(
        Row(tuple(_cells(study, of.confidence if intervals else None)), _kind(of, place))
        for place, study in enumerate(of.studies)
    )
    return Table.of("The studies", headers, rows, ("study", "by itself"))


def _kind(of: StudyComparison, place: int) -> Kind:
    """The first study is what the others are held against."""
    kinds: dict[Outcome, Kind] = {
        "worse": "bad",
        "mixed": "bad",
        "better": "good",
        "inconclusive": "warning",
        "no_difference": "",
    }
    return kinds[of.pairs[place - 1].outcome] if place else ""


def _cells(study: ComparedStudy, confidence: float | None) -> Iterator[str]:
    values = [seed.objective for seed in study.objectives]
    yield study.name
    yield "none" if study.best_learning_rate is None else number(study.best_learning_rate)
    yield number(study.best_objective)
    yield spread(min(values), max(values)) if values else "-"
    yield "none found" if study.unstable_base_learning_rate is None else number(study.unstable_base_learning_rate)
    yield _margin(study, confidence)
    yield study.verdict


def _margin(study: ComparedStudy, confidence: float | None) -> str:
    if study.stability_margin is not None:
        figure = multiple(study.stability_margin)
    elif study.stable_up_to is not None:
        figure = f">= {multiple(study.stable_up_to)}"
    else:
        return "-"
    known = study.stability_margin_interval
    return figure if known is None or confidence is None else f"{figure} ({range_text(known, confidence, multiple)})"


def differences_table(of: StudyComparison) -> Table:
    """What the specs differ in, a column a study."""
    headers = ("key of the spec", *(study.name for study in of.studies))
    rows = tuple(Row((one.key, *(_short(value) or "not set" for value in one.values))) for one in of.differences)
    return Table.of("What differs in how they train", headers, rows, headers)


def _short(value: str) -> str:
    return value if len(value) <= LONGEST_VALUE else f"{value[:LONGEST_VALUE]}…"


def rates_tables(of: StudyComparison) -> Iterator[Table]:
    """The rates of each study, ascending: the numbers behind figure 4."""
    for study in of.studies:
        rows = tuple(
            Row(
                (
                    number(rate.base_learning_rate),
                    number(rate.objective),
                    spread(rate.objective_low, rate.objective_high),
                    f"{rate.n_feasible}/{rate.n_judged}",
                    f"{rate.n_unstable}/{rate.n_judged}",
                ),
                "best" if rate.base_learning_rate == study.best_learning_rate else "bad" if rate.is_unstable else "",
                "best" if rate.base_learning_rate == study.best_learning_rate else "",
            )
            for rate in study.rates
        )
        headers = (
            "base learning rate",
            f"median {objective_words(study.objective)}",
            "low..high",
            "feasible",
            "unstable",
        )
        yield Table.of(f"Learning rates of {study.name}", headers, rows)


def as_html(of: StudyComparison, folder: Path) -> str:
    """The page: one file that loads nothing and runs no script.

    Args:
        of: what was compared.
        folder: that holds its figures.
    """
    figures = [figure for i, name in enumerate(of.figures) if (figure := _figure(folder, name, i, of)) is not None]
    return (
        environment()
        .get_template("compare.html")
        .render(
            comparison=of,
            version=__version__,
            words=WORDS,
            title=" / ".join(study.name for study in of.studies),
            figures=figures,
            studies=studies_table(of),
            differences=differences_table(of) if of.differences else None,
            rates=list(rates_tables(of)),
            notes=list(notes(of)),
        )
    )


def notes(of: StudyComparison) -> Iterator[str]:
    """What a reader should know besides the outcome: each once."""
    said = [note for pair in of.pairs for note in pair.notes]
    said += [f"{study.name}: {why}" for study in of.studies for why in study.incomplete]
    yield from dict.fromkeys([*said, *of.missing])


def _figure(folder: Path, name: str, place: int, of: StudyComparison) -> Figure | None:
    text = figure_text(folder, name) if name.endswith(".svg") else None
    drawing = inlined(text, f"f{place}-") if text is not None else None
    if drawing is None:
        return None
    kind = "paper wide" if is_wide(drawing.view_box) else "paper"
    return Figure(f"f{place}", drawing.title or name, of.summary, drawing.markup, drawing.view_box, kind, (), name)
