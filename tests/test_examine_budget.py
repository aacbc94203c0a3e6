"""Sweeps and treatments with a budget, on an engine that trains nothing and a clock that only it moves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_examine import SPEC, FakeEngine, Log, healthy_below, opened
from test_examine_treat import ORDER, TreatEngine

from lrdoctor import assess, examine
from lrdoctor.core.budget import budget_of
from lrdoctor.core.report import Report
from lrdoctor.core.study import Study
from lrdoctor.core.trial import Trial
from lrdoctor.engines.base import Event, Finished, Progress, Task
from lrdoctor.errors import BudgetEnded
from lrdoctor.examine.allowance import SLOWER, Allowance
from lrdoctor.procedures.sweep import Settings
from lrdoctor.procedures.treated import Treated
from lrdoctor.procedures.treatment_results import NotTried
from lrdoctor.reports import json as json_report
from lrdoctor.spec import Spec, load_spec

STEPS = 40
"""Of a trial, and of a control."""
EDGE = 0.17


class Timed:
    """An engine whose steps take a second each by a clock of its own, those of controls a third."""

    def __init__(self, engine: FakeEngine, n_workers: int = 1, per_step: float = 1.0) -> None:
        self.engine, self.n_workers, self.per_step = engine, n_workers, per_step
        self.now = 0.0
        self.batches: list[int] = []
        """Trials that were asked for together."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)

    def clock(self) -> float:
        return self.now

    def describe(self) -> Mapping[str, Any]:
        return {"device_name": "made-up", "jobs": self.n_workers}

    def run(self, tasks: Iterable[Task]) -> Iterator[Event]:
        asked = list(tasks)
        trained = [t for t in asked if t.payload["kind"] == "trial" and not t.payload["trial"]["control"]]
        self.batches += [len(trained)] if trained else []
        n_rows: dict[str, int] = {}
        for event in self.engine.run(asked):
            if isinstance(event, Progress) and not isinstance(event.value, str):
                n_rows[event.task.key] = len(event.value)
            if isinstance(event, Finished) and event.task.payload["kind"] == "trial":
                share = 1 / 3 if event.task.payload["trial"]["control"] else 1.0
                seconds = self.per_step * share * n_rows[event.task.key]
                self.now += seconds / self.n_workers
                yield replace(event, result={**event.result, "seconds": seconds})
            else:
                yield event


def laboratory(spec: Spec, folder: Any, engine: Any, budget: str | None) -> examine.Laboratory:
    clock = engine.clock if isinstance(engine, Timed) else lambda: 0.0
    allowance = None if budget is None else Allowance(budget_of(budget), clock)
    return examine.Laboratory(spec, folder, engine, Log(), allowance=allowance)


def swept(spec: Spec, out: Path, engine: Any, budget: str | None = None) -> tuple[Study, examine.Laboratory]:
    with opened(spec, out) as folder:
        lab = laboratory(spec, folder, engine, budget)
        return examine.sweep(lab, Settings(examine.grid(lab)), spec.seeds), lab


def text_of(study: Study) -> str:
    return json_report.render(assess.report_of_sweep(study, "sweep"))


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    (tmp_path / "spec.yaml").write_text(SPEC.replace("points: 4", "points: 7"))
    return load_spec(tmp_path / "spec.yaml")


@pytest.fixture(scope="module")
def done() -> dict[float, tuple[Study, int]]:
    """Edge -> the sweep without a budget, and what it trained: made once."""
    return {}


@pytest.fixture
def without_budget(done: dict[float, tuple[Study, int]], spec: Spec, tmp_path: Path) -> Callable[[float], Study]:
    def study(edge: float = EDGE) -> Study:
        if edge not in done:
            found, lab = swept(spec, tmp_path / "whole", FakeEngine(healthy_below(edge)))
            done[edge] = found, lab.trained_steps
        return done[edge][0]

    return study


