from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from spec_files import load

from lrdoctor.errors import SpecError
from lrdoctor.spec import CommandSpec, ModelSpec, Spec, load_spec, spec_schema


def test_defaults_are_filled_in(tmp_path: Path) -> None:
    spec = load(tmp_path)
    assert spec.resolved(tmp_path) == {
        "name": "study",
        "model": {"class_path": "nets:Mlp", "init_args": {}},
        "data": {"class_path": "./data.py:loaders", "init_args": {}, "batch_size": None},
        "loss": {"class_path": "torch.nn.CrossEntropyLoss", "init_args": {}},
        "step": None,
        "optimizer": {"name": "momentum", "weight_decay": 0.0, "momentum": 0.9},
        "schedule": {"name": "constant"},
        "max_train_steps": 1000,
        "warmup_steps": 0,
        "clip_norm": None,
        "rewrite": None,
        "eval_every": 50,
        "autoclip_percentile": None,
        "seeds": [0, 1, 2],
        "device": "auto",
        "stop_hopeless": True,
        "sweep": {"min": 1e-4, "max": 1.0, "points": 10},
        "probe": {"factor": 2.0, "steps": 500},
        "warmup": {"factor": 10.0, "steps": [10, 1000, 10000, 100000]},
        "clip": {"percentile": 90.0},
        "engine": {"name": "local", "address": None, "cluster": None, "jobs": None},
    }
    assert spec.folder == tmp_path


@pytest.mark.parametrize(("max_train_steps", "eval_every"), [(1, 1), (19, 1), (20, 1), (40, 2), (59, 2), (1e5, 5000)])
def test_evaluations_default_to_twenty_a_trial(tmp_path: Path, max_train_steps: float, eval_every: int) -> None:
    spec = load(tmp_path, max_train_steps=max_train_steps)
    assert isinstance(spec, ModelSpec)
    assert (spec.max_train_steps, spec.eval_every) == (int(max_train_steps), eval_every)


@pytest.mark.parametrize(
    ("block", "text"),
    [
        ("sgd", '{"name":"sgd","weight_decay":0.0}'),
        ("momentum", '{"momentum":0.9,"name":"momentum","weight_decay":0.0}'),
        ({"name": "nesterov", "momentum": 0}, '{"momentum":0.0,"name":"nesterov","weight_decay":0.0}'),
        ("rmsprop", '{"eps":1e-08,"momentum":0.9,"name":"rmsprop","rho":0.9,"weight_decay":0.0}'),
        ("adam", '{"betas":[0.9,0.999],"eps":1e-08,"name":"adam","weight_decay":0.0}'),
        (
            {"name": "nadam", "betas": [0, 0.9]},
            '{"betas":[0.0,0.9],"eps":1e-08,"name":"nadam","weight_decay":0.0}',
        ),
        ("adamw", '{"betas":[0.9,0.999],"eps":1e-08,"name":"adamw","weight_decay":0.01}'),
        ("torch.optim.SGD", '{"class_path":"torch.optim.SGD","group_rates":"relative","init_args":{}}'),
        (
            {"class_path": "a:B", "init_args": {"k": [1, None]}},
            '{"class_path":"a:B","group_rates":"relative","init_args":{"k":[1,null]}}',
        ),
    ],
)
def test_optimizer_text_is_canonical_with_defaults(tmp_path: Path, block: Any, text: str) -> None:
    assert load(tmp_path, optimizer=block).optimizer_text() == text


@pytest.mark.parametrize(
    ("sweep", "rates"),
    [
        ({"min": 1e-3, "max": 1, "points": 4}, (0.001, 0.01, 0.1, 1.0)),
        ({"min": 1e-4, "max": 1.0, "points": 3}, (1e-4, 0.01, 1.0)),
        ({"max": 0.123456789, "points": 2}, (1e-4, 0.123456789)),
        ({"min": 1, "max": 2, "points": 4}, (1.0, 1.26, 1.587, 2.0)),
        ({"min": 1e-30, "max": 1e30, "points": 2}, (1e-30, 1e30)),
        ({"values": [0.3, 1, 0.123456789]}, (0.123456789, 0.3, 1.0)),
        ({"values": [0.5]}, (0.5,)),
        ("auto", None),
    ],
)
def test_rates_are_log_spaced_or_as_given(tmp_path: Path, sweep: Any, rates: tuple[float, ...] | None) -> None:
    assert load(tmp_path, sweep=sweep).swept == rates


