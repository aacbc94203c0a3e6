"""The loggers that a process has open: TensorBoard's own writer, and stand-ins with the calls of the others."""

from __future__ import annotations

import sys
from contextvars import ContextVar
from enum import Enum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lrdoctor.alerts import Alerts
from lrdoctor.alerts.loggers import open_loggers
from lrdoctor.streaming import StreamEvent

ALARM = StreamEvent(
    kind="alarm", run="run", step=9, verdict="unstable", before="stable", rule="LRD101", message="train_loss is nan",
    look=3, alpha=0.001,
)  # fmt: skip
CALM = StreamEvent(kind="retracted", run="run", step=90, verdict="stable", before="unstable", look=4, alpha=0.001)


def names() -> list[str]:
    return [name for name, _ in open_loggers()]


def told(event: StreamEvent) -> None:
    alerts = Alerts()
    alerts(event)
    alerts.close(60)


def test_tensorboard_gets_a_text_at_the_step(tmp_path: Path) -> None:
    writers = pytest.importorskip("torch.utils.tensorboard")
    event_files = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    writer = writers.SummaryWriter(str(tmp_path))
    assert names().count("TensorBoard") == 1
    told(ALARM)
    writer.close()
    assert "TensorBoard" not in names()
    found = event_files.EventAccumulator(str(tmp_path)).Reload()
    (tag,) = found.Tags()["tensors"]
    (text,) = found.Tensors(tag)
    assert tag.startswith("lrdoctor")
    assert text.step == 9
    assert text.tensor_proto.string_val == [ALARM.text.encode()]


@pytest.mark.parametrize(("event", "level"), [(ALARM, "ERROR"), (CALM, "INFO")])
def test_wandb(monkeypatch: pytest.MonkeyPatch, event: StreamEvent, level: str) -> None:
    calls: list[dict[str, Any]] = []
    run = SimpleNamespace(alert=lambda **given: calls.append(given))
    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(run=run))
    told(event)
    assert calls == [{"title": f"lrdoctor: training is {event.verdict}", "text": event.text, "level": level}]
    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(run=None))
    assert "W&B" not in names()


def test_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    tags: list[tuple[str, str, str]] = []
    client = SimpleNamespace(set_tag=lambda *given: tags.append(given))
    run = SimpleNamespace(info=SimpleNamespace(run_id="7"))
    module = SimpleNamespace(active_run=lambda: run, MlflowClient=lambda: client)
    monkeypatch.setitem(sys.modules, "mlflow", module)
    told(ALARM)
    assert tags == [("7", "lrdoctor.verdict", "unstable"), ("7", "lrdoctor.event", ALARM.text)]
    module.active_run = lambda: None
    assert "MLflow" not in names()


def test_trackio(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[dict[str, Any]] = []
    levels = Enum("levels", ["INFO", "ERROR"])
    current: ContextVar[Any] = ContextVar("current", default=None)
    monkeypatch.setitem(sys.modules, "trackio", SimpleNamespace(AlertLevel=levels))
    monkeypatch.setitem(sys.modules, "trackio.context_vars", SimpleNamespace(current_run=current))
    assert "Trackio" not in names()
    current.set(SimpleNamespace(alert=lambda **given: calls.append(given)))
    told(ALARM)
    title = "lrdoctor: training is unstable"
    assert calls == [{"title": title, "text": ALARM.text, "level": levels.ERROR, "step": 9}]


def test_a_logger_that_fails_is_given_up(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def alert(**given: object) -> None:
        raise RuntimeError("not logged in")

    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(run=SimpleNamespace(alert=alert)))
    told(ALARM)
    assert capsys.readouterr().err == "lrdoctor: alert for W&B given up: not logged in\n"


def test_an_unknown_version_of_a_library_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", SimpleNamespace())
    assert "MLflow" not in names()