@pytest.mark.parametrize(
    ("n", "edge"),
    [(80, EDGE), (130, EDGE), (300, EDGE), (500, EDGE), (800, EDGE), (300, 0.02), (700, 0.02), (400, 50.0)],
)
def test_a_sweep_ends_within_its_steps_and_the_next_call_comes_to_the_answer(
    n: int, edge: float, spec: Spec, tmp_path: Path, without_budget: Callable[[float], Study]
) -> None:
    whole = without_budget(edge)
    found, lab = swept(spec, tmp_path / "out", FakeEngine(healthy_below(edge)), f"{n}-steps")
    assert lab.allowance is not None
    assert lab.trained_steps == lab.allowance.spent <= n
    report = assess.report_of_sweep(found, "sweep")
    if found.cut is None:
        assert text_of(found) == text_of(whole)
        assert lab.allowance.left_out == []
    else:
        assert report.verdict != "stable"
        assert found.cut.left_out in lab.allowance.left_out[0]
        assert found.cut.left_out in report.summary or report.verdict == "unstable"
        assert report.next_steps == (
            "a larger budget: the same command goes on where it ended, and trains nothing twice",
        )
    # nothing is trained twice, nothing that the plan did not ask for is part of the study
    more = FakeEngine(healthy_below(edge))
    resumed, _ = swept(spec, tmp_path / "out", more)
    assert text_of(resumed) == text_of(whole)
    assert lab.trained + more.trials == len(whole.runs)


def test_as_many_small_budgets_as_it_takes_come_to_the_same_answer(
    spec: Spec, tmp_path: Path, without_budget: Callable[[], Study]
) -> None:
    for calls in range(1, 20):  # noqa: B007
        found, _ = swept(spec, tmp_path / "out", FakeEngine(healthy_below(EDGE)), "200-steps")
        if found.cut is None:
            break
    assert calls > 2
    assert text_of(found) == text_of(without_budget())


def test_what_steps_buy_does_not_depend_on_the_workers(spec: Spec, tmp_path: Path) -> None:
    one, _ = swept(spec, tmp_path / "one", Timed(FakeEngine(healthy_below(EDGE))), "300-steps")
    many, _ = swept(spec, tmp_path / "many", Timed(FakeEngine(healthy_below(EDGE)), 16), "300-steps")
    assert one.cut is not None
    assert text_of(one) == text_of(many)


def test_steps_that_trials_leave_by_ending_early_are_used(spec: Spec, tmp_path: Path) -> None:
    # every trial breaks at its third step: 120 steps would hold two at full length beside their control
    _, lab = swept(spec, tmp_path / "out", FakeEngine(healthy_below(0.0)), "120-steps")
    assert lab.trained > 2
    assert lab.allowance is not None
    assert lab.allowance.left < 2 * STEPS  # a trial of the next seed and its control


@pytest.mark.parametrize("budget", ["79-steps", "40-steps", "1-steps"])
def test_a_budget_below_one_trial_and_its_control_says_so(budget: str, spec: Spec, tmp_path: Path) -> None:
    engine = FakeEngine(healthy_below(EDGE))
    n = budget.partition("-")[0]
    with pytest.raises(
        BudgetEnded, match=rf"^grid: 1 trial to train may take 80 steps, and --budget {budget} leaves {n} "
    ):
        swept(spec, tmp_path / "out", engine, budget)
    assert (engine.trials, engine.controls) == (0, 0)


def test_a_budget_that_was_enough_leaves_nothing_out(
    spec: Spec, tmp_path: Path, without_budget: Callable[[], Study], done: Mapping[float, tuple[Study, int]]
) -> None:
    whole = without_budget()
    found, lab = swept(spec, tmp_path / "out", FakeEngine(healthy_below(EDGE)), "1M-steps")
    assert text_of(found) == text_of(whole)
    assert lab.allowance is not None
    section = lab.allowance.section
    assert (section.given, section.unit, section.limit) == ("1M-steps", "steps", 1_000_000)
    assert (section.spent, section.left_out) == (done[EDGE][1], ())


# Time, by the engine's clock: a trial takes 40 seconds, a control a third of that.


@pytest.mark.parametrize(("seconds", "n_workers"), [(120, 1), (300, 1), (120, 4), (1500, 4)])
def test_a_time_is_kept_and_no_trial_is_ended_for_it(
    seconds: int, n_workers: int, spec: Spec, tmp_path: Path, without_budget: Callable[[], Study]
) -> None:
    engine = Timed(FakeEngine(healthy_below(EDGE)), n_workers)
    whole = without_budget()
    found, lab = swept(spec, tmp_path / "out", engine, f"{seconds}s")
    assert engine.now <= seconds
    assert lab.allowance is not None
    assert lab.allowance.spent == engine.now
    assert all(run.status in ("completed", "diverged") for run in found.runs)
    if found.cut is None:
        assert text_of(found) == text_of(whole)
    else:
        # one more would not have fitted, by what those before it took
        assert engine.now > seconds - 2 * SLOWER * STEPS
        assert assess.report_of_sweep(found, "sweep").verdict != "stable"
    resumed, _ = swept(spec, tmp_path / "out", FakeEngine(healthy_below(EDGE)))
    assert text_of(resumed) == text_of(whole)


