"""What a command does and cannot do, said before its first trial: a line for each, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lrdoctor.core.command import STANDARD_OUTPUT, all_fields, fields_of
from lrdoctor.core.run import FRAMEWORKS
from lrdoctor.measures.objective import WHY

SEEDED = "; torch, random and numpy begin with it where the script seeds nothing"
WIDTH = 20
"""Columns of what a line is about."""


def limits(context: Mapping[str, Any], recorded: Mapping[str, Any]) -> list[str]:
    """The table.

    Args:
        context: of the session.
        recorded: of a short run, as `session.in_short` gives it; with the objective where it shows none that is
            minimized.
    """
    named = all_fields(context["command"])
    lines = {
        "training": _training(recorded),
        "learning rate": "the command's {lr}" if "lr" in named else "scaled at the optimizers, for every group alike",
        "seed": ("the command's {seed}" if "seed" in named else "added to those that the script sets") + SEEDED,
        "length": _length(named, int(context["max_train_steps"])),
        "warmup": "the command's {warmup_steps}" if "warmup_steps" in named else "a ramp on top of the script's rates",
        "clipping": _clipping(named, recorded),
        "validation loss": _validation(context["validation"]),
        "update rules": _variants(context["variants"]),
        "files": _files(named),
        "architecture": "a command's model is not looked at, so fixes that change the model are not tried",
        "untrained weights": "a trial at rate 0 for each seed, which shows what the data do to the loss by themselves",
    }
    if (kind := recorded.get("objective")) is not None:
        lines["objective"] = (
            f"{WHY[kind]} ({recorded['objective_reason']}): a sweep takes a validation value that is to be low, such "
            "as a score with its sign turned (`validation`, or lrdoctor.log(val_loss=...) in the script)"
        )
    notes = [f"{'note':{WIDTH}}{note}" for note in recorded.get("notes", ())]
    return [*(f"{about:{WIDTH}}{text}" for about, text in lines.items()), *notes]


def _training(recorded: Mapping[str, Any]) -> str:
    optimizers: Sequence[Mapping[str, Any]] = recorded["optimizers"]
    names = ", ".join(str(each["name"]) for each in optimizers)
    first = optimizers[0].get("reference_learning_rate") if optimizers else None
    rate = "" if first is None else f" with a learning rate of {first:g}"
    rate = rate if first != 0 else " with learning rates that the script sets at every update"
    several = f"; {len(optimizers)} optimizers, of which the first is judged" if len(optimizers) > 1 else ""
    ranks = recorded.get("world_size") or 1
    others = f"; {ranks} ranks, of which the first is recorded" if ranks > 1 else ""
    framework = FRAMEWORKS.get(str(recorded.get("framework")), str(recorded.get("framework")))
    return f"{framework}, {names}{rate}{several}{others}"


def _length(named: frozenset[str], n_steps: int) -> str:
    if "steps" in named:
        return "the command's {steps}"
    return f"ended at update {n_steps:,}, whatever the script's own length; its schedule is as for that"


def _clipping(named: frozenset[str], recorded: Mapping[str, Any]) -> str:
    if "clip_norm" in named:
        return "the command's {clip_norm}"
    own = [str(each["max_norm"]) for each in recorded.get("clipping") or () if each.get("max_norm") is not None]
    return f"the script's own, max_norm={', '.join(own)}" if own else "none in the script"


def _validation(validation: Mapping[str, Any] | None) -> str:
    if validation is None:
        return (
            "none known but what the script passes to lrdoctor.log(val_loss=...); without it the objective is the "
            "training loss (`validation` names a log)"
        )
    if validation["log"] == STANDARD_OUTPUT:
        return "read from what it prints"
    alone = "" if "dir" in fields_of(validation["log"]) else ", which all trials write, so that one runs at a time"
    return f"read from {validation['log']}{alone}"


def _variants(variants: Sequence[str]) -> str:
    if not variants:
        return "only the command's own, so change_optimizer is not tried (`variants` names others)"
    return f"the command's own, and {', '.join(variants)}"


def _files(named: frozenset[str]) -> str:
    if "dir" in named:
        return "a folder of its own for every trial, as {dir}"
    return "the command names no {dir}: trials that write files write the same ones"
