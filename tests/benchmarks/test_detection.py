import json

import labelled_logs
import numpy as np
import pytest

from benchmarks import detection, families, indexed_logs, peers
from benchmarks.detection import Outcome, Score, judge_log, print_wrong
from benchmarks.indexed_logs import Log, labelled
from benchmarks.judged import Judged
from benchmarks.judges import JUDGES, blockrise
from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run


def run_of(loss, name="run", column="loss"):
    return Run(name, "made up", {"train_loss": Curve.of(loss)}, provenance={"columns": {"train_loss": column}})


def outcome(label, verdict, onset=None, spikes=(), reasons=()):
    return Outcome(Log("id", label, spikes, ()), Judged(verdict, onset, reasons))


@pytest.mark.parametrize(
    ("label", "verdict", "word"),
    [
        ("nan", "unstable", "hit"),
        ("spike", "stable", "MISS"),
        ("early_instability", "inconclusive", "MISS"),
        ("stable", "inconclusive", "ok"),
        ("stable", "stable", "ok"),
        ("stable", "unstable", "FALSE ALARM"),
        ("unclear", "unstable", "-"),
    ],
)
def test_what_a_verdict_is_worth(label, verdict, word):
    assert outcome(label, verdict).word == word


def test_score():
    words = [
        ("nan", "unstable"),
        ("spike", "stable"),
        ("stable", "unstable"),
        ("stable", "stable"),
        ("unclear", "stable"),
    ]
    score = Score.of(outcome(*w) for w in words)
    assert (score.hits, score.unstable, score.false_alarms, score.healthy, score.f1) == (1, 2, 1, 2, 0.5)


@pytest.mark.parametrize(
    ("onset", "spikes", "error"), [(120, (100, 500), 20), (90, (100,), -10), (None, (100,), None), (5, (), None)]
)
def test_onset_error_is_against_the_first_spike(onset, spikes, error):
    assert outcome("spike", "unstable", onset, spikes).onset_error == error


def test_the_worst_run_decides():
    log = Log("id", "stable", (), (run_of([1.0] * 50), run_of([1.0] * 20 + [np.nan])))
    assert judge_log(blockrise, log) == Outcome(log, Judged("unstable", 20))


def test_a_log_that_cannot_be_read_is_inconclusive():
    log = Log("id", "nan", (), (), error="no loss")
    assert judge_log(blockrise, log) == Outcome(log, Judged("inconclusive", None, ("no loss",)))


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ("loss", ["a#1", "a#2"]),
        ("acc", ["b"]),
        ('"b - acc" (3 runs, wide)', ["b"]),
        ("(2nd field)", ["a#1", "a#2", "b"]),
    ],
)
def test_the_label_is_about_the_runs_with_its_column(wanted, chosen):
    runs = [run_of([1.0], "a#1"), run_of([1.0], "a#2"), run_of([1.0], "b", "acc")]
    assert [run.name for run in labelled(runs, wanted)] == chosen


@pytest.mark.parametrize(("wanted", "other"), [("loss", ()), ("| > loss:", ("loss",)), ("other", ("loss",))])
def test_another_loss_than_the_index_names_is_told(wanted, other):
    assert Log("id", "nan", (), (run_of([1.0]),), loss_column=wanted).other_columns == other


def test_misses_and_false_alarms_are_listed_with_their_reasons(capsys):
    outcomes = [
        outcome("nan", "unstable", 3, reasons=("seen",)),
        outcome("spike", "stable", reasons=("early window not observable",)),
        outcome("stable", "unstable", 7, reasons=("rose by 0.2",)),
        outcome("divergence", "stable"),
        outcome("stable", "inconclusive", reasons=("too short",)),
    ]
    print_wrong("lrdoctor", outcomes)
    half = Log("id", "", (), ()).half
    assert capsys.readouterr().out.splitlines()[3:] == [
        f"- MISS id (spike, {half}): stable",
        "  - early window not observable",
        f"- FALSE ALARM id (stable, {half}): unstable at 7",
        "  - rose by 0.2",
        f"- MISS id (divergence, {half}): stable",
        "  - nothing found, nothing skipped",
    ]


