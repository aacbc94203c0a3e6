"""The numbers behind the figures of fixes, and the trials, as tables of words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from lrdoctor.core.fix_sections import (
    ClipAttempt,
    ClipResult,
    NormsAtBest,
    TreatResult,
    TriedFix,
    TriedWarmup,
    WarmupResult,
)
from lrdoctor.core.report import RunSummary
from lrdoctor.core.study import Rate
from lrdoctor.reports.numbers import multiple, number, spread
from lrdoctor.reports.table import Kind, Row, Table
from lrdoctor.reports.tables import happened, objective_words
from lrdoctor.reports.treated import in_short, margin

LARGEST = 100.0
"""The percentile that is the largest norm."""


def with_fix_table(before: Sequence[Rate], after: Sequence[Rate], fix: str) -> Table:
    """One row a rate, without and with a fix."""
    plain = {rate.base_learning_rate: rate for rate in before}
    fixed = {rate.base_learning_rate: rate for rate in after}
    headers = ("base learning rate", "without", "unstable without", "with", "unstable with", "what happened with it")
    return Table.of(
        f"Without and with {fix}: median over the seeds",
        headers,
        tuple(_both(lr, plain.get(lr), fixed.get(lr)) for lr in sorted({*plain, *fixed})),
        headers[-1:],
    )


def _both(lr: float, plain: Rate | None, fixed: Rate | None) -> Row:
    cells = [cell for rate in (plain, fixed) for cell in _measured(rate)]
    words = "" if fixed is None else happened(fixed.events, fixed.n_judged) or _nothing(fixed.n_judged)
    return Row((number(lr), *cells, words), "bad" if fixed is not None and fixed.is_unstable else "")


def _nothing(n_judged: int) -> str:
    return "" if n_judged else "no trial could be judged"


def _measured(rate: Rate | None) -> tuple[str, str]:
    if rate is None:
        return "not run", ""
    return number(rate.objective), f"{rate.n_unstable}/{rate.n_judged}"


def fixes_table(treat: TreatResult) -> Table:
    """The training as it is, then a row a fix that was tried."""
    headers = ("fix", "status", "highest stable rate", "margin", objective_words(treat.objective), "low..high")
    return Table.of(
        f"Fixes tried in the playbook's order, to restore a margin of {multiple(treat.target_margin)}",
        (*headers, "change", "seeds better", "steps added", "trials", "training steps"),
        tuple(_fix(row, row is treat.before) for row in (*([treat.before] if treat.before else []), *treat.done)),
        ("fix", "status", "change"),
    )


def _fix(row: TriedFix, is_before: bool) -> Row:
    compared = row.comparison
    seeds = "" if compared is None else f"{compared.n_better}/{compared.n_pairs}"
    low, high = row.objective_low, row.objective_high
    cells = (
        "as it is" if is_before else in_short(row),
        f"{row.status}{' (on fresh seeds)' if row.on_fresh_seeds else ''}".strip(),
        number(row.highest_stable_learning_rate),
        margin(row),
        number(row.objective),
        "-" if low is None or high is None else spread(low, high),
        "" if compared is None else str(compared.change),
        seeds,
        str(row.steps_added),
        *([""] * 2 if row.cost is None else [f"{row.cost.trials:,}", f"{row.cost.steps:,}"]),
    )
    kinds: Mapping[str, Kind] = {"verified": "good", "rejected": "bad"}
    return Row(cells, kinds.get(row.status, ""))


def warmups_table(warmup: WarmupResult) -> Table:
    """Every warmup that was tried."""
    headers = ("base learning rate", "multiple", "warmup steps", "steps after it", "holds", "what happened")
    rows = sorted(warmup.tried, key=lambda row: (row.base_learning_rate, row.warmup_steps))
    return Table.of("Warmups tried", headers, tuple(map(_warmup, rows)), headers[-1:])


def _warmup(row: TriedWarmup) -> Row:
    cells = (
        number(row.base_learning_rate),
        multiple(row.multiple),
        str(row.warmup_steps),
        str(row.post_warmup_steps),
        f"{row.n_held}/{row.n_judged}",
        happened(row.events, row.n_judged) or _nothing(row.n_judged),
    )
    return Row(cells, "" if row.holds else "bad")


def norms_table(norms: NormsAtBest) -> Table:
    """Percentiles of the gradient norms, over the seeds."""
    rows = tuple(
        Row(
            (
                "largest" if row.percentile == LARGEST else f"{row.percentile:.3g}",
                *map(number, (row.median, row.low, row.high)),
            )
        )
        for row in norms.percentiles
    )
    caption = f"Gradient norms at lr* = {number(norms.base_learning_rate)}, {norms.n_norms} updates"
    return Table.of(caption, ("percentile", "median over the seeds", "lowest seed", "highest seed"), rows)


def clippings_table(clip: ClipResult) -> Table:
    """What was tried with clipping, and without it beside."""
    headers = ("base learning rate", "clip norm", "percentile", "holds", "clipped", objective_words(clip.objective))
    rows = sorted(clip.attempts, key=lambda row: (row.base_learning_rate, -(row.clip_norm or float("inf"))))
    return Table.of(
        "Clipping tried", (*headers, "what happened"), tuple(map(_clipping, rows)), ("clip norm", "what happened")
    )


def _clipping(row: ClipAttempt) -> Row:
    share = row.share_clipped
    cells = (
        number(row.base_learning_rate),
        "none" if row.clip_norm is None else number(row.clip_norm),
        "" if row.percentile is None else f"{row.percentile:.3g}",
        f"{row.n_held}/{row.n_judged}",
        "" if share is None else f"{100 * share:.0f} %",
        number(row.objective),
        happened(row.events, row.n_judged) or _nothing(row.n_judged),
    )
    return Row(cells, "" if row.holds else "bad")


def trials_table(caption: str, runs: Iterable[RunSummary]) -> Table:
    """One row a trial."""
    headers = ("trial", "verdict", "best validation loss", "final training loss", "steps", "ended", "files")
    return Table.of(caption, headers, tuple(_trials(runs)), ("trial", "verdict", "ended", "files"))


def _trials(runs: Iterable[RunSummary]) -> Iterator[Row]:
    for run in runs:
        ended = run.status if run.exit_reason is None else f"{run.status}: {run.exit_reason}"
        folder = run.source.removeprefix("trials/").removesuffix("/steps.csv")
        losses = number(run.best_val_loss), number(run.final_train_loss)
        kind: Kind = "bad" if run.verdict == "unstable" else ""
        yield Row((run.name, run.verdict, *losses, str(run.n_points), ended, folder), kind)


def plain_name(run: RunSummary) -> str:
    """The name of the trial at the same rate and seed with nothing changed."""
    return f"lr={run.base_learning_rate:g} seed={run.seed}"
