"""The prescription: one fix or pair with its exact numbers, as code and as a changed spec."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lrdoctor.assess import command_prescription
from lrdoctor.core.architecture import in_modules
from lrdoctor.core.changes import SETTINGS, given, replaced_by
from lrdoctor.core.study import Study
from lrdoctor.fixes.trainers import trainer_of
from lrdoctor.procedures.sweep import SWEPT
from lrdoctor.procedures.treatment_results import Swept, Verified

TORCH: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "sgd": ("SGD", ("weight_decay",)),
    "momentum": ("SGD", ("momentum", "weight_decay")),
    "nesterov": ("SGD", ("momentum", "weight_decay")),
    "rmsprop": ("RMSprop", ("rho", "momentum", "eps", "weight_decay")),
    "adam": ("Adam", ("betas", "eps", "weight_decay")),
    "nadam": ("NAdam", ("betas", "eps", "weight_decay")),
    "adamw": ("AdamW", ("betas", "eps", "weight_decay")),
}
"""Name of an update rule -> its class in torch.optim and the settings that it takes."""
FOUND_BY = ("percentile", "post_warmup_steps", "sites")
"""Settings of the search for a number, which the training itself does not have."""
RENAMED = {"rho": "alpha"}
"""Settings that torch.optim calls otherwise."""


def changes_of(tried: Swept) -> dict[str, Any]:
    """The spec's keys that make the fix its own training, with the rates that it was swept over.

    The sweep of a spec with these keys asks for the trials that the fix was judged by.
    """
    change, found = tried.treatment, tried.after
    swept = [r.base_learning_rate for r in found.study.rates if r.stage in SWEPT]
    keys: dict[str, Any] = {"warmup_steps": change.warmup_steps, **given(change)}
    spec = found.study.spec
    if command_prescription.is_of_command(spec):
        keys.update(command_prescription.changes(spec, change))
    else:
        keys["optimizer"] = None if change.optimizer is None else json.loads(change.optimizer)
    changes = {key: value for key, value in keys.items() if value is not None}
    # a spec clips one way
    for name in replaced_by(changes):
        if SETTINGS[name].is_of_every_spec or (spec or {}).get(name) is not None:
            changes[name] = None
    return {**changes, "sweep": {"values": swept}}


def settings_of(prescribed: Verified) -> dict[str, Any]:
    """The fix's numbers and the rate to use."""
    numbers = {name: value for name, value in prescribed.fix.settings.items() if name not in FOUND_BY}
    return {**numbers, "base_learning_rate": prescribed.base_learning_rate}


def snippet_of(tried: Swept, learning_rate: float, study: Study) -> str:
    """PyTorch code of the whole training step with the fix; of a command the line to run, and what it does not say.

    Args:
        tried: the fix.
        learning_rate: to use with it.
        study: whose spec has the update rule where the fix keeps it.
    """
    change, spec = tried.treatment, study.spec
    if command_prescription.is_of_command(spec):
        return command_prescription.snippet(spec, change, learning_rate, study)
    block = (spec or {}).get("optimizer") or {}
    if change.optimizer is not None:
        block = json.loads(change.optimizer)
    lines = list(_edits(tried))
    lines += [f"optimizer = {_optimizer(block, learning_rate)}"]
    if change.warmup_steps:
        lines += [f"warmup_steps = {change.warmup_steps}", *WARMUP]
    lines += [line for name in given(change) for line in SETTINGS[name].setup]
    lines += [*STEP, *(line for name, value in given(change).items() for line in SETTINGS[name].step(value))]
    lines.append("    optimizer.step()")
    if change.warmup_steps:
        lines.append("    warmup.step()  # your own schedule starts where the warmup ends, and keeps its length")
    return "\n".join(lines)


def trainer_seen(study: Study) -> str:
    """The trainer whose settings the code of a prescription has; empty for PyTorch's own."""
    return next((found.name for run in study.runs if (found := trainer_of(run))), "")


def _edits(tried: Swept) -> Iterator[str]:
    """The changes of the model's own code, each with its place."""
    for edit in tried.rewriting.edits if tried.rewriting is not None else ():
        yield f"# {edit.where}{in_modules(edit.modules)}: {edit.what}"
        yield edit.source
        yield ""


WARMUP = ("warmup = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, step / warmup_steps))",)
STEP = (
    "for inputs, targets in batches:",
    "    optimizer.zero_grad()",
    "    loss_fn(model(inputs), targets).backward()",
)


def _optimizer(block: Mapping[str, Any], learning_rate: float) -> str:
    """The call that makes the update rule."""
    name = block.get("name")
    if name is None:
        kind = str(block["class_path"]).replace(":", ".")
        return _call(kind, learning_rate, dict(block.get("init_args", {})))
    kind, known = TORCH[name]
    given = {RENAMED.get(key, key): _plain(block[key]) for key in known if block.get(key)}
    if name == "nesterov":
        given["nesterov"] = True
    return _call(f"torch.optim.{kind}", learning_rate, given)


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else value


def _call(kind: str, learning_rate: float, given: Mapping[str, Any]) -> str:
    told = [f"lr={learning_rate:.4g}", *(f"{key}={value!r}" for key, value in given.items())]
    return f"{kind}(model.parameters(), {', '.join(told)})"
