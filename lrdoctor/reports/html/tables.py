"""The numbers behind a study's figures, as tables of words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lrdoctor.core.report import RunSummary
from lrdoctor.reports.numbers import multiple, number, spread
from lrdoctor.reports.treated import in_short, margin

Part = Mapping[str, Any]

LARGEST = 100.0
"""The percentile that is the largest norm."""


@dataclass(frozen=True)
class Row:
    """One line of a table; the first cell names it."""

    cells: tuple[str, ...]
    kind: str = ""
    """`best`, `good` or `bad`, for its colour; the cells say it in words."""


@dataclass(frozen=True)
class Table:
    """Headers and rows as they are shown."""

    caption: str
    headers: tuple[str, ...]
    rows: tuple[Row, ...]
    words: tuple[str, ...] = ()
    """Headers of the columns that hold words, which stand to the left; numbers stand to the right."""


def objective_words(name: str) -> str:
    """
    >>> objective_words("best_val_loss")
    'best validation loss'
    """
    return name.replace("_val_", " validation ").replace("_train_", " training ").replace("_", " ")


def rates_table(sweep: Part, best: float | None) -> Table:
    """One row a learning rate, over its seeds."""
    headers = ("base learning rate", "mark", f"median {objective_words(sweep['objective'])}", "low..high", "feasible")
    return Table(
        "Learning rates of the sweep",
        (*headers, "tried as", "what happened"),
        tuple(_rate(rate, best) for rate in sweep["rates"]),
        ("mark", "tried as", "what happened"),
    )


def _rate(rate: Part, best: float | None) -> Row:
    is_best = rate["base_learning_rate"] == best
    mark = "★ lr*" if is_best else "?" if not rate["n_judged"] else "" if rate["feasible"] else "✗ infeasible"
    stage = "" if rate["stage"] == "grid" else rate["stage"]
    if stage == "check" and best and not is_best:
        stage = f"check at {multiple(rate['base_learning_rate'] / best)} lr*"
    kind = "best" if is_best else "" if rate["feasible"] and not rate["unstable"] else "bad"
    return Row(
        (
            number(rate["base_learning_rate"]),
            mark,
            number(rate["objective"]),
            spread(rate["objective_low"], rate["objective_high"]),
            f"{rate['n_feasible']}/{rate['n_judged']}",
            stage,
            happened(rate),
        ),
        kind,
    )


def happened(row: Part) -> str:
    """`early blow-up 4/5, non-finite 1/5`: seeds by event, the most frequent first."""
    if not row["n_judged"]:
        return "no trial could be judged"
    events = sorted(row["events"].items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name.replace('_', ' ')} {count}/{row['n_judged']}" for name, count in events)


def with_fix_table(before: Sequence[Part], after: Sequence[Part], fix: str) -> Table:
    """One row a rate, without and with a fix."""
    rows = {rate["base_learning_rate"]: (rate, None) for rate in before}
    both: dict[float, tuple[Part | None, Part | None]] = dict(rows)
    for rate in after:
        both[rate["base_learning_rate"]] = (both.get(rate["base_learning_rate"], (None, None))[0], rate)
    headers = ("base learning rate", "without", "unstable without", "with", "unstable with", "what happened with it")
    return Table(
        f"Without and with {fix}: median over the seeds",
        headers,
        tuple(_both(lr, *both[lr]) for lr in sorted(both)),
        headers[-1:],
    )


def _both(lr: float, plain: Part | None, fixed: Part | None) -> Row:
    cells = [cell for rate in (plain, fixed) for cell in _measured(rate)]
    kind = "bad" if fixed is not None and fixed["unstable"] else ""
    return Row((number(lr), *cells, happened(fixed) if fixed is not None else ""), kind)


def _measured(rate: Part | None) -> tuple[str, str]:
    if rate is None:
        return "not run", ""
    return number(rate["objective"]), f"{rate['n_unstable']}/{rate['n_judged']}"


def fixes_table(treat: Part) -> Table:
    """The training as it is, then a row a fix that was tried."""
    tried = [row for row in treat["tried"] if row["status"] in ("verified", "rejected", "unconfirmed")]
    headers = ("fix", "status", "highest stable rate", "margin", objective_words(treat["objective"]), "low..high")
    return Table(
        f"Fixes tried in the playbook's order, to restore a margin of {multiple(treat['target_margin'])}",
        (*headers, "change", "seeds better", "steps added", "trials", "training steps"),
        tuple(_fix(row, row is treat["before"]) for row in (treat["before"], *tried)),
        ("fix", "status", "change"),
    )


def _fix(row: Part, is_before: bool) -> Row:
    compared = row["comparison"]
    seeds = "" if compared is None else f"{compared['n_better']}/{compared['n_pairs']}"
    low, high = row["objective_low"], row["objective_high"]
    cells = (
        "as it is" if is_before else in_short(row),
        f"{row['status']}{' (on fresh seeds)' if row['on_fresh_seeds'] else ''}".strip(),
        number(row["highest_stable_learning_rate"]),
        margin(row),
        number(row["objective"]),
        "-" if low is None or high is None else spread(low, high),
        "" if compared is None else str(compared["change"]),
        seeds,
        str(row["steps_added"]),
        *([""] * 2 if is_before else [f"{row['cost'][of]:,}" for of in ("trials", "steps")]),
    )
    return Row(cells, {"verified": "good", "rejected": "bad"}.get(row["status"], ""))


def warmups_table(warmup: Part) -> Table:
    """Every warmup that was tried."""
    headers = ("base learning rate", "multiple", "warmup steps", "steps after it", "holds", "what happened")
    rows = sorted(warmup["tried"], key=lambda row: (row["base_learning_rate"], row["warmup_steps"]))
    return Table("Warmups tried", headers, tuple(map(_warmup, rows)), headers[-1:])


def _warmup(row: Part) -> Row:
    cells = (
        number(row["base_learning_rate"]),
        multiple(row["multiple"]),
        str(row["warmup_steps"]),
        str(row["post_warmup_steps"]),
        f"{row['n_held']}/{row['n_judged']}",
        happened(row),
    )
    return Row(cells, "" if row["holds"] else "bad")


def probe_table(probe: Part) -> Table:
    """One row a seed of the short run."""
    every = f"seen when evaluated every {probe['eval_every']}"
    headers = ("seed", "first loss", "peak of the training loss", "peak of the evaluation", every, "verdict")
    return Table("The short run at every step", headers, tuple(map(_probed, probe["seeds"])), headers[-1:])


def _probed(row: Part) -> Row:
    seen = row["val_seen"] if row["val_peak"] is not None else row["train_seen"]
    words = [row["verdict"], *row["found"], *(["hidden"] if row["hidden"] else [])]
    cells = (
        str(row["seed"]),
        number(row["first_loss"]),
        *(
            "-" if of is None else f"{number(of['value'])} at {of['step']}"
            for of in (row["train_peak"], row["val_peak"])
        ),
        "nothing" if seen is None else number(seen["value"]),
        ", ".join(words),
    )
    return Row(cells, "bad" if row["verdict"] == "unstable" else "")


def _peak(peak: Part | None) -> str:
    return "-" if peak is None else f"{number(peak['value'])} at {peak['step']}"


def norms_table(norms: Part) -> Table:
    """Percentiles of the gradient norms, over the seeds."""
    rows = tuple(
        Row(
            (
                "largest" if row["percentile"] == LARGEST else f"{row['percentile']:.3g}",
                *(number(row[of]) for of in ("median", "low", "high")),
            )
        )
        for row in norms["percentiles"]
    )
    caption = f"Gradient norms at lr* = {number(norms['base_learning_rate'])}, {norms['n_norms']} updates"
    return Table(caption, ("percentile", "median over the seeds", "lowest seed", "highest seed"), rows)


def clippings_table(clip: Part) -> Table:
    """What was tried with clipping, and without it beside."""
    headers = ("base learning rate", "clip norm", "percentile", "holds", "clipped", objective_words(clip["objective"]))
    rows = sorted(clip["attempts"], key=lambda row: (row["base_learning_rate"], -(row["clip_norm"] or float("inf"))))
    return Table(
        "Clipping tried", (*headers, "what happened"), tuple(map(_clipping, rows)), ("clip norm", "what happened")
    )


def _clipping(row: Part) -> Row:
    share = row["share_clipped"]
    cells = (
        number(row["base_learning_rate"]),
        "none" if row["clip_norm"] is None else number(row["clip_norm"]),
        "" if row["percentile"] is None else f"{row['percentile']:.3g}",
        f"{row['n_held']}/{row['n_judged']}",
        "" if share is None else f"{100 * share:.0f} %",
        number(row["objective"]),
        happened(row),
    )
    return Row(cells, "" if row["holds"] else "bad")


def trials_table(caption: str, runs: Iterable[RunSummary]) -> Table:
    """One row a trial."""
    headers = ("trial", "verdict", "best validation loss", "final training loss", "steps", "ended", "files")
    return Table(caption, headers, tuple(_trials(runs)), ("trial", "verdict", "ended", "files"))


def _trials(runs: Iterable[RunSummary]) -> Iterator[Row]:
    for run in runs:
        ended = run.status if run.exit_reason is None else f"{run.status}: {run.exit_reason}"
        folder = run.source.removeprefix("trials/").removesuffix("/steps.csv")
        losses = number(run.best_val_loss), number(run.final_train_loss)
        kind = "bad" if run.verdict == "unstable" else ""
        yield Row((run.name, run.verdict, *losses, str(run.n_points), ended, folder), kind)


def plain_name(run: RunSummary) -> str:
    """The name of the trial at the same rate and seed with nothing changed."""
    return f"lr={run.base_learning_rate:g} seed={run.seed}"
