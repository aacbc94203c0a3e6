"""How well lrdoctor judges trials, on the labelled zoo: F1 of each kind, healthy workloads called unstable, verdicts.

Sweeps every workload into a folder (what is trained there is reused) and compares what is said with the labels: the
verdict of the sweep as users run it, which leaves out seeds that cannot change it, and of the same sweep with
`--exhaustive` the verdict and every curve. The curves on which they disagree are listed for the parts that have been
developed on, and for the latest one only when it is asked for alone: whoever looks at them may look at thresholds no
more. With `--range-test`, whether `sweep: auto` would have looked where the sweeps had their answers.

    python -m benchmarks.trials [--half developed|held_out|fresh|fresh2|known|all] [--out DIR] [--jobs 2] [--verdicts]
        [--range-test]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

from benchmarks.trials import scores
from benchmarks.trials.judged import Judgement, judge
from benchmarks.trials.labels import LABELS, Expected, Labelled, read_labels, read_verdicts
from benchmarks.trials.labels import Curve as Key
from benchmarks.trials.ranges import found, print_ranges
from benchmarks.trials.scores import Score
from benchmarks.trials.workloads import ZOO, Half, Workload

HALVES: tuple[Half, ...] = get_args(Half)
LATEST: Half = "fresh2"
"""The part that was written and labelled last: what is said of it is a measure as long as nothing is mended by it."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=(*HALVES, "known", "all"), default="known", help=f"known: all but {LATEST}")
    parser.add_argument("--out", type=Path, help="folder of the studies, kept; default: a temporary one")
    parser.add_argument("--jobs", type=int, default=2, help="worker processes of a sweep")
    parser.add_argument("--verdicts", action="store_true", help="a line on every workload as well")
    parser.add_argument("--range-test", action="store_true", help="also where `sweep: auto` would have looked")
    options = parser.parse_args()
    halves = [half for half in HALVES if options.half in (half, "all") or (options.half == "known" and half != LATEST)]
    zoo = [w for w in ZOO if w.half in halves]
    with tempfile.TemporaryDirectory() as folder:
        out = (options.out or Path(folder)).resolve()
        sparing, judged = swept(zoo, out, options.jobs)
        ranges = {
            w.name: found(w.write(out / "specs"), out / "range_test" / w.name, options.jobs)
            for w in (zoo if options.range_test else ())
        }
    truth, expected = read_labels(), read_verdicts()
    for half in halves:
        print_half(half, [w for w in zoo if w.half == half], truth, judged)
        print_marks(half, [w for w in zoo if w.half == half], expected, {"as run": sparing, "exhaustive": judged})
    if options.range_test:
        print_ranges(zoo, ranges, judged)
    if options.verdicts:
        print_verdicts(zoo, expected, sparing)
    for half in halves:
        if half != LATEST or options.half == half:
            print_disagreements(half, [w for w in zoo if w.half == half], truth, judged)


def swept(zoo: Sequence[Workload], out: Path, jobs: int) -> tuple[Mapping[str, Judgement], Mapping[str, Judgement]]:
    """Workload -> what lrdoctor says of its sweep, in a study folder of its name: as users run it, and exhaustively."""
    sparing, exhaustive = {}, {}
    for workload in zoo:
        start = time.monotonic()
        spec = workload.write(out / "specs")
        for judged, every in ((sparing, False), (exhaustive, True)):
            judged[workload.name] = judge(spec, out / workload.name, workload.rates, jobs, every)
        print(f"swept {workload.name} in {time.monotonic() - start:.0f} s", flush=True)
    return sparing, exhaustive


def print_half(
    half: Half,
    zoo: Sequence[Workload],
    truth: Mapping[Key, Labelled],
    judged: Mapping[str, Judgement],
) -> None:
    """The table of kinds and the collapses caught."""
    found = list(scores.pairs(zoo, truth, judged))
    print(f"\n{half}: {len(zoo)} workloads, {len(found)} curves with a clear label\n")
    print("| kind | curves | precision | recall | F1 |")
    print("|---|---|---|---|---|")
    print(_row("unstable", scores.of_instability(found)))
    for kind in LABELS:
        if kind != "unclear":
            print(_row(kind, scores.of_kind(found, kind)))
    collapses = scores.collapses(found)
    missed = [name for name, (n, unstable, _) in collapses.items() if 2 * unstable <= n]
    print(f"collapsing workloads whose lowest collapse is caught: {len(collapses) - len(missed)} of {len(collapses)}")
    if missed:
        print(f"  missed: {', '.join(missed)}")


def print_marks(
    half: Half,
    zoo: Sequence[Workload],
    expected: Mapping[str, Expected],
    judgements: Mapping[str, Mapping[str, Judgement]],
) -> None:
    """Counts of the verdicts, of the healthy workloads called unstable and of the lowest unstable rates."""
    calm = [w for w in zoo if "unstable" not in expected[w.name].right + expected[w.name].acceptable]
    for way, judged in judgements.items():
        alarmed = [w.name for w in calm if judged[w.name].verdict == "unstable"]
        marks = [scores.mark(expected[w.name], judged[w.name]) for w in zoo]
        rates = [scores.mark_rate(expected[w.name], judged[w.name]) for w in zoo]
        wrong = [w.name for w, mark in zip(zoo, marks, strict=True) if mark == "WRONG"]
        print(
            f"{half}, sweeps {way}:\n"
            f"  healthy or excused workloads called UNSTABLE: {len(alarmed)} of {len(calm)} {_names(alarmed)}\n"
            f"  verdicts: {_counts(marks)} {_names(wrong)}\n"
            f"  lowest unstable rates: {_counts(rates)}"
        )


def print_verdicts(zoo: Sequence[Workload], expected: Mapping[str, Expected], judged: Mapping[str, Judgement]) -> None:
    """A line a workload."""
    print("\n| workload | half | right | said | | lowest unstable rate | said | | why |")
    print("|---|---|---|---|---|---|---|---|---|")
    for w in zoo:
        truth, said = expected[w.name], judged[w.name]
        span = "none" if truth.unstable_rate is None else f"{truth.unstable_rate[0]:g} to {truth.unstable_rate[1]:g}"
        rate = "none" if said.unstable_rate is None else f"{said.unstable_rate:.3g}"
        print(
            f"| {w.name} | {w.half} | {' or '.join(truth.right)} | {said.verdict} | {scores.mark(truth, said)} "
            f"| {span} | {rate} | {scores.mark_rate(truth, said)} | {truth.why} |"
        )


def print_disagreements(
    half: Half, zoo: Sequence[Workload], truth: Mapping[Key, Labelled], judged: Mapping[str, Judgement]
) -> None:
    """Curves that are unstable and not called so, and the other way round."""
    print(f"\n{half}, unstable or not:")
    for pair in scores.pairs(zoo, truth, judged):
        if pair.is_unstable != pair.said.unstable:
            print(f"  {pair}")


def _row(kind: str, score: Score) -> str:
    numbers = (score.precision, score.recall, score.f1)
    shown = " | ".join("-" if v is None else f"{v:.2f}" for v in numbers)
    return f"| {kind} | {score.hits + score.missed} | {shown} |"


def _counts(marks: Sequence[scores.Mark]) -> str:
    return ", ".join(f"{marks.count(m)} {m}" for m in get_args(scores.Mark))


def _names(names: Sequence[str]) -> str:
    return f"({', '.join(names)})" if names else "(none)"


if __name__ == "__main__":
    main()
