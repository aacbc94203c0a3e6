from __future__ import annotations

from typing import Any

import pytest
from fix_samples import found, log, ramp

from lrdoctor.core.report import Finding, Skip, SkipKind
from lrdoctor.core.run import Run
from lrdoctor.fixes import next_steps

NAN = float("nan")
NORMS = [1 + 0.01 * (t % 100) for t in range(1000)]
EARLY: SkipKind = "early_unseen"
BLURRED: SkipKind = "blurred"
FILTER = ("logging_nan_inf_filter, on by default, leaves losses out",)

STARTS = {
    "dead": "The loss does not move",
    "resume": "The loss jumps where the run was resumed",
    "start": "The loss is not finite from the first logged point on",
    "short run": "The first updates cannot be seen",
    "norm": "Log the unclipped gradient norm",
    "clipped": "The logged gradient norms look clipped",
    "late nan": "The loss became non-finite late",
    "trains not": "The loss does not fall",
    "filter": "Set logging_nan_inf_filter=False",
    "raw": "Log the raw loss of every step",
    "prove": "Prove a fix on your training: `lrdoctor treat -- python train.py`",
}


def steps(run: Run, findings: list[Finding], kinds: list[SkipKind]) -> tuple[str, ...]:
    """The reasons say nothing: words are no interface."""
    return next_steps(run, findings, [Skip(code="LRD201", reason="", run=run.name, kind=kind) for kind in kinds])


@pytest.mark.parametrize(
    ("run", "findings", "kinds", "names"),
    [
        (log(norms=NORMS), [], [], []),
        (log(), [], [], []),
        (log(norms=NORMS), [found("restart", severity="info")], [], []),
        (log(norms=NORMS), [], ["not_checked"], []),
        (log(norms=NORMS), [found("mid_training")], [], ["prove"]),
        (log(norms=NORMS), [found("gradient", severity="warning")], [], ["prove"]),
        (log(norms=NORMS), [found("mid_training", run="other.csv")], [], []),
        (log(), [found("mid_training")], [], ["norm", "prove"]),
        (log(norms=[1.0] * 1000), [found("mid_training")], [], ["clipped", "prove"]),
        (log(norms=[1.0] * 1000), [], [], []),
        (log(norms=NORMS), [], [EARLY], ["short run"]),
        (log(norms=NORMS), [], [EARLY, EARLY], ["short run"]),
        (log(norms=NORMS), [found("resume", severity="info")], [], ["resume"]),
        (log(norms=NORMS), [found("dead", None)], [], ["dead"]),
        (log(losses=[NAN] * 100, norms=NORMS), [found("non_finite", 0)], [EARLY], ["start"]),
        (log(losses=[NAN] * 100, norms=NORMS, first=50), [found("non_finite", 50)], [], ["prove"]),
        (log(norms=NORMS, notes=FILTER), [], [], ["filter"]),
        (log(norms=NORMS, nan_filter=True), [], [], []),  # of another framework
        (log(norms=NORMS), [found("plateau")], ["does_not_train"], ["trains not", "prove"]),
        (log(norms=NORMS), [found("dead")], ["does_not_train"], ["dead"]),
        (log(20_000, norms=NORMS), [found("non_finite", 9000)], [], ["late nan", "prove"]),
        (log(20_000, norms=NORMS), [found("mid_training", 8000), found("non_finite", 9000)], [], ["prove"]),
        (log(20_000, norms=NORMS), [found("non_finite", 400)], [], ["prove"]),
        (log(norms=NORMS, smoothed=0.98), [], [BLURRED], ["raw"]),
        (log(norms=NORMS, smoothed=0.6), [], [], []),
        (log(norms=NORMS, averaged=50), [], [EARLY], ["short run"]),
        (log(norms=NORMS, averaged="epoch"), [], [BLURRED], ["raw"]),
        (log(norms=NORMS, sampled="a chart export"), [], [], ["raw"]),
        (
            log(notes=FILTER, averaged=10),
            [found("dead"), found("resume"), found("early"), found("mid_training")],
            [EARLY, BLURRED],
            ["dead", "resume", "short run", "norm", "filter", "raw", "prove"],
        ),
    ],
)
def test_only_what_applies_most_urgent_first(
    run: Run, findings: list[Finding], kinds: list[SkipKind], names: list[str]
) -> None:
    lines = steps(run, findings, kinds)
    assert [next(name for name, start in STARTS.items() if line.startswith(start)) for line in lines] == names


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({}, "train 500 steps at twice the learning rate, log"),
        ({"rates": ramp(20, 0.01, 1000)}, "at twice the learning rate (0.02), log"),
        ({"rates": ramp(2000, 0.01, 1000)}, "at twice the learning rate, log"),  # its peak is not known
        ({"notes": FILTER}, "at every step (Trainer: logging_steps=1, max_steps=500), and judge"),
    ],
)
def test_the_short_run_can_be_copied(how: dict[str, Any], words: str) -> None:
    (line, *_) = steps(log(norms=NORMS, **how), [], [EARLY])
    assert words in line
    assert "`lrdoctor diagnose`" in line


@pytest.mark.parametrize(("rates", "is_said"), [([0.0] * 1000, True), ([0.1] * 1000, False), (None, False)])
def test_a_learning_rate_of_0_is_pointed_at(rates: list[float] | None, is_said: bool) -> None:
    (line,) = steps(log(norms=NORMS, rates=rates), [found("dead")], [])
    assert ("The logged one is 0 throughout." in line) is is_said


@pytest.mark.parametrize(
    ("provenance", "how"),
    [
        ({"averaged": "epoch"}, "these values are means over an epoch, which"),
        ({"averaged": 50, "smoothed": 0.9}, "these values are means over 50 steps, smoothed (beta about 0.9), which"),
        ({"sampled": "a W&B chart export"}, "these values are thinned out (a W&B chart export), which"),
    ],
)
def test_why_the_raw_values_are_asked_for(provenance: dict[str, Any], how: str) -> None:
    (line,) = steps(log(norms=NORMS, **provenance), [], [BLURRED])
    assert how in line
