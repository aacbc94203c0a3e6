"""Update rules to try in place of the spec's own."""

from __future__ import annotations

from lrdoctor.core.trial import canonical_json
from lrdoctor.core.update_rules import is_scale_free
from lrdoctor.spec.base import Spec
from lrdoctor.spec.blocks import Adam, Component, Momentum
from lrdoctor.spec.command import CommandSpec
from lrdoctor.spec.model import ModelSpec


def other_optimizers(spec: Spec) -> dict[str, str]:
    """Name -> block as canonical JSON of the rules of another kind, with the spec's weight decay.

    Adam for what averages gradients, Momentum for what rescales them (tuning playbook: Adam sometimes handles what
    Momentum cannot), both for plain SGD. Of a command those that its spec names.
    """
    if isinstance(spec, CommandSpec):
        return spec.variant_texts()
    assert isinstance(spec, ModelSpec)
    own = spec.optimizer
    name = own.class_path if isinstance(own, Component) else own.name
    decay = own.init_args.get("weight_decay", 0.0) if isinstance(own, Component) else own.weight_decay
    known = {
        "momentum": Momentum(name="momentum", weight_decay=decay),
        "adam": Adam(name="adam", weight_decay=decay),
    }
    return {other: canonical_json(known[other].model_dump(mode="json")) for other in _wanted(name)}


def _wanted(name: str) -> tuple[str, ...]:
    if is_scale_free(name):
        return ("momentum",)
    return ("momentum", "adam") if name == "sgd" else ("adam",)
