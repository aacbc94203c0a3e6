"""Whether a model still uses its input: how much its outputs differ, and what a constant prediction would lose."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lrdoctor.training import structures
from lrdoctor.training.randomness import Stream
from lrdoctor.training.workload import DATA_SEED, Workload, scalar_loss

FIT_STEPS = 50
"""Iterations that look for the best constant: cross-entropy and squared error need some ten."""

FIRST_STEP = 0.1
"""Length of its first step: small beside the logits of a handful of classes, whose scale is 1."""

FLAT = 1e-3
"""Part of the steepest slope met below which the loss of a convex problem is at its lowest to some digits."""

STILL_FALLING = 0.05
"""Part of the whole fall that the last fifth of the iterations may add: a search that converges has long been where it
ends, and one down a loss without a lowest point, which is no loss of predictions, adds a fifth or more."""

FITTED_BATCHES = 32
"""Batches that the best constant is fitted to: it has as many numbers as an output."""

MOST_BATCHES = 64
"""Batches at the end that its loss is a mean over, at most."""

HELD_BYTES = 256 * 1024 * 1024
"""Memory for these batches; where they are larger, there are fewer."""

SUM_IS_ONE = 1e-3
"""How far the sum of probabilities may be from 1: half precision has three digits."""


def output_spread(workload: Workload, model: nn.Module, batch: Any, loss_fn: Any) -> float | None:
    """How much the model's outputs differ over the examples of a batch, in evaluation mode.

    The standard deviation over the first dimension of the output, root mean square over the others. None where the
    step does not call the model itself, where it returns no tensor with one row an example, such as a loss, and where
    the user's code does not work in evaluation mode or without gradients: a trial that is over does not fail by being
    looked at. Random generators and the mode are left as they were found.
    """
    seen: list[Any] = []
    handle = model.register_forward_hook(lambda module, args, output: seen.append(output))
    was_training = model.training
    model.eval()
    try:
        with Stream(DATA_SEED), torch.no_grad():
            scalar_loss(workload, model, batch, loss_fn, "the look at the outputs")
        n = structures.batch_length(batch)
        rows = next((t for output in seen for t in _tensors(output) if _has_rows(t, n)), None)
        return None if rows is None else float(rows.cpu().double().var(dim=0).mean().sqrt())
    except Exception:  # whatever it is, the curves of the trial are as they are
        return None
    finally:
        handle.remove()
        model.train(was_training)


def _has_rows(output: Tensor, n_examples: int) -> bool:
    """Whether it holds two or more outputs; a single dimension may be anything, and has to have one an example."""
    rows = output.shape[0] if output.ndim else 0
    return output.is_floating_point() and rows > 1 and (output.ndim > 1 or rows == n_examples)


def _tensors(output: Any) -> Iterator[Tensor]:
    """The tensors of an output, those of a mapping (Hugging Face's outputs) in its order."""
    yield from structures.tensors(dict(output) if isinstance(output, Mapping) else output)


Link = Callable[[Tensor], Tensor]
"""Numbers without bounds -> an output of the kind that the model gives."""


class ConstantPrediction(nn.Module):
    """Gives the same output for every example, and for every position where the input is a sequence of tokens.

    Args:
        output: of a model, for the shapes.
        batch: that it is of.
    """

    def __init__(self, output: Tensor, batch: Any) -> None:
        super().__init__()
        places = _places(batch)
        self._has_places = places is not None and output.ndim > 2 and output.shape[:2] == places
        # losses of flattened outputs have several rows an example
        self._is_flat = places is not None and output.shape[0] == places.numel()
        self._rows = output.shape[0] // structures.batch_length(batch)
        self.value = nn.Parameter(output.detach().mean(dim=(0, 1) if self._has_places else 0))
        self.link: Link = _itself
        self.shape_to(batch)

    def shape_to(self, batch: Any) -> None:
        """The next output is for this batch, which may have another length."""
        places = _places(batch)
        if places is not None and (self._has_places or self._is_flat):
            self._shape = places if self._has_places else torch.Size([places.numel()])
        else:
            self._shape = torch.Size([self._rows * structures.batch_length(batch)])

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        value = self.link(self.value)
        return value.expand(*self._shape, *value.shape)

    def starts(self, output: Tensor) -> Iterator[tuple[Link, Tensor]]:
        """Where to look for the best value from. What must be probabilities, or their logarithms, stays so: without
        that, the loss of logarithms of probabilities has no lowest point, and that of probabilities is not defined."""
        zeros, output = torch.zeros_like(self.value), output.detach().float()
        for dim in {0, self.value.ndim - 1} if self.value.ndim else ():
            of_output = dim + output.ndim - self.value.ndim
            if output.shape[of_output] > 1:
                if _is_one(output.exp().sum(of_output)):
                    yield lambda value, dim=dim: value.log_softmax(dim), zeros  # type: ignore[misc]
                    return
                if output.min() >= 0 and _is_one(output.sum(of_output)):
                    yield lambda value, dim=dim: value.softmax(dim), zeros  # type: ignore[misc]
                    return
        yield _itself, zeros
        yield _itself, self.value.detach().clone()
        if output.min() > 0 and output.max() < 1:  # by a sigmoid, or by chance
            yield torch.sigmoid, zeros


def _places(batch: Any) -> torch.Size | None:
    """(examples, places) where the input is sequences of tokens."""
    first = next(structures.tensors(batch))
    return None if first.is_floating_point() or first.ndim < 2 else first.shape[:2]


def _itself(value: Tensor) -> Tensor:
    return value


def _is_one(sums: Tensor) -> bool:
    return bool(((sums - 1).abs() < SUM_IS_ONE).all())


class Constant:
    """Finds out, while a control passes over its batches, what the best constant prediction loses on the last ones.

    Args:
        workload: whose batches they are.
        n_steps: of the control.
        end: part of it, at its end, over which the loss is taken.
    """

    def __init__(self, workload: Workload, n_steps: int, end: float) -> None:
        self._workload = workload
        self._all = range(n_steps)
        self._end = range(n_steps - max(1, int(end * n_steps)), n_steps)
        self._fitted = self._last = range(0)
        self._batches: dict[int, Any] = {}
        self._versions: dict[int, int] = {}

    def see(self, step: int, batch: Any) -> None:
        """Keeps the batch, if it is one of those that are needed; to be called before a model has it."""
        if step == 0:
            fit = HELD_BYTES / (structures.weight(batch) * (FITTED_BATCHES + MOST_BATCHES))
            self._fitted, self._last = (
                steps[:: -(-len(steps) // max(1, int(most * min(1.0, fit))))]
                for steps, most in ((self._all, FITTED_BATCHES), (self._end, MOST_BATCHES))
            )
        if step in self._fitted or step in self._last:
            # containers of their own: a step hook may pop the labels
            self._batches[step] = structures.handed_out(batch, clone=False)
            self._versions[step] = structures.version(batch)

    def loss(self, model: nn.Module, loss_fn: Any) -> float | None:
        """Mean loss of the best constant prediction on the last batches, None where it cannot be found out.

        It is fitted to batches from the whole control: from zeros, and from the mean output of the model.
        For cross-entropy that is the entropy of the labels, for the squared error their variance. It needs a step that
        calls the model itself, takes the loss of the tensor that it returns, and leaves its batches as they are.
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
            if any(structures.version(batch) != self._versions[step] for step, batch in self._batches.items()):
                return None
            return self._lowest(outputs[0], loss_fn)
        except Exception:  # whatever the user's code has against such a model, the level stays unknown
            return None

    def _lowest(self, output: Tensor, loss_fn: Any) -> float | None:
        constant = ConstantPrediction(output, self._batches[0]).to(output.device)
        batches = [self._batches[step] for step in self._fitted]
        joined = _joined(batches)  # one pass over a large batch instead of one over each: the search is for the place
        lowest, best = math.inf, None
        for link, start in constant.starts(output):
            constant.link = link
            for at in ((joined,), batches) if joined is not None else (batches,):
                try:
                    loss, value = self._fit(constant, start, at, loss_fn)
                except Exception:  # outputs that this loss refuses, or a step that knows how long its batches are
                    continue
                if loss < lowest:
                    lowest, best = loss, (link, value)
                break
        if best is None:
            return None
        constant.link, constant.value.data = best
        with torch.no_grad():
            losses = [float(self._loss_of(constant, self._batches[step], loss_fn)) for step in self._last]
        return sum(losses) / len(losses)

    def _fit(
        self, constant: ConstantPrediction, start: Tensor, batches: Sequence[Any], loss_fn: Any
    ) -> tuple[float, Tensor]:
        """The lowest loss found from a start, and where; inf where it has no lowest point."""
        # Barzilai and Borwein (1988), method of steepest descent with their step |s|^2 / s.y: the first use of any
        # class of torch.optim imports a compiler for seconds
        best, lowest = start, [math.inf]
        point, gradient, rate, steepest = start, torch.zeros_like(start), 0.0, 0.0
        constant.value.data = start.clone()
        for _ in range(FIT_STEPS):
            loss = torch.stack([self._loss_of(constant, batch, loss_fn) for batch in batches]).mean()
            (slope,) = torch.autograd.grad(loss, constant.value)
            told, steepness = float(loss.detach()), float(slope.norm())
            if not math.isfinite(told):
                break
            if told < lowest[-1]:
                best = constant.value.detach().clone()
            lowest.append(min(told, lowest[-1]))
            steepest = max(steepest, steepness)
            if not steepness > FLAT * steepest:
                return lowest[-1], best
            moved, turned = constant.value.detach() - point, slope - gradient
            bent = float((moved * turned).sum())
            rate = float(moved.square().sum()) / bent if bent > 0 else rate or FIRST_STEP / steepness
            point, gradient = constant.value.detach().clone(), slope
            constant.value.data = point - rate * slope
        late = len(lowest) - FIT_STEPS // 5
        ends = late > 1 and lowest[late] - lowest[-1] <= STILL_FALLING * (lowest[1] - lowest[-1])
        return (lowest[-1] if ends else math.inf), best

    def _loss_of(self, model: nn.Module, batch: Any, loss_fn: Any) -> Tensor:
        if isinstance(model, ConstantPrediction):
            model.shape_to(batch)
        handed = structures.handed_out(batch, clone=False)
        return scalar_loss(self._workload, model, handed, loss_fn, "the loss of a constant prediction")


def _joined(batches: Sequence[Any]) -> Any | None:
    """The batches as one; None where they are more than tensors with one row an example, as tuples, lists or dicts."""
    of_batches = [list(batch.values()) if isinstance(batch, dict) else batch for batch in batches]
    for of, batch in zip(of_batches, batches, strict=True):
        if type(batch) not in (tuple, list, dict) or not all(isinstance(t, Tensor) for t in of):
            return None
        if any(t.shape[:1] != (structures.batch_length(batch),) for t in of):
            return None
    try:
        columns = [torch.cat(of) for of in zip(*of_batches, strict=True)]
    except (RuntimeError, ValueError):  # such as sequences of other lengths
        return None
    first = batches[0]
    return dict(zip(first, columns, strict=True)) if isinstance(first, dict) else type(first)(columns)
