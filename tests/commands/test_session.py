from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lrdoctor.commands.limits import limits
from lrdoctor.commands.session import CommandSession
from lrdoctor.core.rewriting import Possible
from lrdoctor.core.trial import Trial
from lrdoctor.errors import LrdoctorError, WorkloadError

TRIAL = Trial(
    base_learning_rate=0.3,
    seed=2,
    max_train_steps=40,
    eval_every=40,
    optimizer='{"arguments":[],"name":"own"}',
    warmup_steps=10,
    clip_norm=1.5,
)
RECORDED: dict[str, Any] = {
    "framework": "raw",
    "clipping": [],
    "world_size": 1,
    "notes": [],
    "optimizers": [{"name": "SGD", "learning_rate": 0.1, "reference_learning_rate": 0.1}],
}


def context(*words: str, folder: Path = Path(), **others: Any) -> dict[str, Any]:
    fixed: dict[str, Any] = {
        "validation": None,
        "slots": {"gpus": 1, "per_gpu": 1},
        "timeout": None,
        "max_train_steps": 40,
        "variants": [],
    }
    return {"command": list(words), "runs_in": str(folder), **fixed, **others}


@pytest.mark.parametrize(
    ("words", "trial", "filled", "steered"),
    [
        (
            ["train"],
            TRIAL,
            ["train"],
            {"learning_rate": 0.3, "warmup_steps": 10, "clip_norm": 1.5, "seed": 2, "unseeded": 2, "max_updates": 50},
        ),
        (["train", "{lr}"], TRIAL, ["train", "0.3"], {"learning_rate": None, "seed": 2}),
        (["train", "{seed}"], TRIAL, ["train", "2"], {"seed": None, "unseeded": 2, "learning_rate": 0.3}),
        (["train", "{warmup_steps}"], TRIAL, ["train", "10"], {"warmup_steps": 0}),
        (["train", "{clip_norm}"], TRIAL, ["train", "1.5"], {"clip_norm": None}),
        # room to evaluate after the last update, and an end where the script goes on
        (["train", "{steps}"], TRIAL, ["train", "50"], {"max_updates": 51}),
        # the first part of a longer schedule, which a script of that length does not end by itself
        (["train", "{steps}"], replace(TRIAL, stop_after=20), ["train", "50"], {"max_updates": 20}),
        (["train"], replace(TRIAL, post_warmup_steps=5), ["train"], {"post_warmup_constant": True, "max_updates": 15}),
        (["train"], replace(TRIAL, optimizer='{"arguments":["--opt","adam"],"name":"adam"}'),
         ["train", "--opt", "adam"], {"learning_rate": 0.3}),
        (["train"], replace(TRIAL, control=True, base_learning_rate=0.0, warmup_steps=0), ["train"],
         {"learning_rate": 0.0, "stop_non_finite": False}),
    ],
)  # fmt: skip
def test_what_has_no_field_is_steered_by_the_recording(
    tmp_path: Path, words: list[str], trial: Trial, filled: list[str], steered: dict[str, Any]
) -> None:
    order = CommandSession(context(*words), 0).order(trial, tmp_path, trial.n_steps)
    assert order.words == filled
    assert {name: getattr(order.recording, name) for name in steered} == steered


def test_the_folder_of_a_trial_is_there_and_empty(tmp_path: Path) -> None:
    order = CommandSession(context("train", "{dir}"), 0).order(TRIAL, tmp_path, 40)
    assert list(Path(order.words[1]).iterdir()) == []


