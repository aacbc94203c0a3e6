"""`lrdoctor run -- CMD...`: what it runs, what it says, and how it exits."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from run_scripts import COULD_NOT_JUDGE, INTERRUPTED, LONGEST, STABLE, UNSTABLE, lrdoctor, script


def test_a_stable_training_exits_with_0_and_every_output_is_written(tmp_path: Path) -> None:
    files = ["--html", "a.html", "--junit", "b.xml", "--gitlab", "c.json", "--markdown", "d.md"]
    ran = lrdoctor(tmp_path, script(), *files)
    assert (ran.code, ran.stdout) == (STABLE, "the script's last line\n")
    assert "STABLE: no instability was found in 300 points of the training loss" in ran.stderr
    assert "a loop of its own, clips gradients at 1e+09" in ran.stderr
    report, recorded = ran.report, ran.report["recorded"]
    assert (report["command"], report["verdict"], recorded["exit_code"]) == ("run", "stable", 0)
    assert recorded["command"] == [sys.executable, "train.py"]
    assert report["runs"][0]["n_points"] == 300
    # what an ordinary log leaves open: early blow-ups, and everything about gradient norms
    assert {"LRD208", "LRD501", "LRD502"} <= set(recorded["checked"])
    assert not {skip["code"] for skip in report["skipped"]} & set(recorded["checked"])
    assert all((tmp_path / file).stat().st_size for file in files[1::2])
    assert sorted(path.name for path in ran.folder.iterdir() if path.name[0] != ".") == [
        "recording.json", "report.html", "report.json", "steps.csv"
    ]  # fmt: skip
    assert ran.stderr.splitlines()[-1] == f"  the page: {ran.folder.relative_to(tmp_path) / 'report.html'}"


def test_no_page_is_written_where_none_is_wanted(tmp_path: Path) -> None:
    ran = lrdoctor(tmp_path, script(), "--no-html")
    assert not (ran.folder / "report.html").exists()
    assert "the page:" not in ran.stderr


def test_an_unstable_training_exits_with_1_and_json_is_alone_on_standard_output(tmp_path: Path) -> None:
    ran = lrdoctor(tmp_path, script(rate=9.0, steps=60), "--json")
    document = json.loads(ran.stdout)
    assert (ran.code, document["verdict"]) == (UNSTABLE, "unstable")
    assert document == ran.report
    assert "the script's last line" in ran.stderr
    # a fix is proven on the script itself, not on a spec to be written
    assert any(f"`lrdoctor treat -- {sys.executable} " in step for step in document["next_steps"])


@pytest.mark.parametrize(
    ("text", "code", "verdict", "says"),
    [
        (script(steps=300, end="sys.exit(3)"), COULD_NOT_JUDGE, "inconclusive", "the script ended with exit code 3"),
        (script(steps=5), COULD_NOT_JUDGE, "inconclusive", "5 finite points of the training loss"),
        (
            script(rate=40.0, steps=99, extra="math.exp(loss.item())"), UNSTABLE, "unstable",
            "the script failed after its training had blown up: 'it ended with exit code 1: OverflowError: "
            "math range error'",
        ),
        (
            script(rate=0.9, steps=99, extra="assert loss < 30 or k < 3"), UNSTABLE, "unstable", "and never came back",
        ),
        ("print(1)", COULD_NOT_JUDGE, "inconclusive", "no process of the command updated parameters by torch"),
        (
            "import torch\nfor _ in range(3): torch.ones(1, requires_grad=True).sum().backward()", COULD_NOT_JUDGE,
            "inconclusive", "3 losses were backwarded, but no update of an optimizer was seen",
        ),
    ],
    ids=["failed", "too_short", "died_of_its_loss", "asserted_after_a_rise", "no_torch", "no_update"],
)  # fmt: skip
def test_how_scripts_end(tmp_path: Path, text: str, code: int, verdict: str, says: str) -> None:
    ran = lrdoctor(tmp_path, text)
    assert (ran.code, ran.report["verdict"]) == (code, verdict), ran.stderr
    assert says in ran.report["summary"]
    if verdict == "unstable":
        assert ran.report["runs"][0]["status"] == "diverged"
        assert "LRD103" in {finding["code"] for finding in ran.report["findings"]}


def test_the_script_s_own_exit_code_with_record_only(tmp_path: Path) -> None:
    ran = lrdoctor(tmp_path, script(steps=3, end="sys.exit(7)"), "--record-only")
    assert ran.code == 7
    assert "to judge it: lrdoctor diagnose out/steps.csv" in ran.stderr
    assert not (ran.folder / "report.json").exists()
    again = lrdoctor(tmp_path, script(steps=3), "--record-only")
    assert again.code == COULD_NOT_JUDGE
    assert "holds a recording already" in again.stderr


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ([sys.executable, "-I", "train.py"], "with -I Python runs nothing but the script"),
        ([sys.executable, "-uS", "train.py"], "leave -S out"),
        (["no-such-program"], "cannot be started"),
        (
            ["sh", "-c", "exit 3"],
            "the script ended with exit code 3; no Python process of the command could be reached",
        ),
        (["sh", "-c", "kill -9 $$"], "was killed by SIGKILL"),
    ],
)
def test_commands_that_cannot_be_recorded_are_told(tmp_path: Path, command: list[str], says: str) -> None:
    ran = lrdoctor(tmp_path, "print(1)", command=command)
    assert ran.code == COULD_NOT_JUDGE
    assert says in ran.stderr


def test_streams_are_the_script_s(tmp_path: Path) -> None:
    text = "import sys; sys.stdout.write(sys.stdin.read() * 3); sys.stderr.write('own error\\n'); sys.exit(4)"
    ran = lrdoctor(tmp_path, text, "--record-only", "-q", stdin="given\n")
    assert (ran.code, ran.stdout, ran.stderr) == (4, "given\n" * 3, "own error\n")


def test_much_output_goes_through(tmp_path: Path) -> None:
    ran = lrdoctor(tmp_path, "import sys\nfor _ in range(200): sys.stdout.write('x' * 100_000)", "--record-only", "-q")
    assert (ran.code, len(ran.stdout)) == (0, 20_000_000)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_reach_the_script_and_what_was_recorded_is_judged(tmp_path: Path, number: signal.Signals) -> None:
    waits = script(steps=300, extra="print(k, flush=True); k < 200 or __import__('time').sleep(600)")
    (tmp_path / "train.py").write_text(waits, encoding="utf-8")
    words = [sys.executable, "-m", "lrdoctor", "run", "--out", "out", "--json", "--", sys.executable, "train.py"]
    process = subprocess.Popen(
        words, cwd=tmp_path, env={**os.environ, "OMP_NUM_THREADS": "1"}, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert process.stderr is not None
    assert any(line == "200\n" for line in process.stderr)  # it has come so far
    process.send_signal(number)
    stdout, _ = process.communicate(timeout=LONGEST)
    document = json.loads(stdout)
    assert process.returncode == INTERRUPTED
    assert document["runs"][0]["n_points"] == 201
    assert document["runs"][0]["status"] == "truncated"


ADVERSARIES = """
import torch
from torch.nn.functional import mse_loss
torch.manual_seed(0)
X = torch.randn(32, 4); G, D = torch.nn.Linear(4, 1), torch.nn.Linear(1, 1)
g, d = torch.optim.Adam(G.parameters(), lr=0.01), torch.optim.Adam(D.parameters(), lr=0.02)
for _ in range(60):
    d.zero_grad(); fake = G(X)
    (mse_loss(D(X[:, :1]), torch.ones(32, 1)) + mse_loss(D(fake.detach()), torch.zeros(32, 1))).backward(); d.step()
    g.zero_grad(); mse_loss(D(fake), torch.ones(32, 1)).backward(); g.step()
"""


def test_several_optimizers_are_judged_apart_and_adversaries_are_told(tmp_path: Path) -> None:
    ran = lrdoctor(tmp_path, ADVERSARIES)
    assert ran.code == COULD_NOT_JUDGE
    assert [run["name"] for run in ran.report["runs"]] == ["train: optimizer 0 (Adam)", "train: optimizer 1 (Adam)"]
    assert "as in a GAN" in ran.report["summary"]
    judged = subprocess.run(
        [sys.executable, "-m", "lrdoctor", "report", "out"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (judged.returncode, "as in a GAN" in judged.stdout) == (COULD_NOT_JUDGE, True)


def test_what_other_commands_say_to_a_script(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("print(1)", encoding="utf-8")
    for command in ("sweep", "treat", "inspect"):
        done = subprocess.run(
            [sys.executable, "-m", "lrdoctor", command, "train.py"],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == COULD_NOT_JUDGE
        assert "lrdoctor run -- python train.py" in done.stderr
