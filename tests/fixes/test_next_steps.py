from __future__ import annotations

from typing import Any

import pytest
from fix_samples import found, log, ramp

from lrdoctor.core.report import Finding, Skip
from lrdoctor.core.run import Run
from lrdoctor.fixes import next_steps

NAN = float("nan")
NORMS = [1 + 0.01 * (t % 100) for t in range(1000)]
EARLY = "early window not observable: first point at step 500, one point per 50 steps"

STARTS = {
    "dead": "The loss does not move",
    "resume": "The loss jumps where the run was resumed",
    "start": "The loss is not finite from the first logged point on",
    "short run": "The first updates cannot be seen",
    "norm": "Log the unclipped gradient norm",
    "clipped": "The logged gradient norms look clipped",
    "filter": "Set logging_nan_inf_filter=False",
    "raw": "Log the raw loss of every step",
    "prove": "Prove a fix on your model: `lrdoctor init",
}


def steps(run: Run, findings: list[Finding], reasons: list[str]) -> tuple[str, ...]:
    return next_steps(run, findings, [Skip(code="LRD201", reason=reason, run=run.name) for reason in reasons])


@pytest.mark.parametrize(
    ("run", "findings", "reasons", "names"),
    [
        (log(norms=NORMS), [], [], []),
        (log(), [], [], []),
        (log(norms=NORMS), [found("restart", severity="info")], [], []),
        (log(norms=NORMS), [], ["a single log has nothing to compare with"], []),
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
        (log(norms=NORMS, nan_filter=True), [], [], ["filter"]),
        (log(norms=NORMS, smoothed=0.98), [], ["the loss looks smoothed with beta 0.98"], ["raw"]),
        (log(norms=NORMS, smoothed=0.6), [], [], []),
        (log(norms=NORMS, averaged=50), [], [f"{EARLY}, values are averaged"], ["short run"]),
        (log(norms=NORMS, averaged="epoch"), [], ["epoch means hide single spikes"], ["raw"]),
        (log(norms=NORMS, sampled="a chart export"), [], [], ["raw"]),
        (
            log(nan_filter=True, averaged=10),
            [found("dead"), found("resume"), found("early"), found("mid_training")],
            [EARLY, "values are averaged over 10 steps"],
            ["dead", "resume", "short run", "norm", "filter", "raw", "prove"],
        ),
    ],
)
def test_only_what_applies_most_urgent_first(
    run: Run, findings: list[Finding], reasons: list[str], names: list[str]
) -> None:
    lines = steps(run, findings, reasons)
    assert [next(name for name, start in STARTS.items() if line.startswith(start)) for line in lines] == names


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({}, "train 500 steps at twice the learning rate, log"),
        ({"rates": ramp(20, 0.01, 1000)}, "at twice the learning rate (0.02), log"),
        ({"rates": ramp(2000, 0.01, 1000)}, "at twice the learning rate, log"),  # its peak is not known
        ({"nan_filter": True}, "at every step (Trainer: logging_steps=1, max_steps=500), and judge"),
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
    (line,) = steps(log(norms=NORMS, **provenance), [], ["the loss is averaged"])
    assert how in line
