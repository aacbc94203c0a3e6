"""How often a curve is stable as a trial and unstable as a log: one measurement, two contexts.

The bundled configs are swept, and every trial's curves are judged once more as `lrdoctor diagnose` would judge them: by
themselves, without control and other trials. What a trial is excused by its control is the rest.

Run: python -m benchmarks.agreement [--out DIR] [--jobs 2]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import lrdoctor
from lrdoctor.reports.parsing import parse

ROOT = Path(__file__).parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="folder of the studies, kept and resumed; default: a temporary one")
    parser.add_argument("--jobs", type=int, default=2, help="worker processes of a sweep")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = (options.out or Path(folder)).resolve()
        counts: Counter[tuple[str, str]] = Counter()
        for spec in sorted((ROOT / "configs").glob("*.yaml")):
            counts += compared(spec, out / spec.stem, options.jobs)
    print("\n| as a trial | as a log | curves |\n|---|---|---|")
    for (trial, log), n in sorted(counts.items()):
        print(f"| {trial} | {log} | {n} |")
    stable = sum(n for (trial, _), n in counts.items() if trial == "stable")
    print(f"\nstable as a trial and unstable as a log: {counts['stable', 'unstable']} of {stable}")


def compared(spec: Path, out: Path, jobs: int) -> Counter[tuple[str, str]]:
    """(verdict as a trial, verdict as a log) -> number of curves of the sweep; prints those that are excused.

    A trial counts as unstable with a warning too, as for the lowest unstable rate.
    """
    command = [sys.executable, "-m", "lrdoctor", "sweep", str(spec), "--out", str(out), "--jobs", str(jobs)]
    done = subprocess.run(
        [*command, "--exhaustive", "--fail-on", "never", "-q"], cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode not in (0, 2):
        raise RuntimeError(f"{spec.name} exited with {done.returncode}:\n{done.stderr}")
    report = parse((out / "report.json").read_text("utf-8"))
    bad = {finding.run for finding in report.findings if finding.severity in ("error", "warning")}
    counts: Counter[tuple[str, str]] = Counter()
    for run in report.runs:
        if run.feasible is None:
            continue
        log = lrdoctor.diagnose(out / run.source)
        trial = "unstable" if run.name in bad else "stable"
        counts[trial, log.verdict] += 1
        if (trial, log.verdict) == ("stable", "unstable"):
            print(f"{spec.stem} {run.name}: {log.summary}")
    return counts


if __name__ == "__main__":
    main()
