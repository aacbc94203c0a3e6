"""Settings of a trial that fixes change, each described once.

Trials, treatments and the report's settings of a fix have these fields; the spec's keys of the same names are handed
to the trials; the names of runs, the words of reports and the code of a prescription are made of what stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from lrdoctor.core import plain
from lrdoctor.core.rewriting import Rewrite


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is to be known of a setting."""

    fix: str = ""
    """Name of the one fix that changes it; empty where several do."""
    tag: str
    """What it is called in the name of a run."""
    words: str = "{}"
    """How a table says it, with its value in the braces."""
    rounded: str = ""
    """Format of its value in a sentence."""
    exact: str = ""
    """Format of its value where it is to be typed off."""
    kind: str = ""
    """Settings of one kind take each other's place; empty for none such."""
    setup: Sequence[str] = ()
    """Lines of PyTorch before the training loop."""
    step: Callable[[Any], Sequence[str]] = lambda value: ()
    """Lines of PyTorch between the backward pass and the optimizer's step, for a value."""
    is_of_every_spec: bool = False
    """Whether specs of commands have the key too."""
    is_later: bool = True
    """Whether it came after the first saved studies: the keys of their trials hold where it is left out."""


def _of(setting: Setting) -> Mapping[str, Any]:
    """What the field of the setting is marked with; a report leaves it out where the fix does not have it."""
    return {**plain.LEFT_OUT, "setting": setting}


@dataclass(frozen=True, kw_only=True)
class Changes:
    """The settings; None leaves the training as it is, and in a fix what the spec has."""

    clip_norm: float | None = field(
        default=None,
        metadata=_of(
            Setting(
                fix="clip_gradients",
                tag="clip",
                words="norm {}",
                rounded=".4g",
                kind="clipping",
                step=lambda limit: (f"    torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm={limit})",),
                is_of_every_spec=True,
                is_later=False,
            )
        ),
    )
    """Gradients with a larger global L2 norm are scaled down to it."""
    autoclip_percentile: float | None = field(
        default=None,
        metadata=_of(
            Setting(
                fix="clip_gradients",
                tag="autoclip",
                words="AutoClip at percentile {}",
                rounded="g",
                exact="g",
                kind="clipping",
                setup=("norms = []",),
                step=lambda percentile: (
                    "    norm = torch.nn.utils.get_total_norm([p.grad for p in model.parameters() "
                    "if p.grad is not None])",
                    "    norms.append(norm)  # of every update so far, before clipping",
                    f"    limit = torch.quantile(torch.stack(norms), {percentile / 100:g})",
                    "    torch.nn.utils.clip_grads_with_norm_(model.parameters(), limit, norm)",
                ),
            )
        ),
    )
    """Gradients with a norm above this percentile of the norms of all updates so far are scaled down to it (AutoClip,
    Seetharaman et al. 2020, arXiv:2007.14469), in place of any clip_norm."""
    rewrite: Rewrite | None = field(default=None, metadata=_of(Setting(tag="rewrite", is_later=False)))
    """The change made to a copy of the model before training."""


SETTINGS: Mapping[str, Setting] = {of.name: of.metadata["setting"] for of in fields(Changes)}
"""By name: the field of a trial, the key of a spec."""


def given(changes: Changes) -> dict[str, Any]:
    """The settings that are not None, in their order.

    >>> given(Changes(clip_norm=2.0))
    {'clip_norm': 2.0}
    """
    return {name: value for name in SETTINGS if (value := getattr(changes, name)) is not None}


def replaced_by(names: Iterable[str]) -> list[str]:
    """The settings that these take the place of.

    >>> replaced_by(["autoclip_percentile"]), replaced_by(["rewrite"])
    (['clip_norm'], [])
    """
    chosen = set(names)
    kinds = {SETTINGS[name].kind for name in chosen if name in SETTINGS} - {""}
    return [name for name, setting in SETTINGS.items() if setting.kind in kinds and name not in chosen]


def told(changes: Changes, *, exact: bool = False) -> list[str]:
    """The settings with their values, as one says them or, exactly, as one types them.

    >>> told(Changes(clip_norm=2.30712)), told(Changes(clip_norm=2.30712), exact=True)
    (['clip_norm 2.307'], ['clip_norm 2.30712'])
    """
    form = {name: of.exact if exact else of.rounded for name, of in SETTINGS.items()}
    return [f"{name} {value:{form[name]}}" for name, value in given(changes).items()]