def test_the_control_tells_before_the_first_trial_that_there_is_no_time(spec: Spec, tmp_path: Path) -> None:
    engine = Timed(FakeEngine(healthy_below(EDGE)))
    with pytest.raises(BudgetEnded, match=r"^grid: 1 trial to train may take 50 s, and --budget 45s leaves 32 s$"):
        swept(spec, tmp_path / "out", engine, "45s")
    assert (engine.engine.trials, engine.engine.controls) == (0, 1)


def test_with_little_time_no_more_trials_are_begun_at_once_than_there_are_workers(spec: Spec, tmp_path: Path) -> None:
    short, ample = Timed(FakeEngine(healthy_below(EDGE)), 2), Timed(FakeEngine(healthy_below(EDGE)), 2)
    swept(spec, tmp_path / "short", short, "130s")
    swept(spec, tmp_path / "ample", ample, "10h")
    assert max(short.batches) == 2
    assert ample.batches[0] == 2  # nothing tells yet what a trial takes
    assert max(ample.batches) > 2


def test_trials_that_an_earlier_call_saved_tell_what_others_take(spec: Spec, tmp_path: Path) -> None:
    first = Timed(FakeEngine(healthy_below(EDGE)))
    swept(spec, tmp_path / "out", first, "120s")
    n = first.engine.trials
    again = Timed(FakeEngine(healthy_below(EDGE)))
    found, _ = swept(spec, tmp_path / "out", again, "45s")
    assert n > 0
    assert again.engine.trials == 0
    assert found.cut is not None


# Treatments.


def treated(spec: Spec, out: Path, engine: Any, budget: str | None = None) -> tuple[Treated, Report, Any]:
    with opened(spec, out) as folder:
        lab = laboratory(spec, folder, engine, budget)
        found = examine.treat(lab, spec.seeds)
        return found, assess.report_of_treat(found), lab


@pytest.fixture
def long_spec(tmp_path: Path) -> Spec:
    text = SPEC.replace("max_train_steps: 40", "max_train_steps: 100").replace("[0, 1, 2]", "[0, 1, 2, 3, 4]")
    (tmp_path / "long.yaml").write_text(text)
    return load_spec(tmp_path / "long.yaml")


REACHES: Mapping[str, Mapping[str, float]] = {
    "warmup": {"warmup": 20},
    "pair": {"warmup": 2, "clip": 2, "pair": 20},
}

Done = tuple[Treated, Report, int]
"""What a treatment without a budget came to, and the steps that it trained."""


@pytest.fixture(scope="module")
def treatments() -> dict[str, Done]:
    """By what the fixes reach, each made once."""
    return {}


@pytest.fixture
def unlimited(treatments: dict[str, Done], long_spec: Spec, tmp_path: Path) -> Callable[[str], Done]:
    def of(reach: str) -> Done:
        if reach not in treatments:
            found, report, lab = treated(long_spec, tmp_path / "whole", TreatEngine(REACHES[reach]))
            treatments[reach] = found, report, lab.trained_steps
        return treatments[reach]

    return of


@pytest.mark.parametrize(("reach", "tenths"), [("warmup", 7), ("pair", 5), ("pair", 9)])
def test_a_treatment_ends_within_its_steps_and_the_next_call_comes_to_the_answer(
    reach: str, tenths: int, long_spec: Spec, tmp_path: Path, unlimited: Callable[[str], Done]
) -> None:
    _, report, n_steps = unlimited(reach)
    n = n_steps * tenths // 10
    found, cut, lab = treated(long_spec, tmp_path / "out", TreatEngine(REACHES[reach]), f"{n}-steps")
    assert lab.allowance.spent <= n
    assert list(dict.fromkeys(t.name for t in found.tried)) == ORDER
    assert lab.allowance.left_out
    assert cut.verdict in (report.verdict, "inconclusive")
    # no fix is tried, let alone prescribed, before an earlier one that did not fit
    ended = [t.status == "not_tried" and "the budget ended" in t.reason for t in found.tried if isinstance(t, NotTried)]
    assert ended == sorted(ended)
    again, resumed, _ = treated(long_spec, tmp_path / "out", TreatEngine(REACHES[reach]))
    assert without_cost(resumed) == without_cost(report)
    assert again.cut == ()


