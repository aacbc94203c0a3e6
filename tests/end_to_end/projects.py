"""Small projects for the end-to-end tests: a spec and a workload in a folder, run by the real command line."""

from __future__ import annotations

import gc
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

from undrawn import undrawn

from lrdoctor.__main__ import main
from lrdoctor.cli import exit_codes
from lrdoctor.reports.figures import style

SPEC = """\
name: tiny
model: {class_path: "./work.py:Net"}
data: {class_path: "./work.py:loaders"}
step: "./work.py:loss_of"
optimizer: {class_path: torch.optim.AdamW, init_args: {weight_decay: 1e-2}}
max_train_steps: 60
eval_every: 20
seeds: [0, 1, 2]
sweep: {values: [0.001, 0.01, 0.05, 10.0]}
"""
"""Its best rate has so much room that three seeds tell, and one does: the verdict is stable, with a warning."""

STEEP = """\
import torch
from torch import nn


class Net(nn.Module):
    # the loss (w^2 - y)^2 is quartic: far from its minimum a plain step overshoots
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.randn(8) + 4)

    def forward(self, x):
        return x * self.w**2


def loaders():
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(256, 8, generator=generator) + 0.5
    data = torch.utils.data.TensorDataset(x, x)
    return torch.utils.data.DataLoader(data, 32, shuffle=True), torch.utils.data.DataLoader(data, 256)
"""
"""A workload whose large gradients at the start throw a high rate off."""

WORK = '''\
import os, pathlib, signal, sys, time
import torch
from torch import nn

HERE = pathlib.Path(__file__).parent
SEEN = {"updates": 0}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        SEEN["updates"] = 0
        self.layers = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Dropout(0.1), nn.Linear(16, 3))

    def forward(self, x):
        return self.layers(x)


def loaders():
    if "torch._dynamo" not in sys.modules:
        note("torch in part")
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(256, 4, generator=generator)
    data = [{"x": row, "y": (row[0] * row[1] > 0).long()} for row in x]
    return torch.utils.data.DataLoader(data[:192], 32, shuffle=True), torch.utils.data.DataLoader(data[192:], 64)


def loss_of(model, batch, loss_fn):
    if model.training:
        SEEN["updates"] += 1
        if SEEN["updates"] == 1:
            note("begun")
        disturb()
    return loss_fn(model(batch["x"]), batch["y"])


def note(name):
    """A line in a file beside this one: one write, so that two workers cannot mix theirs."""
    with open(HERE / name, "a") as file:
        file.write("1\\n")


def disturb():
    """Does, once, in the middle of a trial, what the file `plan` says: so many trials done, and what to do then."""
    if SEEN["updates"] != 30:
        return
    trials_done = len(list(HERE.glob("out/trials/*/trial.json")))
    try:
        after, plan = (HERE / "plan").read_text().split(maxsplit=1)
        if trials_done < int(after):
            return
        (HERE / "plan").rename(HERE / "done")
    except FileNotFoundError:
        return  # there is none, or the other worker was first
    if plan == "kill worker":
        os.kill(os.getpid(), signal.SIGKILL)
    if plan == "wait":
        while True:  # for the test to end the parent
            time.sleep(0.01)
    if plan == "wait for stop":
        deadline = time.monotonic() + 60
        while not (HERE / "stopped").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
'''
"""A workload that writes down every training it begins (the first look at the workload is one as well), and that can
be told to disturb one."""


def project(folder: Path, spec: str = SPEC, work: str = WORK) -> Path:
    """Writes the project; returns its spec."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "work.py").write_text(work)
    (folder / "tiny.yaml").write_text(spec)
    return folder / "tiny.yaml"


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "lrdoctor", *map(str, arguments)]


def lrdoctor(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs the command line to its end."""
    return subprocess.run(command(*arguments), capture_output=True, text=True, cwd=cwd, timeout=300)


def in_process(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs the command line to its end as `lrdoctor` does, but in this process, and with figures that show nothing.

    Trials run in worker processes as ever, forked from a server that has imported torch for the command before.
    Where it matters that a command is a process of its own, or what it draws, `lrdoctor` runs it.
    """
    words = ["lrdoctor", *map(str, arguments)]
    written = [io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2)]
    code: object = None
    with ExitStack() as changed:
        changed.callback(signal.signal, signal.SIGINT, signal.getsignal(signal.SIGINT))
        changed.callback(gc.set_threshold, *gc.get_threshold())
        changed.enter_context(patch.object(gc, "freeze", lambda: None))  # this process goes on
        changed.enter_context(chdir(cwd or Path.cwd()))
        changed.enter_context(patch.object(sys, "argv", words))
        changed.enter_context(patch.object(exit_codes, "CONCLUDED", []))
        changed.enter_context(patch.object(style, "_both", undrawn))
        changed.enter_context(redirect_stdout(written[0]))
        changed.enter_context(redirect_stderr(written[1]))
        try:
            main()
        except SystemExit as end:
            code = end.code
    assert isinstance(code, int)
    out, err = (stream.buffer.getvalue().decode() for stream in written)
    return subprocess.CompletedProcess(words, code, out, err)


def assert_drawn(out: Path) -> None:
    """Every figure of a study folder holds something."""
    sizes = {path.name: path.stat().st_size for path in (out / "figures").iterdir()}
    assert sizes
    assert {name: size for name, size in sizes.items() if size <= 1000} == {}


def curves(out: Path) -> dict[str, bytes]:
    """Bytes of trials.csv and of every curve of a study folder."""
    files = [out / "trials.csv", *sorted(out.glob("trials/*/steps.csv"))]
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in files}


def records(out: Path) -> dict[str, dict[str, Any]]:
    """trial.json of every finished trial and control, by key."""
    return {path.parent.name: json.loads(path.read_text()) for path in out.glob("trials/*/trial.json")}


def trials(out: Path) -> dict[str, dict[str, Any]]:
    """trial.json of every finished trial that is no control, by key."""
    return {key: record for key, record in records(out).items() if not record["settings"]["control"]}


def processes_in(folder: Path) -> list[str]:
    """Processes that run in a folder, or whose command line names it."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            inside = (path / "cwd").readlink() == folder or str(folder).encode() in (path / "cmdline").read_bytes()
        except OSError:
            continue
        if inside and int(path.name) != os.getpid():
            found.append(path.name)
    return found


def wait_for(condition: Callable[[], object]) -> None:
    """Until it is true; the time is there so that a test that fails ends at all."""
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
