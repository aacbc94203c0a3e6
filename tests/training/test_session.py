from __future__ import annotations

import os
import random
import socket
from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from training_samples import blocks, rows_of, trial, workload

from lrdoctor.errors import Interrupted, WorkloadError
from lrdoctor.training import session
from lrdoctor.training.randomness import Stream, seed_all
from lrdoctor.training.session import TrainingSession, open_session, pick_device


def opened(**changes: Any) -> TrainingSession:
    return open_session(blocks(**changes), worker=0)


def test_check_says_what_there_is() -> None:
    facts = opened().check(3)
    assert facts["n_parameters"] == 3 * 8 + 8 + 8 + 1
    assert facts["has_validation"] is True
    data = {name: digest for name, digest in facts["facts"].items() if not name.startswith("module ")}
    assert sorted(data) == ["first batch of seed 3", "first validation batch"]
    assert all(len(digest) == 64 for digest in facts["facts"].values())
    assert opened(data="without_validation").check(3)["has_validation"] is False


def test_check_recognises_the_data() -> None:
    first = "first batch of seed 3"
    data = opened().check(3)["facts"]
    assert opened().check(3)["facts"] == data
    assert opened(batch_size=7).check(3)["facts"][first] != data[first]
    assert opened().check(4)["facts"]["first batch of seed 4"] != data[first]


@pytest.mark.parametrize(("model", "n"), [("lazy", 41), ("frozen", None)])
def test_check_of_odd_models(model: str, n: int | None) -> None:
    if n is not None:
        assert opened(model=model).check(0)["n_parameters"] == n
        return
    with pytest.raises(WorkloadError, match="does not depend on any trainable parameter"):
        opened(model=model).check(0)
    with pytest.raises(WorkloadError, match="no trainable parameter"):
        rows_of(workload(model), trial())


def test_the_check_refuses_a_first_loss_that_is_not_finite() -> None:
    broken = TrainingSession(workload("Poisoned", init_args={"calls": 0, "what": "nan"}), torch.device("cpu"))
    with pytest.raises(WorkloadError, match="the loss is nan at step 0 with seed 4, before any update"):
        broken.check(4)


@pytest.mark.parametrize("model", ["net", "Inplace"])
def test_a_trial_after_the_check_is_the_one_without_it(model: str) -> None:
    one = trial()
    checked = opened(model=model)
    checked.check(one.seed)
    rows: list[Any] = []
    result = checked.run({"kind": "trial", "trial": asdict(one)}, rows.extend, lambda: False)
    expected, ending = rows_of(workload(model), one)
    assert result == {"status": "completed", "reason": None, "facts": dict(ending.facts)}
    assert rows == expected
    assert {type(row) for row in rows} == {tuple}, "plain values, which the parent can read without torch"


def test_check_is_a_task_too() -> None:
    worker = opened()
    assert worker.run({"kind": "check", "seed": 1}, lambda _: None, lambda: False) == worker.check(1)


OF_THE_MACHINE = {"host": socket.gethostname(), "torch": torch.__version__}


def test_one_thread_and_the_facts_of_the_worker() -> None:
    assert opened().describe() == {"device": "cpu", "device_name": "cpu", "devices": 0} | OF_THE_MACHINE
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize(
    ("asked", "devices"),
    [("cuda", 4), ("auto", 4), ("cuda:1", 1)],
)
def test_described_gpus(asked: str, devices: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a GPU")
    worker = TrainingSession(SimpleNamespace(blocks={"device": asked}), torch.device("cuda", 1))  # type: ignore[arg-type]
    assert worker.describe() == {"device": "cuda:1", "device_name": "a GPU", "devices": devices} | OF_THE_MACHINE


@pytest.mark.parametrize(
    ("text", "worker", "n_cuda", "mps", "picked"),
    [
        ("auto", 0, 0, False, "cpu"),
        ("auto", 0, 0, True, "cpu"),
        ("auto", 0, 1, False, "cuda:0"),
        ("auto", 3, 2, False, "cuda:1"),
        ("cpu", 1, 2, False, "cpu"),
        ("cuda", 0, 2, False, "cuda:0"),
        ("cuda", 5, 2, False, "cuda:1"),
        ("cuda:1", 0, 2, False, "cuda:1"),
        ("mps", 0, 0, True, "mps"),
        ("cuda", 0, 0, False, None),
        ("cuda:2", 0, 2, False, None),
        ("cuda:0", 0, 0, False, None),
        ("mps", 0, 0, False, None),
    ],
)
def test_device(
    text: str, worker: int, n_cuda: int, mps: bool, picked: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: n_cuda > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: n_cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    if picked is None:
        with pytest.raises(WorkloadError, match=f"device: {text} is not there; {n_cuda} CUDA devices are visible"):
            pick_device(text, worker)
    else:
        assert pick_device(text, worker) == torch.device(picked)


def test_cuda_is_asked_for_determinism(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(torch.cuda, "set_device", calls.append)
    monkeypatch.setattr(torch, "use_deterministic_algorithms", lambda on, warn_only: calls.append((on, warn_only)))
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    session._make_cuda_deterministic(torch.device("cuda", 0))
    assert calls == [torch.device("cuda", 0), (True, True)]
    assert torch.backends.cudnn.benchmark is False
    assert os.environ.pop("CUBLAS_WORKSPACE_CONFIG") == ":4096:8"


def draw() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), torch.rand(1).item()


def test_streams_do_not_disturb_one_another() -> None:
    seed_all(1)
    outer = [draw(), draw(), draw()]
    seed_all(2)
    inner = [draw(), draw(), draw()]
    seed_all(1)
    stream, mixed_outer, mixed_inner = Stream(2), [], []
    for _ in range(3):
        mixed_outer.append(draw())
        with stream:
            mixed_inner.append(draw())
    assert (mixed_outer, mixed_inner) == (outer, inner)


def test_a_stream_that_raises_gives_the_outer_state_back() -> None:
    seed_all(1)
    first, second = draw(), draw()
    seed_all(1)
    assert draw() == first
    with pytest.raises(ZeroDivisionError), Stream(2):
        draw()[0] / 0
    assert draw() == second


@pytest.mark.parametrize("seed", [0, 2**32 - 1, 2**32, 2**40])
def test_large_seeds(seed: int) -> None:
    seed_all(seed)
    expected = draw()
    seed_all(seed)
    assert draw() == expected


@pytest.mark.parametrize(("wanted", "evaluated"), [(None, None), (1, 5), (11, 10)])
def test_a_trial_says_how_many_examples_its_evaluations_held(wanted: int | None, evaluated: int | None) -> None:
    one = trial(max_train_steps=3, eval_every=1, eval_examples=wanted)
    session = opened(data="loaders", batch_size=None)
    result = session.run({"kind": "trial", "trial": asdict(one)}, lambda rows: None, lambda: False)
    assert result["facts"].get("evaluated") == evaluated


def test_a_long_look_at_the_validation_data_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "SECONDS_A_SIGN", -1.0)
    said: list[str] = []
    opened().check(0, emit=said.append)
    assert said == [
        f"validation data: {n} batches ({examples} examples) {done} so far"
        for done in ("made", "evaluated")
        for n, examples in ((1, 8), (2, 16), (3, 22))
    ]


def test_a_check_is_abandoned_like_a_trial() -> None:
    with pytest.raises(Interrupted):
        opened().run({"kind": "check", "seed": 0, "trial": asdict(trial())}, lambda _: None, lambda: True)
