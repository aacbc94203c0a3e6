"""Sweeps on a Dask cluster: the curves of local workers, whoever dies meanwhile."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from interruptions import n_begun, report, wait_for
from projects import command, curves, lrdoctor, project, records

CLUSTER = """
import sys, time
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(
        n_workers=2, threads_per_worker=1, memory_limit=0, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    ) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
"""
ARGUMENTS = ("--fail-on", "never", "--seeds", 1)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study folder of local workers."""
    folder = tmp_path_factory.mktemp("local")
    done = lrdoctor("sweep", project(folder), "--out", folder / "out", "--jobs", 1, *ARGUMENTS)
    assert done.returncode == 0, done.stderr
    return folder / "out"


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """That of a scheduler with two workers, in a process that no invocation ends."""
    (tmp_path / "cluster.py").write_text(CLUSTER)
    words = [sys.executable, str(tmp_path / "cluster.py")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.stdin.close()
        process.wait(60)


def test_a_cluster_of_this_machine_gives_the_curves_of_local_workers_though_a_process_is_killed(
    local: Path, tmp_path: Path
) -> None:
    spec = project(tmp_path)
    (tmp_path / "plan").write_text("2 kill worker")
    done = lrdoctor("sweep", spec, "--out", tmp_path / "out", "--jobs", 2, "--engine", "dask", *ARGUMENTS)
    assert done.returncode == 0, done.stderr
    assert "dashboard at http" in done.stderr
    assert (tmp_path / "done").exists()
    assert curves(tmp_path / "out") == curves(local)
    assert report(tmp_path / "out") == report(local)
    assert sorted(record["attempts"] for record in records(tmp_path / "out").values())[-2:] == [1, 2]


def test_a_second_invocation_takes_over_and_trains_nothing_twice(local: Path, tmp_path: Path, address: str) -> None:
    """The first one is killed while a worker is in the middle of a trial, which the worker then finishes for nobody.
    The workers were started in another folder than the one in which the command is typed."""
    project(tmp_path)
    (tmp_path / "plan").write_text("2 wait for stop")
    words = command("sweep", "tiny.yaml", "--out", "out", "--engine", f"dask={address}", *ARGUMENTS)
    with subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as first:
        wait_for(lambda: (tmp_path / "done").exists() or first.poll() is not None)
        first.send_signal(signal.SIGKILL)
    (tmp_path / "stopped").touch()
    wait_for(lambda: list((tmp_path / "out" / "running").glob("*/*/ended.json")))
    before = records(tmp_path / "out")
    assert 2 <= len(before) < len(records(local))
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    after = records(tmp_path / "out")
    assert {key: after[key] for key in before} == before
    assert curves(tmp_path / "out") == curves(local)
    # each invocation looks at the workload once, which begins a training as well
    assert n_begun(tmp_path) == len(after) + 2
    assert not list((tmp_path / "out" / "running").glob("*/*"))
