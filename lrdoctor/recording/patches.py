"""Where the recorder listens: functions of torch, and of Keras on torch, with the recorder before and after them.

Whatever goes wrong in the recorder, the script goes on as if it were not there.
"""

from __future__ import annotations

import atexit
import functools
import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from lrdoctor.recording import seeds
from lrdoctor.recording.norms import read, total_norm, whole
from lrdoctor.recording.recorder import Recorder
from lrdoctor.recording.settings import UNRECORDED, Recording

LOSS = "_lrdoctor_loss"
"""Attribute of a scaled loss: the one that was scaled."""
UNCOMPILED = "_torchdynamo_disable"
"""The mark of functions that torch.compile does not look into."""

active: Recorder | None = None
"""The recorder of this process."""


def patch_torch(torch: ModuleType) -> None:
    """Starts the recording that the environment asks for, if any; torch has just been imported."""
    settings = Recording.of_environment(os.environ)
    if settings is not None and active is None:
        start(settings, torch)


def start(settings: Recording, torch: ModuleType, recorder: Recorder | None = None) -> Recorder:
    """Records this process from now on.

    Args:
        settings: what to record.
        torch: the module, which no optimizer has been made with yet.
        recorder: of these settings; None makes one.
    """
    global active
    recorder = active = recorder or Recorder(settings)
    recorder.is_on = not settings.is_asleep
    _patch_backward(torch, recorder)
    _patch_clipping(torch, recorder)
    _patch_optimizers(torch, recorder)
    _patch_scalers(torch, recorder)
    seeds.begin_torch(torch)
    if settings.seed is not None or settings.is_asleep:
        seeds.shift(torch, settings.seed or 0)
    atexit.register(_guarded(recorder, recorder.finish))
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=functools.partial(_in_child, recorder))
    return recorder


def wake(settings: Recording) -> None:
    """Begins the recording of a process that was forked from one whose recording is asleep.

    Its functions of torch are those patched before anything could copy them, as in a process that was started anew.
    """
    assert active is not None
    recorder = active
    Recorder.__init__(recorder, settings)
    # before the offset on seeds, as in a process that was started anew
    if settings.unseeded is not None:
        seeds.begin(settings.unseeded, settings.directory)
    if settings.seed is not None:
        seeds.choose(settings.seed)


def _in_child(recorder: Recorder) -> None:
    """A forked process, as workers of a data loader are: the recording is not its own once it has begun."""
    if recorder.series:
        recorder.is_on = False


def fail(recorder: Recorder, error: Exception) -> None:
    """Ends the recording for a fault of its own; whatever it is, the script goes on."""
    try:
        give_up(recorder, error)
    except Exception as further:
        sys.stderr.write(f"lrdoctor: {further!r}\n")


def give_up(recorder: Recorder, error: BaseException) -> None:
    """The recorder has failed: it says so once, and is gone."""
    recorder.is_on = False
    why = f"{type(error).__name__}: {error}"
    if isinstance(error, FileExistsError):
        why = "another process of the command is recorded already; each training needs a command of its own"
        with open(os.path.join(recorder.settings.directory, UNRECORDED), "a", encoding="utf-8") as file:
            file.write(f"process {os.getpid()} trained as well and was not recorded\n")
    sys.stderr.write(f"lrdoctor: this training is no longer recorded: {why}\n")
    recorder.unwind()
    recorder.facts.failure = why
    if recorder.series:
        recorder.save()


def _guarded(recorder: Recorder, what: Callable[..., Any]) -> Callable[..., Any]:
    """The recorder's method as one that never raises for a fault of its own."""

    def call(*args: Any) -> Any:
        if not recorder.is_on:
            return None
        try:
            return what(*args)
        except Exception as error:
            fail(recorder, error)
            return None

    setattr(call, UNCOMPILED, True)
    return call


