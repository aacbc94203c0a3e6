"""Who finds the instability: judges over labelled real logs and over made-up curves.

Real logs: a folder with an INDEX.csv. The labels nan, divergence, spike, early_instability and oscillating ask for
the verdict `unstable`, stable for `stable`; unclear is not scored; `inconclusive` on an unstable log is a miss, on a
healthy one no false alarm. The logs are split into two halves by their repositories, so that thresholds chosen on one
half can be checked on the other. Made-up curves: false alarms and hits by cell, with fixed seeds; a hit counts as
placed when trouble was seen from shortly before its onset on, not earlier. The judges are lrdoctor, five lines of numpy
and the other tools that are installed (benchmarks/peers: which of their findings count).

With --out-of-fold the thresholds that are free are chosen without the repository that is judged.

Run: python -m benchmarks.detection --logs FOLDER [FOLDER ...] [--out-of-fold] [--variants] [--families] [--seeds 300]
                                    [--judges lrdoctor,blockrise]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import families, indexed_logs, out_of_fold, peers, variants
from benchmarks.indexed_logs import STABLE, UNSTABLE, Log
from benchmarks.judged import Judge, Judged
from benchmarks.judges import JUDGES
from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run

HALVES = ("tune", "hold-out", "both")

OURS = "lrdoctor"
"""The judge whose misses and false alarms are explained."""

WORST_FIRST = ("unstable", "inconclusive", "stable")

SLACK = 0.02
"""Part of the run by which trouble may be seen before its onset: a block of points starts there."""


@dataclass(frozen=True)
class Outcome:
    """One judge's verdict on one log."""

    log: Log
    judged: Judged

    @property
    def verdict(self) -> str:
        return self.judged.verdict

    @property
    def onset(self) -> int | None:
        return self.judged.onset

    @property
    def word(self) -> str:
        """hit, miss, FALSE ALARM, ok; a dash where nothing is scored."""
        if self.log.label in UNSTABLE:
            return "hit" if self.verdict == "unstable" else "MISS"
        if self.log.label in STABLE:
            return "FALSE ALARM" if self.verdict == "unstable" else "ok"
        return "-"

    @property
    def onset_error(self) -> int | None:
        """Steps from the first spike of the label to where trouble was seen."""
        if self.word != "hit" or self.onset is None or not self.log.spike_steps:
            return None
        return self.onset - self.log.spike_steps[0]


def judge_log(judge: Judge, log: Log) -> Outcome:
    """The worst verdict among the log's runs."""
    judged = [judge(run) for run in log.runs]
    unread = Judged("inconclusive", None, (log.error,))
    return Outcome(log, min(judged, key=lambda j: WORST_FIRST.index(j.verdict), default=unread))


@dataclass(frozen=True)
class Score:
    """Counts over logs."""

    hits: int
    unstable: int
    false_alarms: int
    healthy: int

    @classmethod
    def of(cls, outcomes: Iterable[Outcome]) -> Score:
        words = [o.word for o in outcomes]
        return cls(
            words.count("hit"),
            words.count("hit") + words.count("MISS"),
            words.count("FALSE ALARM"),
            words.count("FALSE ALARM") + words.count("ok"),
        )

    @property
    def f1(self) -> float:
        return _share(2 * self.hits, self.hits + self.unstable + self.false_alarms)

    def __str__(self) -> str:
        precision = _share(self.hits, self.hits + self.false_alarms)
        return (
            f"| {self.hits}/{self.unstable} | {self.false_alarms}/{self.healthy} | {precision:.2f} "
            f"| {_share(self.hits, self.unstable):.2f} | {self.f1:.2f} |"
        )


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def print_logs(outcomes: dict[str, list[Outcome]]) -> None:
    """The tables over real logs: scores by half, recall by label, onset errors, log by log."""
    print("\n### Real logs\n\n| judge | half | caught | healthy flagged | precision | recall | F1 |")
    print("|---|---|---|---|---|---|---|")
    for name, of in outcomes.items():
        for half in HALVES:
            print(f"| {name} | {half} {Score.of(o for o in of if half in (o.log.half, 'both'))}")
    labels = sorted({o.log.label for of in outcomes.values() for o in of} & UNSTABLE)
    print(f"\n| judge | {' | '.join(labels)} | onset error, median | largest |\n|{'---|' * (len(labels) + 3)}")
    for name, of in outcomes.items():
        scores = [Score.of(o for o in of if o.log.label == label) for label in labels]
        errors = [abs(o.onset_error) for o in of if o.onset_error is not None]
        recalls = " | ".join(f"{s.hits}/{s.unstable}" for s in scores)
        print(f"| {name} | {recalls} | {np.median(errors or [np.nan]):g} | {max(errors, default=np.nan):g} |")
    names = list(outcomes)
    print(f"\n| log | half | label | points | spikes at | {' | '.join(names)} |\n|{'---|' * (len(names) + 5)}")
    for row in zip(*outcomes.values(), strict=True):
        log = row[0].log
        spikes = ", ".join(map(str, log.spike_steps[:3])) + (" ..." if len(log.spike_steps) > 3 else "")
        points = sum(len(run.train_loss) for run in log.runs)
        cells = " | ".join(f"{o.word} ({o.verdict}{'' if o.onset is None else f' at {o.onset}'})" for o in row)
        print(f"| {log.id} | {log.half} | {log.label} | {points} | {spikes} | {cells} |")


