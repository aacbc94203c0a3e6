"""The whole procedure on an engine that trains nothing: a made-up world answers for every trial."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from test_examine import SPEC, FakeEngine, Log, broken_at, opened

from lrdoctor import assess, examine
from lrdoctor.core.report import Report
from lrdoctor.core.trial import Trial
from lrdoctor.engines.base import Event, Failed, Finished, Progress, Started, Task
from lrdoctor.errors import SpecError, WorkloadError
from lrdoctor.procedures.treated import Treated
from lrdoctor.spec import Spec, load_spec

EDGE = 0.03
"""Training without a fix is unstable from here on; lr* is 0.01."""
STEPS = 100

Reach = Mapping[str, float]
"""What a fix multiplies the edge by; 1 for one that does nothing. `pair` is for both together."""

ORDER = [
    "warmup", "clip_gradients", "warmup+clip_gradients", "change_optimizer", "add_residuals_and_norm",
    "norm_placement", "zero_init_residual", "lower_learning_rate",
]  # fmt: skip


class TreatEngine(FakeEngine):
    """A trial below the edge that its fixes reach falls smoothly; any other breaks."""

    def __init__(self, reach: Reach, edge: float = EDGE, broken_by: str = "") -> None:
        super().__init__(lambda rate, seed: "never asked")
        self.reach, self.edge, self.broken_by = reach, edge, broken_by
        self.seen: list[Trial] = []

    def _edge(self, trial: Trial) -> float:
        has_warmup, has_clip = trial.warmup_steps >= 3, trial.clip_norm is not None
        kind = "pair" if has_warmup and has_clip else "warmup" if has_warmup else "clip" if has_clip else ""
        if trial.optimizer_name == "adam":
            kind = "adam"
        return self.edge * self.reach.get(kind, 1.0)

    def _trial(self, task: Task, trial: Trial) -> Iterator[Event]:
        self.seen.append(trial)
        yield Started(task, 0)
        if self.broken_by == "clip" and trial.clip_norm is not None:
            yield Failed(task, "out of memory")
            return
        broken = trial.base_learning_rate >= self._edge(trial)
        goal = 0.1 * (1 + abs(math.log10(trial.base_learning_rate / 0.01))) + 0.001 * trial.seed
        n_steps = trial.n_steps
        told = broken_at(trial.base_learning_rate) if broken else [goal + (2 - goal) * 0.9**t for t in range(n_steps)]
        norms = [1 + 0.5 * math.sin(t) for t in range(len(told))]
        rows = [
            (t, trial.base_learning_rate, loss, norm, loss)
            for t, (loss, norm) in enumerate(zip(told, norms, strict=True))
        ]
        yield Progress(task, rows)
        yield Finished(task, {"status": "diverged" if broken else "completed", "reason": "nan" if broken else None})


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    text = SPEC.replace("max_train_steps: 40", f"max_train_steps: {STEPS}").replace("[0, 1, 2]", "[0, 1, 2, 3, 4]")
    (tmp_path / "spec.yaml").write_text(text)
    return load_spec(tmp_path / "spec.yaml")


def treated(
    spec: Spec,
    out: Path,
    engine: TreatEngine,
    best: float | None = None,
    unstable: float | None = None,
    everything: bool = False,
) -> tuple[Treated, Report]:
    with opened(spec, out) as folder:
        laboratory = examine.Laboratory(spec, folder, engine, Log())
        found = examine.treat(laboratory, spec.seeds, best, unstable, everything)
        return found, assess.report_of_treat(found)


@pytest.mark.parametrize(
    ("reach", "statuses", "prescribed"),
    [
        # the first that restores all the room ends it
        ({"warmup": 20}, ["verified", *["not_tried"] * 7], "warmup"),
        ({"clip": 20, "pair": 20}, ["rejected", "verified", *["not_tried"] * 6], "clip_gradients"),
        # some room each, all of it together
        ({"warmup": 2, "clip": 2, "pair": 20}, [*["verified"] * 3, *["not_tried"] * 5], "warmup+clip_gradients"),
        # nothing but the last resort, which all the room above makes no loss of
        (
            {"adam": 0.1},
            [*["rejected"] * 4, *["not_tried"] * 3, "rejected"],
            None,
        ),
    ],
)
def test_the_fixes_in_order(
    reach: Reach, statuses: list[str], prescribed: str | None, spec: Spec, tmp_path: Path
) -> None:
    found, report = treated(spec, tmp_path / "out", TreatEngine(reach))
    assert [t.name for t in found.tried] == ORDER
    assert [t.status for t in found.tried] == statuses
    assert (found.prescribed and found.prescribed.name) == prescribed
    assert [fix.name for fix in report.fixes] == ORDER
    assert [fix.status for fix in report.fixes] == statuses
    assert report.unstable_base_learning_rate == found.study.unstable_base_learning_rate


def test_the_numbers_of_a_prescription(spec: Spec, tmp_path: Path) -> None:
    found, report = treated(spec, tmp_path / "out", TreatEngine({"warmup": 20}))
    chosen = report.treat["prescription"]
    assert chosen["names"] == ["warmup"]
    assert chosen["base_learning_rate"] == 0.01 == found.study.best_learning_rate
    assert chosen["settings"]["warmup_steps"] in (3, 4)
    before, row = report.treat["before"], report.treat["tried"][0]
    assert before["stability_margin"] == pytest.approx(found.study.stability_margin)
    assert row["stability_margin"] >= 10
    assert row["highest_stable_learning_rate"] >= 10 * before["highest_stable_learning_rate"]
    assert row["comparison"]["change"] == "no change"
    assert "no gain, it is inside the spread" in row["why"]
    assert row["steps_added"] == chosen["settings"]["warmup_steps"]


def test_a_long_warmup_asks_for_a_longer_run(spec: Spec, tmp_path: Path) -> None:
    """3 steps of 100 are no more than the playbook's 5 %, 10 are."""
    _, short = treated(spec, tmp_path / "short", TreatEngine({"warmup": 20}))
    _, long = treated(spec, tmp_path / "long", TreatEngine({"pair": 20}))
    asked = "raise max_train_steps: the warmup takes 10 steps, more than 5 % of 100"
    assert [any(step.startswith(asked) for step in report.next_steps) for report in (short, long)] == [False, True]


