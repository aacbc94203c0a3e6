"""What the rules about events of a log's loss have in common: their words and their order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from lrdoctor.core.report import Finding, Instability
from lrdoctor.measures import evaluations
from lrdoctor.measures.events import Event
from lrdoctor.measures.view import View
from lrdoctor.rules.base import Rule

BY_TIME: tuple[Instability, ...] = ("early", "mid_training")
"""Instabilities that are told apart by when they happen; a resume or a restart is one at any time."""

ALONE = (
    "; as a log, without the loss of the untrained weights on its batches and the trials at lower learning rates that "
    "`lrdoctor sweep` has to compare it with"
)
"""What a finding adds where a trial is read as a log: there it may be another verdict than in its study."""

MOST_LISTED = 20
"""Events of one kind that are listed; a run with more needs no longer list."""


def findings(rule: Rule, view: View, events: Iterable[Event], what: str) -> Iterator[Finding]:
    """A finding for each event in order, the costliest when there are many.

    Args:
        rule: whose findings they are.
        view: the log.
        events: of the rule's kind.
        what: how the sentence ends, such as "and came back".
    """
    every = with_tails(events)
    for event in costliest(every):
        also = f" (one of {len(every)})" if len(every) > 1 else ""
        yield finding(rule, view, event, f"{words(view, event)} {what}{also}{alone(view)}")


def with_tails(events: Iterable[Event]) -> list[Event]:
    """The events in order, each with what still rises above the limit on its way down: one blow-up counts once.

    A loss that falls back is noisy, and touches the limit again after it was below it for a few points. Such a tail
    is no higher than the event, and comes sooner after it than the event took.
    """
    joined: list[Event] = []
    for event in sorted(events, key=lambda e: e.first_step):
        last = joined[-1] if joined else None
        if last is None or event.height > last.height or event.first_step - last.last_step > last.lost_steps:
            joined.append(event)
        elif event.last_step > last.last_step:
            joined[-1] = replace(last, last_step=event.last_step, n_points=last.n_points + event.n_points)
    return joined


def alone(view: View) -> str:
    """`ALONE` of the curves of a trial that are read as a log, nothing of any other run."""
    return ALONE if view.run.provenance.get("of_a_trial") else ""


def costliest(events: Sequence[Event]) -> list[Event]:
    """The events that lost the most steps, in order of time."""
    kept = sorted(events, key=lambda e: (-e.lost_steps, -e.height))[:MOST_LISTED]
    return sorted(kept, key=lambda e: e.first_step)


def finding(rule: Rule, view: View, event: Event, message: str) -> Finding:
    """The finding of an event; its evidence is the rise, as a ratio where the loss is positive."""
    observed, threshold = _evidence(view, event.height), _evidence(view, event.limit)
    return rule.finding(
        message,
        observed=observed,
        threshold=threshold,
        run=view.run,
        first_step=event.first_step,
        last_step=event.last_step,
        instability=_by_time(view, event) if rule.instability in BY_TIME else None,
    )


def _by_time(view: View, event: Event) -> Instability:
    """Early or mid-training: which fixes come first depends on it."""
    return "early" if event.first_step < view.early_until else "mid_training"


def words(view: View, event: Event) -> str:
    """`training loss rose 2.1-fold, from 3.2 to 6.8, at step 120`."""
    when = f"at step {event.first_step}"
    if event.last_step > event.first_step:
        when = f"in steps {event.first_step} to {event.last_step}"
    rise = view.units.ratio(max(view.units.of_loss(event.peak) - view.units.of_loss(event.base), event.height))
    return f"training loss rose {rise}, from {event.base:.4g} to {event.peak:.4g}, {when}"


def _evidence(view: View, height: float) -> float:
    """As a factor on the loss where it is positive, else as the share of the progress made."""
    with np.errstate(over="ignore"):
        return float(np.exp(height)) if view.units.is_log else height


def forgetting(rule: Rule, view: View, events: Sequence[Event], *, came_back: bool) -> Iterator[Finding]:
    """The finding of a rise that the evaluations show, unless one of the events tells of it already."""
    found = view.beside.forgotten
    if found is None or found.came_back != came_back:
        return
    if any(event.first_step <= found.last_step and found.first_step <= event.last_step for event in events):
        return
    end = "came back" if came_back else "did not come back"
    yield rule.finding(
        f"validation loss rose from {found.base:.4g} to {found.peak:.4g} at step {found.peak_step}, with the training "
        f"loss: {100 * found.share:.0f} % of what had been learned was lost, and {end}",
        observed=found.share,
        threshold=evaluations.THRESHOLDS.share,
        run=view.run,
        first_step=found.first_step,
        last_step=found.last_step,
        instability="early" if found.first_step < view.early_until else "mid_training",
    )
