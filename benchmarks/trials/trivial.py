"""The trivial level of a workload: the loss of the best constant prediction on its training targets."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from benchmarks.trials import steps
from benchmarks.trials.workloads import Workload
from lrdoctor.training.importing import build


def trivial_level(workload: Workload) -> float | None:
    """The level, or None where the loss has none: a constant says nothing of it, or no constant is finite."""
    if workload.trivial is None:
        return None
    if workload.trivial == "log_batch":
        # all pairs look alike, so each of the batch is as likely the right one
        assert workload.batch_size is not None
        return math.log(workload.batch_size)
    columns, _ = build(workload.spec()["data"], ".", "data")
    return float(LEVELS[workload.trivial](columns[-1]))


def _entropy(labels: Tensor) -> Tensor:
    share = torch.bincount(labels.flatten()).double() / labels.numel()
    share = share[share > 0]
    return -(share * share.log()).sum()


def _unigrams(tokens: Tensor) -> Tensor:
    # the first symbol of a window is never predicted
    return _entropy(tokens[:, 1:])


def _variance(targets: Tensor) -> Tensor:
    return targets.double().var(dim=0, correction=0).mean()


def _total_variance(targets: Tensor) -> Tensor:
    return targets.double().var(dim=0, correction=0).sum()


def _binary_entropy(targets: Tensor) -> Tensor:
    share = targets.double().mean()
    return -(share * share.log() + (1 - share) * (1 - share).log())


def _label_entropies(targets: Tensor) -> Tensor:
    return torch.stack([_binary_entropy(label) for label in targets.T]).mean()


def _gamma(targets: Tensor) -> Tensor:
    # log(mean) + target / mean, least where the mean is that of the targets
    return targets.double().mean().log() + 1


def _poisson(targets: Tensor) -> Tensor:
    # rate - target * log(rate), least where the rate is the mean
    mean = targets.double().mean()
    return mean - mean * mean.log()


def _weighted_rare(targets: Tensor) -> Tensor:
    share, weight = targets.double().mean(), 45.0
    constant = torch.log(weight * share / (1 - share)).float()
    return steps.weighted_rare(constant.expand_as(targets), targets)


def _inverse_frequency(labels: Tensor) -> Tensor:
    n_classes = int(labels.max()) + 1
    weight = 0.7 ** -torch.arange(n_classes, dtype=torch.float32)
    share = torch.bincount(labels, minlength=n_classes) / len(labels)
    logits = torch.log(share * weight)
    return steps.inverse_frequency(logits.expand(len(labels), n_classes), labels)


LEVELS = {
    "entropy": _entropy,
    "unigrams": _unigrams,
    "variance": _variance,
    "total_variance": _total_variance,
    "binary_entropy": _binary_entropy,
    "label_entropies": _label_entropies,
    "gamma": _gamma,
    "poisson": _poisson,
    "weighted_rare": _weighted_rare,
    "inverse_frequency": _inverse_frequency,
}
"""Workload.trivial -> the level from the last column of the training data; "log_batch" needs the batch size instead."""
