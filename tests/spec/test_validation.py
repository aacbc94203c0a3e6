# ruff: noqa: E501 - a table of messages reads best with one case a line
from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from spec_files import faults


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"name": 3}, '1:7: name: found 3, expected text; put it in quotes'),
        ({"name": ""}, '1:7: name: found "", expected some text'),
        ({"model": 3}, "2:8: model: found 3, expected a class path or {class_path, init_args}"),
        ({"model": "nets"}, '2:8: model: found "nets", expected module:attr, module.attr or ./file.py:attr'),
        ({"model": "./no.py:f"}, "2:8: model: found no file ./no.py, expected one at that path from the spec's folder"),
        ({"model": {}}, "2:1: model.class_path: found nothing, expected this key: it has no default"),
        ({"model": {"class_path": "a:b", "init_args": [1]}}, "5:3: model.init_args: found [1], expected a mapping"),
        ({"model": {"class_path": "a:b", "init_args": {"x": math.nan}}}, "5:8: model.init_args.x: found nan, expected a finite number"),
        ({"loss": {"class_path": "a:b", "init_arg": {}}}, "8:3: loss.init_arg: found an unknown key, did you mean `init_args`?"),
        ({"step": "loss_of"}, '6:7: step: found "loss_of", expected module:attr, module.attr or ./file.py:attr'),
        ({"optimizer": 3}, "4:12: optimizer: found 3, expected a name, a class path or a mapping"),
        ({"optimizer": "adm"}, '4:12: optimizer: found "adm", expected one of sgd, momentum, nesterov, rmsprop, adam, nadam, adamw, a class_path'),
        ({"optimizer": {"name": 1}}, "5:9: optimizer.name: found 1, expected one of sgd, momentum, nesterov, rmsprop, adam, nadam, adamw, a class_path"),
        ({"optimizer": {"betas": [1]}}, "5:3: optimizer: found neither `name` nor `class_path`, expected one of them"),
        ({"optimizer": {"name": "sgd", "class_path": "a:b"}}, "5:3: optimizer: found both `name` and `class_path`, expected one of them"),
        ({"optimizer": {"name": "sgd", "momentum": 0.9}}, "6:3: optimizer.momentum: found an unknown key, expected one of name, weight_decay"),
        ({"optimizer": {"name": "adam", "beta": 0.9}}, "6:3: optimizer.beta: found an unknown key, did you mean `betas`?"),
        ({"optimizer": {"name": "adam", "betas": [0.9]}}, "7:3: optimizer.betas: found [0.9], expected two numbers, such as [0.9, 0.999]"),
        ({"optimizer": {"name": "adam", "betas": [0.9, 1]}}, "8:5: optimizer.betas.1: found 1, expected less than 1"),
        ({"optimizer": {"name": "adam", "eps": 0}}, "6:8: optimizer.eps: found 0, expected more than 0"),
        ({"optimizer": {"name": "adam", "lr": 0.1}}, "6:3: optimizer.lr: found 0.1, expected no learning rate here: the sweep sets it"),
        ({"optimizer": {"class_path": "a:b", "init_args": {"learning_rate": 1}}}, "7:5: optimizer.init_args.learning_rate: found 1, expected no learning rate here: the sweep sets it"),
        ({"schedule": "step"}, '6:11: schedule: found "step", expected one of constant, cosine, linear, a class_path'),
        ({"schedule": {"name": "cosine", "steps": 3}}, "8:3: schedule.steps: found an unknown key, expected one of name"),
        ({"max_train_steps": "1000"}, '5:18: max_train_steps: found "1000", expected a whole number'),
        ({"max_train_steps": 0}, "5:18: max_train_steps: found 0, expected 1 or more"),
        ({"max_train_steps": 1.5}, "5:18: max_train_steps: found 1.5, expected a whole number"),
        ({"max_train_steps": 1e300}, "5:18: max_train_steps: found 1e+300, expected a whole number"),
        ({"max_train_steps": True}, "5:18: max_train_steps: found true, expected a whole number"),
        ({"warmup_steps": -1}, "6:15: warmup_steps: found -1, expected 0 or more"),
        ({"warmup_steps": 1.5}, "6:15: warmup_steps: found 1.5, expected a whole number"),
        ({"warmup_steps": [10]}, "7:1: warmup_steps: found [10], expected a whole number"),
        ({"warmup_step": 10}, "6:1: warmup_step: found an unknown key, did you mean `warmup_steps`?"),
        ({"clip_norm": 0}, "6:12: clip_norm: found 0, expected more than 0"),
        ({"clip_norm": "1"}, '6:12: clip_norm: found "1", expected a number'),
        ({"clip_norm": math.inf}, "6:12: clip_norm: found inf, expected a finite number"),
        ({"autoclip_percentile": 0}, "6:22: autoclip_percentile: found 0, expected more than 0"),
        ({"autoclip_percentile": 100}, "6:22: autoclip_percentile: found 100, expected less than 100"),
        ({"clip_norm": 1.5, "autoclip_percentile": 10}, "7:22: autoclip_percentile: found 10 beside clip_norm: 1.5, expected one of the two: leave the other out"),
        ({"autoclip_percentile": 10, "clip_norm": 1.5}, "6:22: autoclip_percentile: found 10 beside clip_norm: 1.5, expected one of the two: leave the other out"),
        ({"rewrite": "rezer"}, "6:10: rewrite: found \"rezer\", expected one of zero_init, rezero, move_norm or add_norm"),
        ({"rewrite": ["rezero"]}, "7:1: rewrite: found [\"rezero\"], expected one of zero_init, rezero, move_norm or add_norm"),
        ({"eval_every": None}, "6:13: eval_every: found null, expected a whole number"),
        ({"engine": 3}, "6:9: engine: found 3, expected a name or a mapping"),
        ({"engine": "ray"}, '6:9: engine: found "ray", expected one of local or dask'),
        ({"engine": {"name": "ray"}}, '7:9: engine.name: found "ray", expected one of local or dask'),
        ({"engine": {"name": "dask", "adress": "tcp://a:1"}}, "8:3: engine.adress: found an unknown key, did you mean `address`?"),
        ({"engine": {"name": "dask", "address": ""}}, '8:12: engine.address: found "", expected some text'),
        ({"engine": {"name": "dask", "address": 3}}, "8:12: engine.address: found 3, expected text; put it in quotes"),
        ({"engine": {"name": "dask", "jobs": 0}}, "8:9: engine.jobs: found 0, expected 1 or more"),
        ({"engine": {"address": "tcp://a:1"}}, '7:12: engine.address: found "tcp://a:1" with the engine local, expected name: dask beside it'),
        ({"engine": {"cluster": "m.Slurm", "name": "local"}}, '7:12: engine.cluster: found "m.Slurm" with the engine local, expected name: dask beside it'),
        ({"engine": {"name": "dask", "cluster": "m.Slurm", "address": "tcp://a:1"}}, '8:12: engine.cluster: found "m.Slurm" beside address, expected one of the two: a cluster to start, or one that runs already'),
        ({"engine": {"name": "dask", "cluster": "./data.py:Own"}}, '8:12: engine.cluster: found "./data.py:Own", expected a class of an installed module'),
        ({"engine": {"name": "dask", "cluster": {"class_path": "m.Slurm", "init_arg": {}}}}, "10:5: engine.cluster.init_arg: found an unknown key, did you mean `init_args`?"),
        ({"seeds": 3}, "6:8: seeds: found 3, expected a list"),
        ({"seeds": []}, "6:8: seeds: found [], expected at least one value"),
        ({"seeds": [0, -1]}, "8:3: seeds.1: found -1, expected 0 or more"),
        ({"seeds": [1, 2, 1]}, "7:1: seeds: found 1 twice, expected distinct values"),
        ({"seeds": [2**32]}, "7:3: seeds.0: found 4294967296, expected less than 4294967296"),
        ({"device": "gpu"}, '6:9: device: found "gpu", expected auto, cpu, cuda, cuda:N or mps'),
        ({"stop_hopeless": "no"}, '6:16: stop_hopeless: found "no", expected true or false'),
        ({"sweep": 3}, "6:8: sweep: found 3, expected {min, max, points}, {values: [...]} or auto"),
        ({"sweep": {"min": 0.3, "max": 0.1}}, "8:8: sweep.max: found max 0.1 with min 0.3, expected max above min"),
        ({"sweep": {"max": 0.0001}}, "7:8: sweep.max: found max 0.0001 with min 0.0001, expected max above min"),
        ({"sweep": {"min": True}}, "7:8: sweep.min: found true, expected a number"),
        ({"sweep": {"max": math.inf}}, "7:8: sweep.max: found inf, expected a finite number"),
        ({"sweep": {"points": 1}}, "7:11: sweep.points: found 1, expected 2 or more"),
        ({"sweep": {"min": 1, "max": 1.001, "points": 9}}, "9:11: sweep.points: found 9 points between 1.0 and 1.001, which coincide when rounded to 4 digits; expected fewer points or a wider range"),
        ({"sweep": "all"}, '6:8: sweep: found "all", expected {min, max, points}, {values: [...]} or auto'),
        ({"sweep": {"values": [1], "max": 2}}, "7:3: sweep: found both `values` and `max`, expected {min, max, points} or {values: [...]}"),
        ({"sweep": {"values": [0.1, 1, 0.1]}}, "8:3: sweep.values: found 0.1 twice, expected distinct values"),
        ({"sweep": {"values": [0]}}, "8:5: sweep.values.0: found 0, expected more than 0"),
        ({"sweep": {"values": [1e-31]}}, "8:5: sweep.values.0: found 1e-31, expected a learning rate from 1e-30 to 1e+30"),
        ({"sweep": {"max": 1e31}}, "7:8: sweep.max: found 1e+31, expected a learning rate from 1e-30 to 1e+30"),
        ({"probe": {"factor": "2"}}, '7:11: probe.factor: found "2", expected a number'),
        ({"warmup": {"steps": [10, 0]}}, "9:5: warmup.steps.1: found 0, expected 1 or more"),
        ({"clip": 90}, "6:7: clip: found 90, expected a mapping"),
        ({"clip": {"percentile": 101}}, "7:15: clip.percentile: found 101, expected at most 100"),
    ],
)  # fmt: skip
def test_a_fault_says_where_what_and_what_was_expected(tmp_path: Path, changes: dict[str, Any], line: str) -> None:
    assert faults(tmp_path, **changes) == [f"s.yaml:{line}"]


