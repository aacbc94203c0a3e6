"""Whether a model still uses its input: how much its outputs differ, and what a constant prediction would lose."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from lrdoctor.errors import WorkloadError
from lrdoctor.training import structures
from lrdoctor.training.randomness import Stream
from lrdoctor.training.workload import DATA_SEED, Workload, scalar_loss

FIT_STEPS = 50
"""Iterations that look for the best constant: cross-entropy and squared error need some ten."""

FIRST_STEP = 0.1
"""Length of its first step: small beside the logits of a handful of classes, whose scale is 1."""

FLAT = 1e-3
"""Part of the steepest slope met below which the loss of a convex problem is at its lowest to some digits."""

FITTED_BATCHES = 32
"""Batches that the best constant is fitted to: it has as many numbers as an output."""

MOST_BATCHES = 64
"""Batches at the end that its loss is a mean over, at most."""


def output_spread(workload: Workload, model: nn.Module, batch: Any, loss_fn: Any) -> float | None:
    """How much the model's outputs differ over the examples of a batch, in evaluation mode.

    The standard deviation over the first dimension of the output, root mean square over the others. None where the
    step does not call the model itself or fails in that mode, or the model returns no tensor with one row an example,
    such as a loss. Random generators and the mode are left as they were found.
    """
    seen: list[Any] = []
    handle = model.register_forward_hook(lambda module, args, output: seen.append(output))
    was_training = model.training
    model.eval()
    try:
        with Stream(DATA_SEED), torch.no_grad():
            scalar_loss(workload, model, batch, loss_fn, "the look at the outputs")
    except WorkloadError:  # it could be trained: what it says in evaluation mode is of no importance here
        return None
    finally:
        handle.remove()
        model.train(was_training)
    rows = next((t for output in seen for t in _tensors(output) if t.is_floating_point() and t.ndim > 1), None)
    if rows is None or rows.shape[0] < 2:
        return None
    return float(rows.double().var(dim=0).mean().sqrt())


def _tensors(output: Any) -> Iterator[Tensor]:
    """The tensors of an output, those of a mapping (Hugging Face's outputs) in its order."""
    yield from structures.tensors(dict(output) if isinstance(output, Mapping) else output)


class ConstantPrediction(nn.Module):
    """Gives the same output for every example, and for every position where the input is a sequence of tokens.

    Args:
        output: of a model, for the shapes.
        batch: that it is of.
    """

    def __init__(self, output: Tensor, batch: Any) -> None:
        super().__init__()
        first = next(structures.tensors(batch))
        tokens = not first.is_floating_point() and first.ndim > 1 and output.shape[:2] == first.shape[:2]
        self._positions = output.shape[1:2] if tokens and output.ndim > 2 else torch.Size()
        # losses of flattened outputs have several rows an example
        self._rows = output.shape[0] // structures.batch_length(batch)
        self.value = nn.Parameter(output.detach().mean(dim=(0, 1) if self._positions else 0))
        self.n_examples = 0

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        return self.value.expand(self._rows * self.n_examples, *self._positions, *self.value.shape)


class Constant:
    """Finds out, while a control passes over its batches, what the best constant prediction loses on the last ones.

    Args:
        workload: whose batches they are.
        n_steps: of the control.
        end: part of it, at its end, over which the loss is taken.
    """

    def __init__(self, workload: Workload, n_steps: int, end: float) -> None:
        self._workload = workload
        last = range(n_steps - max(1, int(end * n_steps)), n_steps)
        self._last = last[:: -(-len(last) // MOST_BATCHES)]
        self._fitted = range(0, n_steps, -(-n_steps // FITTED_BATCHES))
        self._batches: dict[int, Any] = {}

    def see(self, step: int, batch: Any) -> None:
        """Keeps the batch, if it is one of those that are needed."""
        if step in self._fitted or step in self._last:
            self._batches[step] = batch

    def loss(self, model: nn.Module, loss_fn: Any) -> float | None:
        """Mean loss of the best constant prediction on the last batches, None where it cannot be found out.

        It is fitted to batches from the whole control: from zeros, and from the mean output of the model.
        For cross-entropy that is the entropy of the labels, for the squared error their variance. It needs a step that
        calls the model itself and takes the loss of the tensor that it returns.
        """
        try:
            outputs: list[Any] = []
            handle = model.register_forward_hook(lambda module, args, output: outputs.append(output))
            try:
                with torch.no_grad():
                    self._loss_of(model, self._batches[0], loss_fn)
            finally:
                handle.remove()
            if len(outputs) != 1 or not isinstance(outputs[0], Tensor) or outputs[0].ndim < 1:
                return None
            found = [self._fit(outputs[0], is_zero, loss_fn) for is_zero in (True, False)]
        except Exception:  # whatever the user's code has against such a model, the level stays unknown
            return None
        return min(found)

    def _fit(self, output: Tensor, is_zero: bool, loss_fn: Any) -> float:
        constant = ConstantPrediction(output, self._batches[0]).to(output.device)
        if is_zero:
            nn.init.zeros_(constant.value)
        # Barzilai and Borwein (1988), method of steepest descent with their step |s|^2 / s.y: the first use of any
        # class of torch.optim imports a compiler for seconds
        best, lowest = constant.value.detach().clone(), math.inf
        point, gradient, rate, steepest = best, torch.zeros_like(best), 0.0, 0.0
        for _ in range(FIT_STEPS):
            fitted = [self._loss_of(constant, self._batches[step], loss_fn) for step in self._fitted]
            loss = torch.stack(fitted).mean()
            (slope,) = torch.autograd.grad(loss, constant.value)
            steepness = float(slope.norm())
            steepest = max(steepest, steepness)
            if not math.isfinite(float(loss)) or not steepness > FLAT * steepest:
                break
            if float(loss) < lowest:
                best, lowest = constant.value.detach().clone(), float(loss)
            moved, turned = constant.value.detach() - point, slope - gradient
            bent = float((moved * turned).sum())
            rate = float(moved.square().sum()) / bent if bent > 0 else rate or FIRST_STEP / steepness
            point, gradient = constant.value.detach().clone(), slope
            constant.value.data = point - rate * slope
        constant.value.data = best
        with torch.no_grad():
            losses = [float(self._loss_of(constant, self._batches[step], loss_fn)) for step in self._last]
        mean = sum(losses) / len(losses)
        return mean if math.isfinite(mean) else math.inf

    def _loss_of(self, model: nn.Module, batch: Any, loss_fn: Any) -> Tensor:
        if isinstance(model, ConstantPrediction):
            model.n_examples = structures.batch_length(batch)
        return scalar_loss(self._workload, model, batch, loss_fn, "the loss of a constant prediction")
