"""A sweep that says nothing about the learning rate, whatever its trials look like.

## What it sees
One of five things, by what trials of a seed have in common, their initial weights and their batches, and by the control
of the seed, which shows what the untrained weights lose on these batches:

- *unlike trials*: the first loss of a seed, before any update, is not the same number in every trial;
- *not the rate*: the untrained weights have a loss that is not finite as well, or one event comes at the same steps at
  every rate over a decade of them, or the lowest rate alone is unstable;
- *no effect*: the curves of a seed are one curve, whatever the rate;
- *nothing learned*: at no rate most seeds end below what the untrained weights, or the best constant prediction, lose;
- *not minimized*: the trials are compared by the training loss of a GAN, an actor-critic or a policy, which goes up and
  down with an opponent or with the data that the policy makes; a validation value that is to be low would compare them.

## Why it matters
A best rate and a margin can be computed from any table of numbers. Here they would mean nothing, and fixes that answer
an instability would be tried in vain: the cause lies in data, objective, model or optimizer. So lr* is withheld and the
verdict is inconclusive; the message says what was seen and the advice where to look.

## Odd sweeps
Where a control could not be had, what needs it is not looked for. Weights that are thrown away by the very first
updates at every rate that was tried are an instability all the same.
"""

from __future__ import annotations

from lrdoctor.core.study import Study
from lrdoctor.rules.base import Found, Rule


def check(study: Study) -> Found:
    if study.obstacle is not None:
        yield RULE.finding(study.obstacle.reason, observed=study.obstacle.kind, threshold=None)


RULE = Rule(
    code="LRD404",
    name="says nothing of the rate",
    severity="warning",
    instability="not_the_rate",
    summary="The sweep says nothing about the learning rate: its trials are unlike, or something else is the cause.",
    manual=__doc__,
    check_study=check,
)