def _patch_backward(torch: ModuleType, recorder: Recorder) -> None:
    real = torch.autograd.backward

    @functools.wraps(real)
    def backward(tensors: Any, grad_tensors: Any = None, *args: Any, **kwargs: Any) -> Any:
        if not recorder.is_on or recorder.inside:
            return real(tensors, grad_tensors, *args, **kwargs)
        try:
            if type(tensors) is torch.Tensor and grad_tensors is recorder.scale is None and tensors.numel() == 1:
                values = [read(tensors)]  # the usual case
            else:
                values = _losses(torch, recorder, tensors, grad_tensors)
        except Exception as error:
            fail(recorder, error)
            values = []
        recorder.inside += 1
        try:
            result = real(tensors, grad_tensors, *args, **kwargs)
        finally:
            recorder.inside -= 1
        if recorder.is_on:
            try:
                for value in values:
                    recorder.saw_loss(value)
            except Exception as error:
                fail(recorder, error)
        return result

    setattr(backward, UNCOMPILED, True)
    torch.autograd.backward = backward


def _losses(torch: ModuleType, recorder: Recorder, tensors: Any, grad_tensors: Any) -> list[Any]:
    """What the scalars among the tensors stand for, unscaled."""
    many = [tensors] if isinstance(tensors, torch.Tensor) else list(tensors)
    given = [grad_tensors] * len(many) if grad_tensors is None or len(many) == 1 else list(grad_tensors)
    scale, recorder.scale = recorder.scale, None
    found = []
    for tensor, gradient in zip(many, given, strict=False):
        if not isinstance(tensor, torch.Tensor) or tensor.numel() != 1:
            recorder.facts.note("backward of a tensor that is no scalar: that part of the loss is not recorded")
            continue
        # only what was just scaled can have the mark
        unscaled = None if scale is None else tensor.__dict__.get(LOSS)
        value = tensor if unscaled is None else unscaled
        if isinstance(gradient, list | tuple):
            gradient = gradient[0]
        if gradient is not None and gradient.numel() == 1:
            value = value.detach() * gradient.detach()
        if unscaled is None and scale is not None:
            value = value.detach() / scale
        found.append(read(whole(value)))
    return found


def _patch_clipping(torch: ModuleType, recorder: Recorder) -> None:
    utils, module = torch.nn.utils, sys.modules["torch.nn.utils.clip_grad"]
    saw_clipping = _guarded(recorder, recorder.saw_clipping)

    def put(name: str, patched: Callable[..., Any]) -> None:
        for where in (utils, module):
            setattr(where, name, patched)

    real_norm = utils.clip_grad_norm_

    @functools.wraps(real_norm)
    def clip_grad_norm_(parameters: Any, max_norm: float, norm_type: float = 2.0, *args: Any, **kwargs: Any) -> Any:
        if not recorder.is_on:
            return real_norm(parameters, max_norm, norm_type, *args, **kwargs)
        # a generator is used up by looking at it
        given = [parameters] if isinstance(parameters, torch.Tensor) else list(parameters)
        recorder.facts.saw_clipping(max_norm=float(max_norm), norm_type=float(norm_type))
        is_two = float(norm_type) == 2.0
        limit = recorder.settings.clip_norm
        own = None if is_two else _guarded(recorder, total_norm)(given)
        most = max_norm if limit is None or not is_two else min(float(max_norm), limit)
        result = real_norm(given, most, norm_type, *args, **kwargs)
        norm = result if is_two else own
        if norm is not None and given:
            saw_clipping(given, read(whole(norm)), limit is not None and is_two)
        return result

    put("clip_grad_norm_", clip_grad_norm_)

    real_value = utils.clip_grad_value_

    @functools.wraps(real_value)
    def clip_grad_value_(parameters: Any, clip_value: float, *args: Any, **kwargs: Any) -> Any:
        if not recorder.is_on:
            return real_value(parameters, clip_value, *args, **kwargs)
        given = [parameters] if isinstance(parameters, torch.Tensor) else list(parameters)
        recorder.facts.saw_clipping(clip_value=float(clip_value))
        norm = _guarded(recorder, total_norm)(given)
        result = real_value(given, clip_value, *args, **kwargs)
        if norm is not None:
            saw_clipping(given, read(norm), False)
        return result

    put("clip_grad_value_", clip_grad_value_)

    real_with = getattr(utils, "clip_grads_with_norm_", None)  # from torch 2.6 on
    if real_with is None:
        return

    @functools.wraps(real_with)
    def clip_grads_with_norm_(parameters: Any, max_norm: float, total: Any, *args: Any, **kwargs: Any) -> Any:
        if not recorder.is_on:
            return real_with(parameters, max_norm, total, *args, **kwargs)
        given = [parameters] if isinstance(parameters, torch.Tensor) else list(parameters)
        recorder.facts.saw_clipping(max_norm=float(max_norm))
        limit = recorder.settings.clip_norm
        most = max_norm if limit is None else min(float(max_norm), limit)
        result = real_with(given, most, total, *args, **kwargs)
        if given:
            saw_clipping(given, read(whole(total)), limit is not None)
        return result

    put("clip_grads_with_norm_", clip_grads_with_norm_)


