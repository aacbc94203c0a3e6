from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pandas as pd
import pytest
from projects import in_process, lrdoctor, project, records
from report_schema import SCHEMA, faults

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and forkserver are POSIX")


def probe(folder: Path, *more: object, runner: Callable[..., CompletedProcess[str]] = in_process) -> dict[str, Any]:
    """The report of a probe that finds nothing unstable."""
    done = runner(
        "probe", folder / "tiny.yaml", "--out", folder / "out", "--jobs", 1, "--json", "--fail-on", "never", *more
    )
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    assert faults(document, SCHEMA) == []
    return document


def test_a_probe_is_the_first_part_of_the_sweeps_trial_and_resumes(tmp_path: Path) -> None:
    spec = project(tmp_path)
    few = ("--set", "sweep={values: [0.01, 0.02, 0.05, 10.0]}", "--set", "probe.steps=25")
    every = ("--exhaustive", "--jobs", 1)
    swept = in_process("sweep", spec, "--out", tmp_path / "out", *every, "--fail-on", "never", *few)
    assert swept.returncode == 0, swept.stderr
    before = records(tmp_path / "out")
    document = probe(tmp_path, "--lr", 0.01, *few)
    assert (document["probe"]["base_learning_rate"], document["probe"]["n_steps"]) == (0.02, 25)
    assert document["probe"]["evaluated"] == 64
    assert document["sweep"] == {}
    table = pd.read_csv(tmp_path / "out" / "trials.csv")
    assert dict(table.procedure.value_counts()) == {"sweep": len(before) - 3, "probe": 3}  # 3 controls
    for seed in range(3):
        same = table[(table.base_learning_rate == 0.02) & (table.seed == seed)].set_index("procedure")
        whole, part = (
            pd.read_csv(tmp_path / "out" / "trials" / same.key[name] / "steps.csv") for name in ("sweep", "probe")
        )
        columns = ["step", "learning_rate", "train_loss", "grad_norm"]
        assert len(part) == 25
        assert part.val_loss.notna().all()
        assert part[columns].equals(whole[columns][:25])
        assert part.val_loss[19] == whole.val_loss[19]  # 64 examples are all that there are
    after = records(tmp_path / "out")
    assert {key: after[key] for key in before} == before
    assert probe(tmp_path, "--lr", 0.01, *few) == document
    assert records(tmp_path / "out") == after
    assert probe(tmp_path, *few, runner=lrdoctor)["sweep"]["rates"]
    assert (tmp_path / "out" / "figures" / "figure_5_every_step.svg").stat().st_size > 1000


@pytest.mark.parametrize("option", [("--lr", "0"), ("--factor", "-1"), ("--lr", "nan")])
def test_a_rate_that_is_none_is_refused(tmp_path: Path, option: tuple[str, str]) -> None:
    done = in_process("probe", project(tmp_path), "--out", tmp_path / "out", *option)
    assert done.returncode == 2
    assert "expected a finite number above 0" in done.stderr
