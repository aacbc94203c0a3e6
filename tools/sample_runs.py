"""Rewrites sample_runs/: python -m tools.sample_runs [--trained]

The made-up logs come out the same everywhere. The trained ones are as reproducible as torch is: `--trained` trains them
anew and says how far the new losses are from the old ones before it writes. After a change, `git diff` shows it.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tools.made_up import MADE_UP

FOLDER = Path(__file__).parent.parent / "sample_runs"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A log, and what it teaches."""

    file: str
    config: str | None = None
    """Name of the workload in configs/ that was trained; None where the log is made up."""
    base_learning_rate: float = 0.0
    seed: int = 0
    verdict: str
    codes: Mapping[str, str] = field(default_factory=dict)
    """What `lrdoctor diagnose` finds: code -> severity."""
    teaches: str

    @property
    def origin(self) -> str:
        if self.config is None:
            return "made up, `tools/made_up.py`"
        return f"`{self.config}.yaml`, base_learning_rate {self.base_learning_rate:g}, seed {self.seed}"


SAMPLES = (
    Sample(
        file="healthy.csv", config="mlp10", base_learning_rate=0.01, verdict="stable",
        teaches="falls to the end; nothing is found",
    ),
    Sample(
        file="noisy_but_fine.csv", verdict="stable",
        teaches="batches differ by a factor of two all the time: noise that the blocks before a rise show is no rise",
    ),
    Sample(
        file="early_blow_up.csv", config="conv_stride1", base_learning_rate=0.2, seed=2, verdict="unstable",
        codes={"LRD208": "error"},
        teaches="three times its first loss for one update, at which the gradient norm stands out, then it recovers; "
        "in its study LRD201 finds it",
    ),
    Sample(
        file="recovered_rise.csv", config="mlp10", base_learning_rate=0.05, seed=2, verdict="unstable",
        codes={"LRD206": "error"},
        teaches="rises nearly fivefold in mid-training and comes back",
    ),
    Sample(
        file="mid_training_spike.log", verdict="unstable", codes={"LRD206": "error"},
        teaches="what nanoGPT prints, one line in ten steps: a spike in a long run. With one point in ten steps the "
        "first updates cannot be seen, and the report says so",
    ),
    Sample(
        file="level_shift.csv", config="rnn", base_learning_rate=0.04642, seed=3, verdict="unstable",
        codes={"LRD205": "error", "LRD501": "info"},
        teaches="jumps, and stays above where it had been; a gradient outlier comes a few steps before",
    ),
    Sample(
        file="mid_training_divergence.csv", config="mlp10", base_learning_rate=0.1, verdict="unstable",
        codes={"LRD101": "error", "LRD204": "error", "LRD501": "info"},
        teaches="falls for 160 steps, then climbs and becomes non-finite",
    ),
    Sample(
        file="nan.jsonl", verdict="unstable", codes={"LRD101": "error"},
        teaches="JSON lines: nan without any warning in the curve before it",
    ),
    Sample(
        file="gradient_outliers.jsonl", verdict="stable", codes={"LRD501": "info"},
        teaches="JSON lines: single gradient norms far above the others, and a loss that does not mind, since the "
        "updates are clipped; a note, and no instability",
    ),
    Sample(
        file="no_progress.csv", config="mlp10", base_learning_rate=1e-8, verdict="inconclusive",
        codes={"LRD302": "warning"},
        teaches="a rate far too low: nothing is learned, and nothing can be said of stability",
    ),
    Sample(
        file="stuck_plateau.csv", config="char_transformer", base_learning_rate=0.01, verdict="stable",
        teaches="sticks at the entropy of single characters, with no NaN and no spike: *a log by itself cannot show "
        "that*. Beside the next file, as in a sweep, LRD301 finds it",
    ),
    Sample(
        file="stuck_plateau_lower_rate.csv", config="char_transformer", base_learning_rate=3e-4, verdict="stable",
        teaches="the same training at a lower rate, which shows what can be reached",
    ),
)  # fmt: skip


def table() -> str:
    """The samples as the README's table."""
    rows = [f"| `{s.file}` | {s.origin} | {_found(s)} | {s.teaches} |" for s in SAMPLES]
    return "\n".join(["| file | origin | verdict | what it teaches |", "|---|---|---|---|", *rows])


def _found(sample: Sample) -> str:
    found = ", ".join(code if level == "error" else f"{code} ({level})" for code, level in sample.codes.items())
    return f"{sample.verdict}: {found}" if found else sample.verdict


def readme() -> str:
    """The README of the folder with its table renewed."""
    text = (FOLDER / "README.md").read_text("utf-8")
    return re.sub(r"\| file \|.*?(?=\n\n)", lambda match: table(), text, count=1, flags=re.DOTALL)


def retrain() -> None:
    """Trains the others anew, and prints how far the new losses are from the old ones."""
    from tools.trained import Trained, largest_difference, rows_of, text_of

    for sample in SAMPLES:
        if sample.config is None:
            continue
        which = Trained(sample.config, sample.base_learning_rate, sample.seed)
        rows = rows_of(which)
        path = FOLDER / sample.file
        far = largest_difference(path, rows) if path.exists() else float("inf")
        print(f"{sample.file}: largest relative difference of the training losses {far:.2g}")
        path.write_text(text_of(rows, sample.file), "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trained", action="store_true", help="train the trained ones anew, some twenty seconds")
    if parser.parse_args().trained:
        retrain()
    for file, text in MADE_UP.items():
        (FOLDER / file).write_text(text(), "utf-8")
    (FOLDER / "README.md").write_text(readme(), "utf-8")


if __name__ == "__main__":
    main()
