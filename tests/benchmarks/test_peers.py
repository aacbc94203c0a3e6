"""The other tools as judges. What needs a tool itself is skipped where it is not installed."""

import json
import math

import numpy as np
import pytest

from benchmarks import peers
from benchmarks.peers import gradsnitch, trainproof
from benchmarks.peers.base import CannotJudge, Peer, Said, judge, judges_of, step_in, table, verdict_of
from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run

DECAY = 2.0 + 3.0 * np.exp(-np.arange(100) / 20)


def peer(*found, error=None):
    """A tool that reports these findings, with one id that counts and one that does not."""

    def lint(run):
        if error is not None:
            raise error
        return found

    return Peer("tool", lint, {"rise": "counts"}, {"speed": "does not"}, {"tool": ("bad",), "tool-so": ("bad", "so")})


def run_of(loss=DECAY, **curves):
    return Run("run", "run.csv", {"train_loss": Curve.of(loss), **curves})


def installed(package):
    return pytest.importorskip(package, reason=f"{package} is not installed: {peers.INSTALL}")


@pytest.mark.parametrize(
    ("found", "plain", "strict"),
    [
        ([], ("stable", None), ("stable", None)),
        ([Said("rise", "bad", 7, "")], ("unstable", 7), ("unstable", 7)),
        ([Said("rise", "so", 7, "")], ("stable", None), ("unstable", 7)),
        ([Said("speed", "bad", 7, "")], ("stable", None), ("stable", None)),
        ([Said("rise", "bad", None, ""), Said("speed", "bad", 1, "")], ("unstable", None), ("unstable", None)),
        ([Said("rise", "bad", 9, ""), Said("rise", "so", 3, "")], ("unstable", 9), ("unstable", 3)),
        ([Said("rise", "fine", 9, "")], ("stable", None), ("stable", None)),
    ],
)
def test_a_finding_counts_by_its_kind_and_its_level(found, plain, strict):
    judges = judges_of(peer(*found))
    assert (judges["tool"](run_of())[:2], judges["tool-so"](run_of())[:2]) == (plain, strict)


def test_a_kind_that_nobody_has_sorted_is_an_error():
    with pytest.raises(LookupError, match="tool reports 'news'"):
        verdict_of(peer(), ("bad",), [Said("news", "info", None, "")])


@pytest.mark.parametrize("error", [CannotJudge("too short"), ZeroDivisionError("division by zero")])
def test_a_tool_that_cannot_run_is_inconclusive(error):
    verdict, _, reasons = judge(peer(error=error), ("bad",), run_of())
    assert (verdict, reasons) == ("inconclusive", (f"tool: {type(error).__name__}: {error}",))


def test_no_loss_is_inconclusive_without_asking_the_tool():
    assert judge(peer(Said("rise", "bad", 7, "")), ("bad",), run_of([])).verdict == "inconclusive"


def test_the_table_keeps_missing_apart_from_nan():
    norm = Curve(np.array([1, 5]), np.array([np.nan, 2.0]))
    steps, columns = table(run_of([3.0, math.inf], grad_norm=norm))
    assert steps.tolist() == [0, 1, 5]
    assert columns["train_loss"] == [3.0, math.inf, None]
    assert columns["grad_norm"][0] is None
    assert math.isnan(columns["grad_norm"][1])


@pytest.mark.parametrize(
    ("pattern", "text", "step"),
    [
        (trainproof.BEGIN, "Steps: [54.0, 55.0]...", 54),
        (trainproof.BEGIN, "2 of 9 logged gradient norms are non-finite; first at step 1.8e+06. Weights", 1_800_000),
        (trainproof.BEGIN, "End loss 7.492 vs Min loss 1.398", None),
        (gradsnitch.BEGIN, "train_loss non-finite first at step 7 (lr=0.55)", 7),
        (gradsnitch.BEGIN, "smoothed train_loss rose 40% after step 120 (2.0 -> 2.8)", 120),
        (gradsnitch.BEGIN, "swings grew 0.1 -> 0.3 over 9 direction reversals by step 399.", None),
    ],
)
def test_where_a_message_says_that_trouble_began(pattern, text, step):
    assert step_in(text, pattern) == step