def without_cost(report: Report) -> str:
    """What a report says but for the seconds, and for which call paid for which trial."""
    assert report.treat is not None
    tried = tuple(replace(row, cost=None) for row in report.treat.tried)
    cost = replace(report.treat.cost, seconds=0.0)
    return json_report.render(replace(report, treat=replace(report.treat, tried=tried, cost=cost)))


def test_a_fix_that_is_found_without_its_confirmation_is_unconfirmed(
    long_spec: Spec, tmp_path: Path, unlimited: Callable[[str], Done]
) -> None:
    whole, _, n_steps = unlimited("warmup")
    assert whole.prescribed is not None
    fresh = sum(len(run.train_loss) for run in whole.runs if run.trial is not None and run.trial.seed > 4)
    # what the search took, and too little for the first fresh seeds and their controls
    n = n_steps - fresh - 5 * 100 + 600
    found, report, lab = treated(long_spec, tmp_path / "out", TreatEngine(REACHES["warmup"]), f"{n}-steps")
    warmup = found.tried[0]
    assert (warmup.name, warmup.status) == ("warmup", "unconfirmed")
    assert found.prescribed is None
    assert "the budget did not reach for fresh seeds" in report.summary
    assert any("fresh seeds" in left for left in lab.allowance.left_out)


@pytest.mark.parametrize(
    ("left", "cost", "kept"),
    [(10_000, 1000, 1000), (2000, 1000, 1000), (1999, 1000, 999.5), (500, 1000, 250), (0, 1000, 0)],
)
def test_what_is_kept_for_a_confirmation_is_half_of_what_is_left_at_most(left: int, cost: int, kept: float) -> None:
    allowance = Allowance(budget_of("10k-steps"))
    allowance.steps = 10_000 - left
    trial = Trial(
        base_learning_rate=0.1, seed=0, max_train_steps=cost, eval_every=10, optimizer="sgd", procedure="sweep"
    )
    allowance.keep_for([trial], 1)
    assert (allowance.kept, allowance.left) == (kept, left - kept)


def test_what_is_found_is_confirmed_with_what_was_kept(
    long_spec: Spec, tmp_path: Path, unlimited: Callable[[str], Done]
) -> None:
    n = unlimited("pair")[2] * 6 // 10
    engine = TreatEngine(REACHES["pair"])
    found, report, _ = treated(long_spec, tmp_path / "out", engine, f"{n}-steps")
    # without a part that is kept the search would take all of it, and nothing that it found be prescribed
    assert engine.afresh
    assert found.prescribed is not None
    assert report.verdict == "unstable"


def test_a_treatment_whose_sweep_is_cut_tries_no_fix(long_spec: Spec, tmp_path: Path) -> None:
    found, report, lab = treated(long_spec, tmp_path / "out", TreatEngine(REACHES["warmup"]), "500-steps")
    assert found.study.cut is not None
    assert report.verdict == "inconclusive"
    assert {t.status for t in found.tried} == {"not_tried"}
    assert report.treat is not None
    assert report.treat.cut == (found.study.cut.left_out,)
    assert lab.allowance.left_out[-1].startswith("every fix")


def test_a_treatment_without_its_short_run_is_not_called_stable(long_spec: Spec, tmp_path: Path) -> None:
    # no edge in sight, so that the sweep alone would say stable
    spec = long_spec
    whole, lab = swept(spec, tmp_path / "sweep", TreatEngine({}, edge=100.0))
    assert assess.report_of_sweep(whole, "sweep").verdict == "stable"
    n = lab.trained_steps + 1
    found, report, _ = treated(spec, tmp_path / "out", TreatEngine({}, edge=100.0), f"{n}-steps")
    assert found.probed is None
    assert report.verdict == "inconclusive"
    assert "probe" in report.summary
    _, resumed, _ = treated(spec, tmp_path / "out", TreatEngine({}, edge=100.0))
    assert resumed.verdict == "stable"
