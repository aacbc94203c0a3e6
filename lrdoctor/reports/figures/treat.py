"""What figure 8 shows of a treatment: all fixes in one figure, and each beside the training as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from lrdoctor.core.fix_sections import TreatResult, TriedFix
from lrdoctor.reports.figures.series import rising, series
from lrdoctor.reports.figures.several import Several, training_of
from lrdoctor.reports.figures.style import TITLE_CELLS, cut
from lrdoctor.reports.figures.with_fix import Mark, WithFix, marks
from lrdoctor.reports.numbers import number
from lrdoctor.reports.treated import LOWER_RATE, OTHER_OPTIMIZER, in_words, margin, settings_in_short

NAME_CELLS = 12
"""Characters of an optimizer's name that leave room in the legend, where it stands in several labels."""

ALL_FIXES = "figure_8_objective_with_all_fixes"
"""The file of the figure that has all of them."""
MOST_FIXES = 6
"""Fixes in one figure, those with the better outcome; more would cover one another."""
OUTCOMES = ("verified", "unconfirmed", "recommended", "rejected", "not_tried")
"""The better first."""


def all_treatments(name: str, treat: TreatResult) -> Several | None:
    """The training as it is, and with every fix that has rates of its own; None where no fix has.

    Args:
        name: of the study.
        treat: `Report.treat`.
    """
    swept = [row for row in treat.tried if row.rates and row.name != LOWER_RATE]
    before = treat.before
    if not swept or before is None:
        return None
    shown = sorted(swept, key=lambda row: OUTCOMES.index(row.status))[:MOST_FIXES]
    others = any(row.optimizer != before.optimizer for row in shown)
    return Several(
        name=name,
        headline="as it is, and with each fix",
        x_note="those of two optimizers do not compare" if others else "",
        objective=treat.objective,
        n_seeds=treat.n_seeds,
        trainings=(
            training_of("as it is", before.rates, before.best_learning_rate),
            *(training_of(_label(row, before), row.rates, row.best_learning_rate) for row in shown),
        ),
        not_drawn=len(swept) - len(shown),
    )


def _label(row: TriedFix, before: TriedFix) -> str:
    short = settings_in_short(row)
    words = _rule(row.optimizer) if row.optimizer != before.optimizer else in_words(row.name)
    return f"{row.status.replace('_', ' ')}: {words}{f' ({short})' if short and short not in words else ''}"


def treatments(name: str, treat: TreatResult) -> dict[str, WithFix]:
    """File name without its ending -> what the figure shows, for every fix that has rates of its own.

    Args:
        name: of the study.
        treat: `Report.treat`.
    """
    plots: dict[str, WithFix] = {}
    if treat.before is None:
        return plots
    for row in treat.tried:
        if row.rates and row.name != LOWER_RATE:  # a lower rate is a point on the curve that is there already
            plots[_file(row.name, plots)] = with_treatment(name, treat, treat.before, row)
    return plots


def _file(fix: str, taken: Mapping[str, WithFix]) -> str:
    """A file name of its own: a fix that was tried with several settings has several figures."""
    safe = re.sub(r"\W", "_", fix.replace("+", "_and_"), flags=re.ASCII)
    first, n = f"figure_8_objective_with_{safe}", 1
    while (file := first if n == 1 else f"{first}_{n}") in taken:
        n += 1
    return file


def with_treatment(name: str, treat: TreatResult, before: TriedFix, row: TriedFix) -> WithFix:
    """Figure 8 of one tried fix.

    Args:
        name: of the study.
        treat: `Report.treat`.
        before: the training without the fix.
        row: the fix, one of `tried`.
    """
    labels = ("without", "with")
    is_other_rule = row.name == OTHER_OPTIMIZER and row.optimizer != before.optimizer
    if is_other_rule:
        labels = (_rule(before.optimizer), _rule(row.optimizer))
    without, with_fix = series(labels[0], before.rates), series(labels[1], row.rates)
    return WithFix(
        name=name,
        objective=treat.objective,
        n_seeds=treat.n_seeds,
        without=without,
        with_fix=with_fix,
        unstable=(*rising(without, before.rates), *rising(with_fix, row.rates)),
        marks=tuple(_between_rules(before, row, labels) if is_other_rule else _of_one_rule(before, row)),
        headline=_headline(before, row, labels if is_other_rule else None),
        x_label="base learning rate\n(those of two optimizers do not compare)"
        if is_other_rule
        else "base learning rate",
    )


def _rule(name: str) -> str:
    """The update rule's name, or the last part of its class path."""
    return cut(re.split("[.:]", name)[-1], NAME_CELLS)


def _of_one_rule(before: TriedFix, row: TriedFix) -> Iterator[Mark]:
    yield from marks(_rates(before), "lr*", "unstable without it from")
    # the rate that is best with the fix says little; where it stops to train is what the fix is for
    yield from marks((None, _rates(row)[1]), "", "unstable with it from", of_fix=True)


def _between_rules(before: TriedFix, row: TriedFix, labels: tuple[str, str]) -> Iterator[Mark]:
    for of, label in ((before, labels[0]), (row, labels[1])):
        yield from marks(_rates(of), f"lr* with {label}", f"unstable with {label} from", of_fix=of is row)


def _rates(row: TriedFix) -> tuple[float | None, float | None]:
    return row.best_learning_rate, row.unstable_base_learning_rate


def _headline(before: TriedFix, row: TriedFix, rules: tuple[str, str] | None) -> tuple[str, ...]:
    status = row.status.replace("_", " ")
    if rules is not None:
        first = f"{rules[1]} in place of {rules[0]}: {status}"
        return first, f"margin {margin(before)} before, {margin(row)} after"
    known = [of.highest_stable_learning_rate for of in (before, row)]
    without, with_fix = ("none" if rate is None else number(rate) for rate in known)
    short = settings_in_short(row)
    lines = [f"{in_words(row.name)}{f' ({short})' if short else ''}: {status}"]
    if len(lines[0]) > TITLE_CELLS:
        lines = [f"{in_words(row.name)}: {status}", cut(short, TITLE_CELLS)]
    return *lines, f"highest stable rate {without} without, {with_fix} with"
