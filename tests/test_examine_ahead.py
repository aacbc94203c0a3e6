"""Trials that workers begin before a sweep asks for them: the answer is that of a sweep whose workers wait."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from test_examine import SPEC, FakeEngine, Log, healthy_below, opened

from lrdoctor import examine
from lrdoctor.core.budget import budget_of
from lrdoctor.core.trial import Trial
from lrdoctor.engines.base import Event, Finished, Progress, Task
from lrdoctor.examine.allowance import Allowance
from lrdoctor.procedures.sweep import Settings
from lrdoctor.spec import Spec, load_spec
from lrdoctor.store import attempts

WORKER = {"device_name": "made-up"}
WIDE = "sweep: {min: 1e-4, max: 10.0, points: 11}"


class EagerEngine(FakeEngine):
    """Trains whatever is guessed, as a worker does, before what is asked for."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.guess: Callable[[], Task | None] = lambda: None
        self.begun: list[Task] = []
        self.is_over = False

    def forget(self) -> None:
        self.is_over = True

    def run(self, tasks: Iterable[Task]) -> Iterator[Event]:
        asked = list(tasks)
        while (task := self.guess()) is not None:
            assert task.key not in {each.key for each in (*asked, *self.begun)}
            self.begun.append(task)
            self._train_ahead(task)
        yield from super().run(asked)

    def _train_ahead(self, task: Task) -> None:
        def trainer(payload: Any, write: Any) -> dict[str, Any]:
            trial = Trial(**payload["trial"])
            events = list(self._control(task, trial) if trial.control else self._trial(task, trial))
            for event in events:
                if isinstance(event, Progress):
                    write(event.value)
            (ended,) = (event.result for event in events if isinstance(event, Finished))
            return {"facts": {}, "evaluations": {}, **ended}

        attempts.train(task.payload, lambda sign: None, trainer, WORKER)


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    (tmp_path / "spec.yaml").write_text(SPEC.replace("sweep: {min: 1e-3, max: 1.0, points: 4}", WIDE))
    return load_spec(tmp_path / "spec.yaml")


def swept(spec: Spec, out: Path, engine: FakeEngine, **options: Any) -> tuple[Any, int, set[str]]:
    """The study, the steps that nobody asked for, and the trials that are saved."""
    with opened(spec, out) as folder:
        laboratory = examine.Laboratory(spec, folder, engine, Log(), **options)
        study = examine.sweep(laboratory, Settings(examine.grid(laboratory)), spec.seeds)
        n_unasked = examine.drop(laboratory)
    return study, n_unasked, {path.name for path in (out / "trials").iterdir()}


@pytest.mark.parametrize(
    ("edge", "exhaustive"), [(0.002, False), (100.0, False), (0.17, True)], ids=["low edge", "no edge", "exhaustive"]
)
def test_the_answer_and_the_folder_are_those_of_workers_that_wait(
    spec: Spec, tmp_path: Path, edge: float, exhaustive: bool
) -> None:
    waiting, eager = FakeEngine(healthy_below(edge)), EagerEngine(healthy_below(edge))
    expected, none, saved = swept(spec, tmp_path / "waiting", waiting, exhaustive=exhaustive)
    found, n_unasked, also_saved = swept(spec, tmp_path / "eager", eager, exhaustive=exhaustive)
    assert repr(found.rates) == repr(expected.rates)  # nan is not equal to itself
    assert (found.notes, found.best_learning_rate) == (expected.notes, expected.best_learning_rate)
    assert [run.name for run in found.runs] == [run.name for run in expected.runs]
    assert also_saved == saved
    unasked = [task for task in eager.begun if task.key not in saved]
    assert (none, n_unasked > 0) == (0, bool(unasked))
    assert len(eager.begun) > len(unasked), "nothing of what was begun ahead was asked for"
    # what was begun ahead and asked for was trained once
    assert eager.trials + eager.controls + len(eager.begun) == waiting.trials + waiting.controls + len(unasked)
    assert eager.is_over
    assert not (tmp_path / "eager/running").exists()


def test_the_steps_that_nobody_asked_for_are_counted(spec: Spec, tmp_path: Path) -> None:
    eager = EagerEngine(healthy_below(0.17))
    _, n_unasked, saved = swept(spec, tmp_path / "out", eager)
    lengths = [39 + 1 if task.payload["trial"]["base_learning_rate"] < 0.17 else 3 for task in eager.begun
               if task.key not in saved]  # fmt: skip
    assert n_unasked == sum(lengths) > 0


def test_a_trial_is_begun_ahead_only_where_its_control_is_there(spec: Spec, tmp_path: Path) -> None:
    eager = EagerEngine(healthy_below(0.17))
    swept(spec, tmp_path / "out", eager)
    trials = [task.payload for task in eager.begun if not task.payload["trial"]["control"]]
    assert trials
    assert all(payload["untrained"] is not None for payload in trials)


@pytest.mark.parametrize(
    "options",
    [{"budget": 10**6}, {"allowance": Allowance(budget_of("1M-steps"))}],
    ids=["steps at most", "budget"],
)
def test_nothing_is_begun_ahead_of_a_budget(spec: Spec, tmp_path: Path, options: dict[str, Any]) -> None:
    eager = EagerEngine(healthy_below(0.17))
    swept(spec, tmp_path / "out", eager, **options)
    assert eager.begun == []


def test_what_a_killed_sweep_had_begun_ahead_is_adopted_by_the_next_one(spec: Spec, tmp_path: Path) -> None:
    class Killed(BaseException):
        pass

    class MortalEngine(EagerEngine):
        def run(self, tasks: Iterable[Task]) -> Iterator[Event]:
            yield from super().run(tasks)
            if len(self.begun) > 3:
                raise Killed

    mortal, after = MortalEngine(healthy_below(0.17)), FakeEngine(healthy_below(0.17))
    with pytest.raises(Killed):
        swept(spec, tmp_path / "out", mortal)
    left = {path.parent.parent.name for path in (tmp_path / "out/running").glob("*/*/ended.json")}
    study, _, saved = swept(spec, tmp_path / "out", after)
    assert left & saved, "none of what was left was asked for"
    whole, _, all_saved = swept(spec, tmp_path / "whole", FakeEngine(healthy_below(0.17)))
    assert repr(study.rates) == repr(whole.rates)
    assert saved == all_saved
    invocations = json.loads((tmp_path / "out/study.json").read_text())["invocations"]
    assert [each["exit"] for each in invocations] == ["failed: Killed", "completed"]
