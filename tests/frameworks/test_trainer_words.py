"""What a fix says in the words of a framework, run by that framework."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

from lrdoctor.fixes.trainers import Numbers, named

ALL = Numbers(rate=0.25, warmup_steps=4, clip_norm=1.5, rule="SGD")

HF = """
from transformers import TrainingArguments
given = {snippet}
print(given.learning_rate, given.warmup_steps, given.max_grad_norm)
"""

LIGHTNING = """
import torch
from lightning import LightningModule, Trainer
clipped = {first}
{indented}
class Module(LightningModule):
    def __init__(self):
        super().__init__(); self.layer = torch.nn.Linear(2, 1)
Module.configure_optimizers = configure_optimizers
made = Module().configure_optimizers()
rates = []
for _ in range(6):
    rates.append(made["optimizer"].param_groups[0]["lr"])
    made["optimizer"].step(); made["lr_scheduler"]["scheduler"].step()
print(*rates, clipped.gradient_clip_val, clipped.gradient_clip_algorithm or "norm")
"""

KERAS = """
import keras
{snippet}
print(*[round(float(optimizer._learning_rate(step)), 6) for step in range(6)], optimizer.global_clipnorm)
"""


def ran(script: str) -> list[str]:
    env = {**os.environ, "KERAS_BACKEND": "torch", "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        capture_output=True, text=True, timeout=180, check=False, env=env,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[-2].split()


def lines(trainer: str) -> list[str]:
    found = named(trainer)
    assert found is not None
    return list(found.lines(ALL))


@pytest.mark.skipif(find_spec("transformers") is None, reason="needs transformers")
@pytest.mark.skipif(find_spec("accelerate") is None, reason="TrainingArguments needs accelerate")
def test_hf() -> None:
    (line,) = lines("hf")
    assert ran(HF.format(snippet=line)) == ["0.25", "4", "1.5"]


@pytest.mark.skipif(find_spec("lightning") is None, reason="needs lightning")
def test_lightning() -> None:
    first, *rest = lines("lightning")
    told = ran(LIGHTNING.format(first=first, indented="\n".join(rest)))
    assert told == ["0.0", "0.0625", "0.125", "0.1875", "0.25", "0.25", "1.5", "norm"]


@pytest.mark.skipif(find_spec("keras") is None, reason="needs keras")
def test_keras() -> None:
    told = ran(KERAS.format(snippet="\n".join(lines("keras"))))
    assert told == ["0.0", "0.0625", "0.125", "0.1875", "0.25", "0.25", "1.5"]
