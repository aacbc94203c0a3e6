"""A fix in the words of the trainer that a run was seen to use: its arguments, its flags, its configuration.

Three numbers are said: the learning rate, the updates of the warmup and the norm that gradients are clipped at. What a
trainer has no setting of its own for is said in PyTorch, and what is no Trainer's at all too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

from lrdoctor.core.run import Run

FRAMEWORK = "framework"
"""Key of a run's provenance: what the recording saw the training run in."""
UNKNOWN_RATE = "base_learning_rate"
"""What stands for a peak rate that nothing tells."""
OF_TORCH = frozenset({"Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop", "SGD"})
OF_KERAS = frozenset({"Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "Lion", "Nadam", "RMSprop", "SGD"})
"""Update rules that need nothing but a rate, so that a line with their name runs as it is."""


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """What a fix sets; None for what it leaves alone."""

    rate: float | None = None
    warmup_steps: int | None = None
    """Updates of a linear ramp from 0 to the rate."""
    clip_norm: float | None = None
    rule: str | None = None
    """The update rule that the training was seen to use, by its class in torch.optim or Keras; None where unknown."""

    @classmethod
    def of(cls, settings: Mapping[str, Any], rule: str | None = None) -> Numbers:
        """Those among a fix's settings; of several warmups to try the first, which is the shortest."""
        warmup = settings.get("warmup_steps")
        if isinstance(warmup, list | tuple):
            warmup = warmup[0] if warmup else None
        return cls(
            rate=settings.get("base_learning_rate"), warmup_steps=warmup, clip_norm=settings.get("clip_norm"), rule=rule
        )

    def without(self, names: Iterable[str]) -> Numbers:
        """Those that are left when the fields of these names are not set."""
        return replace(self, **dict.fromkeys(names))

    def __bool__(self) -> bool:
        return any(each is not None for each in (self.rate, self.warmup_steps, self.clip_norm))


@dataclass(frozen=True, kw_only=True)
class Trainer:
    """How one trainer says it."""

    name: str
    """Its own, for people."""
    lines: Callable[[Numbers], Iterator[str]]
    """Its settings, each as it is written; nothing for the numbers that it has no setting for."""
    flags: Callable[[Numbers], Iterator[str]] | None = None
    """Words to put behind the command, where settings are flags."""
    lacks: frozenset[str] = frozenset()
    """Fields of `Numbers` that it has no setting for."""
    frameworks: frozenset[str] = frozenset()
    """What a recording calls it."""
    formats: frozenset[str] = frozenset()
    """Formats of logs that only it writes."""
    columns: frozenset[str] = frozenset()
    """Names in a log that only it gives."""


def shown(value: float) -> str:
    """A rate or norm with the digits that a report has, as a Python float, whose type some command lines insist on.

    >>> shown(1), shown(0.00123456), shown(3e-5)
    ('1.0', '0.001235', '3e-05')
    """
    return repr(float(f"{value:.4g}"))


def _call(name: str, given: Iterable[tuple[str, str]]) -> str:
    return f"{name}({', '.join(f'{key}={value}' for key, value in given)})"


def _of_arguments(n: Numbers, rate: str, warmup: str, clip: str) -> Iterator[tuple[str, str]]:
    """The numbers that are set, under these names."""
    if n.rate is not None:
        yield rate, shown(n.rate)
    if n.warmup_steps is not None:
        yield warmup, str(n.warmup_steps)
    if n.clip_norm is not None:
        yield clip, shown(n.clip_norm)


def _hf(n: Numbers) -> Iterator[str]:
    yield _call("TrainingArguments", _of_arguments(n, "learning_rate", "warmup_steps", "max_grad_norm"))


def _rate(n: Numbers) -> str:
    return UNKNOWN_RATE if n.rate is None else shown(n.rate)


def _lightning(n: Numbers) -> Iterator[str]:
    if n.clip_norm is not None:
        yield f"Trainer(gradient_clip_val={shown(n.clip_norm)})"
    if n.rate is None and n.warmup_steps is None:
        return
    yield "def configure_optimizers(self):  # of the LightningModule"
    rule = n.rule if n.rule in OF_TORCH else "AdamW"
    yield f"    optimizer = torch.optim.{rule}(self.parameters(), lr={_rate(n)})  # or your own"
    if n.warmup_steps is None:
        yield "    return optimizer"
        return
    ramp = f"lambda step: min(1.0, step / {n.warmup_steps})"
    yield f"    warmup = torch.optim.lr_scheduler.LambdaLR(optimizer, {ramp})  # your own schedule follows"
    yield '    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": warmup, "interval": "step"}}'


def _keras(n: Numbers) -> Iterator[str]:
    rate: list[tuple[str, str]] = [] if n.rate is None else [("learning_rate", _rate(n))]
    if n.warmup_steps is not None:
        # a polynomial of power 1 that "decays" upwards is a linear ramp, and stays where it ends
        ramp = [("decay_steps", str(n.warmup_steps)), ("end_learning_rate", _rate(n))]
        start = ("initial_learning_rate", "0.0")
        yield f"warmup = {_call('keras.optimizers.schedules.PolynomialDecay', [start, *ramp])}"
        rate = [("learning_rate", "warmup")]
    clip = [] if n.clip_norm is None else [("global_clipnorm", shown(n.clip_norm))]
    rule = n.rule if n.rule in OF_KERAS else "AdamW"
    yield f"optimizer = {_call(f'keras.optimizers.{rule}', [*rate, *clip])}  # or your own"


def _accelerate(n: Numbers) -> Iterator[str]:
    if n.clip_norm is not None:
        yield f"accelerator.clip_grad_norm_(model.parameters(), {shown(n.clip_norm)})  # before optimizer.step()"


def _flags(rate: str, warmup: str, clip: str, *, assign: bool = False) -> Callable[[Numbers], Iterator[str]]:
    """Flags under these names, each a word of `--name=value`, or two words."""

    def flags(n: Numbers) -> Iterator[str]:
        for name, value in _of_arguments(n, rate, warmup, clip):
            if name and assign:
                yield f"{name}={value}"
            elif name:
                yield from (name, value)

    return flags


def _in_one_line(flags: Callable[[Numbers], Iterator[str]]) -> Callable[[Numbers], Iterator[str]]:
    def lines(n: Numbers) -> Iterator[str]:
        words = " ".join(flags(n))
        if words:
            yield words

    return lines


def _nanogpt(n: Numbers) -> Iterator[str]:
    yield from _flags("--learning_rate", "--warmup_iters", "--grad_clip", assign=True)(n)
    if n.rate is not None:
        # the end of its decay is a setting of its own, a tenth of the rate as its configurations have it
        yield f"--min_lr={shown(n.rate / 10)}"


def _timm(n: Numbers) -> Iterator[str]:
    words = " ".join(_timm_flags(n))
    if words:
        yield words
    if n.warmup_steps is not None:
        epochs = f"({n.warmup_steps} updates / updates of an epoch, rounded up)"
        yield f"# the warmup, which timm counts in epochs: --sched-on-updates --warmup-lr 0 --warmup-epochs {epochs}"


_timm_flags = _flags("--lr", "", "--clip-grad")
_torchtitan = _flags("--optimizer.lr", "--lr_scheduler.warmup_steps", "--training.max_norm")
_megatron = _flags("--lr", "--lr-warmup-iters", "--clip-grad")
_fairseq = _flags("--lr", "--warmup-updates", "--clip-norm")

TRAINERS: tuple[Trainer, ...] = (
    Trainer(
        name="the Trainer of transformers",
        lines=_hf,
        frameworks=frozenset({"hf"}),
        formats=frozenset({"hf-trainer", "hf-console"}),
        columns=frozenset({"train/global_step"}),
    ),
    Trainer(
        name="Lightning",
        lines=_lightning,
        frameworks=frozenset({"lightning"}),
        columns=frozenset({"trainer/global_step"}),
    ),
    Trainer(
        name="Keras",
        lines=_keras,
        frameworks=frozenset({"keras"}),
        columns=frozenset({"epoch_loss", "batch_loss", "epoch_learning_rate"}),
    ),
    Trainer(
        name="Accelerate",
        lines=_accelerate,
        lacks=frozenset({"rate", "warmup_steps"}),
        frameworks=frozenset({"accelerate"}),
    ),
    Trainer(
        name="torchtitan",
        lines=_in_one_line(_torchtitan),
        flags=_torchtitan,
        frameworks=frozenset({"torchtitan"}),
        formats=frozenset({"torchtitan"}),
        columns=frozenset({"loss_metrics/global_avg_loss"}),
    ),
    Trainer(
        name="Megatron-LM",
        lines=_in_one_line(_megatron),
        flags=_megatron,
        frameworks=frozenset({"megatron"}),
        formats=frozenset({"megatron"}),
        columns=frozenset({"lm loss"}),
    ),
    Trainer(
        name="nanoGPT",
        lines=_in_one_line(_nanogpt),
        flags=_nanogpt,
        frameworks=frozenset({"nanogpt"}),
        formats=frozenset({"nanogpt"}),
    ),
    Trainer(
        name="timm",
        lines=_timm,
        flags=_timm_flags,
        lacks=frozenset({"warmup_steps"}),
        frameworks=frozenset({"timm"}),
    ),
    Trainer(
        name="fairseq",
        lines=_in_one_line(_fairseq),
        flags=_fairseq,
        frameworks=frozenset({"fairseq"}),
        formats=frozenset({"fairseq"}),
    ),
)
LIGHTNING_LOGS = "lightning_logs"
"""The folder that Lightning's loggers write to unless they are given another one."""


def trainer_of(run: Run) -> Trainer | None:
    """The trainer that made the run: as a recording saw it, else as its log shows; None where neither tells."""
    framework = run.provenance.get(FRAMEWORK)
    if framework is not None:
        return named(str(framework))
    columns = {str(name) for name in dict(run.provenance.get("columns") or {}).values()}
    for trainer in TRAINERS:
        if run.provenance.get("format") in trainer.formats or columns & trainer.columns:
            return trainer
    return named("lightning") if LIGHTNING_LOGS in PurePath(run.source).parts else None


def named(framework: str) -> Trainer | None:
    """The trainer that a recording calls so; None for a loop of the user's own."""
    return next((trainer for trainer in TRAINERS if framework in trainer.frameworks), None)


def rule_of(run: Run) -> str | None:
    """The class of the update rule that the recording saw."""
    told = run.provenance.get("update_rule") or dict(run.provenance.get("recorded") or {}).get("name")
    return str(told) if told and str(told).isidentifier() else None


def in_pytorch(n: Numbers, *, has_schedule: bool = False) -> Iterator[str]:
    """Lines of PyTorch, for a loop of the user's own.

    Args:
        n: what to set.
        has_schedule: whether the script changes the rates itself. LambdaLR sets the rate from the one that it saw
            first, and so would undo what another schedule sets; the ramp is then put on for each update and taken off.
    """
    if n.rate is not None:
        yield "for group in optimizer.param_groups:  # right after the script makes it"
        yield f'    group["lr"] = {shown(n.rate)}'
    if n.warmup_steps is not None and has_schedule:
        yield 'rates = [group["lr"] for group in optimizer.param_groups]  # of the script\'s schedule'
        yield "for group in optimizer.param_groups:  # before every optimizer.step(); step counts updates from 0"
        yield f'    group["lr"] *= min(1.0, step / {n.warmup_steps})'
        yield "for group, rate in zip(optimizer.param_groups, rates):  # right after optimizer.step()"
        yield '    group["lr"] = rate'
    elif n.warmup_steps is not None:
        ramp = f"lambda step: min(1.0, step / {n.warmup_steps})"
        yield f"warmup = torch.optim.lr_scheduler.LambdaLR(optimizer, {ramp})"
        yield "warmup.step()  # after every optimizer.step()"
    if n.clip_norm is not None:
        limit = f"max_norm={shown(n.clip_norm)}"
        yield f"torch.nn.utils.clip_grad_norm_(model.parameters(), {limit})  # before optimizer.step()"
