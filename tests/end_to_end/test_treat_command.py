"""`lrdoctor treat` on a workload that large gradients at the start throw off, and that a warmup cures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from projects import STEEP, assert_drawn, in_process, lrdoctor, project, records, trials
from report_schema import SCHEMA, faults, parse

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and forkserver are POSIX")

SPEC = """\
name: steep
model: {class_path: "./work.py:Net"}
data: {class_path: "./work.py:loaders"}
loss: torch.nn.MSELoss
optimizer: sgd
max_train_steps: 60
eval_every: 20
seeds: [0, 1, 2]
sweep: {values: [0.003, 0.01, 0.03, 0.1]}
"""


@pytest.fixture(scope="module")
def treated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("treated")
    done = lrdoctor("treat", project(folder, SPEC, STEEP), "--out", folder / "out", "--jobs", 1, "--json")
    assert done.returncode in (0, 1), done.stderr
    assert_drawn(folder / "out")
    (folder / "stdout.json").write_text(done.stdout)
    return folder


def run(folder: Path, spec: Path, *more: object, command: str = "treat") -> subprocess.CompletedProcess[str]:
    return in_process(command, spec, "--out", folder / "out", "--jobs", 1, *more)


def printed(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = parse((folder / "stdout.json").read_text())
    return found


def test_json_is_the_saved_report_and_fits_the_schema(treated: Path) -> None:
    report = printed(treated)
    assert report == json.loads((treated / "out" / "report.json").read_text())
    assert faults(report, SCHEMA) == []
    assert report["command"] == "treat"
    assert len(report["runs"]) == len(trials(treated / "out")) == report["treat"]["cost"]["trials"]
    assert len({run["name"] for run in report["runs"]}) == len(report["runs"])
    for section in ("sweep", "probe", "warmup", "treat"):
        assert report[section]["figures"]
        for name in report[section]["figures"]:
            assert (treated / "out" / name).is_file()


def test_the_warmup_is_proven_and_prescribed(treated: Path) -> None:
    report = printed(treated)
    before, warmup = report["treat"]["before"], report["treat"]["tried"][0]
    assert (warmup["name"], warmup["status"]) == ("warmup", "verified")
    assert warmup["highest_stable_learning_rate"] > 2 * before["highest_stable_learning_rate"]
    # the higher the rate the better it trains, so what the warmup makes stable goes into the rate to use, not into room
    assert warmup["base_learning_rate"] > 2 * before["base_learning_rate"]
    assert (warmup["margin_is_bound"], warmup["reaches_target"]) == (True, False)
    confirmation = warmup["confirmation"]
    assert set(confirmation["seeds"]).isdisjoint({0, 1, 2})
    assert confirmation["unstable"] == confirmation["unstable_at_reach"] == 0
    assert confirmation["baseline_unstable_at_reach"] == len(confirmation["seeds"])
    assert "verified" not in {row["status"] for row in report["treat"]["tried"][1:]}
    assert report["treat"]["prescription"]["names"] == ["warmup"]
    assert report["verdict"] == "unstable"


def test_a_second_run_trains_nothing_and_says_the_same(treated: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in treated.glob("out/trials/*/*")}
    done = run(treated, treated / "tiny.yaml", "--fail-on", "never", "-v")
    assert done.returncode == 0, done.stderr
    assert {path: path.stat().st_mtime_ns for path in treated.glob("out/trials/*/*")} == before
    assert "Prescription: warmup (verified)" in done.stdout
    saved = json.loads((treated / "out" / "report.json").read_text())
    assert saved["treat"]["prescription"] == printed(treated)["treat"]["prescription"]


def test_the_patched_spec_runs_and_its_sweep_is_the_one_that_judged_the_fix(treated: Path) -> None:
    before = set(trials(treated / "out"))
    saved = (treated / "out" / "report.json").read_bytes()
    done = run(treated, treated / "out" / "prescription.yaml", "--json", "--fail-on", "never", command="sweep")
    # with the warmup three seeds do not tell whether the best rate has room
    assert done.returncode in (0, 2), done.stderr
    # what judged the fix is taken up; a fix's sweep ends where most seeds are unstable, this one goes on to the
    # playbook's checks at 5 and 10 times lr*
    assert before < set(trials(treated / "out"))
    further = [records(treated / "out")[key]["settings"] for key in set(trials(treated / "out")) - before]
    swept, warmup = parse(done.stdout), printed(treated)["treat"]["tried"][0]
    assert swept["unstable_base_learning_rate"] == warmup["unstable_base_learning_rate"]
    assert swept["best_learning_rate"] == warmup["best_learning_rate"]
    checks = [factor * swept["best_learning_rate"] for factor in (5, 10)]
    assert sorted(one["base_learning_rate"] for one in further) == pytest.approx(checks, rel=1e-3)
    (treated / "out" / "report.json").write_bytes(saved)


def test_a_plan_trains_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    done = run(tmp_path, project(tmp_path, SPEC, STEEP), "--plan", "--json")
    assert done.returncode == 0, done.stderr
    document = parse(done.stdout)
    assert (document["command"], document["plan"]["reused"] >= 0) == ("treat", True)
    assert {"sweep", "probe", "warmup", "clip_gradients"} <= {part["name"] for part in document["plan"]["parts"]}
    assert not (tmp_path / "out").exists()


def test_a_budget_ends_between_fixes_and_each_run_goes_on(treated: Path, tmp_path: Path) -> None:
    found = printed(treated)["treat"]
    of_controls = 3 * 60
    before_fixes = found["cost"]["steps"] - sum(row["cost"]["steps"] for row in found["tried"])
    spec, kept = project(tmp_path, SPEC, STEEP), dict[str, Any]()
    for up_to, status, why in (
        (before_fixes + 300, "not_tried", "--max-trial-steps leaves"),
        (found["cost"]["steps"] - 700, "unconfirmed", "not tried on fresh seeds"),
    ):
        budget = of_controls + up_to - sum(record["settings"]["max_train_steps"] for record in kept.values())
        cut = run(tmp_path, spec, "--json", "--max-trial-steps", budget)
        assert cut.returncode == 1, cut.stderr
        report = parse(cut.stdout)
        assert faults(report, SCHEMA) == []
        assert sum(run["n_points"] for run in report["runs"]) <= up_to
        assert report["treat"]["tried"][0]["status"] == status
        assert why in report["treat"]["tried"][0]["why"]
        assert report["treat"]["prescription"] is None
        assert any(text.startswith("warmup: ") for text in report["treat"]["cut"])
        before, kept = kept, records(tmp_path / "out")
        assert kept.items() > before.items()
    whole = run(tmp_path, spec, "--json")
    assert records(tmp_path / "out").items() > kept.items()
    after = parse(whole.stdout)
    assert after["treat"]["prescription"] == {
        **found["prescription"],
        "spec_file": after["treat"]["prescription"]["spec_file"],
    }
    assert after["treat"]["cost"]["trials"] == found["cost"]["trials"]


def test_a_budget_that_does_not_reach_for_the_sweep_is_an_error(tmp_path: Path) -> None:
    done = run(tmp_path, project(tmp_path, SPEC, STEEP), "--max-trial-steps", 700)
    assert done.returncode == 2
    said = " ".join(done.stderr.split())
    assert "and --max-trial-steps leaves" in said
    assert "what is finished is kept: run the command again with" in said
    kept = records(tmp_path / "out")
    assert 0 < sum(record["n_rows"] for record in kept.values()) <= 700
