"""The curves of the grid and of the control, trained by lrdoctor's own loop and judged by nobody.

The control of a seed is what its untrained weights lose on each of its batches: what the data do by themselves.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch

from benchmarks.trials.workloads import SEEDS, ZOO
from benchmarks.trials.workloads import Workload as Entry
from lrdoctor.core.trial import Trial
from lrdoctor.spec import load_spec
from lrdoctor.training.loop import Row, train
from lrdoctor.training.randomness import seed_all
from lrdoctor.training.workload import Workload, scalar_loss

Curves = dict[str, dict[str, object]]
""""RATE SEED" or "control SEED" -> status, train (a loss a step) and val ([step, loss] pairs); None is not finite."""


def workload_of(entry: Entry, folder: Path) -> tuple[Workload, str]:
    """lrdoctor's workload of an entry, whose spec is written into the folder, and its optimizer as canonical JSON."""
    spec = load_spec(entry.write(folder))
    return Workload(spec.workload(), torch.device("cpu")), spec.optimizer_text()


def trial_of(entry: Entry, optimizer: str, rate: float, seed: int, n_steps: int | None = None) -> Trial:
    """The trial of the grid, or the first `n_steps` of it."""
    return Trial(
        base_learning_rate=rate,
        seed=seed,
        max_train_steps=entry.max_train_steps,
        eval_every=entry.eval_every,
        optimizer=optimizer,
        stop_after=n_steps,
    )


def trained(workload: Workload, trial: Trial) -> dict[str, object]:
    """Status and curves of one trial."""
    rows: list[Row] = []
    ending = train(workload, trial, rows.extend, lambda: False)
    return {
        "status": ending.status,
        "train": [_plain(r.train_loss) for r in rows],
        "val": [[r.step, _plain(r.val_loss)] for r in rows if r.val_loss is not None],
    }


def control(workload: Workload, seed: int, n_steps: int) -> Iterator[float]:
    """The loss of the untrained weights on each batch of the seed, in training mode."""
    model, loss_fn = workload.model(seed), workload.loss()
    seed_all(seed)
    batches = iter(workload.batches(seed).train)
    with torch.no_grad():
        for _ in range(n_steps):
            yield float(scalar_loss(workload, model, next(batches), loss_fn, "the control"))


def grid(entry: Entry, folder: Path) -> Curves:
    """Every curve of the entry's grid, and its controls."""
    workload, optimizer = workload_of(entry, folder)
    found: Curves = {}
    for seed in SEEDS:
        losses = [_plain(v) for v in control(workload, seed, entry.max_train_steps)]
        found[f"control {seed}"] = {"status": "completed", "train": losses, "val": []}
        for rate in entry.rates:
            found[f"{rate:g} {seed}"] = trained(workload, trial_of(entry, optimizer, rate, seed))
    return found


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _save(entry: Entry, folder: Path) -> str:
    torch.set_num_threads(1)
    (folder / f"{entry.name}.json").write_text(json.dumps(grid(entry, folder / "specs")))
    return entry.name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder for one NAME.json a workload")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs="*", default=[w.name for w in ZOO])
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    wanted = [w for w in ZOO if w.name in options.only]
    with ProcessPoolExecutor(options.jobs) as pool:
        for name in pool.map(_save, wanted, [options.out] * len(wanted)):
            print(name, flush=True)


if __name__ == "__main__":
    main()