def test_overrides_replace_what_the_file_says(tmp_path: Path) -> None:
    spec = load(
        tmp_path,
        "",
        "max_train_steps=1E2",
        "optimizer={name: sgd}",
        "sweep.values=[1, .5]",
        "sweep.values.0=3",
    )
    assert isinstance(spec, ModelSpec)
    assert (spec.max_train_steps, spec.eval_every) == (100, 5)
    assert spec.optimizer_text() == '{"name":"sgd","weight_decay":0.0}'
    assert spec.swept == (0.5, 3.0)


def test_a_workload_is_plain_values(tmp_path: Path) -> None:
    spec = load(tmp_path, data={"class_path": "./data.py:loaders", "init_args": {"n": 1}, "batch_size": 8})
    assert spec.workload() == json.loads(json.dumps(spec.workload())) == {
        "model": {"class_path": "nets:Mlp", "init_args": {}},
        "data": {"class_path": "./data.py:loaders", "init_args": {"n": 1}, "batch_size": 8},
        "loss": {"class_path": "torch.nn.CrossEntropyLoss", "init_args": {}},
        "step": None,
        "schedule": {"name": "constant"},
        "device": "auto",
        "folder": str(tmp_path),
    }  # fmt: skip


def test_identity_holds_what_decides_a_trial(tmp_path: Path) -> None:
    identity = load(tmp_path, model={"class_path": "nets:Mlp", "init_args": {"depth": 3}}).identity()
    digest = identity.pop("file:data.py")
    assert len(digest) == 64
    assert identity == {
        "model.class_path": "nets:Mlp",
        "model.init_args.depth": 3,
        "data.class_path": "data.py:loaders",
        "data.batch_size": None,
        "loss.class_path": "torch.nn.CrossEntropyLoss",
        "step": None,
        "optimizer": {"name": "momentum", "weight_decay": 0.0, "momentum": 0.9},
        "schedule.name": "constant",
        "max_train_steps": 1000,
        "eval_every": 50,
        "device": "auto",
        "stop_hopeless": True,
    }


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"name": "other", "seeds": [7], "sweep": {"values": [1]}}, True),
        ({"probe": {"steps": 9}, "warmup": {"factor": 2}, "clip": {"percentile": 50}}, True),
        ({"warmup_steps": 10, "clip_norm": 1.0, "rewrite": "zero_init"}, True),
        ({"optimizer": {"name": "momentum", "momentum": 0.9}}, True),
        ({"optimizer": {"name": "momentum", "momentum": 0.8}}, False),
        ({"model": {"class_path": "nets:Mlp", "init_args": {"depth": 3}}}, False),
        ({"max_train_steps": 1001}, False),
        ({"eval_every": 51}, False),
        ({"step": "./data.py:loss_of"}, False),
        ({"schedule": "cosine"}, False),
        ({"stop_hopeless": False}, False),
        ({"device": "cpu"}, False),
    ],
)
def test_identity_changes_with_the_numbers_only(tmp_path: Path, changes: dict[str, Any], same: bool) -> None:
    assert (load(tmp_path, **changes).identity() == load(tmp_path).identity()) is same


def test_identity_follows_the_files_and_not_the_folder(tmp_path: Path) -> None:
    before = load(tmp_path).identity()
    shutil.copytree(tmp_path, tmp_path / "project")
    assert load(tmp_path / "project").identity() == before
    (tmp_path / "data.py").write_text("def loaders(): return 1\n")
    assert load(tmp_path).identity() != before


def test_identity_of_a_file_that_is_gone_is_refused(tmp_path: Path) -> None:
    spec = load(tmp_path)
    (tmp_path / "data.py").unlink()
    with pytest.raises(SpecError, match=r"data\.py: found a file that cannot be read: No such file"):
        spec.identity()


def test_the_resolved_spec_runs_from_another_folder(tmp_path: Path) -> None:
    spec = load(tmp_path, step="./data.py:loss_of", optimizer="./data.py:rule", schedule="./data.py:decay")
    study = tmp_path / "studies" / "one"
    study.mkdir(parents=True)
    (study / "spec.yaml").write_text(spec.to_yaml(study), "utf-8")
    again = load_spec(study / "spec.yaml")
    assert isinstance(again, ModelSpec)
    assert again.step == "../../data.py:loss_of"
    assert again.identity() == spec.identity()