def print_wrong(name: str, outcomes: Iterable[Outcome]) -> None:
    """Every miss and false alarm of one judge, with its reasons."""
    print(f"\n### Misses and false alarms of {name}\n")
    for of in outcomes:
        if of.word in ("MISS", "FALSE ALARM"):
            at = "" if of.onset is None else f" at {of.onset}"
            print(f"- {of.word} {of.log.id} ({of.log.label}, {of.log.half}): {of.verdict}{at}")
            for reason in of.judged.reasons or ("nothing found, nothing skipped",):
                print(f"  - {reason}")


def print_reading(logs: Iterable[Log]) -> None:
    """What was not read as the index has it."""
    for log in logs:
        if log.error:
            print(f"\n{log.id}: not read: {log.error}")
        elif log.other_columns:
            print(f"\n{log.id}: read {', '.join(log.other_columns)} as the loss, the index says {log.loss_column}")


def print_out_of_fold(logs: Sequence[Log], outcomes: dict[str, list[Outcome]]) -> None:
    """The table of all judges over all logs; lrdoctor's thresholds are chosen without the log's repository."""
    ours, chosen = out_of_fold.verdicts(logs, JUDGES[OURS], lambda judge, log: judge_log(judge, log).verdict)
    said = {name: [o.verdict for o in of] for name, of in outcomes.items()}
    n_repos = len({log.repo for log in logs})
    print(f"\n### Out of fold, by repository ({len(logs)} logs of {n_repos} repositories)\n")
    print("| judge | unstable caught | healthy flagged | inconclusive on unstable | on healthy | F1 | 95 % interval |")
    print("|---|---|---|---|---|---|---|")
    for name, of in {f"{OURS}, out of fold": ours, **said}.items():
        sides = {
            truth: [v for v, log in zip(of, logs, strict=True) if log.is_unstable is truth] for truth in (True, False)
        }
        cells = [f"{sides[truth].count('unstable')}/{len(sides[truth])}" for truth in (True, False)]
        cells += [str(sides[truth].count("inconclusive")) for truth in (True, False)]
        f1, low, high = out_of_fold.interval(logs, of)
        print(f"| {name} | {' | '.join(cells)} | {f1:.2f} | {low:.2f} to {high:.2f} |")
    for fold, free in chosen.items():
        print(f"\nfold {fold}: {free}", end="")
    print()


def print_variants(logs: Sequence[Log], judges: dict[str, Judge]) -> None:
    """The tables over the logs in other forms: healthy ones flagged, with their names, and unstable ones caught."""
    found = [v for log in logs if log.label in STABLE | UNSTABLE for v in variants.variants(log)]
    print(
        "\n### Logs in other forms\n\n| judge | healthy forms flagged | of them inconclusive | unstable forms caught |"
    )
    print("|---|---|---|---|")
    flagged: dict[str, list[str]] = {}
    for name, judge in judges.items():
        verdicts = [(v, judge(v.run).verdict) for v in found]
        healthy = [verdict for v, verdict in verdicts if v.log.label in STABLE]
        unstable = [verdict for v, verdict in verdicts if v.log.label in UNSTABLE]
        n, blind = healthy.count("unstable"), healthy.count("inconclusive")
        print(f"| {name} | {n}/{len(healthy)} | {blind} | {unstable.count('unstable')}/{len(unstable)} |", flush=True)
        flagged[name] = [
            f"{v.log.id} ({v.form})" for v, said in verdicts if said == "unstable" and v.log.label in STABLE
        ]
    print(f"\nhealthy forms flagged by lrdoctor: {', '.join(flagged.get('lrdoctor', [])) or 'none'}")


