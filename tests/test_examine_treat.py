"""The whole procedure on an engine that trains nothing: a made-up world answers for every trial."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import pytest
from test_examine import SPEC, FakeEngine, Log, broken_at, opened

from lrdoctor import assess, examine
from lrdoctor.core.fix_sections import FixSettings
from lrdoctor.core.report import Report
from lrdoctor.core.trial import Trial
from lrdoctor.engines.base import Event, Failed, Finished, Progress, Started, Task
from lrdoctor.errors import SpecError, WorkloadError
from lrdoctor.procedures.treated import Treated
from lrdoctor.procedures.treatment_results import NotTried, Swept
from lrdoctor.spec import Spec, load_spec

EDGE = 0.03
"""Training without a fix is unstable from here on; lr* is 0.01."""
STEPS = 100

Reach = Mapping[str, float]
"""What a fix multiplies the edge by; 1 for one that does nothing. `pair` is for both together, `autoclip` for the
threshold that follows the norms."""
SEEDS = range(5)
"""Those of the search."""

ORDER = [
    "warmup", "clip_gradients", "warmup+clip_gradients", "change_optimizer", "add_residuals_and_norm",
    "norm_placement", "zero_init_residual", "lower_learning_rate",
]  # fmt: skip


class TreatEngine(FakeEngine):
    """A trial below the edge that its fixes reach falls smoothly; any other breaks. What the `lucky` fixes reach they
    reach on the seeds of the search alone."""

    def __init__(self, reach: Reach, edge: float = EDGE, broken_by: str = "", lucky: Collection[str] = ()) -> None:
        super().__init__(lambda rate, seed: "never asked")
        self.reach, self.edge, self.broken_by, self.lucky = reach, edge, broken_by, lucky
        self.seen: list[Trial] = []

    @property
    def afresh(self) -> list[Trial]:
        """Trials of seeds that the search did not use."""
        return [trial for trial in self.seen if trial.seed not in SEEDS]

    def _edge(self, trial: Trial) -> float:
        has_warmup, has_clip = trial.warmup_steps >= 3, trial.clip_norm is not None
        kind = "pair" if has_warmup and has_clip else "warmup" if has_warmup else "clip" if has_clip else ""
        if trial.optimizer_name == "adam":
            kind = "adam"
        if trial.autoclip_percentile is not None:
            kind = "autoclip"
        if kind in self.lucky and trial.seed not in SEEDS:
            return self.edge
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
    budget: int | None = None,
) -> tuple[Treated, Report]:
    with opened(spec, out) as folder:
        laboratory = examine.Laboratory(spec, folder, engine, Log(), budget=budget)
        found = examine.treat(laboratory, spec.seeds, best, unstable, everything)
        return found, assess.report_of_treat(found)


def swept(found: Treated) -> list[Swept]:
    return [tried for tried in found.tried if isinstance(tried, Swept)]


@pytest.mark.parametrize(("edge", "verdict"), [(0.012, "inconclusive"), (0.015, "unstable")])
def test_the_verdict_is_the_sweep_s_though_the_short_run_breaks(
    edge: float, verdict: str, spec: Spec, tmp_path: Path
) -> None:
    found, report = treated(spec, tmp_path / "out", TreatEngine({}, edge=edge))
    assert found.probed is not None
    assert assess.report_of_probe(found.probed, "probe").verdict == "unstable"
    assert report.verdict == assess.report_of_sweep(found.study, "sweep").verdict == verdict


@pytest.mark.parametrize(
    ("reach", "statuses", "prescribed"),
    [
        # the first that restores all the room ends it
        ({"warmup": 20}, ["verified", *["not_tried"] * 7], "warmup"),
        ({"clip": 20, "pair": 20}, ["rejected", "verified", *["not_tried"] * 6], "clip_gradients"),
        # some room each, all of it together: what has less is not put to fresh seeds
        (
            {"warmup": 2, "clip": 2, "pair": 20},
            ["unconfirmed", "unconfirmed", "verified", *["not_tried"] * 5],
            "warmup+clip_gradients",
        ),
        # no constant threshold holds, the one that follows the norms does
        ({"autoclip": 20}, ["rejected", "rejected", "verified", *["not_tried"] * 6], "clip_gradients"),
        # nothing but the last resort, which costs
        ({"adam": 0.1}, [*["rejected"] * 5, *["not_tried"] * 3, "rejected"], None),
    ],
)
def test_the_fixes_in_order(
    reach: Reach, statuses: list[str], prescribed: str | None, spec: Spec, tmp_path: Path
) -> None:
    found, report = treated(spec, tmp_path / "out", TreatEngine(reach))
    assert list(dict.fromkeys(t.name for t in found.tried)) == ORDER
    assert [t.status for t in found.tried] == statuses
    assert (found.prescribed and found.prescribed.fix.name) == prescribed
    assert [fix.name for fix in report.fixes] == [t.name for t in found.tried]
    assert [fix.status for fix in report.fixes] == statuses
    assert report.unstable_base_learning_rate == found.study.unstable_base_learning_rate


def test_the_numbers_of_a_prescription(spec: Spec, tmp_path: Path) -> None:
    found, report = treated(spec, tmp_path / "out", TreatEngine({"warmup": 20}))
    chosen = report.treat.prescription
    assert chosen.names == ("warmup",)
    assert chosen.base_learning_rate == 0.01 == found.study.best_learning_rate
    assert chosen.settings.warmup_steps in (3, 4)
    before, row = report.treat.before, report.treat.tried[0]
    assert before.stability_margin == pytest.approx(found.study.stability_margin)
    assert row.stability_margin >= 10
    assert row.highest_stable_learning_rate >= 10 * before.highest_stable_learning_rate
    assert row.comparison.change == "no change"
    assert "no change beyond the spread" in row.why
    assert row.steps_added == chosen.settings.warmup_steps


def test_a_long_warmup_asks_for_a_longer_run(spec: Spec, tmp_path: Path) -> None:
    """3 steps of 100 are no more than the playbook's 5 %, 10 are."""
    _, short = treated(spec, tmp_path / "short", TreatEngine({"warmup": 20}))
    _, long = treated(spec, tmp_path / "long", TreatEngine({"pair": 20}))
    asked = "raise max_train_steps: the warmup takes 10 steps, more than 5 % of 100"
    assert [any(step.startswith(asked) for step in report.next_steps) for report in (short, long)] == [False, True]


