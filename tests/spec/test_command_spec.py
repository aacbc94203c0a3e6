# ruff: noqa: E501 - a table of messages reads best with one case a line
from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from lrdoctor.errors import SpecError
from lrdoctor.spec import CommandSpec, load_spec, other_optimizers, spec_from
from lrdoctor.spec.yaml_source import write

MINIMAL: dict[str, Any] = {"name": "study", "command": ["python", "train.py"], "max_train_steps": 100}


def load(folder: Path, *overrides: str, **changes: Any) -> CommandSpec:
    path = folder / "s.yaml"
    path.write_text(write(MINIMAL | changes), "utf-8")
    spec = load_spec(path, overrides)
    assert isinstance(spec, CommandSpec)
    return spec


def faults(folder: Path, **changes: Any) -> list[str]:
    with pytest.raises(SpecError) as refused:
        load(folder, **changes)
    return str(refused.value).replace(f"{folder}/", "").split("\n")


def test_defaults_are_filled_in(tmp_path: Path) -> None:
    assert load(tmp_path).resolved(tmp_path) == {
        "name": "study",
        "command": ["python", "train.py"],
        "working_directory": ".",
        "validation": None,
        "variants": {},
        "slots": {"gpus": 1, "per_gpu": 1},
        "timeout": None,
        "max_train_steps": 100,
        "warmup_steps": 0,
        "clip_norm": None,
        "seeds": [0, 1, 2],
        "stop_hopeless": True,
        "sweep": {"min": 1e-4, "max": 1.0, "points": 10},
        "probe": {"factor": 2.0, "steps": 500},
        "warmup": {"factor": 10.0, "steps": [10, 1000, 10000, 100000]},
        "clip": {"percentile": 90.0},
        "engine": {"name": "local", "address": None, "cluster": None, "jobs": None},
    }


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"command": "python train.py"}, '2:10: command: found "python train.py", expected a list'),
        ({"command": []}, "2:10: command: found [], expected the words of a command"),
        ({"command": ["python", 3]}, "4:3: command.1: found 3, expected text; put it in quotes"),
        ({"command": ["python", "--lr={rate}"]}, "4:3: command.1: found the field {rate}, expected one of {lr}, {seed}, {dir}, {steps}, {warmup_steps}, {clip_norm}; braces of your own are doubled"),
        ({"command": ["python", "{"]}, "4:3: command.1: found a single {, expected a field such as {lr}, or {{ for the brace"),
        ({"variants": ["adam"]}, '7:1: variants: found ["adam"], expected a mapping'),
        ({"variants": {"adam": []}}, "7:9: variants.adam: found [], expected the words of a command"),
        ({"variants": {"own": ["x"]}}, '7:3: variants: found the name "own", expected another one'),
        ({"variants": {"adam": ["{x}"]}}, "8:5: variants.adam.0: found the field {x}, expected one of {lr}, {seed}, {dir}, {steps}, {warmup_steps}, {clip_norm}; braces of your own are doubled"),
        ({"validation": "stderr"}, '6:13: validation: found "stderr", expected {log: FILE}, or stdout'),
        ({"validation": {"log": "x", "file": "x"}}, "8:3: validation.file: found an unknown key, expected one of log"),
        ({"validation": {"log": "{out}/x"}}, "7:8: validation.log: found the field {out}, expected one of {lr}, {seed}, {dir}, {steps}, {warmup_steps}, {clip_norm}; braces of your own are doubled"),
        ({"slots": {"gpus": -1}}, "7:9: slots.gpus: found -1, expected 0 or more"),
        ({"slots": {"per_gpu": 0}}, "7:12: slots.per_gpu: found 0, expected 1 or more"),
        ({"slots": {"gpus": 2, "per_gpu": 2}}, "8:12: slots.per_gpu: found 2 beside gpus: 2, expected 1: only trials of one GPU can share it"),
        ({"slots": {"gpu": 1}}, "7:3: slots.gpu: found an unknown key, did you mean `gpus`?"),
        ({"timeout": "soon"}, '6:10: timeout: found "soon", expected a duration such as 90s, 30m, 2h or 1d'),
        ({"timeout": 0}, "6:10: timeout: found 0, expected more than 0"),
        ({"working_directory": "gone"}, "6:20: working_directory: found no folder gone, expected one at that path from the spec's folder"),
        ({"model": "nets:Mlp"}, "6:1: model: found this key beside `command`, expected one or the other: a command builds what it trains itself"),
        ({"rewrite": "rezero"}, "6:1: rewrite: found this key beside `command`, expected one or the other: a command builds what it trains itself"),
        ({"time_out": 3}, "6:1: time_out: found an unknown key, did you mean `timeout`?"),
        ({"sweep": {"min": 1, "max": 0.1}}, "8:8: sweep.max: found max 0.1 with min 1.0, expected max above min"),
    ],
)  # fmt: skip
def test_a_fault_says_where_what_and_what_was_expected(tmp_path: Path, changes: dict[str, Any], line: str) -> None:
    assert faults(tmp_path, **changes) == [f"s.yaml:{line}"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("comand: [python, x.py]", "comand: found an unknown key, did you mean `command`?"),
        ("timeout: 3m", "timeout: found this key without `command`, which it belongs to"),
    ],
)
def test_keys_of_a_command_without_one(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(f"name: x\nmodel: a:b\ndata: a:b\noptimizer: sgd\nmax_train_steps: 3\n{text}\n")
    with pytest.raises(SpecError, match=f"{re.escape(said)}$"):
        load_spec(path)


@pytest.mark.parametrize(
    ("given", "seconds"), [(90, 90), ("90s", 90), ("1.5m", 90), ("30m", 1800), ("2h", 7200), ("1d", 86400), ("7", 7)]
)
def test_durations(tmp_path: Path, given: Any, seconds: float) -> None:
    assert load(tmp_path, timeout=given).timeout == seconds


def test_the_command_stays_what_it_is_wherever_the_spec_is_saved(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "out").mkdir()
    spec = load(tmp_path, working_directory="code", validation="stdout", timeout="1m")
    moved = tmp_path / "out" / "spec.yaml"
    moved.write_text(spec.to_yaml(tmp_path / "out"))
    again = load_spec(moved)
    assert isinstance(again, CommandSpec)
    assert again.runs_in == spec.runs_in == tmp_path / "code"
    assert again.identity() == spec.identity()
    assert again.workload() == spec.workload()


def test_a_trial_is_another_one_when_the_command_or_its_files_change(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text("a")
    first = load(tmp_path).identity()
    same = load(tmp_path, timeout="1h", slots={"gpus": 2}, variants={"adam": ["--adam"]}, seeds=[5]).identity()
    assert same == first
    script.write_text("b")
    assert load(tmp_path).identity() != first
    script.write_text("a")
    assert load(tmp_path, command=["python", "train.py", "--x"]).identity() != first
    assert load(tmp_path, validation="stdout").identity() != first


@pytest.mark.parametrize(
    ("words", "files"),
    [
        (["python", "train.py", "c.yaml", "data.bin", "gone.py"], {"file:train.py", "file:c.yaml"}),
        (["python", "--config=c.yaml"], {"file:c.yaml"}),
        (["torchrun", "-m", "pkg.mod"], {"file:mod.py"}),
        (["./train.sh"], {"file:train.sh"}),
    ],
)
def test_the_files_of_a_command(tmp_path: Path, words: list[str], files: set[str]) -> None:
    (tmp_path / "pkg").mkdir()
    for name in ("train.py", "c.yaml", "data.bin", "train.sh", "pkg/mod.py"):
        (tmp_path / name).write_text("x")
    assert {key for key in load(tmp_path, command=words).identity() if key.startswith("file:")} == files


def test_other_optimizers_are_the_variants(tmp_path: Path) -> None:
    assert other_optimizers(load(tmp_path)) == {}
    spec = load(tmp_path, variants={"adam": ["--opt", "adam"]})
    assert other_optimizers(spec) == {"adam": '{"arguments":["--opt","adam"],"name":"adam"}'}


def test_overrides_and_faults_of_plain_values(tmp_path: Path) -> None:
    assert spec_from(MINIMAL, tmp_path, "the command line", ["max_train_steps=7"]).max_train_steps == 7
    with pytest.raises(SpecError, match=r"^the command line: command\.0: found the field \{x\}"):
        spec_from({**MINIMAL, "command": ["{x}"]}, tmp_path, "the command line")