@pytest.mark.parametrize(
    ("visible", "gpus", "per_gpu", "n_slots", "seen"),
    [
        ("0,1,2,3", 1, 1, 4, ["0", "1", "2", "3", "0"]),
        ("4,5,6", 2, 1, 1, ["4,5", "4,5", "4,5", "4,5", "4,5"]),
        ("0", 1, 3, 3, ["0"] * 5),
        ("0,1", 1, 2, 4, ["0", "1", "0", "1", "0"]),
        ("0,1", 0, 1, 0, ["0,1"] * 5),
        ("", 1, 4, 0, [""] * 5),
    ],
)
def test_each_worker_has_gpus_of_its_own(
    monkeypatch: pytest.MonkeyPatch, visible: str, gpus: int, per_gpu: int, n_slots: int, seen: list[str]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    sessions = [
        CommandSession(context("train", slots={"gpus": gpus, "per_gpu": per_gpu}), worker) for worker in range(5)
    ]
    assert sessions[0].describe()["devices"] == n_slots
    assert [session.environment()["CUDA_VISIBLE_DEVICES"] for session in sessions] == seen


NOAM = """
import torch
m = torch.nn.Linear(4, 1)
o = torch.optim.Adam(m.parameters(), lr=0)
for k in range(60):
    o.param_groups[0]["lr"] = 0.01 * min(1, (k + 1) / 20)
    m(torch.ones(1, 4)).square().sum().backward()
    o.step()
"""


def test_a_script_whose_optimizer_is_made_with_no_rate_is_held_against_its_highest_one(tmp_path: Path) -> None:
    (tmp_path / "s.py").write_text(NOAM)
    session = CommandSession(context(sys.executable, "s.py", folder=tmp_path), 0)
    trial = replace(TRIAL, max_train_steps=40, eval_every=40, warmup_steps=0, clip_norm=None)

    def train(trial: Trial, **told: float) -> tuple[dict[str, Any], list[float]]:
        rows: list[Any] = []
        ended = session.train(trial, {"folder": str(tmp_path / "own"), **told}, rows.extend, lambda: False)
        return ended["facts"], [row[1] for row in rows]

    facts, rates = train(replace(trial, control=True, base_learning_rate=0.0))
    assert (facts["own_learning_rate"], set(rates)) == (0.01, {0.0})
    facts, rates = train(trial, own_learning_rate=facts["own_learning_rate"])
    assert "own_learning_rate" not in facts
    assert (len(rates), max(rates), rates[0]) == (40, pytest.approx(0.3), pytest.approx(0.015))
    with pytest.raises(WorkloadError, match="made with a learning rate of 0"):
        train(trial)
    lines = session.check(trial, lambda: False)["notes"]
    assert any(line.endswith("Adam with learning rates that the script sets at every update") for line in lines)


@pytest.mark.parametrize(("chosen", "seen"), [(None, "0"), ("random", "random"), ("5", "5")])
def test_sets_have_the_same_order_in_every_trial(
    monkeypatch: pytest.MonkeyPatch, chosen: str | None, seen: str
) -> None:
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    if chosen is not None:
        monkeypatch.setenv("PYTHONHASHSEED", chosen)
    assert CommandSession(context("train"), 0).environment()["PYTHONHASHSEED"] == seen


def test_more_gpus_than_there_are_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    with pytest.raises(WorkloadError, match=r"^slots.gpus: found 2, expected at most 1"):
        CommandSession(context("train", slots={"gpus": 2, "per_gpu": 1}), 0)


@pytest.mark.parametrize(
    ("words", "script", "message"),
    [
        (["no-such-program"], "", "command: 'no-such-program' cannot be started in"),
        ([sys.executable, "-I", "s.py"], "", "with -I Python runs nothing but the script"),
        (["sh", "-c", "echo hello"], "", "no Python process of it could be reached (it runs no Python, or one that "
         "reads no PYTHONPATH); exit code 0, the last it printed: hello"),
        ([sys.executable, "s.py"], "raise SystemExit('no data')",
         "it ended before the first update of an optimizer of torch or Keras (weights that a script changes by itself "
         "are not seen); exit code 1, the last it printed: no da"),
    ],
)  # fmt: skip
def test_a_command_that_does_not_train_is_told_at_once(
    tmp_path: Path, words: list[str], script: str, message: str
) -> None:
    (tmp_path / "s.py").write_text(script)
    with pytest.raises(LrdoctorError, match=re.escape(message)):
        CommandSession(context(*words, folder=tmp_path), 0).check(TRIAL, lambda: False)


def test_a_command_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    (tmp_path / "s.py").write_text("import time\nprint('waiting', flush=True)\ntime.sleep(600)\n")
    session = CommandSession(context(sys.executable, "s.py", folder=tmp_path, timeout=1.0), 0)
    ended = session.train(TRIAL, {"folder": str(tmp_path / "own")}, lambda rows: None, lambda: False)
    assert (ended["status"], ended["reason"]) == ("failed", "the command timed out after 1 s, at update 0 of 50")
    assert sorted(path.name for path in (tmp_path / "own").iterdir()) == ["stderr.txt", "stdout.txt"]


ENDLESS = """\
import torch

weight = torch.nn.Parameter(torch.zeros(1))
optimizer = torch.optim.SGD([weight], lr=0.1)
for n in range(1_000_000):
    optimizer.zero_grad()
    loss = (weight * 0).sum() + (1.0 if n == 0 else 10.0)
    loss.backward()
    optimizer.step()
    print(f"step {n + 1} val_loss {n + 1}.5")
"""
"""Is hopeless from its second update on, evaluates after every one, and ends by itself long after anybody looks."""


@pytest.mark.parametrize(
    ("words", "status", "n_rows", "evaluated"),
    [
        # it goes on for as long as nobody has noticed: what it evaluated at its last row or later is left to chance
        ([], "truncated", 51, {n: n + 0.5 for n in range(1, 50)}),
        # it knows its length: the evaluation after the last update counts, and none after it
        (["{steps}"], "completed", 30, {**{n: n + 0.5 for n in range(1, 29)}, 29: 30.5}),
    ],
)
def test_what_a_run_evaluates_after_its_end_does_not_count(
    tmp_path: Path, words: list[str], status: str, n_rows: int, evaluated: dict[int, float]
) -> None:
    (tmp_path / "s.py").write_text(ENDLESS)
    told = context(sys.executable, "s.py", *words, folder=tmp_path, validation={"log": "stdout"})
    trial = replace(TRIAL, warmup_steps=0, clip_norm=None, max_train_steps=30 if words else 100)
    rows: list[Any] = []
    ended = CommandSession(told, 0).train(trial, {"folder": str(tmp_path / "own")}, rows.extend, lambda: False)
    assert (ended["status"], len(rows)) == (status, n_rows)
    assert ended["evaluations"] == evaluated


@pytest.mark.parametrize(
    ("validation", "devices", "is_refused"),
    [
        (None, 0, False),
        ({"log": "stdout"}, 0, False),
        ({"log": "{dir}/m.csv"}, 0, False),
        ({"log": "m.csv"}, 1, True),
        ({"log": "{seed}.csv"}, 1, True),
    ],
)
def test_trials_that_write_one_log_run_one_at_a_time(
    monkeypatch: pytest.MonkeyPatch, validation: Any, devices: int, is_refused: bool
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert CommandSession(context("train", validation=validation), 0).describe()["devices"] == devices
    if is_refused:
        with pytest.raises(
            WorkloadError, match=r"^validation.log: found .*csv, which .* expected a file in .dir., or --jobs 1"
        ):
            CommandSession(context("train", validation=validation), 1)
    else:
        CommandSession(context("train", validation=validation), 1)


def test_the_model_of_a_command_is_not_looked_at() -> None:
    session = CommandSession(context("train"), 0)
    possible = session.run({"kind": "possible", "seed": 0}, lambda value: None, lambda: False)
    assert isinstance(possible, Possible)
    assert (possible.model, possible.failure.partition(",")[0]) == (None, "a command builds its model itself")


def test_what_cannot_be_done_from_outside_is_refused() -> None:
    payload = {"kind": "trial", "trial": {**vars(TRIAL), "rewrite": "rezero"}}
    with pytest.raises(WorkloadError, match="rewrite: cannot be done to a command"):
        CommandSession(context("train"), 0).run(payload, lambda value: None, lambda: False)


@pytest.mark.parametrize(
    ("words", "others", "line"),
    [
        ([], {}, "validation loss     none known but what the script passes to lrdoctor.log"),
        ([], {"validation": {"log": "{dir}/m.csv"}}, "validation loss     read from {dir}/m.csv"),
        ([], {"validation": {"log": "stdout"}}, "validation loss     read from what it prints"),
        ([], {}, "update rules        only the command's own, so change_optimizer is not tried"),
        ([], {"variants": ["adam", "lion"]}, "update rules        the command's own, and adam, lion"),
        ([], {}, "learning rate       scaled at the optimizer"),
        (["{lr}"], {}, "learning rate       the command's {lr}"),
        ([], {}, "length              ended at update 40"),
        (["{steps}"], {}, "length              the command's {steps}"),
        ([], {}, "files               the command names no {dir}"),
        ([], {}, "architecture        a command's model is not looked at"),
        ([], {}, "training            a loop of its own, SGD with a learning rate of 0.1"),
    ],
)
def test_what_a_command_cannot_do_is_said_before_it_runs(words: list[str], others: dict[str, Any], line: str) -> None:
    lines = limits(context("train", *words, **others), RECORDED)
    assert [one for one in lines if one.startswith(line)]