def test_everything_is_tried_on_request(spec: Spec, tmp_path: Path) -> None:
    found, _ = treated(spec, tmp_path / "out", TreatEngine({"warmup": 20, "clip": 20, "pair": 20}), everything=True)
    # the others have no more room, and no better loss: fresh seeds could not put them first
    assert {t.name for t in found.tried if t.status == "verified"} == {"warmup"}
    assert {t.name for t in found.tried if t.status == "unconfirmed"} == {"clip_gradients", "warmup+clip_gradients"}
    assert {t.name for t in swept(found)} >= {"change_optimizer", "warmup+clip_gradients"}
    assert found.prescribed is not None
    assert found.prescribed.fix.name == "warmup"


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
    assert (found.tried, found.prescribed, report.fixes, report.treat.prescription) == ((), None, (), None)
    assert why in report.treat.why_not
    assert not report.treat.needed
    assert {t.procedure for t in engine.seen} <= {"sweep", "probe"}


def test_between_the_two_checks_fixes_are_tried_on_request(spec: Spec, tmp_path: Path) -> None:
    found, _ = treated(spec, tmp_path / "out", TreatEngine({"warmup": 20}, edge=0.08), everything=True)
    assert found.tried[0].status == "verified"


def test_fresh_seeds_are_none_of_the_search(spec: Spec, tmp_path: Path) -> None:
    engine = TreatEngine({"warmup": 20})
    found, report = treated(spec, tmp_path / "out", engine)
    assert found.prescribed is not None
    confirmed = found.prescribed.confirmation
    assert set(confirmed.seeds) == {trial.seed for trial in engine.afresh} == {5, 6, 7, 8}
    assert report.treat.tried[0].confirmation.seeds == (5, 6, 7, 8)
    assert report.treat.n_fresh_seeds == 4
    assert {run.trial.seed for run in found.study.runs if run.trial is not None} == set(SEEDS)
    use, reach = confirmed.claim.base_learning_rate, confirmed.claim.reach
    rates = {(trial.base_learning_rate, trial.warmup_steps > 0) for trial in engine.afresh}
    assert rates == {(use, True), (reach, True), (use, False), (reach, False)}


def test_losses_are_compared_at_an_equal_number_of_updates(spec: Spec, tmp_path: Path) -> None:
    engine = TreatEngine({"warmup": 20})
    found, _ = treated(spec, tmp_path / "out", engine)
    assert found.prescribed is not None
    use, added = found.prescribed.base_learning_rate, found.prescribed.fix.settings["warmup_steps"]
    with_it, without = (
        {t.n_steps for t in engine.afresh if t.base_learning_rate == use and (t.warmup_steps > 0) == has_warmup}
        for has_warmup in (True, False)
    )
    assert with_it == without == {STEPS + added}


def test_what_holds_on_the_seeds_of_the_search_alone_is_rejected_and_the_next_best_is_asked(
    spec: Spec, tmp_path: Path
) -> None:
    engine = TreatEngine({"warmup": 20, "clip": 20}, lucky=["warmup"])
    found, report = treated(spec, tmp_path / "out", engine)
    warmup, clipping = swept(found)[:2]
    assert (warmup.status, warmup.is_refuted, warmup.cures) == ("rejected", True, True)
    assert warmup.confirmation is not None
    assert warmup.confirmation.failing == "nothing"
    assert (clipping.name, clipping.status) == ("clip_gradients", "verified")
    assert found.prescribed is not None
    assert found.prescribed.fix is clipping
    assert report.fixes[0].why.startswith("rejected on fresh seeds: it helps nothing there")


