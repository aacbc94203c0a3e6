"""A fix in the words of the trainer that was seen; what it says is run, or parsed as the trainer documents it."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping
from typing import Any

import pytest
import torch

from lrdoctor.core.curve import Curve
from lrdoctor.core.report import Finding, Fix
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.fixes import FIXES, recommend
from lrdoctor.fixes.trainers import TRAINERS, Numbers, in_pytorch, named, trainer_of

ALL = Numbers(rate=0.0123456, warmup_steps=77, clip_norm=1.0)


def run(source: str = "run.csv", **provenance: Any) -> Run:
    return Run("run", source, {"train_loss": Curve.of([1.0] * 30)}, provenance=provenance)


def words(trainer: str, numbers: Numbers) -> str:
    found = named(trainer)
    assert found is not None
    return "\n".join(found.lines(numbers))


@pytest.mark.parametrize(
    ("seen", "name"),
    [
        (run(framework="hf", format="csv"), "the Trainer of transformers"),
        (run(framework="raw", format="hf-trainer"), None),
        (run(format="hf-trainer"), "the Trainer of transformers"),
        (run(format="hf-console"), "the Trainer of transformers"),
        (
            run(format="wandb", columns={"loss": "train/loss", "step": "train/global_step"}),
            "the Trainer of transformers",
        ),
        (run(format="wandb", columns={"loss": "loss", "step": "trainer/global_step"}), "Lightning"),
        (run("lightning_logs/version_0/metrics.csv", format="csv"), "Lightning"),
        (run("my_lightning_logs.csv", format="csv"), None),
        (run(format="tensorboard", columns={"loss": "epoch_loss"}), "Keras"),
        (run(format="tensorboard", columns={"loss": "loss_metrics/global_avg_loss"}), "torchtitan"),
        (run(format="torchtitan"), "torchtitan"),
        (run(format="megatron"), "Megatron-LM"),
        (run(format="tensorboard", columns={"loss": "lm loss"}), "Megatron-LM"),
        (run(format="nanogpt"), "nanoGPT"),
        (run(format="modded-nanogpt"), None),
        (run(format="fairseq"), "fairseq"),
        (run(framework="timm"), "timm"),
        (run(format="csv", columns={"loss": "loss", "step": "step"}), None),
        (run(), None),
    ],
)
def test_the_trainer_is_told_by_the_recording_else_by_the_log(seen: Run, name: str | None) -> None:
    found = trainer_of(seen)
    assert (found.name if found else None) == name


@pytest.mark.parametrize("trainer", TRAINERS, ids=lambda each: each.name)
def test_a_trainer_says_every_number_that_it_has_a_setting_for(trainer: Any) -> None:
    told = "\n".join(line for line in trainer.lines(ALL) if not line.startswith("#"))
    shown = {"rate": "0.01235", "warmup_steps": "77", "clip_norm": "1.0"}
    assert {name for name, text in shown.items() if text in told} == shown.keys() - trainer.lacks
    if trainer.flags is not None:
        assert " ".join(trainer.flags(ALL)) == told


def parser(flags: Mapping[str, type]) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(allow_abbrev=False)
    for flag, kind in flags.items():
        made.add_argument(flag, type=kind, dest=flag)
    return made


TORCHTITAN = {"--optimizer.lr": float, "--lr_scheduler.warmup_steps": int, "--training.max_norm": float}
MEGATRON = {"--lr": float, "--lr-warmup-iters": int, "--clip-grad": float}
FAIRSEQ = {"--lr": float, "--warmup-updates": int, "--clip-norm": float}
TIMM = {"--lr": float, "--warmup-epochs": int, "--clip-grad": float}


@pytest.mark.parametrize(
    ("trainer", "flags"),
    [("torchtitan", TORCHTITAN), ("megatron", MEGATRON), ("fairseq", FAIRSEQ), ("timm", TIMM)],
)
def test_the_flags_are_those_that_the_trainer_documents(trainer: str, flags: Mapping[str, type]) -> None:
    given = vars(parser(flags).parse_args(shlex.split(words(trainer, ALL), comments=True)))
    rate, warmup, clip = flags
    assert given[rate] == 0.01235
    assert given[warmup] == (None if trainer == "timm" else 77)
    assert given[clip] == 1.0


def test_nanogpt_takes_a_value_of_the_type_that_the_setting_has() -> None:
    settings: dict[str, Any] = {"learning_rate": 6e-4, "warmup_iters": 2000, "grad_clip": 1.0, "min_lr": 6e-5}
    before = dict(settings)
    # as its configurator reads the command line
    for word in shlex.split(words("nanogpt", ALL)):
        key, value = word.removeprefix("--").split("=")
        literal = eval(value, {})
        assert type(literal) is type(settings[key])
        settings[key] = literal
    assert settings.keys() == before.keys()
    assert settings == {"learning_rate": 0.01235, "warmup_iters": 77, "grad_clip": 1.0, "min_lr": 0.001235}


def test_lines_of_pytorch_run() -> None:
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    model(torch.full((4, 2), 100.0)).sum().backward()
    names: dict[str, Any] = {"torch": torch, "model": model, "optimizer": optimizer}
    exec("\n".join(in_pytorch(ALL)).replace("warmup.step()", "optimizer.step(); warmup.step()"), names)
    # the first update of a ramp is at 0, and after one step at a 77th
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.01235 / 77)
    norm = torch.nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None])
    assert float(norm) == pytest.approx(1.0, rel=1e-4)


FOUND = (
    Finding(
        code="LRD201", name="early_rise", severity="error", instability="early", message="", observed=1.0,
        threshold=1.0, run="run", first_step=3,
    ),
)  # fmt: skip


def fixes_of(seen: Run) -> dict[str, Fix]:
    return {fix.name: fix for fix in recommend(Study(name="run", runs=(seen,)), FOUND)}


def test_a_log_of_a_trainer_gets_its_settings_and_keeps_the_lines_of_pytorch() -> None:
    rates = {"train_loss": Curve.of([1.0] * 100), "learning_rate": Curve.of([0.2] * 100)}
    seen = Run("run", "run.csv", rates, provenance={"format": "hf-trainer"})
    lower, warmup = fixes_of(seen)["lower_learning_rate"], fixes_of(seen)["warmup"]
    assert lower.trainer == warmup.trainer == "the Trainer of transformers"
    assert lower.trainer_snippet == "TrainingArguments(learning_rate=0.1)"
    assert warmup.trainer_snippet.startswith("TrainingArguments(learning_rate=0.2, warmup_steps=")
    assert "param_groups" in lower.snippet
    assert lower.code == f"# the Trainer of transformers:\n{lower.trainer_snippet}"


def test_without_a_known_trainer_or_a_number_the_lines_of_pytorch_stand() -> None:
    plain = fixes_of(run(format="csv"))
    assert plain
    assert all((fix.trainer, fix.trainer_snippet, fix.code) == ("", "", fix.snippet) for fix in plain.values())
    clip = fixes_of(run(format="hf-trainer"))["clip_gradients"]
    assert (clip.trainer, clip.trainer_snippet) == ("the Trainer of transformers", "")
    assert clip.code == clip.snippet


def test_every_fix_of_the_order_can_be_told_by_every_trainer() -> None:
    for trainer in TRAINERS:
        for remedy in FIXES:
            numbers = Numbers.of({"warmup_steps": [10, 100], "name": remedy.name})
            assert numbers.warmup_steps == 10
            assert all("None" not in line for line in trainer.lines(numbers))