def test_all_faults_come_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = """\
name: study
model: nets:Mlp
max_train_step: 10
data: {class_path: ./gone.py:loaders, batch_size: 1e-4}
optimizer: {name: adam, betas: [0.9, "x"], lr: 1}
optimizer: sgd
sweep:
  max: 1e-5
  pionts: 3
"""
    assert faults(tmp_path, text, "sweep.mx=0.3", "seeds=[]") == [
        "s.yaml:1:1: max_train_steps: found nothing, expected this key: it has no default",
        "s.yaml:3:1: max_train_step: found an unknown key, did you mean `max_train_steps`?",
        "s.yaml:4:20: data.class_path: found no file ./gone.py, expected one at that path from the spec's folder",
        "s.yaml:4:51: data.batch_size: found 0.0001, expected a whole number",
        's.yaml:5:38: optimizer.betas.1: found "x", expected a number',
        "s.yaml:5:44: optimizer.lr: found 1, expected no learning rate here: the sweep sets it",
        "s.yaml:6:1: optimizer: found a second time, first given at s.yaml:5:1",
        "s.yaml:8:8: sweep.max: found max 1e-05 with min 0.0001, expected max above min",
        "s.yaml:9:3: sweep.pionts: found an unknown key, did you mean `points`?",
        "--set sweep.mx=0.3: sweep.mx: found an unknown key, did you mean `max`?",
        "--set seeds=[]: seeds: found [], expected at least one value",
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("# nothing yet\n", "s.yaml:1:1: found nothing"),
        ("- a\n- b\n", 's.yaml:1:1: found ["a", "b"]'),
        ("hello", 's.yaml:1:1: found "hello"'),
    ],
)
def test_a_spec_that_is_no_mapping_is_refused(tmp_path: Path, text: str, line: str) -> None:
    expected = f"{line}, expected a mapping of the spec's keys; `lrdoctor init` writes a starter"
    assert faults(tmp_path, text) == [expected]
