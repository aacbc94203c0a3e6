"""The fixes that change the model, on an engine that trains nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_examine import SPEC, Log, opened
from test_examine_treat import EDGE, ORDER, TreatEngine

from lrdoctor import assess, examine
from lrdoctor.core.architecture import Architecture, Scale, Site
from lrdoctor.core.fix_sections import FixSettings
from lrdoctor.core.report import Report
from lrdoctor.core.rewriting import REWRITES, Edit, Possible, Refusal, Rewriting
from lrdoctor.core.trial import Trial
from lrdoctor.engines.base import Event, Progress, Task
from lrdoctor.procedures.sweep import Settings
from lrdoctor.procedures.treated import Treated
from lrdoctor.procedures.treatment_results import NotTried, Swept, Tried
from lrdoctor.spec import load_spec

SITE = Site(
    where="net.py:7", module="blocks.0", call=0, skip="identity", branch_scale=0.5, last_operation="linear", gate=None,
    post_norm=True, norm="blocks.0.norm", zeroable=("blocks.0.out.weight",), why_not="", is_dead=False,
    is_probable=False,
)  # fmt: skip
MODEL = Architecture(
    sites=(SITE,), depth_outside_residuals=2, distinct_outside_residuals=2, depth_without_norm=2,
    distinct_without_norm=2, n_norms=1, chain=(Scale(module="head", operation="linear", activation=1.0, gradient=1.0),),
    unknown=(), mode="train", loss=2.0, n_operations=9,
)  # fmt: skip
PRE = replace(MODEL, sites=(replace(SITE, post_norm=False, norm=None),))
PLAIN = replace(MODEL, sites=(), depth_outside_residuals=24, distinct_outside_residuals=24, distinct_without_norm=24)
EDIT = Edit(where="net.py:7", modules=("blocks.0", "blocks.1"), what="changed", source="self.alpha = zeros()")
REFUSAL = Refusal(where="net.py:9", module="blocks.0", why="its last operation is relu")


def made(name: str) -> Rewriting:
    return Rewriting(name=name, edits=(EDIT,), refused=(), n_sites=2, after=MODEL)  # type: ignore[arg-type]


def refused(name: str) -> Rewriting:
    return Rewriting(name=name, edits=(), refused=(REFUSAL,), n_sites=0, after=None)  # type: ignore[arg-type]


def possible(model: Architecture | None = MODEL, failure: str = "", **others: Rewriting) -> Possible:
    return Possible(model=model, failure=failure, rewritings={name: others.get(name, made(name)) for name in REWRITES})


class RewriteEngine(TreatEngine):
    """Below its edge a rewritten trial trains; `late` ones only come down to their goal with three times the steps."""

    def __init__(
        self, reach: Mapping[str, float], found: Possible, late: tuple[str, ...] = (), edge: float = EDGE
    ) -> None:
        super().__init__(reach, edge)
        self.possible, self.late = found, late

    def _edge(self, trial: Trial) -> float:
        own = super()._edge(replace(trial, rewrite=None))
        return own if trial.rewrite is None else self.edge * self.reach.get(trial.rewrite, 1.0)

    def _trial(self, task: Task, trial: Trial) -> Iterator[Event]:
        behind = trial.rewrite in self.late and trial.max_train_steps < 300
        lost = trial.rewrite in self.reach and f"{trial.rewrite} loses" in self.late
        for event in super()._trial(task, trial):
            if isinstance(event, Progress) and (behind or lost):
                # all trials of a seed begin alike
                lost_at = [0.5 * (1 - 0.9 ** row[0]) for row in event.value]
                rows = [(*row[:2], row[2] + x, row[3], row[4] + x) for row, x in zip(event.value, lost_at, strict=True)]
                yield Progress(task, rows)
            else:
                yield event


def treated(folder: Path, engine: TreatEngine, text: str = "", **options: Any) -> tuple[Treated, Report]:
    spec_text = SPEC.replace("max_train_steps: 40", "max_train_steps: 100").replace("[0, 1, 2]", "[0, 1, 2, 3, 4]")
    (folder / "spec.yaml").write_text(spec_text + text)
    spec = load_spec(folder / "spec.yaml")
    with opened(spec, folder / "out") as study_folder:
        found = examine.treat(
            examine.Laboratory(spec, study_folder, engine, Log(), exhaustive=True), spec.seeds, **options
        )
        return found, assess.report_of_treat(found)


def of(found: Treated, name: str) -> list[Tried]:
    return [tried for tried in found.tried if tried.name == name]


def by_rewrite(found: Treated) -> dict[str, str]:
    changed = [t for t in found.tried if isinstance(t, Swept) and t.treatment.rewrite is not None]
    return {str(t.settings["rewrite"]): t.status for t in changed}


def test_every_change_in_its_place_in_the_order(tmp_path: Path) -> None:
    found, report = treated(tmp_path, RewriteEngine({"move_norm": 2, "rezero": 2}, possible()), everything=True)
    assert list(dict.fromkeys(t.name for t in found.tried)) == ORDER
    assert by_rewrite(found) == {"move_norm": "verified", "zero_init": "rejected", "rezero": "unconfirmed"}
    assert [f.rank for f in report.fixes] == sorted(f.rank for f in report.fixes)


def test_a_change_that_restores_all_room_is_prescribed(tmp_path: Path) -> None:
    found, report = treated(tmp_path, RewriteEngine({"zero_init": 20}, possible()))
    chosen = report.treat.prescription
    assert chosen.names == ("zero_init_residual",)
    assert chosen.settings == FixSettings(rewrite="zero_init", base_learning_rate=0.01)
    assert chosen.snippet.startswith("# net.py:7 (blocks.0 and 1 more): changed\nself.alpha = zeros()\n")
    assert "rewrite zero_init at 0.01" in report.summary
    assert by_rewrite(found) == {"move_norm": "rejected", "zero_init": "verified"}  # rezero comes after what suffices
    row = next(row for row in report.treat.tried if row.status == "verified")
    assert row.rewriting.edits[0].modules == ("blocks.0", "blocks.1")
    assert "2 residual sites changed at net.py:7" in row.why


def test_the_patched_spec_asks_for_the_same_trials(tmp_path: Path) -> None:
    found, _ = treated(tmp_path, RewriteEngine({"zero_init": 20}, possible()))
    changes = assess.prescription_changes(found)
    assert changes is not None
    assert changes["rewrite"] == "zero_init"
    spec = load_spec(tmp_path / "spec.yaml")
    (tmp_path / "patched.yaml").write_text(spec.patched_yaml(tmp_path, changes, "why"))
    engine, patched = RewriteEngine({"zero_init": 20}, possible()), load_spec(tmp_path / "patched.yaml")
    with opened(patched, tmp_path / "out") as folder:
        laboratory = examine.Laboratory(patched, folder, engine, Log(), exhaustive=True)
        study = examine.sweep(laboratory, Settings(patched.sweep.rates()), patched.seeds)
    assert engine.seen == []
    assert {run.trial.rewrite for run in study.runs if run.trial} == {"zero_init"}


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (
            possible(None, "could not run the model under the recorder: KeyError"),
            {
                "add_residuals_and_norm": "could not run the model under the recorder: KeyError; apply it to the code",
                "norm_placement": "could not run the model",
                "zero_init_residual": "could not run the model",
            },
        ),
        (
            possible(PLAIN),
            {
                "add_residuals_and_norm": "over 24 layers, and where residual connections and norms belong is for the "
                "model's author to say",
            },
        ),
        (
            possible(PRE, move_norm=replace(made("move_norm"), edits=(), n_sites=0)),
            {
                "add_residuals_and_norm": "--add-norm tries one at the end of every branch",
                "norm_placement": "no residual sum is normalized",
            },
        ),
        (
            possible(zero_init=refused("zero_init"), rezero=refused("rezero")),
            {"zero_init_residual": "it can be made nowhere: net.py:9: its last operation is relu"},
        ),
        (
            possible(move_norm=replace(made("move_norm"), n_sites=0, failure="the copy still normalizes its sum")),
            {"norm_placement": "the copy still normalizes its sum; apply it to the code and run treat again"},
        ),
    ],
)
def test_why_nothing_is_changed(tmp_path: Path, found: Possible, why: Mapping[str, str]) -> None:
    results, _ = treated(tmp_path, RewriteEngine({}, found))
    for name, text in why.items():
        (tried,) = of(results, name)
        assert isinstance(tried, NotTried)
        assert text in tried.reason


def test_a_plain_deep_net_gets_words_and_a_snippet(tmp_path: Path) -> None:
    _, report = treated(tmp_path, RewriteEngine({}, possible(PLAIN)))
    (fix,) = [fix for fix in report.fixes if fix.name == "add_residuals_and_norm"]
    assert fix.status == "not_tried"
    assert "x = x + f(norm(x))" in fix.snippet


def test_norms_are_added_on_request_alone(tmp_path: Path) -> None:
    found, _ = treated(tmp_path, RewriteEngine({"add_norm": 2}, possible()), add_norm=True)
    assert by_rewrite(found)["add_norm"] == "verified"


def test_a_spec_takes_one_change(tmp_path: Path) -> None:
    found, _ = treated(tmp_path, RewriteEngine({}, possible()), "rewrite: zero_init\n")
    assert by_rewrite(found) == {}
    for name in ("add_residuals_and_norm", "norm_placement", "zero_init_residual"):
        (tried,) = of(found, name)
        assert isinstance(tried, NotTried)
        assert "the spec rewrites the model already (zero_init)" in tried.reason


def test_where_zeroing_is_refused_a_gate_is_tried(tmp_path: Path) -> None:
    found, _ = treated(tmp_path, RewriteEngine({"rezero": 20}, possible(zero_init=refused("zero_init"))))
    assert by_rewrite(found) == {"move_norm": "rejected", "rezero": "verified"}


@pytest.mark.parametrize(
    ("late", "status", "change"),
    [
        (("rezero",), "verified", "no change"),
        (("rezero loses",), "rejected", "loss"),
    ],
)
def test_a_gated_net_is_not_judged_too_early(tmp_path: Path, late: tuple[str, ...], status: str, change: str) -> None:
    """It starts slowly: where it loses in trials of the usual length, longer ones have the last word."""
    engine = RewriteEngine({"rezero": 2}, possible(zero_init=refused("zero_init")), late)
    found, report = treated(tmp_path, engine)
    (tried,) = of(found, "zero_init_residual")
    assert isinstance(tried, Swept)
    assert tried.searched is not None
    assert tried.searched.change == "loss"
    assert tried.longer is not None
    assert (tried.longer.paired.change, tried.longer.max_train_steps) == (change, 300)
    assert tried.status == status
    assert "it starts slowly: with 300 steps" in next(f.why for f in report.fixes if f.name == "zero_init_residual")
    assert {trial.rewrite for trial in engine.seen if trial.max_train_steps == 300} == {None, "rezero"}
    own_trials = len(found.study.runs) + len(found.probed.runs if found.probed else ())
    assert own_trials + sum(t.cost.trials for t in found.tried) == len(engine.seen)


def test_a_change_that_helps_no_trial_is_not_run_longer(tmp_path: Path) -> None:
    engine = RewriteEngine({}, possible(), ("rezero",))
    treated(tmp_path, engine)
    assert {trial.max_train_steps for trial in engine.seen} == {100}


def test_the_model_is_looked_at_once_and_only_where_a_fix_needs_it(tmp_path: Path) -> None:
    engine = RewriteEngine({"warmup": 20}, possible())
    treated(tmp_path, engine)
    assert engine.looks == 0
    engine = RewriteEngine({}, possible())
    (tmp_path / "other").mkdir()
    treated(tmp_path / "other", engine)
    assert engine.looks == 1


NOTHING = 1e-9
"""An edge below which no sweep reaches."""


class EvaluatedLater(RewriteEngine):
    """What breaks does so before it is evaluated, and validation losses lie above training losses."""

    def _trial(self, task: Task, trial: Trial) -> Iterator[Event]:
        for event in super()._trial(task, trial):
            if isinstance(event, Progress):
                above = [None if trial.rewrite is None or row[4] is None else row[4] + 0.05 for row in event.value]
                yield Progress(task, [(*row[:4], val) for row, val in zip(event.value, above, strict=True)])
            else:
                yield event


def test_where_no_rate_trains_the_model_is_what_may_be_changed(tmp_path: Path) -> None:
    found, report = treated(tmp_path, EvaluatedLater({"zero_init": 1e8}, possible(), edge=NOTHING))
    assert found.study.best_learning_rate is None
    assert by_rewrite(found) == {"move_norm": "rejected", "zero_init": "verified", "rezero": "rejected"}
    assert {t.status for t in found.tried if not isinstance(t, Swept)} == {"not_tried"}
    chosen = report.treat.prescription
    assert (chosen.names, chosen.settings.rewrite) == (("zero_init_residual",), "zero_init")
    assert chosen.base_learning_rate == 0.01
    (fix,) = [fix for fix in report.fixes if fix.status == "verified"]
    assert "no rate may be called stable without it, with it those up to" in fix.why
    assert "at 0.01 with it, and no rate trains well without" in fix.why
    # nothing was evaluated without the change, and what it trains to is told in validation losses all the same
    assert "best validation loss" in fix.why
    assert found.prescribed is not None
    confirmed = found.prescribed.confirmation
    of_fresh = [run for run in found.runs if run.trial is not None and run.trial.seed in confirmed.seeds]
    assert of_fresh
    best = {
        run.trial.seed: run.val_loss.value.min()
        for run in of_fresh
        if run.trial is not None and run.trial.rewrite == "zero_init" and run.trial.base_learning_rate == 0.01
    }
    assert {seed: one.objective for seed, one in confirmed.at_use.items()} == best
    assert not any("--lr" in step for step in report.next_steps)


def test_where_nothing_trains_and_nothing_can_be_changed(tmp_path: Path) -> None:
    nowhere = {name: replace(made(name), edits=(), n_sites=0) for name in REWRITES}
    engine = RewriteEngine({}, possible(PLAIN, **nowhere), edge=NOTHING)
    found, report = treated(tmp_path, engine)
    assert (found.prescribed, {t.status for t in found.tried}) == (None, {"not_tried"})
    assert report.verdict == "unstable"
    assert any(step.startswith("give lr* by --lr") for step in report.next_steps)
    assert {t.procedure for t in engine.seen} == {"sweep"}