@pytest.mark.parametrize("everything", [False, True])
def test_at_most_three_fixes_are_put_to_fresh_seeds(everything: bool, spec: Spec, tmp_path: Path) -> None:
    lucky = {"warmup": 20, "clip": 20, "pair": 20, "adam": 20}
    found, report = treated(spec, tmp_path / "out", TreatEngine(lucky, lucky=lucky), everything=everything)
    promising = [t for t in swept(found) if t.promises]
    assert len(promising) >= 4
    assert sum(t.is_refuted for t in promising) == 3
    assert {t.status for t in promising} == {"rejected", "unconfirmed"}
    assert (found.prescribed, report.treat.prescription) == (None, None)
    assert "3 held on the seeds of the search and not on fresh ones" in report.summary


def test_a_budget_that_ends_before_the_fresh_seeds_leaves_the_fix_unconfirmed(spec: Spec, tmp_path: Path) -> None:
    whole = TreatEngine({"warmup": 20})
    expected, told = treated(spec, tmp_path / "whole", whole)
    # every control is as long as a trial, and the last batch of the search has to fit in at its full length
    enough = found_steps(whole) + (len(SEEDS) + 3) * STEPS
    found, report = treated(spec, tmp_path / "out", TreatEngine({"warmup": 20}), budget=enough)
    warmup = swept(found)[0]
    assert (warmup.status, warmup.promises_target, found.prescribed) == ("unconfirmed", True, None)
    assert "not tried on fresh seeds" in report.fixes[0].why
    assert "the budget did not reach for fresh seeds" in report.summary
    assert sum(cut.startswith("warmup: fresh seeds: ") for cut in report.treat.cut) == 1
    assert any("--max-trial-steps" in step for step in report.next_steps)
    again, after = treated(spec, tmp_path / "out", TreatEngine({"warmup": 20}))
    assert [t.status for t in again.tried] == [t.status for t in expected.tried]
    assert after.treat.prescription == told.treat.prescription


def found_steps(engine: TreatEngine) -> int:
    """Updates of the trials of the search, as far as they went: a broken one ends at its third."""
    return sum(3 if t.base_learning_rate >= engine._edge(t) else t.n_steps for t in engine.seen if t.seed in SEEDS)


def test_autoclip_is_not_tried_where_a_constant_threshold_holds(spec: Spec, tmp_path: Path) -> None:
    engine = TreatEngine({"clip": 2, "autoclip": 20})
    found, _ = treated(spec, tmp_path / "out", engine)
    assert [t.settings for t in swept(found) if "autoclip_percentile" in t.settings] == []
    assert {t.autoclip_percentile for t in engine.seen} == {None}


def test_autoclip_is_prescribed_alone(spec: Spec, tmp_path: Path) -> None:
    """A spec clips one way, and the patched spec and the snippet name that one."""
    found, report = treated(spec, tmp_path / "out", TreatEngine({"autoclip": 20}))
    chosen = report.treat.prescription
    assert chosen.settings == FixSettings(autoclip_percentile=10.0, base_learning_rate=0.01)
    changes = assess.prescription_changes(found)
    assert changes is not None
    assert (changes["autoclip_percentile"], changes["clip_norm"]) == (10.0, None)
    assert "torch.quantile" in chosen.snippet
    assert "autoclip_percentile 10" in report.summary


def test_a_second_run_trains_nothing(spec: Spec, tmp_path: Path) -> None:
    reach = {"warmup": 2, "clip": 2, "pair": 3}
    first, told = treated(spec, tmp_path / "out", TreatEngine(reach))
    engine = TreatEngine(reach)
    second, again = treated(spec, tmp_path / "out", engine)
    assert engine.seen == []
    assert [t.status for t in second.tried] == [t.status for t in first.tried]
    assert again.treat == told.treat
    assert again.treat.cost.trials > 100


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
    assert {1e-3, 1e-2, 1e-1} <= rates  # of its own grid, from the middle outward


def test_failed_trials_of_a_fix_are_no_evidence(spec: Spec, tmp_path: Path) -> None:
    found, report = treated(spec, tmp_path / "out", TreatEngine({"warmup": 2}, broken_by="clip"))
    by_name = {t.name: t for t in found.tried}
    assert by_name["warmup"].status == "verified"
    assert by_name["clip_gradients"].status == "not_tried"
    assert by_name["warmup+clip_gradients"].status == "not_tried"
    pair = by_name["warmup+clip_gradients"]
    assert isinstance(pair, NotTried)
    assert "out of memory" in pair.reason
    assert report.treat.cut == ()


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
