"""What the tests of the study folder share."""

from __future__ import annotations

import json
import math

from lrdoctor.core.trial import Trial
from lrdoctor.store import StudyFolder

TRIAL = Trial(
    base_learning_rate=0.01,
    seed=0,
    max_train_steps=3,
    eval_every=2,
    optimizer='{"name":"sgd"}',
    clip_norm=0.5,
)
ROWS = [(0, 0.0, 2.5, 1.0, None), (1, 0.005, math.nan, math.inf, 2.0), (2, 0.01, -math.inf, 0.1, None)]
IDENTITY = {"model": {"class_path": "m:Net", "init_args": {"depth": 3}}, "file:./workload.py": "aa"}
VERSIONS = {"python": "3.11", "torch": "2.6"}


def opened(out, identity=IDENTITY, environment=VERSIONS, fresh=False):
    return StudyFolder.open(
        out,
        name="study",
        identity=identity,
        spec_yaml="name: study\n",
        command_line=["lrdoctor", "sweep"],
        environment=environment,
        fresh=fresh,
    )


def finish(folder, key, trial=TRIAL, status="completed", **changes):
    facts = {"exit_reason": None, "seconds": 1.5, "attempts": 1, "worker_facts": {"device": "cpu"}}
    return folder.finish(key, trial, status=status, **{**facts, **changes})


def run_trial(folder, key="k1", rows=ROWS, **changes):
    folder.begin(key)
    folder.append(key, rows)
    return finish(folder, key, **changes)


def content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def invocations(out):
    return json.loads((out / "study.json").read_text())["invocations"]
