"""A plan of real trials: timed on short ones, and nothing is left behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from projects import in_process, project

from lrdoctor import runner
from lrdoctor.catalogue import SWEEP
from lrdoctor.cli import plans, trials
from lrdoctor.core.plan import Plan


def planned(spec: Path, out: Path) -> Plan:
    how = runner.How(out=out, jobs=2, quiet=True)
    return runner.plan(SWEEP, runner.Asked(), trials.load_spec(spec, None, None), how)


def test_a_plan_is_timed_and_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = project(tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    plan = planned(spec, tmp_path / "out")
    of_workload = ("__pycache__", "begun")
    after = sorted(path.name for path in tmp_path.iterdir() if path.name not in of_workload)
    assert after == before
    # one seed at three of the four rates first, further ones where they can change the answer
    assert [(stage.name, stage.trials, stage.steps) for stage in plan.stages[:2]] == [
        ("control", 1, 60),
        ("grid", 3, 180),
    ]
    assert ("control", 2, 120) in [(stage.name, stage.trials, stage.steps) for stage in plan.stages]
    assert "further seeds" in [stage.name for stage in plan.stages]
    assert any("are left out" in words for words in plan.assumptions)
    assert plan.seconds_per_step > 0
    assert plan.seconds > 0
    assert plans.print_planned(plan, "sweep", as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["plan"]["steps"] == plan.steps
    assert plans.print_planned(plan, "sweep", as_json=False) == 0
    assert capsys.readouterr().out.startswith("PLAN: about ")


def test_after_the_sweep_nothing_of_it_is_left_to_train(tmp_path: Path) -> None:
    spec = project(tmp_path)
    assert in_process("sweep", spec, "--out", tmp_path / "out", "--fail-on", "never").returncode == 0
    plan = planned(spec, tmp_path / "out")
    assert (plan.trials, plan.seconds) == (0, 0.0)
    assert "finished trials" in plan.assumptions[-1]


def test_a_plan_has_nothing_to_report(tmp_path: Path) -> None:
    done = in_process("treat", project(tmp_path), "--plan", "--junit", tmp_path / "j.xml", "--min-margin", 3)
    assert done.returncode == 2
    assert "--plan trains and judges nothing, so that there is nothing for --junit, --min-margin" in done.stderr
    assert not (tmp_path / "j.xml").exists()


@pytest.mark.parametrize("command", ["sweep", "treat"])
def test_a_plan_spends_no_budget(tmp_path: Path, command: str) -> None:
    done = in_process(command, project(tmp_path), "--plan", "--budget", "1h", "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "found --budget with --plan, expected one of them" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_sweep_is_planned_and_the_worst_case_is_that_of_every_trial(tmp_path: Path) -> None:
    spec = project(tmp_path)
    few, every = (
        json.loads(in_process("sweep", spec, "--plan", "--json", "--out", tmp_path / "out", *more).stdout)["plan"]
        for more in ((), ("--exhaustive",))
    )
    assert few["steps"] < few["worst_steps"] == every["worst_steps"] == every["steps"]
