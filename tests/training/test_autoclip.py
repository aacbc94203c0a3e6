"""AutoClip: gradients are clipped at a percentile of the norms of all updates so far."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from training_samples import column, rows_of, trial, workload


@pytest.mark.parametrize("percentile", [10.0, 62.5, 99.0])
def test_the_threshold_is_the_percentile_of_the_norms_so_far(percentile: float) -> None:
    """Against a plain loop that takes numpy's percentile; the norms logged are those before clipping."""
    work = workload(batch_size=4)
    one = trial(0.05, autoclip_percentile=percentile, max_train_steps=15)
    model, loss_fn = work.model(one.seed), nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    norms: list[float] = []
    losses, n_clipped = [], 0
    for _, (inputs, targets) in zip(range(15), work.batches(one.seed).train, strict=False):
        optimizer.zero_grad()
        loss = loss_fn(model(inputs), targets)
        loss.backward()
        losses.append(loss.item())
        gradients = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
        norms.append(float(gradients.norm()))
        limit = float(np.percentile(norms, percentile))
        n_clipped += norms[-1] > limit
        nn.utils.clip_grad_norm_(model.parameters(), limit)
        optimizer.step()
    rows, ending = rows_of(work, one)
    assert ending.status == "completed"
    assert n_clipped > 0
    assert column(rows, "grad_norm") == pytest.approx(norms, rel=1e-4)
    assert column(rows, "train_loss") == pytest.approx(losses, rel=1e-4)


def test_it_changes_the_training() -> None:
    plain, clipped = (rows_of(workload(), trial(autoclip_percentile=of))[0] for of in (None, 10.0))
    assert plain[0] == clipped[0]
    assert column(plain, "train_loss")[2:] != column(clipped, "train_loss")[2:]


def test_the_same_trial_twice_gives_the_same_bits() -> None:
    first, second = (rows_of(workload(), trial(autoclip_percentile=10.0)) for _ in range(2))
    assert first == second
