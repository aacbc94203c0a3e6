"""A prescription in the words of the user's command."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from treatment_studies import DEAD, GOOD, PLAIN, tried

from lrdoctor.assess.command_prescription import FACTOR
from lrdoctor.assess.prescription import changes_of, snippet_of
from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.core.trial import Trial
from lrdoctor.fixes.trainers import Numbers, in_pytorch
from lrdoctor.procedures.treatment import Treatment

CURED = {0.01: GOOD, 0.02: GOOD, 0.04: GOOD, 0.1: DEAD}
WARMUP = Treatment(warmup_steps=12)
PAIR = Treatment(warmup_steps=12, clip_norm=1.5)
ADAM = Treatment(optimizer='{"arguments":["--opt","adam"],"name":"adam"}')


def study(words: list[str], framework: str = "raw") -> Study:
    run = Run("lr=0.01", "steps.csv", {"train_loss": Curve.of([1.0])}, provenance={"framework": framework})
    return replace(PLAIN.study, runs=(run,), spec={"command": words})


def with_trial(known: Study, rates: list[float]) -> Study:
    """With one run that is a trial of these rates, whose flag is known."""
    run = known.runs[0]
    trial = Trial(
        base_learning_rate=0.01, max_train_steps=len(rates), seed=0, optimizer="{}", eval_every=1, procedure="sweep"
    )
    curves = {"train_loss": Curve.of([1.0] * len(rates)), "learning_rate": Curve.of(rates)}
    run = replace(run, trial=trial, curves=curves, provenance={**run.provenance, "rate_flag": "--lr"})
    return replace(known, runs=(run,))


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
                "warmup.step()  # after every optimizer.step()",
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
    fix = tried(CURED, treatment=treatment)
    assert snippet_of(fix, 0.01, study(words, framework)).split("\n") == lines


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["python", "t.py"], "python t.py --lr 0.01"),
        (["python", "t.py", "--lr", "0.5", "-v"], "python t.py --lr 0.01 -v"),
        (["python", "t.py", "--lr=0.5"], "python t.py --lr=0.01"),
    ],
)
def test_the_rate_is_given_by_the_flag_of_the_script(words: list[str], line: str) -> None:
    fix = tried(CURED, treatment=Treatment(clip_norm=1.5))
    clip = "torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.5)  # before optimizer.step()"
    known = with_trial(study(words), [0.01, 0.01, 0.01])
    assert snippet_of(fix, 0.01, known).split("\n") == ["# the command:", line, clip]


@pytest.mark.parametrize(
    ("framework", "lines"),
    [
        (
            "raw",
            [
                'rates = [group["lr"] for group in optimizer.param_groups]  # of the script\'s schedule',
                "for group in optimizer.param_groups:  # before every optimizer.step(); step counts updates from 0",
                '    group["lr"] *= min(1.0, step / 12)',
                "for group, rate in zip(optimizer.param_groups, rates):  # right after optimizer.step()",
                '    group["lr"] = rate',
            ],
        ),
        ("hf", ["# the Trainer of transformers:", "TrainingArguments(warmup_steps=12)"]),
    ],
)
def test_a_warmup_where_the_script_has_a_schedule(framework: str, lines: list[str]) -> None:
    fix = tried(CURED, treatment=WARMUP)
    own = with_trial(study(["python", "t.py", "--lr", "0.5"], framework), [0.01, 0.008, 0.004])
    assert snippet_of(fix, 0.01, own).split("\n") == ["# the command:", "python t.py --lr 0.01", *lines, f"# {FACTOR}"]


def test_the_lines_for_a_schedule_are_a_factor_on_it() -> None:
    """Run beside a cosine that PyTorch makes by itself, and one that sets rates from a closed form."""
    for kind in (torch.optim.lr_scheduler.CosineAnnealingLR, Closed):
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        alone = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        schedule, bare = kind(optimizer, 8), kind(alone, 8)
        lines = list(in_pytorch(Numbers(warmup_steps=4), has_schedule=True))
        for step in range(8):
            known: dict[str, Any] = {"optimizer": optimizer, "step": step}
            exec("\n".join(lines[:3]), known)
            assert optimizer.param_groups[0]["lr"] == pytest.approx(alone.param_groups[0]["lr"] * min(1, step / 4))
            optimizer.step()
            exec("\n".join(lines[3:]), known)
            alone.step()
            schedule.step()
            bare.step()


class Closed(torch.optim.lr_scheduler.LambdaLR):
    """A schedule that gives every rate from the first one."""

    def __init__(self, optimizer: torch.optim.Optimizer, n_steps: int) -> None:
        super().__init__(optimizer, lambda step: 1 - step / n_steps)


@pytest.mark.parametrize(
    ("treatment", "keys"),
    [
        (PAIR, {"warmup_steps": 12, "clip_norm": 1.5}),
        (ADAM, {"warmup_steps": 0, "command": ["python", "t.py", "--opt", "adam"]}),
    ],
)
def test_the_keys_of_the_spec(treatment: Treatment, keys: dict[str, Any]) -> None:
    fix = tried(CURED, treatment=treatment)
    after = replace(fix.after, study=replace(fix.after.study, spec={"command": ["python", "t.py"]}))
    changes = changes_of(replace(fix, after=after))
    changes.pop("sweep")
    assert {key: value for key, value in changes.items() if value not in (None, 0)} == {
        key: value for key, value in keys.items() if value != 0
    }