def test_what_a_spec_has_of_the_fixes_survives_its_resolved_text(tmp_path: Path) -> None:
    spec = load(tmp_path, warmup_steps=1e1, clip_norm=0.1234567890123)
    (tmp_path / "again.yaml").write_text(spec.to_yaml(tmp_path), "utf-8")
    again = load_spec(tmp_path / "again.yaml")
    assert (again.warmup_steps, again.clip_norm) == (spec.warmup_steps, spec.clip_norm) == (10, 0.1234567890123)


def patched(spec: Spec, folder: Path, changes: dict[str, Any], comment: str = "why") -> Spec:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "p.yaml").write_text(spec.patched_yaml(folder, changes, comment), "utf-8")
    return load_spec(folder / "p.yaml")


@pytest.mark.parametrize(
    ("changes", "same_identity"),
    [
        ({}, True),
        ({"warmup_steps": 10, "clip_norm": 1.0, "rewrite": "rezero"}, True),
        ({"sweep": {"values": [0.1, 0.3]}, "seeds": (4, 5)}, True),
        ({"sweep": "auto"}, True),
        ({"optimizer": {"name": "adam", "betas": [0.5, 0.9]}}, False),
        ({"step": "./data.py:loss_of"}, False),
    ],
)
def test_a_patched_spec_is_the_spec_with_other_keys(
    tmp_path: Path, changes: dict[str, Any], same_identity: bool
) -> None:
    spec, study = load(tmp_path, schedule="./data.py:decay", clip_norm=3.0), tmp_path / "studies" / "one"
    again = patched(spec, study, changes)
    expected = load(tmp_path, schedule="./data.py:decay", **({"clip_norm": 3.0} | changes))
    assert again.resolved(tmp_path) == expected.resolved(tmp_path)
    assert (again.identity() == spec.identity()) is same_identity


@pytest.mark.parametrize(
    ("comment", "lines"),
    [
        ("", []),
        ("one\n\n  two", ["# one", "#", "#   two"]),
        ("not: [yaml\x00\x85clip_norm: 7\u2028clip_norm: 8", ["# not: [yaml?", "# clip_norm: 7", "# clip_norm: 8"]),
    ],
)
def test_a_comment_goes_before_the_patched_spec(tmp_path: Path, comment: str, lines: list[str]) -> None:
    spec = load(tmp_path)
    text = spec.patched_yaml(tmp_path, {}, comment)
    assert text.split("\n")[: len(lines) + 1] == [*lines, "name: study"]
    assert patched(spec, tmp_path, {}, comment).clip_norm is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"clip_norm": -1.0}, "the patched spec: clip_norm: found -1.0, expected more than 0"),
        ({"clip_norms": 1.0}, "the patched spec: clip_norms: found an unknown key, did you mean `clip_norm`?"),
        ({"optimizer": "adm"}, 'the patched spec: optimizer: found "adm", expected one of'),
        ({"clip_norm": math.nan}, "the patched spec: clip_norm: found nan, expected a finite number"),
    ],
)
def test_a_bad_patch_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=f"^{re.escape(message)}"):
        load(tmp_path).patched_yaml(tmp_path, changes, "")


def test_a_spec_is_frozen(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="frozen"):
        load(tmp_path).name = "other"


def descriptions(schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for block in schema["$defs"].values():
        for key, field in block["properties"].items():
            target = schema["$defs"].get(field.get("$ref", "").rpartition("/")[2], {})
            yield f"{block['title']}.{key}", (target | field).get("description", "")


def test_every_key_of_the_schema_is_described() -> None:
    texts = dict(descriptions(spec_schema()))
    assert [key for key, text in texts.items() if not text] == []
    for kind in (ModelSpec, CommandSpec):
        assert {f"{kind.__name__}.{key}" for key in kind.model_fields} <= set(texts)


def test_the_schema_takes_what_the_spec_takes() -> None:
    schema = spec_schema()["$defs"]["ModelSpec"]
    assert schema["required"] == ["name", "model", "data", "optimizer", "max_train_steps"]
    for key in ("model", "data", "loss", "optimizer", "schedule"):
        assert {"type": "string"} in schema["properties"][key]["anyOf"], key
