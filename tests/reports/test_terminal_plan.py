"""The plan as people read it, and as JSON."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from lrdoctor.core.plan import Plan, PlannedStage
from lrdoctor.reports import json as json_report
from lrdoctor.reports.terminal.plan import print_plan


def stage(part: str, name: str, trials: int = 6, reused: int = 0, steps: int = 600, seconds: float = 60.0):
    return PlannedStage(
        part=part, name=name, trials=trials, reused=reused, steps=steps, evaluations=steps // 10, seconds=seconds
    )


STAGES = (
    stage("sweep", "grid", trials=12, reused=3, steps=900, seconds=120.0),
    stage("sweep", "refinement"),
    stage("sweep", "refinement"),
    stage("warmup", "warmup to 10x the unstable rate", steps=6000, seconds=600.0),
    stage("warmup", "baseline", reused=6, steps=0, seconds=0.0),
)


def plan(*stages: PlannedStage, **changes) -> Plan:
    fields = {"jobs": 2, "seconds_per_step": 0.2, "start_up": 4.0, "assumptions": ("lr* is 0.01", "no [red] wolves")}
    fields["worst_steps"] = 9000
    return Plan(stages=stages or STAGES, **{**fields, **changes})


def shown(plan: Plan, width: int = 110) -> str:
    console = Console(file=io.StringIO(), width=width)
    print_plan(plan, console)
    return console.file.getvalue()


def test_the_total_comes_first_and_is_called_an_upper_figure():
    first = shown(plan()).splitlines()[0]
    assert first == (
        "PLAN: about 8,100 training steps, 14 min (27 trials to train, 9 are finished or asked for twice; "
        "2 side by side; 9,000 where none can be left out)"
    )


def test_a_plan_that_leaves_nothing_out_has_no_worst_case():
    assert "left out" not in shown(plan(worst_steps=8100)).splitlines()[0]


def test_stages_of_one_name_are_one_row_and_every_part_adds_up():
    rows = [line.split() for line in shown(plan()).splitlines()]
    assert ["sweep", "grid", "12", "3", "900", "90", "2", "min"] in rows
    assert ["refinement", "12", "0", "1,200", "120", "2", "min"] in rows
    assert ["sweep", "21", "2,100", "2,100", "4.1", "min"] in rows
    assert ["warmup", "6", "6,000", "8,100", "14", "min"] in rows


def test_what_is_assumed_is_said_as_it_is():
    assert "lr* is 0.01" in shown(plan())
    assert "no [red] wolves" in shown(plan())


@pytest.mark.parametrize("stages", [(stage("sweep", "grid", reused=6, steps=0, seconds=0.0),)])
def test_nothing_to_train(stages):
    text = shown(plan(*stages))
    assert text.startswith("PLAN: nothing to train, 6 are finished")
    assert "each part" not in text


@pytest.mark.parametrize("width", [30, 60, 200])
def test_any_width_will_do(width):
    assert max(map(len, shown(plan(), width).splitlines()[1:])) <= width


def test_json_holds_the_stages_the_parts_and_the_totals():
    document = json.loads(json_report.render_plan(plan(), "treat"))
    assert (document["schema_version"], document["command"]) == (1, "treat")
    told = document["plan"]
    assert (told["trials"], told["reused"], told["steps"], told["seconds"]) == (27, 9, 8100, 844.0)
    assert [part["steps_so_far"] for part in told["parts"]] == [2100, 8100]
    assert told["stages"][0]["name"] == "grid"
    assert told["assumptions"] == ["lr* is 0.01", "no [red] wolves"]
