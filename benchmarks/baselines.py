"""The same trials as a sweep, run the two ways people run them today. Started as processes by benchmarks.sweep.

A plain loop with a DataLoader, trial after trial; and an Optuna study with a GridSampler, with one or two jobs. Both
log what lrdoctor logs and stop a trial at a non-finite loss, as one would by hand.
"""

from __future__ import annotations

import itertools
import json
import math
import sys
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader, TensorDataset

from lrdoctor.core.trial import Trial
from lrdoctor.spec import Spec, load_spec
from lrdoctor.training.workload import Workload


def run_trial(spec: Spec, workload: Workload, tensors: dict[str, Any], trial: Trial) -> float:
    """One trial with a DataLoader of its own; returns the best validation loss."""
    torch.manual_seed(trial.seed)
    model, loss_fn = workload.model(trial.seed), workload.loss()
    size = spec.data.batch_size
    assert size is not None
    order = torch.Generator().manual_seed(trial.seed)
    loader = DataLoader(TensorDataset(*tensors["train"]), size, shuffle=True, drop_last=True, generator=order)
    validation = DataLoader(TensorDataset(*tensors["validation"]), 4 * size)
    params = list(model.parameters())
    optimizer = torch.optim.SGD(params, lr=trial.base_learning_rate, momentum=0.9)
    log: list[tuple[float, ...]] = []
    best = math.inf
    batches = itertools.chain.from_iterable(itertools.repeat(loader))
    for step, (x, y) in zip(range(trial.max_train_steps), batches, strict=False):
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        norm = torch.nn.utils.get_total_norm([p.grad for p in params if p.grad is not None])
        log.append((step, trial.base_learning_rate, loss.item(), norm.item()))
        if not math.isfinite(log[-1][2]):
            break
        optimizer.step()
        if (step + 1) % trial.eval_every == 0:
            model.eval()
            with torch.no_grad():
                total = sum(loss_fn(model(a), b).item() * len(b) for a, b in validation)
            model.train()
            best = min(best, total / len(tensors["validation"][1]))
    return best


def main() -> None:
    kind, config, trials_file = sys.argv[1:4]
    spec = load_spec(Path(config))
    workload = Workload(spec.workload(), torch.device("cpu"))
    tensors = workload._data()._asdict()
    wanted = [(float(rate), int(seed)) for rate, seed in json.loads(Path(trials_file).read_text())]

    def objective(rate: float, seed: int) -> float:
        trial = Trial(
            base_learning_rate=rate,
            seed=seed,
            max_train_steps=spec.max_train_steps,
            eval_every=spec.eval_every,
            optimizer=spec.optimizer_text(),
        )
        return run_trial(spec, workload, tensors, trial)

    if kind == "loop":
        for rate, seed in wanted:
            objective(rate, seed)
        return
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # the grid holds the pairs themselves, so that exactly the sweep's trials are run
    sampler = optuna.samplers.GridSampler({"trial": list(range(len(wanted)))}, seed=0)
    study = optuna.create_study(sampler=sampler)
    jobs = int(kind.removeprefix("optuna"))
    if jobs > 1:
        torch.set_num_threads(1)
    study.optimize(
        lambda t: objective(*wanted[t.suggest_int("trial", 0, len(wanted) - 1)]), n_trials=len(wanted), n_jobs=jobs
    )


if __name__ == "__main__":
    main()
