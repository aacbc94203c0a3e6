"""What a process has imported that another one could import before its script begins, and what that did."""

from __future__ import annotations

import json
import os
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOTS = frozenset(
    {
        "PIL", "accelerate", "datasets", "einops", "huggingface_hub", "hydra", "jsonargparse", "joblib", "keras",
        "lightning", "lightning_fabric", "lightning_utilities", "matplotlib", "numpy", "omegaconf", "pandas", "peft",
        "pyarrow", "pytorch_lightning", "safetensors", "scipy", "sentencepiece", "sklearn", "timm", "tokenizers",
        "torch", "torchaudio", "torchmetrics", "torchvision", "transformers", "trl",
    }
)  # fmt: skip
"""Packages that are imported ahead, with whatever they import themselves: those that trainings spend their start on,
and whose import depends on nothing that a script does before. The user's own modules are never among them."""


def imported() -> dict[str, str]:
    """Modules of these packages -> their files, in the order in which their imports began; of a package only what is
    installed with the interpreter, not a folder of that name beside the script."""
    homes = tuple({os.path.join(sysconfig.get_path(name), "") for name in ("purelib", "platlib")})
    homes += tuple(os.path.join(entry, "") for entry in installed_elsewhere())
    found = {}
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in ROOTS:
            origin = getattr(getattr(module, "__spec__", None), "origin", None)
            if isinstance(origin, str) and origin.startswith(homes) and os.path.exists(origin):
                found[name] = origin
    return found


def installed_elsewhere() -> list[str]:
    """Folders of PYTHONPATH, where clusters have their packages."""
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return [os.path.abspath(entry) for entry in given if entry]


def changed_environment() -> dict[str, str | None]:
    """Variables that this process has changed since it began -> their value now, None for a deleted one.

    Linux keeps the environment that a program was started with.
    """
    began = dict(
        entry.split("=", 1)
        for entry in Path("/proc/self/environ").read_bytes().decode("utf-8", "surrogateescape").split("\0")
        if "=" in entry
    )
    now = dict(os.environ)
    return {name: now.get(name) for name in began.keys() | now.keys() if began.get(name) != now.get(name)}


def written() -> dict[str, Any]:
    """What a recorded process tells, to be read by another one of the same Python."""
    return {
        "pid": os.getpid(),
        "modules": imported(),
        "environment": changed_environment(),
        "executable": sys.executable,
    }


def write(path: str) -> None:
    """Writes it as JSON, whole or not at all."""
    temporary = f"{path}.tmp"
    with open(temporary, "w", encoding="ascii") as file:
        json.dump(written(), file)
    os.replace(temporary, path)


def differing(told: Mapping[str, Any]) -> str | None:
    """What this process, prepared after what another one told, has otherwise than that one; None for nothing."""
    here = imported()
    for name, origin in told["modules"].items():
        if here.get(name) != origin:
            return f"module {name} comes from {here.get(name)}, not from {origin}"
    if changed_environment() != told["environment"]:
        return "the script changes environment variables, which what it imports may read"
    return None