def judge_cell(judge: Judge, cell: families.Cell, seeds: int) -> tuple[float, float]:
    """Shares of the seeds with the verdict unstable, and with it placed no earlier than the onset."""
    flagged = placed = 0
    for seed in range(seeds):
        made = cell.make(seed)
        verdict, onset, _ = judge(_run_of(made))
        flagged += verdict == "unstable"
        placed += verdict == "unstable" and _in_place(made, onset)
    return flagged / seeds, placed / seeds


def _run_of(made: families.Made) -> Run:
    curves = {"train_loss": Curve(made.steps, made.loss), "grad_norm": Curve(made.steps, made.grad_norm)}
    return Run("made", "made up", curves)


def _in_place(made: families.Made, onset: int | None) -> bool:
    slack = SLACK * (made.steps[-1] + 1) + made.steps[0]
    return made.onset is not None and onset is not None and onset >= made.onset - slack


def print_families(judges: dict[str, Judge], seeds: int, chosen: str) -> None:
    """The tables over made-up curves."""
    names = list(judges)
    print(f"\n### Made-up curves, {seeds} seeds a cell: flagged % (and in place %)\n")
    print(f"| kind | variation | asks for | {' | '.join(names)} |\n|{'---|' * (len(names) + 3)}")
    for cell in families.cells():
        if chosen not in f"{cell.kind}, {cell.variation}":
            continue
        shares = [judge_cell(judge, cell, seeds) for judge in judges.values()]
        asks = {"stable": "stable", "reported": "-"}.get(cell.label, "unstable")
        texts = (
            f"{100 * flagged:.1f}" + (f" ({100 * placed:.1f})" if asks != "stable" else "")
            for flagged, placed in shares
        )
        print(f"| {cell.kind} | {cell.variation} | {asks} | {' | '.join(texts)} |", flush=True)


def _judges(names: str) -> dict[str, Judge]:
    """The judges of these names; an unknown one ends the benchmark."""
    unknown = [name for name in names.split(",") if name not in JUDGES]
    if unknown:
        raise SystemExit(f"--judges {','.join(unknown)}: not there, expected some of {','.join(JUDGES)}")
    return {name: JUDGES[name] for name in names.split(",")}


def _timed(judge: Judge, log: Log) -> tuple[Outcome, float]:
    start = time.process_time()
    return judge_log(judge, log), time.process_time() - start


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logs", type=Path, nargs="+", help="folders with an INDEX.csv")
    parser.add_argument("--out-of-fold", action="store_true", help="cross-validated by repository, with an interval")
    parser.add_argument("--families", nargs="?", const="", metavar="PART", help="made-up curves, cells named PART only")
    parser.add_argument("--variants", action="store_true", help="the logs in other forms, too")
    parser.add_argument("--seeds", type=int, default=300)
    parser.add_argument("--judges", default=",".join(JUDGES))
    options = parser.parse_args(arguments)
    judges = _judges(options.judges)
    if missing := peers.missing():
        print(f"\nLeft out, not installed: {', '.join(missing)} ({peers.INSTALL})")
    if options.logs is not None:
        logs = [log for folder in options.logs for log in indexed_logs.load(folder)]
        timed = {name: [_timed(judge, log) for log in logs] for name, judge in judges.items()}
        outcomes = {name: [outcome for outcome, _ in of] for name, of in timed.items()}
        print_reading(logs)
        print_logs(outcomes)
        if OURS in outcomes:
            print_wrong(OURS, outcomes[OURS])
        seconds = ", ".join(f"{name} {sum(s for _, s in of):.2f}" for name, of in timed.items())
        print(f"\nCPU seconds of judging: {seconds}")
        if options.out_of_fold:
            print_out_of_fold(logs, outcomes)
        if options.variants:
            print_variants(logs, judges)
    if options.families is not None:
        print_families(judges, options.seeds, options.families)


if __name__ == "__main__":
    main()
