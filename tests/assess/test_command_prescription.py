"""A prescription in the words of the user's command."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from treatment_worlds import DEAD, GOOD, PLAIN, tried

from lrdoctor.assess.prescription import changes_of, snippet_of
from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.procedures.treatment import Treatment

CURED = {0.01: GOOD, 0.02: GOOD, 0.04: GOOD, 0.1: DEAD}
WARMUP = Treatment(warmup_steps=12)
PAIR = Treatment(warmup_steps=12, clip_norm=1.5)
ADAM = Treatment(optimizer='{"arguments":["--opt","adam"],"name":"adam"}')


def study(words: list[str], framework: str = "raw") -> Study:
    run = Run("lr=0.01", "steps.csv", {"train_loss": Curve.of([1.0])}, provenance={"framework": framework})
    return replace(PLAIN.study, runs=(run,), spec={"command": words})


@pytest.mark.parametrize(
    ("words", "framework", "treatment", "lines"),
    [
        (
            ["python", "train.py"],
            "raw",
            WARMUP,
            [
                "# the command:",
                "python train.py",
                "for group in optimizer.param_groups:  # right after the script makes it",
                '    group["lr"] = 0.01',
                "warmup = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, step / 12))",
                "warmup.step()  # after every optimizer.step(); the script's own schedule starts where the warmup ends",
            ],
        ),
        (
            ["python", "a b.py", "--lr", "{lr}", "--seed={seed}", "{dir}"],
            "raw",
            Treatment(clip_norm=1.5),
            [
                "# the command:",
                "python 'a b.py' --lr 0.01 --seed={seed} {dir}",
                "torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.5)  # before optimizer.step()",
            ],
        ),
        (
            ["python", "t.py", "{lr}", "{warmup_steps}", "{clip_norm}"],
            "raw",
            PAIR,
            ["# the command:", "python t.py 0.01 12 1.5"],
        ),
        (
            ["python", "t.py"],
            "hf",
            PAIR,
            [
                "# the command:",
                "python t.py",
                "# the Trainer of transformers:",
                "TrainingArguments(learning_rate=0.01, warmup_steps=12, max_grad_norm=1.5)",
            ],
        ),
        (
            ["python", "t.py", "--lr={lr}"],
            "nanogpt",
            PAIR,
            ["# the command:", "python t.py --lr=0.01 --warmup_iters=12 --grad_clip=1.5"],
        ),
        (
            ["python", "t.py"],
            "timm",
            PAIR,
            [
                "# the command:",
                "python t.py --lr 0.01 --clip-grad 1.5",
                "# the warmup, which timm counts in epochs: --sched-on-updates --warmup-lr 0 --warmup-epochs "
                "(12 updates / updates of an epoch, rounded up)",
            ],
        ),
        (
            ["accelerate", "launch", "t.py"],
            "accelerate",
            Treatment(clip_norm=1.5),
            [
                "# the command:",
                "accelerate launch t.py",
                "# Accelerate:",
                "accelerator.clip_grad_norm_(model.parameters(), 1.5)  # before optimizer.step()",
                "for group in optimizer.param_groups:  # right after the script makes it",
                '    group["lr"] = 0.01',
            ],
        ),
        (["python", "t.py", "{lr}"], "raw", ADAM, ["# the command:", "python t.py 0.01 --opt adam"]),
    ],
)
def test_what_the_command_has_no_field_for_is_told_in_code(
    words: list[str], framework: str, treatment: Treatment, lines: list[str]
) -> None:
    fix = replace(tried(CURED, treatment=treatment), base_learning_rate=0.01)
    assert snippet_of(fix, study(words, framework)).split("\n") == lines


@pytest.mark.parametrize(
    ("treatment", "keys"),
    [
        (PAIR, {"warmup_steps": 12, "clip_norm": 1.5}),
        (ADAM, {"warmup_steps": 0, "command": ["python", "t.py", "--opt", "adam"]}),
    ],
)
def test_the_keys_of_the_spec(treatment: Treatment, keys: dict[str, Any]) -> None:
    fix = tried(CURED, treatment=treatment)
    assert fix.after is not None
    after = replace(fix.after, study=replace(fix.after.study, spec={"command": ["python", "t.py"]}))
    changes = changes_of(replace(fix, after=after))
    changes.pop("sweep")
    assert {key: value for key, value in changes.items() if value not in (None, 0)} == {
        key: value for key, value in keys.items() if value != 0
    }
