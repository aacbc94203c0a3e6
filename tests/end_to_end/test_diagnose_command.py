"""`lrdoctor diagnose` as a user or a CI job calls it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from projects import command, in_process, lrdoctor
from report_schema import SCHEMA, faults, parse

VALUES = 0.4 + 2 * np.exp(-np.arange(500) / 100) + 0.02 * np.random.default_rng(0).standard_normal(500)


def log(values: np.ndarray, loss: str = "loss") -> str:
    return f"step,{loss}\n" + "".join(f"{step},{value:.6g}\n" for step, value in enumerate(values))


def with_nan(step: int) -> np.ndarray:
    return np.where(np.arange(500) < step, VALUES, np.nan)


FILES = {
    "healthy.csv": log(VALUES),
    "nan.csv": log(with_nan(300)),
    "short.csv": log(VALUES[:1]),
    "broken.csv": "\0\1\2\3 not a log",
    "odd.csv": log(VALUES, "value_a").replace("\n", ",1\n").replace("value_a,1", "value_a,value_b"),
    "run/deep/healthy.csv": log(VALUES),
    "run/notes.txt": "bought milk\n",
    "none/notes.txt": "bought milk\n",
    "mixed/nan.csv": log(with_nan(300)),
    "mixed/healthy.csv": log(VALUES),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("logs")
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(
    ("arguments", "code", "verdict"),
    [
        ("healthy.csv", 0, "STABLE: no instability was found in 500 points"),
        ("nan.csv", 1, "UNSTABLE: "),
        ("nan.csv --fail-on warning", 1, "UNSTABLE: "),
        ("nan.csv --fail-on never", 0, "UNSTABLE: "),
        ("short.csv", 2, "INCONCLUSIVE: "),
        ("short.csv --fail-on never", 2, "INCONCLUSIVE: "),
        ("broken.csv", 2, "INCONCLUSIVE: broken.csv: is no text"),
        ("nowhere.csv", 2, "INCONCLUSIVE: nowhere.csv: cannot be read: No such file or directory"),
        ("healthy.csv nan.csv", 1, "UNSTABLE: 1 of 2 runs is unstable: nan.csv ("),
        ("healthy.csv nowhere.csv", 2, "INCONCLUSIVE: 1 of 2 runs could not be judged: nowhere.csv ("),
        ("nowhere.csv nan.csv healthy.csv short.csv", 1, "UNSTABLE: 1 of 4 runs is unstable: nan.csv ("),
        ("nowhere.csv nan.csv --fail-on never", 2, "UNSTABLE: 1 of 2 runs is unstable"),
        ("run", 0, "STABLE: "),
        ("none", 2, "INCONCLUSIVE: none: no training log below it; found 1 x files of no known format"),
        ("mixed", 1, "UNSTABLE: 1 of 2 runs is unstable: mixed/nan.csv ("),
        ("odd.csv", 2, "INCONCLUSIVE: "),
        ("odd.csv --columns loss=value_a", 0, "STABLE: "),
        ("odd.csv --columns loss=value_a,step=nothing", 2, "INCONCLUSIVE: odd.csv: no column 'nothing'"),
        ("healthy.csv --format csv", 0, "STABLE: "),
        ("healthy.csv --format wandb", 2, "INCONCLUSIVE: healthy.csv: not a W&B run file"),
        ("healthy.csv --objective minimized --alpha 0.001 -v", 0, "STABLE: "),
        ("healthy.csv --objective adversarial", 2, "INCONCLUSIVE: two networks play against each other, so a rise"),
        ("nan.csv --objective adversarial", 1, "UNSTABLE: "),
    ],
)
def test_exit_code_and_first_line(folder: Path, arguments: str, code: int, verdict: str) -> None:
    done = in_process("diagnose", *arguments.split(), cwd=folder)
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stdout.startswith(verdict)
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "Missing argument 'PATH...'"),
        ("- -", "lrdoctor: error: - is given twice"),
        ("healthy.csv --format exel", "lrdoctor: error: --format exel: unknown format, expected one of "),
        ("healthy.csv --columns los=a", "lrdoctor: error: --columns los=a: unknown key 'los'"),
        ("healthy.csv --alpha 0.5", "found 0.5, expected a number of 1e-100 or more and below 0.5"),
        ("healthy.csv --alpha 0", "found 0, expected a number of 1e-100 or more and below 0.5"),
        ("healthy.csv --objective maximized", "'maximized' is not one of"),
    ],
)
def test_a_wrong_call_exits_with_2(folder: Path, arguments: str, message: str) -> None:
    done = in_process("diagnose", *arguments.split(), cwd=folder)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_standard_input(folder: Path) -> None:
    for name, code in {"healthy.csv": 0, "nan.csv": 1}.items():
        with (folder / name).open() as file:
            done = subprocess.run(command("diagnose", "-"), stdin=file, capture_output=True, text=True, timeout=60)
        assert done.returncode == code, done.stderr
        assert "\n-  " in done.stdout


def test_json_is_one_document_that_lists_every_log(folder: Path) -> None:
    done = lrdoctor("diagnose", "nan.csv", "healthy.csv", "nowhere.csv", "run", "--json", cwd=folder)
    assert done.returncode == 1
    document = parse(done.stdout)
    of = {run["name"]: run for run in document["runs"]}
    verdicts = {name: run["verdict"] for name, run in of.items()}
    assert verdicts == {
        "nan.csv": "unstable",
        "healthy.csv": "stable",
        "nowhere.csv": "inconclusive",
        "run/deep/healthy.csv": "stable",
    }
    assert (document["verdict"], document["command"]) == ("unstable", "diagnose")
    assert of["nowhere.csv"]["exit_reason"] == "cannot be read: No such file or directory"
    assert of["nan.csv"]["provenance"]["columns"] == {"step": "step", "train_loss": "loss"}
    assert "curves" not in of["nan.csv"]
    assert {finding["run"] for finding in document["findings"] if finding["severity"] == "error"} == {"nan.csv"}
    assert {fix["run"] for fix in document["fixes"]} == {"nan.csv"}
    assert document["passed_over"] == {"files of no known format": 1}
    assert list(document["no_logs"]) == ["run/notes.txt"]
    assert faults(document, SCHEMA) == []


def test_a_small_log_needs_neither_torch_nor_matplotlib(folder: Path) -> None:
    program = (
        "import sys\nfrom lrdoctor.cli import main\nsys.argv = ['lrdoctor', 'diagnose', 'healthy.csv', '-q']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code == 0, end.code\n"
        "print(*({'torch', 'matplotlib'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1:] == [""]