def test_tools_that_are_not_installed_are_named_and_unknown_judges_refused(monkeypatch, capsys):
    monkeypatch.setattr(peers, "missing", lambda: ["losslint"])
    detection.main([])
    assert capsys.readouterr().out == f"\nLeft out, not installed: losslint ({peers.INSTALL})\n"
    with pytest.raises(SystemExit, match="--judges nobody: not there, expected some of lrdoctor,blockrise"):
        detection.main(["--judges", "nobody"])


@pytest.mark.parametrize("judge", JUDGES.values(), ids=JUDGES)
@pytest.mark.parametrize("loss", [[], [1.0], [np.nan], [0.0] * 100, [-1.0] * 100, [np.inf] * 9])
def test_judges_survive_odd_curves(judge, loss):
    assert judge(run_of(loss)).verdict in ("stable", "unstable", "inconclusive")


def test_blockrise_flags_a_spike_and_no_decay():
    decay = families.make(0, name="x", kind="healthy")
    spike = families.make(0, name="x", kind="recovering spike")
    assert blockrise(run_of(decay.loss)) == Judged("stable")
    verdict, onset, _ = blockrise(run_of(spike.loss))
    assert verdict == "unstable"
    assert abs(onset - spike.onset) < 0.02 * spike.steps.size


def test_the_halves_are_fixed_and_about_equal():
    halves = [Log("log", "stable", (), (), repo=f"owner/log-{i}").half for i in range(1000)]
    assert halves.count("tune") == 497
    assert set(halves) == {"tune", "hold-out"}
    assert len({Log(f"log-{i}", "stable", (), (), repo="owner/name").half for i in range(100)}) == 1


NAN = (2.0, float("nan"), 1.0)


def test_a_folder_is_read_by_its_index(tmp_path, capsys):
    (tmp_path / "a.csv").write_text("step,loss,grad_norm\n0,2.0,1\n1,,\n2,1.0,3\n")
    (tmp_path / "b.jsonl").write_text("".join(json.dumps({"step": i, "loss": 3 - i}) + "\n" for i in range(3)))
    (tmp_path / "c.jsonl").write_text("".join(json.dumps({"step": i, "loss": x}) + "\n" for i, x in enumerate(NAN)))
    (tmp_path / "INDEX.csv").write_text(
        "id,loss_column,label,spike_steps,file\n"
        "one,loss,stable,,a.csv\n"
        "two,loss,spike,1;2,b.jsonl\n"
        "three,train_loss,nan,1,c.jsonl\n"
        "four,loss,unclear,,INDEX.csv\n"
    )
    one, two, three, four = indexed_logs.load(tmp_path)
    assert one.runs[0].train_loss == Curve(np.array([0, 2]), np.array([2.0, 1.0]))
    assert (two.spike_steps, list(two.runs[0].train_loss.value)) == ((1, 2), [3, 2, 1])
    assert three.other_columns == ("loss",)
    assert four.runs == ()
    assert "INDEX.csv" in four.error
    detection.main(["--logs", str(tmp_path), "--judges", "blockrise"])
    printed = capsys.readouterr().out
    assert "three: read loss as the loss, the index says train_loss" in printed
    assert "four: not read: " in printed
    assert "| blockrise | both | 1/2 | 0/1 | 1.00 | 0.50 | 0.67 |" in printed


def test_made_up_curves_are_scored(capsys):
    chosen = ["--judges", "lrdoctor,blockrise"]
    detection.main([*chosen, "--families", "nan, flat fine-tuning", "--seeds", "3"])
    assert "| nan | flat fine-tuning | unstable | 100.0 (100.0) | 100.0 (100.0) |" in capsys.readouterr().out


@pytest.mark.skipif(not labelled_logs.folders(), reason=labelled_logs.NONE)
def test_every_labelled_log_has_its_loss():
    logs = [log for folder in labelled_logs.first() for log in indexed_logs.load(folder)]
    assert all(len(run.train_loss) > 0 for log in logs for run in log.runs)
    assert [log.id for log in logs if log.error or not log.runs] == []
    # the index writes these as the log or its reader does not: `| > loss:`, `(2nd field)`
    assert {log.id for log in logs if log.other_columns} == {"trainproof-xtts", "lgbm-mlflow"}
    assert {log.id: len(log.runs) for log in logs if len(log.runs) > 1} == {"cifar-multirun": 4}
