import json
import os
from pathlib import Path

import numpy as np
import pytest

from benchmarks import detection, families, indexed_logs
from benchmarks.detection import Outcome, Score, judge_log
from benchmarks.indexed_logs import Log
from benchmarks.judges import JUDGES, blockrise
from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run


def run_of(loss, name="run"):
    return Run(name, "made up", {"train_loss": Curve.of(loss)})


def outcome(label, verdict, onset=None, spikes=()):
    return Outcome(Log("id", label, spikes, ()), verdict, onset)


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
    assert judge_log(blockrise, log) == Outcome(log, "unstable", 20)


@pytest.mark.parametrize("judge", JUDGES.values(), ids=JUDGES)
@pytest.mark.parametrize("loss", [[], [1.0], [np.nan], [0.0] * 100, [-1.0] * 100, [np.inf] * 9])
def test_judges_survive_odd_curves(judge, loss):
    assert judge(run_of(loss))[0] in ("stable", "unstable", "inconclusive")


def test_blockrise_flags_a_spike_and_no_decay():
    decay = families.make(0, name="x", kind="healthy")
    spike = families.make(0, name="x", kind="recovering spike")
    assert blockrise(run_of(decay.loss)) == ("stable", None)
    verdict, onset = blockrise(run_of(spike.loss))
    assert verdict == "unstable"
    assert abs(onset - spike.onset) < 0.02 * spike.steps.size


def test_the_halves_are_fixed_and_about_equal():
    halves = [Log(f"log-{i}", "stable", (), ()).half for i in range(1000)]
    assert halves.count("tune") == 496
    assert set(halves) == {"tune", "hold-out"}


def test_a_folder_is_read_by_its_index(tmp_path, capsys):
    (tmp_path / "a.csv").write_text("step,loss,grad_norm\n0,2.0,1\n1,,\n2,1.0,3\n")
    (tmp_path / "b.jsonl").write_text("".join(json.dumps({"it": i, "l": 3 - i}) + "\n" for i in range(3)))
    (tmp_path / "c.txt").write_text("step 1/9 | loss nan (+nanz)| norm 2.5 (x)\rstep 2/9 | loss 1,000.5 | norm nan |\n")
    (tmp_path / "INDEX.csv").write_text(
        "id,format,loss_column,step_column,has_grad_norm,label,spike_steps,notes,file\n"
        "one,csv,loss,step,1,stable,,,a.csv\n"
        "two,jsonl,l,it,0,spike,1;2,,b.jsonl\n"
        "three,text,loss,step,1,nan,1,,c.txt\n"
    )
    one, two, three = indexed_logs.load(tmp_path)
    assert one.runs[0].train_loss == Curve(np.array([0, 2]), np.array([2.0, 1.0]))
    assert (two.spike_steps, list(two.runs[0].train_loss.value)) == ((1, 2), [3, 2, 1])
    assert three.runs[0].train_loss == Curve(np.array([1, 2]), np.array([np.nan, 1000.5]))
    detection.main(["--logs", str(tmp_path), "--judges", "blockrise"])
    printed = capsys.readouterr().out
    assert "| blockrise | both | 1/2 | 0/1 | 1.00 | 0.50 | 0.67 |" in printed


def test_made_up_curves_are_scored(capsys):
    detection.main(["--families", "nan, flat fine-tuning", "--seeds", "3"])
    assert "| nan | flat fine-tuning | unstable | 100.0 (100.0) | 100.0 (100.0) |" in capsys.readouterr().out


@pytest.mark.skipif("LRDOCTOR_LOGS" not in os.environ, reason="LRDOCTOR_LOGS names no folder of labelled logs")
def test_every_labelled_log_has_its_loss():
    logs = list(indexed_logs.load(Path(os.environ["LRDOCTOR_LOGS"])))
    assert all(log.runs and len(log.runs[0].train_loss) > 0 for log in logs)
