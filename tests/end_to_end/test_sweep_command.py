from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import interruptions
import pandas as pd
import pytest
from projects import SPEC, WORK, assert_drawn, curves, in_process, lrdoctor, project, records, trials

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and forkserver are POSIX")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study folder of a sweep that nothing disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    done = lrdoctor("sweep", project(folder), "--out", folder / "out", "--json", "--jobs", 1)
    assert done.returncode in (0, 1), done.stderr
    assert_drawn(folder / "out")
    (folder / "stdout.json").write_text(done.stdout)
    # later sweeps of the project in this process have workers of a server that others may have started
    (folder / "left.json").write_text(json.dumps([path.name for path in folder.iterdir()]))
    return folder / "out"


def test_json_is_the_saved_report_and_nothing_else(undisturbed: Path) -> None:
    printed = json.loads((undisturbed.parent / "stdout.json").read_text())
    assert printed == json.loads((undisturbed / "report.json").read_text())
    assert printed["command"] == "sweep"
    assert printed["verdict"] in ("stable", "unstable")
    assert len(printed["runs"]) == len(trials(undisturbed)) == len(records(undisturbed)) - 3


def test_the_exit_code_follows_the_verdict(undisturbed: Path) -> None:
    spec = undisturbed.parent / "tiny.yaml"
    verdict = json.loads((undisturbed / "report.json").read_text())["verdict"]
    codes = [
        in_process("sweep", spec, "--out", undisturbed, "-q", "--fail-on", level).returncode
        for level in ("unstable", "warning", "never")
    ]
    assert codes == [1 if verdict == "unstable" else 0, 1, 0]


def test_a_study_is_held_against_its_own_report_and_pointed_at_in_its_spec(undisturbed: Path) -> None:
    spec, junit = undisturbed.parent / "tiny.yaml", undisturbed.parent / "junit.xml"
    given = ("--baseline", undisturbed / "report.json", "--junit", junit, "--github", "--min-margin", "0.01")
    done = in_process("sweep", "tiny.yaml", "--out", undisturbed, *given, cwd=undisturbed.parent)
    assert done.returncode == 0, done.stderr
    assert "nothing is new or worse than in" in done.stdout
    line = spec.read_text().splitlines().index("sweep: {values: [0.001, 0.01, 0.05, 10.0]}") + 1
    assert f" file=tiny.yaml,line={line},title=LRD40" in done.stdout
    suites = [suite.get("name") for suite in ElementTree.parse(junit).getroot()]
    assert suites == ["study: sweep", "trials by rate", "baseline and margin"]
    too_much = in_process("sweep", spec, "--out", undisturbed, "-q", "--fail-on", "never", "--min-margin", 1e6)
    assert too_much.returncode in (1, 2)


def test_the_study_folder_reads_with_pandas(undisturbed: Path) -> None:
    table = pd.read_csv(undisturbed / "trials.csv")
    assert set(table.key) == set(trials(undisturbed))
    assert "control" not in {*table.columns, *table.procedure}
    assert set(table.seed) == {0, 1, 2}
    assert table.base_learning_rate.is_monotonic_increasing
    for key in records(undisturbed):
        steps = pd.read_csv(undisturbed / "trials" / key / "steps.csv")
        assert list(steps.columns) == ["step", "learning_rate", "train_loss", "grad_norm", "val_loss"]
        assert list(steps.step) == list(range(len(steps)))
    assert (undisturbed / "figures" / "figure_7a_objective_vs_learning_rate.svg").is_file()


def test_a_control_has_no_gradient_norm_and_knows_the_best_constant_prediction(undisturbed: Path) -> None:
    controls = {key: record for key, record in records(undisturbed).items() if record["settings"]["control"]}
    assert {record["settings"]["seed"] for record in controls.values()} == {0, 1, 2}
    of_trials = {record["settings"]["seed"]: key for key, record in trials(undisturbed).items()}
    for key, record in controls.items():
        steps, of_trial = (
            pd.read_csv(undisturbed / "trials" / name / "steps.csv")
            for name in (key, of_trials[record["settings"]["seed"]])
        )
        assert len(steps) == 60
        assert steps.grad_norm.isna().all()
        assert steps.train_loss[0] == of_trial.train_loss[0]
        assert 0.5 < record["worker"]["constant_loss"] < 0.7  # labels of two kinds, about as many of each
        assert record["worker"]["output_spread"] > 0


def test_a_finished_study_is_not_run_again(undisturbed: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in undisturbed.glob("trials/*/*")}
    done = in_process("sweep", undisturbed.parent / "tiny.yaml", "--out", undisturbed, "--fail-on", "never")
    assert done.returncode == 0
    assert {path: path.stat().st_mtime_ns for path in undisturbed.glob("trials/*/*")} == before
    assert "completed" not in done.stderr


def test_the_resolved_spec_of_a_study_runs_to_the_same_bits(undisturbed: Path, tmp_path: Path) -> None:
    done = in_process("sweep", undisturbed / "spec.yaml", "--out", tmp_path / "out", "--fail-on", "never", "-q")
    assert done.returncode == 0, done.stderr
    assert curves(tmp_path / "out") == curves(undisturbed)


def test_the_parent_process_never_imports_torch(undisturbed: Path, tmp_path: Path) -> None:
    script = (
        "import sys; sys.argv = ['lrdoctor', 'sweep', *sys.argv[1:]]\n"
        "from lrdoctor.cli import main\n"
        "try: main()\n"
        "except SystemExit: print('torch' in sys.modules)"
    )
    arguments = [undisturbed.parent / "tiny.yaml", "--out", tmp_path / "out", "--set", "seeds=[0]", "-q"]
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)], capture_output=True, text=True, timeout=300
    )
    assert done.stdout.splitlines()[-1] == "False", done.stderr


def test_workers_share_what_torch_imports_at_the_first_update(undisturbed: Path) -> None:
    left = json.loads((undisturbed.parent / "left.json").read_text())
    assert "begun" in left
    assert "torch in part" not in left


def test_a_killed_worker_costs_nothing_but_its_trial(undisturbed: Path, tmp_path: Path) -> None:
    spec = project(tmp_path)
    # after the look at the workload the first trial: one begun ahead would be begun anew, and count one attempt
    (tmp_path / "plan").write_text("2 kill worker")
    done = in_process("sweep", spec, "--out", tmp_path / "out", "--jobs", 2, "--fail-on", "never")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "done").exists()
    assert sorted(r["attempts"] for r in records(tmp_path / "out").values())[-2:] == [1, 2]
    assert curves(tmp_path / "out") == curves(undisturbed)


def test_a_worker_killed_twice_marks_the_trial_failed(tmp_path: Path) -> None:
    deadly = WORK.replace("def disturb():", "def disturb():\n    if SEEN['updates'] == 30: os.kill(os.getpid(), 9)\n")
    spec = project(tmp_path, SPEC.replace("[0, 1, 2]", "[0]"), deadly)
    done = in_process("sweep", spec, "--out", tmp_path / "out", "--set", "sweep.values=[0.01, 0.05]")
    assert done.returncode == 2
    assert "all 2 trials failed" in done.stderr
    assert "SIGKILL" in done.stderr


@pytest.mark.parametrize("ending", interruptions.ENDINGS)
def test_an_ended_sweep_resumes_to_the_same_bits(
    undisturbed: Path, tmp_path: Path, ending: interruptions.Ending
) -> None:
    sweep = interruptions.Invocation("sweep", jobs=2)
    before = interruptions.interrupt(sweep, tmp_path, ending, after=4)
    interruptions.resume(sweep, tmp_path, undisturbed, before)