def _patch_optimizers(torch: ModuleType, recorder: Recorder) -> None:
    from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

    optimizer = torch.optim.Optimizer
    real = optimizer.__init__
    watch = _guarded(recorder, recorder.watch)

    @functools.wraps(real)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        real(self, *args, **kwargs)
        watch(self)

    optimizer.__init__ = init

    def before(optimizer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if recorder.is_on:
            try:
                return recorder.begin_step(optimizer, args, kwargs)
            except Exception as error:
                fail(recorder, error)
        return None

    def after(optimizer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if recorder.is_on:
            try:
                recorder.end_step()
            except Exception as error:
                fail(recorder, error)

    for hook in (before, after):
        setattr(hook, UNCOMPILED, True)
    register_optimizer_step_pre_hook(before)
    register_optimizer_step_post_hook(after)


def _patch_scalers(torch: ModuleType, recorder: Recorder) -> None:
    from torch.amp.grad_scaler import GradScaler

    real_scale, real_step = GradScaler.scale, GradScaler.step
    skip_step = _guarded(recorder, recorder.skip_step)

    @functools.wraps(real_scale)
    def scale(self: Any, outputs: Any) -> Any:
        result = real_scale(self, outputs)
        if recorder.is_on and self._enabled:
            mark_scaled(recorder, outputs, result, self._scale)
            if recorder.facts.scaler is None:
                recorder.facts.scaler = {"initial_scale": float(self._init_scale)}
        return result

    @functools.wraps(real_step)
    def step(self: Any, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        if not recorder.is_on or not self._enabled:
            return real_step(self, optimizer, *args, **kwargs)
        # wrappers of Accelerate step the optimizer that they hold
        inner = getattr(optimizer, "optimizer", optimizer)
        before = recorder.n_begun
        result = real_step(self, optimizer, *args, **kwargs)
        if recorder.n_begun == before:
            skip_step(inner if hasattr(inner, "param_groups") else optimizer)
        return result

    GradScaler.scale = scale  # type: ignore[method-assign]
    GradScaler.step = step  # type: ignore[method-assign]


def mark_scaled(recorder: Recorder, outputs: Any, result: Any, scale: Any) -> None:
    """Lets the backward of a scaled loss find what was scaled."""
    recorder.scale = None if scale is None else read(scale.detach()) if hasattr(scale, "detach") else float(scale)
    if hasattr(result, "grad_fn") and result.numel() == 1 and result is not outputs:
        setattr(result, LOSS, outputs.detach())


def patch_keras(module: ModuleType) -> None:
    """Keras' optimizers, which never call those of torch."""
    recorder, backend = active, module.backend.backend()
    if recorder is None:
        return
    if backend != "torch":
        recorder.facts.note(f"Keras runs on {backend}: only its torch backend is recorded")
        return
    from lrdoctor.recording.keras_updates import patch_optimizer

    patch_optimizer(module.BaseOptimizer, recorder, _guarded)
