"""Hugging Face's and timm's models, made small from their configs: without a network, without anybody's weights."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lrdoctor.architecture import look
from lrdoctor.architecture.recorder import tensors
from lrdoctor.core.architecture import Architecture

# before either library is imported, which read it once
os.environ["HF_HUB_OFFLINE"] = "1"

_TORCHVISION = torch.library.Library("torchvision", "FRAGMENT")
"""Kept, as what it defines goes with it."""


def _define_nms() -> None:
    """Lets torchvision be imported beside a torch that its compiled part was not built for.

    timm and transformers import torchvision, which describes its operators nms and qnms to torch in any case, also
    where the compiled part that defines them could not be loaded, as that of the default wheel, for CUDA, beside
    torch's build for the CPU: "operator torchvision::nms does not exist". None of the models calls them.
    """
    spec = importlib.util.find_spec("torchvision")
    assert spec is not None
    assert spec.origin is not None
    try:
        for library in Path(spec.origin).parent.glob("_C.*"):
            torch.ops.load_library(library)
    except OSError:
        _TORCHVISION.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _TORCHVISION.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


_define_nms()

import timm  # noqa: E402  (needs the operators)
import transformers  # noqa: E402


def hf(name: str, **config: Any) -> nn.Module:
    """The class of transformers with a fresh config of these settings."""
    made = getattr(transformers, name)
    return made(made.config_class(**config))


def from_timm(name: str, **settings: Any) -> nn.Module:
    return timm.create_model(name, num_classes=10, **settings)


def loss_of(model: nn.Module, batch: Any) -> Tensor:
    """The model's own loss where it has one, else the mean square of the first numbers that it returns."""
    out = model(**batch) if isinstance(batch, dict) else model(batch)
    if getattr(out, "loss", None) is not None:
        return out.loss
    return next(t for t in tensors(out) if t.is_floating_point()).pow(2).mean()


def ids() -> dict[str, Tensor]:
    return {"input_ids": torch.randint(3, 50, (2, 8))}


def words() -> dict[str, Tensor]:
    """Two sentences, for a language model that computes its own loss."""
    return {**ids(), "labels": torch.randint(3, 50, (2, 8))}


def pictures(size: int = 32, n: int = 4) -> Tensor:
    return torch.randn(n, 3, size, size)


def large() -> Tensor:
    return pictures(64)


def pixels() -> dict[str, Tensor]:
    return {"pixel_values": pictures()}


def published(make: Callable[[], nn.Module], batch: Callable[[], Any], seed: int = 0) -> Architecture:
    """What a fresh model of the seed shows."""
    torch.manual_seed(seed)
    return look(make(), batch(), loss_of)


@dataclass(frozen=True)
class Row:
    """One model, and what its source says of it.

    Every residual add of the source counts that runs for the batch, one with a projected, pooled or narrowed skip too.
    A sum with something that does not depend on the batch, as learned latents are, is none.
    """

    name: str
    """A class of transformers, or a model of timm's."""
    settings: dict[str, Any]
    """What makes it small."""
    expected: tuple[int, int, int]
    """Residual adds, those with Norm(x + f(x)), and branches without a norm last."""
    batch: Callable[[], Any] = words
    why: str = ""
    found: tuple[int, int, int] | None = None
    """What is found instead, where what the source says is known not to be seen."""

    def make(self) -> nn.Module:
        return hf(self.name, **self.settings) if self.name[0].isupper() else from_timm(self.name, **self.settings)

    def look(self) -> Architecture:
        return published(self.make, self.batch)
