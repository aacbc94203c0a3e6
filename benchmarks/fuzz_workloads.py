"""Workloads that misbehave, for `python -m benchmarks.fuzz`: at one place of a small training something is done that no
training does, from one visit of the place on.

What Python can undo is tried in this process, with the engine that trains here. What ends, stops or clutters a process
is left to a real worker, and to a command of its own with a limit of time.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TIMED_OUT = -14
WORK = """\
import os, signal, sys, time, threading
import torch
from torch import nn

PLACE, FROM = {place!r}, {visit}
VISITS = 0


class Silent(Exception):
    def __str__(self):
        raise RuntimeError("no words")
    __repr__ = __str__


class Base(BaseException):
    pass


class Unsendable(Exception):
    def __init__(self, one, two):
        super().__init__(one)
        self.held = lambda: two


class Odd:
    def __getattr__(self, name):
        raise RuntimeError("no " + name)
    def __len__(self):
        return -1
    def __bool__(self):
        raise RuntimeError("neither")


class Endless:
    def __iter__(self):
        return self
    def __next__(self):
        return torch.randn(4, 4), torch.zeros(4, dtype=torch.long)


def fail(error):
    raise error


def deep(n):
    return [] if not n else [deep(n - 1)]


def ring():
    made = []
    made.append(made)
    return made


def recursion():
    return recursion()


def of(place, value):
    global VISITS
    if place != PLACE:
        return value
    VISITS += 1
    return ({deed}) if VISITS > FROM else value


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)
        of("model", None)

    def forward(self, x):
        return of("forward", self.layer(of("input", x)))


def examples(n):
    generator = torch.Generator().manual_seed(n)
    x = torch.randn(n, 4, generator=generator)
    return [(x[i : i + 8], (x[i : i + 8, 0] > 0).long()) for i in range(0, n, 8)]


class Batches:
    def __init__(self, name, n):
        self.name, self.batches = name, examples(n)

    def __len__(self):
        return of(self.name + " length", len(self.batches))

    def __iter__(self):
        for batch in of(self.name + " all", self.batches):
            yield of(self.name, batch)


def data():
    return of("data", (Batches("train", 32), Batches("validation", 16)))


class Loss:
    def __init__(self):
        of("loss", None)

    def __call__(self, output, target):
        return of("loss value", nn.functional.cross_entropy(output, target))


def step(model, batch, loss_fn):
    x, y = batch
    return of("step", loss_fn(model(x), y))


def optimizer(parameters, lr):
    return of("optimizer", torch.optim.SGD(parameters, lr=lr))


def model():
    return of("module", Net())


