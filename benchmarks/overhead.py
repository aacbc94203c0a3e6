"""lrdoctor's training loop against a bare hand-written PyTorch loop that logs the same things.

One thread, the same batches, the same logged quantities (loss, rate and gradient norm at every step, validation loss
every eval_every steps), process CPU time, rounds alternated, median ratio. Run: python -m benchmarks.overhead
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from lrdoctor.core.trial import Trial
from lrdoctor.spec import Spec, load_spec
from lrdoctor.training.loop import train
from lrdoctor.training.workload import Workload

CONFIGS = Path(__file__).parent.parent / "configs"
CASES = {
    "mlp10": ("mlp10.yaml", [], 0.01, 1.5),
    "tiny MLP": ("mlp10.yaml", ["model.init_args={depth: 1, width: 128}"], 0.01, 1.5),
    "conv": ("conv_stride2.yaml", [], 0.03, 1.15),
    "char Transformer": ("char_transformer.yaml", ["max_train_steps=60"], 1e-3, 1.15),
}
"""name -> (config, overrides, learning rate, highest ratio that is accepted)."""


def bare(spec: Spec, trial: Trial, workload: Workload) -> list[float]:
    """What one would write by hand; returns the training losses."""
    torch.manual_seed(trial.seed)
    model, loss_fn, step_fn = workload.model(trial.seed), workload.loss(), workload.step
    params = list(model.parameters())
    if spec.optimizer.name == "adam":
        optimizer: Any = torch.optim.Adam(params, lr=trial.base_learning_rate)
    else:
        optimizer = torch.optim.SGD(params, lr=trial.base_learning_rate, momentum=0.9)
    train_batches, validation, _ = workload.batches(trial.seed)
    log: list[tuple[int, float, float, float, float | None]] = []
    for step, batch in zip(range(trial.max_train_steps), train_batches, strict=False):
        optimizer.zero_grad()
        loss = step_fn(model, batch, loss_fn)
        loss.backward()
        norm = torch.nn.utils.get_total_norm([p.grad for p in params])
        optimizer.step()
        value = None
        if (step + 1) % trial.eval_every == 0 or step + 1 == trial.max_train_steps:
            model.eval()
            with torch.no_grad():
                sums = [(step_fn(model, b, loss_fn).item() * len(b[0]), len(b[0])) for b in validation or []]
            model.train()
            value = sum(s for s, _ in sums) / sum(n for _, n in sums)
        log.append((step, optimizer.param_groups[0]["lr"], loss.item(), norm.item(), value))
    return [row[2] for row in log]


def ours(spec: Spec, trial: Trial, workload: Workload) -> list[float]:
    """The same trial by lrdoctor's loop."""
    rows: list[Any] = []
    train(workload, trial, rows.extend, lambda: False)
    return [row.train_loss for row in rows]


def seconds(run: Callable[[], object]) -> float:
    """CPU seconds of this process for one call."""
    start = time.process_time()
    run()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    print(f"overhead: lrdoctor's loop / bare loop, CPU time, one thread, median of {rounds} alternated rounds")
    for name, (config, overrides, rate, limit) in CASES.items():
        spec = load_spec(CONFIGS / config, overrides)
        workload = Workload(spec.workload(), torch.device("cpu"))
        trial = Trial(
            base_learning_rate=rate,
            seed=0,
            max_train_steps=spec.max_train_steps,
            eval_every=spec.eval_every,
            optimizer=spec.optimizer_text(),
        )
        # once to fill the batch cache for both, and to see that the two do the same work
        worst = max(abs(a - b) for a, b in zip(ours(spec, trial, workload), bare(spec, trial, workload), strict=True))
        pairs = [
            (seconds(lambda: ours(spec, trial, workload)), seconds(lambda: bare(spec, trial, workload)))  # noqa: B023
            for _ in range(rounds)
        ]
        ratio = statistics.median(a / b for a, b in pairs)
        per_step = 1e6 * statistics.median(a for a, _ in pairs) / trial.max_train_steps
        print(
            f"{name:18} ratio {ratio:.3f} (limit {limit}: {'ok' if ratio <= limit else 'MISSED'})  "
            f"{per_step:.0f} us a step, largest difference of the losses {worst:.1e}"
        )


if __name__ == "__main__":
    main()
