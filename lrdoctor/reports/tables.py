"""The tables of a sweep, of a short run and of a model that was looked at, for every format alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lrdoctor.reports.numbers import multiple, number, spread
from lrdoctor.reports.sites import LONGEST_NAME, alike, modules_in_short, notes, scales
from lrdoctor.reports.table import Column, Kind, Mark, Row, Table
from lrdoctor.reports.untrusted import one_line

if TYPE_CHECKING:
    from lrdoctor.core.architecture import Site
    from lrdoctor.core.sections import Model, Peak, Probe, ProbedSeed, Sweep
    from lrdoctor.core.study import Rate

NORM_AFTER = "Norm(x + f(x))"
FINDINGS = {NORM_AFTER, "dead"}
"""Notes on a residual add that are findings."""


def objective_words(name: str) -> str:
    """
    >>> objective_words("best_val_loss")
    'best validation loss'
    """
    return name.replace("_val_", " validation ").replace("_train_", " training ").replace("_", " ")


def happened(events: Mapping[str, int], n_judged: int) -> str:
    """Seeds by event, the most frequent first.

    >>> happened({"non-finite": 1, "early_blow_up": 4}, 5)
    'early blow up 4/5, non-finite 1/5'
    """
    ordered = sorted(events.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name.replace('_', ' ')} {count}/{n_judged}" for name, count in ordered)


def rates_table(sweep: Sweep, best: float | None) -> Table:
    """One row a learning rate, ascending, over its seeds; lr* and infeasible rates are marked.

    Args:
        sweep: the section of the report.
        best: lr*; None where there is none.
    """
    columns = (
        Column("base learning rate"),
        Column(f"median {objective_words(sweep.objective)}"),
        Column("low..high"),
        Column("feasible"),
        Column("tried as", is_text=True, leads=True),
        Column("what happened", is_text=True),
    )
    rows = tuple(_rate(rate, best) for rate in sweep.rates)
    notes = []
    # of a sweep that a budget ended they could have
    if sweep.cut is None and any(rate.n_tried < sweep.n_seeds for rate in sweep.rates):
        notes.append(f"where fewer than {sweep.n_seeds} seeds ran, the others could not have changed the answer")
    tied = [number(rate.base_learning_rate) for rate in sweep.rates if _is_tied(rate)]
    if tied:
        notes.append(
            f"at {', '.join(tied)} half of the seeds train: infeasible, but not yet unstable, which takes most"
        )
    return Table("Learning rates of the sweep", columns, rows, "; ".join(notes))


def _is_tied(rate: Rate) -> bool:
    """Infeasible without being unstable: neither side has a majority of the seeds."""
    return bool(rate.n_judged) and not rate.is_feasible and not rate.is_unstable


def _rate(rate: Rate, best: float | None) -> Row:
    words = (
        happened(rate.events, rate.n_judged),
        f"not judged {rate.n_failed}/{rate.n_tried}" if rate.n_failed else "",
    )
    cells = (
        number(rate.base_learning_rate),
        number(rate.objective),
        spread(rate.objective_low, rate.objective_high),
        f"{rate.n_feasible}/{rate.n_judged}",
        _tried_as(rate, best),
        ", ".join(filter(None, words)),
    )
    is_best = rate.base_learning_rate == best
    is_quiet = rate.is_feasible and not rate.is_unstable
    broken: Mark = "unstable" if rate.is_feasible else "infeasible"
    mark: Mark = "best" if is_best else "not judged" if not rate.n_judged else "" if is_quiet else broken
    kind: Kind = "best" if is_best else "" if is_quiet else "bad" if rate.n_judged else "dim"
    return Row(cells, kind, mark)


def _tried_as(rate: Rate, best: float | None) -> str:
    """Why the rate was tried, empty for the grid that was asked for and for a given lr*."""
    if rate.stage == "grid":
        return ""
    if rate.stage == "check" and best:
        return "" if rate.base_learning_rate == best else f"check at {multiple(rate.base_learning_rate / best)} lr*"
    return rate.stage


def probe_table(probe: Probe) -> Table:
    """One row a seed of the short run."""
    columns = (
        Column("seed"),
        Column("first loss"),
        Column("peak of the training loss"),
        Column("peak of the evaluation"),
        Column(f"seen when evaluated every {probe.eval_every}"),
        Column("verdict", is_text=True),
    )
    return Table("The short run at every step", columns, tuple(map(_probed, probe.seeds)))


def _probed(seed: ProbedSeed) -> Row:
    found = ": " + ", ".join(seed.found) if seed.found else ""
    cells = (
        str(seed.seed),
        number(seed.first_loss),
        _peak(seed.train_peak),
        _peak(seed.val_peak),
        "nothing" if seed.seen is None else number(seed.seen.value),
        f"{seed.verdict}{found}{', hidden' if seed.hidden else ''}",
    )
    return Row(cells, "bad" if seed.verdict == "unstable" else "")


def _peak(peak: Peak | None) -> str:
    return "-" if peak is None else f"{number(peak.value)} at {peak.step}"


def sites_table(sites: Sequence[Site], *, each: bool = False) -> Table:
    """The residual adds of a model, those that are alike in one row.

    Args:
        sites: in the order in which they ran.
        each: one row an add.
    """
    caption = "Every residual add" if each else f"Residual adds, {len(sites)} in all, those that are alike in one row"
    columns = (
        Column("where", is_text=True),
        Column("module", is_text=True),
        Column("adds"),
        Column("skip", is_text=True),
        Column("||f(x)|| / ||x||"),
        Column("branch ends with", is_text=True),
        Column("norm after the sum", is_text=True),
        Column("may start at 0", is_text=True),
        Column("notes", is_text=True),
    )
    groups = [[site] for site in sites] if each else alike(sites)
    return Table(caption, columns, tuple(map(_sites, groups)))


def _sites(group: Sequence[Site]) -> Row:
    site, said = group[0], list(notes(group[0]))
    cells = (
        one_line(site.where, LONGEST_NAME),
        modules_in_short(tuple(dict.fromkeys(each.module for each in group)), LONGEST_NAME),
        str(len(group)),
        site.skip,
        scales([each.branch_scale for each in group]),
        one_line(site.last_operation, LONGEST_NAME),
        "yes" if site.post_norm else "no",
        _zeroable(group),
        ", ".join(note for note in said if note != NORM_AFTER),
    )
    return Row(cells, "warning" if FINDINGS & set(said) else "")


def _zeroable(group: Sequence[Site]) -> str:
    """The parameters that make the branches 0, named from the module of each; or why the first without has none."""
    able = [each for each in group if each.zeroable]
    if len(able) == len(group):
        names = (name.removeprefix(f"{each.module}.") for each in group for name in each.zeroable)
        return one_line(", ".join(dict.fromkeys(names)), LONGEST_NAME * 2)
    why = next(each.why_not for each in group if not each.zeroable)
    return (f"{len(able)} of {len(group)}: " if able else "no: ") + one_line(why, LONGEST_NAME * 2)


def chain_table(model: Model) -> Table:
    """The layers outside the branches and the residual sums, from input to output."""
    columns = (
        Column("place"),
        Column("layer outside branches", is_text=True),
        Column("operation", is_text=True),
        Column("activation", unit="rms"),
        Column("gradient", unit="L2 norm"),
    )
    rows = (
        Row(
            (
                str(place),
                modules_in_short((scale.module,), LONGEST_NAME),
                one_line(scale.operation, LONGEST_NAME),
                number(scale.activation),
                number(scale.gradient),
            )
        )
        for place, scale in enumerate(model.chain, 1)
    )
    return Table("The chain in numbers", columns, tuple(rows))