of("import", None)
"""

SPEC = """\
name: odd
model: {class_path: "./work.py:model"}
data: {class_path: "./work.py:data"}
loss: {class_path: "./work.py:Loss"}
step: "./work.py:step"
optimizer: {class_path: "./work.py:optimizer"}
max_train_steps: 24
eval_every: 8
seeds: [0]
sweep: {values: [0.01, 10.0]}
"""

PLACES = (
    "import",
    "model",
    "module",
    "input",
    "forward",
    "train",
    "train all",
    "train length",
    "validation",
    "validation all",
    "validation length",
    "data",
    "loss",
    "loss value",
    "step",
    "optimizer",
)
VISITS = (0, 0, 1, 3, 9, 40)
"""How many visits go well before: 0 is met by the look at the workload, the others by its trials."""

DEEDS = (
    *(
        f"fail({error})"
        for error in (
            "ValueError('x')",
            "ValueError()",
            "Silent()",
            "Unsendable(1, 2)",
            "KeyError('\\x1b[31m\\u202e::error::x')",
            "RuntimeError('a' * 3_000_000)",
            "RuntimeError('\\ud800')",
            "OSError(28, 'No space left on device')",
            "MemoryError()",
            "StopIteration()",
            "ExceptionGroup('g', [ValueError('a'), KeyError('b')])",
            "AssertionError()",
            "torch.OutOfMemoryError('x')",
            "UnicodeDecodeError('utf-8', b'x', 0, 1, 'y')",
            "ImportError('torch')",
            "TimeoutError()",
            "NotImplementedError()",
            "Warning('x')",
        )
    ),
    *("None", "''", "'x' * 3_000_000", "0", "-1.5", "float('nan')", "float('inf')", "2**200", "1j", "True", "b'x'"),
    *("[]", "{}", "()", "(None, None)", "[[]]", "deep(900)", "ring()", "Odd()", "Endless()", "iter(())", "lambda: 0"),
    *("torch", "int", "nn.Linear(4, 3)", "nn.Module()", "nn.ReLU()", "nn.LazyLinear(3)", "object()", "range(10)"),
    "(value for _ in range(3))",
    "recursion()",
    *(
        f"torch.{tensor}"
        for tensor in (
            "tensor(float('nan'))",
            "tensor(float('inf'))",
            "tensor(-1e308)",
            "tensor(2)",
            "tensor(1 + 2j)",
            "tensor(1 + 2j, requires_grad=True)",
            "tensor(True)",
            "zeros(0)",
            "zeros(0, 4)",
            "zeros(8, 3)",
            "zeros(3, 4, 5)",
            "zeros((), requires_grad=True)",
            "eye(4).to_sparse()",
            "eye(4).to_sparse_csr()",
            "zeros(8, 4, device='meta')",
            "zeros((), device='meta', requires_grad=True)",
            "zeros(8, 4, dtype=torch.float64)",
            "zeros(8, 4, dtype=torch.float16)",
            "zeros(8, 4, dtype=torch.bfloat16)",
            "zeros(8, 4, dtype=torch.int8)",
            "zeros(8, 4, dtype=torch.bool)",
            "full((8, 4), float('nan'))",
            "full((8, 4), 1e38)",
            "quantize_per_tensor(torch.zeros(8, 4), 0.1, 0, torch.qint8)",
            "nested.nested_tensor([torch.zeros(2), torch.zeros(3)])",
        )
    ),
    "value.detach()",
    "value * float('nan')",
    "value * 1e30",
    "value + value.mean()",
    "value.to_sparse()",
    "value.to('meta')",
    "value.to(torch.complex64)",
    "value.double()",
    "value[:0]",
    "value.unsqueeze(0)",
    "value.numpy()",
    "value.tolist()",
    "(value, value)",
    "[value] * 3",
    "{'a': value}",
    "[value[0], None]",
    "(value[0], value[1] + 100)",
    "(value[0], value[1].float())",
    "(value[0][:0], value[1][:0])",
    "(value[0].to('meta'), value[1])",
    "(value[0].to_sparse(), value[1])",
    "(value[0], value[1][:2])",
    "(value[0],)",
    "(value[0], value[1], value[0])",
    "(value[1], value[0])",
    "(value[0], None)",
    "(value[0], [])",
    "([], [])",
    "type(value)",
    "value.requires_grad_(False)",
    "(value.parameters, value)[1]",
    "print('x' * 300_000) or value",
    "print('::error::x\\n\\x1b[2J\\u202e', file=sys.stderr) or value",
)
"""Python expressions for what stands in the place of the value."""

DEEDS_OF_A_PROCESS = (
    *("sys.exit()", "sys.exit(0)", "sys.exit(1)", "sys.exit('words')", "os._exit(0)", "os._exit(1)", "os._exit(3)"),
    *("fail(KeyboardInterrupt())", "fail(Base('x'))", "fail(GeneratorExit())", "os.kill(os.getpid(), signal.SIGKILL)"),
    *(
        "os.abort()",
        "os.kill(os.getpid(), signal.SIGTERM)",
        "time.sleep(1000)",
        "(os.fork() or time.sleep(1000), value)[1]",
    ),
    "os.kill(os.getpid(), signal.SIGSTOP)",
    "(threading.Thread(target=time.sleep, args=(1000,)).start(), value)[1]",
    "(os.close(1), os.close(2), value)[2]",
    "(os.closerange(3, 64), value)[1]",
    "(os.environ.clear(), value)[1]",
    "(os.chdir('/'), value)[1]",
    "(sys.setrecursionlimit(60), value)[1]",
    "(torch.set_default_dtype(torch.float64), value)[1]",
    "(torch.set_grad_enabled(False), value)[1]",
    "(setattr(sys, 'stdout', None), setattr(sys, 'stderr', None), value)[2]",
    "(sys.modules.clear(), value)[1]",
    "(sys.modules.update(dict.fromkeys(list(sys.modules))), value)[1]",
    "(vars(sys.modules['builtins']).clear(), value)[1]",
    "(setattr(sys.modules['builtins'], 'isinstance', None), value)[1]",
    "(setattr(sys.modules['builtins'], '__import__', lambda *a, **k: 1 / 0), value)[1]",
    "(setattr(torch, 'manual_seed', None), setattr(torch, 'Tensor', None), value)[2]",
    "(setattr(sys.modules['pickle'], 'dumps', None), value)[1]",
    "(setattr(os, 'fsync', None), setattr(os, 'write', None), value)[2]",
    "(sys.meta_path.clear(), sys.path.clear(), value)[2]",
    "(sys.settrace(lambda *a: 1 / 0), value)[1]",
    "(sys.modules['warnings'].simplefilter('error'), value)[1]",
    "(__import__('numpy').seterr(all='raise'), value)[1]",
    "(__import__('atexit').register(fail, ValueError('x')), value)[1]",
    "(__import__('faulthandler').enable(), os.kill(os.getpid(), signal.SIGSEGV))",
    "(torch.set_default_device('meta'), value)[1]",
    "(os.mkdir('gone'), os.chdir('gone'), os.rmdir('../gone'), value)[3]",
    "(signal.alarm(1), time.sleep(1000))",
    "(signal.signal(signal.SIGTERM, signal.SIG_IGN), time.sleep(1000))",
    "[bytearray(10**9) for _ in range(64)]",
    "(os.write(1, b'x' * 5_000_000), value)[1]",
    "open('/dev/zero', 'rb').read(10**11)",
)
"""Those that a process does not survive as it was, the interpreter itself taken apart among them."""
REAL = 0.03
"""Share of the cases that have a worker of their own; each starts torch anew."""
SECONDS = 60
"""For a command with a worker: the start, what a trial may take (5 s), and the grace that is given at its end."""
COMMANDS = ("sweep", "sweep", "inspect", "probe", "warmup", "clip")


def write(chance: random.Random, folder: Path, deeds: tuple[str, ...]) -> str:
    """A workload that misbehaves; returns where and how."""
    place, visit, deed = chance.choice(PLACES), chance.choice(VISITS), chance.choice(deeds)
    (folder / "work.py").write_text(
        WORK.replace("{place!r}", repr(place)).replace("{visit}", str(visit)).replace("{deed}", deed), encoding="utf-8"
    )
    (folder / "spec.yaml").write_text(SPEC)
    return f"{place} after {visit}: {deed}"


def words_for(chance: random.Random, folder: Path) -> list[str]:
    """What the command is typed with."""
    command = chance.choice(COMMANDS)
    words = [command, str(folder / "spec.yaml"), "-q"]
    return words if command == "inspect" else [*words, "--no-html", "--out", str(folder / "out")]


def a_workload(chance: random.Random, folder: Path, samples: Mapping[str, object]) -> list[str]:
    """A case for this process."""
    write(chance, folder, DEEDS)
    return words_for(chance, folder)


@contextmanager
def trained_here() -> Iterator[None]:
    """Makes the commands train in this process, so that a case starts no worker."""
    from lrdoctor import examine
    from lrdoctor.examine import inspection

    whole = examine.open_engine

    def here(spec: object, jobs: object = None, *args: object, **kwargs: object) -> object:
        return whole(spec, 1, "here")  # type: ignore[arg-type]

    places: tuple[Any, ...] = (examine, inspection)
    for place in places:
        place.open_engine = here
    try:
        yield
    finally:
        for place in places:
            place.open_engine = whole


def by_a_worker(chance: random.Random, folder: Path) -> tuple[int, str]:
    """Runs a case with a real worker: its exit code, and what is wrong with how it ended."""
    write(chance, folder, DEEDS_OF_A_PROCESS)
    words = words_for(chance, folder)
    if "--out" in words:
        words += ["--jobs", "1", "--trial-timeout", "5"]
    with open(folder / "printed", "wb") as printed:
        running = subprocess.Popen(
            [sys.executable, "-m", "lrdoctor", *words],
            stdout=printed,
            stderr=printed,
            cwd=folder,
            start_new_session=True,
        )
        try:
            code = running.wait(SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()
            return TIMED_OUT, "it did not end"
    said = (
        "a traceback was printed" if b"Traceback (most recent call last)" in (folder / "printed").read_bytes() else ""
    )
    return code, said
