"""The page of a study while it runs: what is under way, the losses by rate, the curves so far. It reloads by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lrdoctor import __version__
from lrdoctor.core.run import Run
from lrdoctor.core.trial import Trial
from lrdoctor.reports.html import environment
from lrdoctor.reports.html.drawn import curves_figure
from lrdoctor.reports.html.figures import Figure
from lrdoctor.reports.html.live_rates import rates_figure
from lrdoctor.reports.numbers import number
from lrdoctor.reports.table import Row, Table

SECONDS = 5
"""Between two looks of the page at itself."""
MOST_RATES, MOST_ROWS = 12, 60
"""Curves and finished trials that are shown, the latest."""


def live_page(
    name: str, stage: str, n_done: int, n_planned: int, running: Mapping[Trial, tuple[int, float]], done: Sequence[Run],
    ended: str,
) -> str:  # fmt: skip
    """The page as it is now.

    Args:
        name: of the study.
        stage: what is being tried.
        n_done: trials of the stage that are finished.
        n_planned: trials of the stage.
        running: trial under way -> its last step and training loss.
        done: finished trials, in order.
        ended: how the study ended, after which the page does not reload; empty while it runs.
    """
    headers = ("trial", "step", "of", "training loss")
    rows = tuple(
        Row((f"lr={t.base_learning_rate:g} seed={t.seed}", str(step), str(t.n_steps), number(loss)))
        for t, (step, loss) in running.items()
    )
    latest = list(done)[-MOST_ROWS:][::-1]
    ends = tuple(Row((run.name, run.status, run.exit_reason or "")) for run in latest)
    return environment().get_template("live.html").render(
        name=name,
        version=__version__,
        seconds=SECONDS,
        stage=stage,
        n_done=n_done,
        n_planned=n_planned,
        running=Table.of("Trials under way", headers, rows, headers[:1]),
        done=Table.of(f"Finished, the latest first ({len(done)} in all)", ("trial", "status", "why"), ends,
                      ("trial", "status", "why")),
        figures=_figures(done),
        ended=ended,
    )  # fmt: skip


def _figures(done: Sequence[Run]) -> list[Figure]:
    """The losses by learning rate, then the curves of the first finished trial of each rate, ascending."""
    first: dict[float, Run] = {}
    for run in done:
        if run.trial is not None and run.status != "failed":
            first.setdefault(run.trial.base_learning_rate, run)
    rates = rates_figure("rates", done)
    found = [] if rates is None else [rates]
    for i, (_, run) in enumerate(sorted(first.items())[:MOST_RATES]):
        curves = {name: curve for name, curve in run.curves.items() if name in ("train_loss", "val_loss", "grad_norm")}
        figure = curves_figure(f"r{i}", f"{run.name}: {run.status}", run.status, curves, (), few=True)
        found += [figure] if figure is not None else []
    return found
