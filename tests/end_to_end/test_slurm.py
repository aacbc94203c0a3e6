"""A sweep whose trials are jobs of SLURM, on a node that the test starts."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
import slurm_node
from projects import command, curves, lrdoctor, project, records

CLUSTER = """
engine:
  name: dask
  jobs: 2
  cluster:
    class_path: dask_jobqueue.SLURMCluster
    init_args:
      cores: 1
      processes: 1
      memory: 500MB
      job_mem: 100MB
      walltime: "00:10:00"
      interface: lo
      log_directory: {logs}
"""


@pytest.mark.skipif(bool(slurm_node.missing()), reason=slurm_node.missing() or "-")
def test_a_sweep_of_jobs_gives_the_curves_of_local_workers(tmp_path: Path) -> None:
    spec = project(tmp_path)
    arguments = ("--fail-on", "never", "--seeds", 1)
    local = lrdoctor("sweep", spec, "--out", tmp_path / "local", "--jobs", 1, *arguments)
    assert local.returncode == 0, local.stderr
    spec.write_text(spec.read_text() + CLUSTER.format(logs=tmp_path / "logs"))
    folder = Path(tempfile.mkdtemp(prefix="slurm"))
    try:
        with slurm_node.node(folder) as environment:
            words = command("sweep", spec, "--out", tmp_path / "jobs", *arguments)
            done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=120)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "logs").glob("*.err"))) == 2
    assert records(tmp_path / "jobs").keys() == records(tmp_path / "local").keys()
    assert curves(tmp_path / "jobs") == curves(tmp_path / "local")