def test_everything_is_tried_on_request(spec: Spec, tmp_path: Path) -> None:
    found, _ = treated(spec, tmp_path / "out", TreatEngine({"warmup": 20, "clip": 20, "pair": 20}), everything=True)
    assert {t.name for t in found.tried if t.status == "verified"} >= {"warmup", "clip_gradients"}
    assert {t.name for t in found.tried if t.after is not None} >= {"change_optimizer", "warmup+clip_gradients"}
    assert found.prescribed is not None
    assert found.prescribed.name == "warmup"


@pytest.mark.parametrize(
    ("edge", "everything", "why"),
    [
        (1e9, False, "no instability was found"),
        (1e9, True, "no instability was found"),
        (0.2, True, "training becomes unstable at 20.5 times lr*"),
        (0.08, False, "--all tries the fixes all the same"),
    ],
)
def test_no_fix_is_pushed(edge: float, everything: bool, why: str, spec: Spec, tmp_path: Path) -> None:
    engine = TreatEngine({"warmup": 20}, edge)
    found, report = treated(spec, tmp_path / "out", engine, everything=everything)
    assert (found.tried, found.prescribed, report.fixes, report.treat["prescription"]) == ((), None, (), None)
    assert why in report.treat["why_not"]
    assert not report.treat["needed"]
    assert {t.procedure for t in engine.seen} <= {"sweep", "probe"}


def test_between_the_two_checks_fixes_are_tried_on_request(spec: Spec, tmp_path: Path) -> None:
    found, _ = treated(spec, tmp_path / "out", TreatEngine({"warmup": 20}, edge=0.08), everything=True)
    assert found.tried[0].status == "verified"


def test_a_second_run_trains_nothing(spec: Spec, tmp_path: Path) -> None:
    reach = {"warmup": 2, "clip": 2, "pair": 3}
    first, told = treated(spec, tmp_path / "out", TreatEngine(reach))
    engine = TreatEngine(reach)
    second, again = treated(spec, tmp_path / "out", engine)
    assert engine.seen == []
    assert [t.status for t in second.tried] == [t.status for t in first.tried]
    assert again.treat == told.treat
    assert again.treat["cost"]["trials"] > 100


def test_the_costs_add_up(spec: Spec, tmp_path: Path) -> None:
    engine = TreatEngine({"warmup": 2, "clip": 2, "pair": 3})
    found, report = treated(spec, tmp_path / "out", engine)
    of_fixes = sum(t.cost.trials for t in found.tried)
    own = len(found.study.runs) + len(found.probed.runs if found.probed else ())
    assert found.cost.trials == len(engine.seen) == own + of_fixes
    assert len({run.name for run in report.runs}) == len(report.runs) == found.cost.trials


def test_an_update_rule_is_swept_over_its_own_rates(spec: Spec, tmp_path: Path) -> None:
    engine = TreatEngine({"adam": 1.0})
    treated(spec, tmp_path / "out", engine)
    rates = {t.base_learning_rate for t in engine.seen if t.optimizer_name == "adam"}
    assert {1e-4, 1e-3, 1e-2, 1e-1} <= rates


def test_failed_trials_of_a_fix_are_no_evidence(spec: Spec, tmp_path: Path) -> None:
    found, report = treated(spec, tmp_path / "out", TreatEngine({"warmup": 2}, broken_by="clip"))
    by_name = {t.name: t for t in found.tried}
    assert by_name["warmup"].status == "verified"
    assert by_name["clip_gradients"].status == "not_tried"
    assert by_name["warmup+clip_gradients"].status == "not_tried"
    assert "out of memory" in (by_name["warmup+clip_gradients"].missing or "")
    assert report.treat["cut"] == []


def test_the_own_training_must_work(spec: Spec, tmp_path: Path) -> None:
    engine = FakeEngine(lambda rate, seed: "no such file")
    with opened(spec, tmp_path / "out") as folder, pytest.raises(WorkloadError, match="no such file"):
        examine.treat(examine.Laboratory(spec, folder, engine, Log()), spec.seeds)


def test_rates_given_by_hand(spec: Spec, tmp_path: Path) -> None:
    found, report = treated(spec, tmp_path / "out", TreatEngine({"warmup": 20}), best=0.005, unstable=0.02)
    assert (report.best_learning_rate, report.unstable_base_learning_rate) == (0.005, 0.02)
    assert min(r.base_learning_rate for r in found.study.rates) == 0.005
    assert any("as given" in note for note in found.study.notes)
    assert found.tried[0].status == "verified"


@pytest.mark.parametrize(("best", "unstable"), [(0.1, 0.05), (0.1, 0.1), (None, 0.005), (0.5, None)])
def test_rates_given_the_wrong_way_round(
    best: float | None, unstable: float | None, spec: Spec, tmp_path: Path
) -> None:
    with pytest.raises(SpecError, match="is not above the best one"):
        treated(spec, tmp_path / "out", TreatEngine({}), best=best, unstable=unstable)