def test_no_kind_is_in_both_tables_and_no_name_is_taken_twice():
    assert all(not set(of.instability) & set(of.other) for of in peers.PEERS)
    names = [name for of in peers.PEERS for name in of.judges]
    assert len(names) == len(set(names))


def test_what_is_not_installed_is_named(monkeypatch):
    ghost = peer()
    monkeypatch.setattr(peers, "PEERS", (ghost,))
    assert (peers.judges(), peers.missing()) == ({}, ["tool"])


NAN = [*DECAY[:50], math.nan, *DECAY[51:]]
RISE = [*DECAY[:60], *np.linspace(2, 20, 40)]
SPIKES = [20.0 * value if step in (40, 41, 70, 80) else value for step, value in enumerate(DECAY)]
EXPECTED = {
    "runmedic": ("unstable 50", "unstable 60", "stable"),
    "runmedic-warning": ("unstable 50", "unstable 60", "unstable 70"),
    "losslint": ("unstable 50", "unstable", "stable"),
    "losslint-warning": ("unstable 50", "unstable", "unstable 40"),
    "gradsnitch": ("unstable 50", "unstable 60", "unstable 69"),
    "gradsnitch-error": ("unstable 50", "unstable 60", "unstable 69"),
    "trainproof": ("unstable 50", "unstable", "stable"),
    "trainproof-warn": ("unstable 50", "unstable", "stable"),
}
"""What each judge says of a nan, a rise without return, and spikes; all of them call the plain decay stable."""


@pytest.mark.parametrize("name", EXPECTED)
def test_what_the_tools_say(name):
    (of,) = (of for of in peers.PEERS if name in of.judges)
    installed(of.package)
    judged = [judges_of(of)[name](run_of(loss)) for loss in (DECAY, NAN, RISE, SPIKES)]
    texts = [j.verdict + ("" if j.onset is None else f" {j.onset}") for j in judged]
    assert tuple(texts) == ("stable", *EXPECTED[name])


def by_runmedic(path, capsys):
    from runmedic.cli import main

    main(["diagnose", str(path), "--json"])
    (run,) = json.loads(capsys.readouterr().out)
    return {(f["check"], f["severity"]) for f in run["findings"]}


def by_losslint(path, capsys):
    from losslint.cli import main

    main(["check", str(path), "--format", "json"])
    return {(f["check"], f["severity"]) for f in json.loads(capsys.readouterr().out)["findings"]}


def by_gradsnitch(path, capsys):
    from gradsnitch import lint_csv

    return {(f.code, f.severity) for f in lint_csv(str(path))}


def by_trainproof(path, capsys):
    from trainproof.epoch import check_epoch

    return {(f["id"], f["level"]) for f in check_epoch(path)["findings"]}


BY_FILE = {"runmedic": by_runmedic, "losslint": by_losslint, "gradsnitch": by_gradsnitch, "trainproof": by_trainproof}


@pytest.mark.parametrize("of", peers.PEERS, ids=lambda of: of.package)
@pytest.mark.parametrize("loss", [DECAY, NAN, RISE, SPIKES], ids=["decay", "nan", "rise", "spikes"])
def test_the_tool_says_the_same_of_a_file(of, loss, tmp_path, capsys):
    installed(of.package)
    norm = np.where(np.arange(100) == 30, 50.0, 1.0)
    path = tmp_path / "log.csv"
    rows = [f"{step},{value},{g}" for step, (value, g) in enumerate(zip(loss, norm, strict=True))]
    path.write_text("\n".join(["step,train_loss,grad_norm", *rows]))
    run = run_of(loss, grad_norm=Curve.of(norm))
    assert {(said.id, said.level) for said in of.lint(run)} == BY_FILE[of.package](path, capsys)
