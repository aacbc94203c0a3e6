"""A sweep of a training script whose runs are started by the workers of a Dask cluster."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from projects import curves, lrdoctor, records

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="process groups are POSIX")

SCRIPT = """\
import argparse
import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--log", default="log.txt")
arguments = parser.parse_args()

generator = torch.Generator().manual_seed(0)
digits = torch.rand(10, 1, 12, 12, generator=generator)
labels = torch.randint(10, (320,), generator=generator)
images = digits[labels] + 0.3 * torch.randn(320, 1, 12, 12, generator=generator)
train = torch.utils.data.TensorDataset(images[:256], labels[:256])

torch.manual_seed(1)
net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.1), nn.Linear(100, 10))
optimizer = torch.optim.SGD(net.parameters(), lr=arguments.lr, momentum=0.9)
n = 0
with open(arguments.log, "w") as log:
    for epoch in range(5):
        net.train()
        for x, y in torch.utils.data.DataLoader(train, 32, shuffle=True):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(x), y).backward()
            optimizer.step()
            n += 1
        net.eval()
        with torch.no_grad():
            loss = nn.functional.cross_entropy(net(images[256:]), labels[256:]).item()
        print(f"step {n} val_loss {loss:.8f}", file=log, flush=True)
"""
"""A small convolutional net on made-up digits."""

SPEC = f"""\
name: digits
command: [{json.dumps(sys.executable)}, train.py, --lr, "{{lr}}", --log, "{{dir}}/log.txt"]
validation: {{log: "{{dir}}/log.txt"}}
max_train_steps: 40
seeds: [0]
sweep: {{values: [0.05, 0.85]}}
"""

ARGUMENTS = ("--fail-on", "never")
REACHED = (0, 2)
"""Exit codes of a sweep that reached its end: so few rates may tell nothing."""


def project(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "train.py").write_text(SCRIPT)
    (folder / "digits.yaml").write_text(SPEC)
    return folder / "digits.yaml"


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study folder of local workers."""
    folder = tmp_path_factory.mktemp("local")
    done = lrdoctor("sweep", project(folder), "--out", folder / "out", "--jobs", 1, *ARGUMENTS)
    assert done.returncode in REACHED, done.stderr
    return folder / "out"


def test_a_script_has_the_curves_of_local_workers_on_a_cluster_of_this_machine(local: Path, tmp_path: Path) -> None:
    spec = project(tmp_path)
    done = lrdoctor("sweep", spec, "--out", tmp_path / "out", "--jobs", 2, "--engine", "dask", *ARGUMENTS)
    assert done.returncode in REACHED, done.stderr
    assert curves(tmp_path / "out") == curves(local)
    ended = records(tmp_path / "out").values()
    assert {(record["status"], record["attempts"]) for record in ended} == {("completed", 1)}
