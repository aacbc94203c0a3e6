"""What the start of a command's trial costs: forked from a process with its imports behind it, beside a new process.

CPU time that the script itself has used when its first update is made, user and system: a fork's clock begins with the
fork, that of a new process with the interpreter. Both kinds in turn in one run, so that the ratio does not depend on
how busy the machine is; and what the process that is forked from holds of memory, and costs once. Linux only.

    python -m benchmarks.forks [--rounds 9] [--imports torch,transformers]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lrdoctor.commands.session import CommandSession
from lrdoctor.core.trial import Trial

SCRIPT = """\
import pathlib, resource
{imports}
import torch

weight = torch.nn.Parameter(torch.zeros(1))
optimizer = torch.optim.SGD([weight], lr=0.1)
for n in range(4):
    optimizer.zero_grad()
    (weight - 1).square().sum().backward()
    optimizer.step()
    if n == 0:
        used, memory = resource.getrusage(resource.RUSAGE_SELF), dict(
            line.split(":") for line in pathlib.Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]
        )
        own = sum(int(memory[name].split()[0]) for name in ("Private_Clean", "Private_Dirty"))
        pathlib.Path("cost").write_text(f"{{used.ru_utime + used.ru_stime}} {{own}}")
"""
LIMIT = 0.5
"""Highest ratio of a forked start's CPU time to a new one's that is accepted."""


class Starts:
    """Trials of such a script, forked or new."""

    def __init__(self, folder: Path, *, forked: bool) -> None:
        self.folder, self.forked = folder, forked
        fixed = {"validation": None, "slots": {"gpus": 0}, "timeout": None, "max_train_steps": 4, "variants": []}
        self.session = CommandSession({"command": [sys.executable, "train.py"], "runs_in": str(folder), **fixed}, 0)
        self.session.may_fork = forked

    def one(self) -> tuple[float, float]:
        """Seconds of CPU time until the first update, and MiB that are the trial's own then.

        Raises:
            RuntimeError: the trial is not started in the way that is measured.
        """
        trial = Trial(
            base_learning_rate=0.1, seed=0, max_train_steps=4, eval_every=4, optimizer='{"arguments":[],"name":"own"}'
        )
        ended = self.session.train(trial, {"folder": str(self.folder / "trial")}, lambda rows: None, lambda: False)
        if ended["status"] != "completed":
            raise RuntimeError(f"the trial {ended['status']}: {ended['reason']}")
        seconds, kibibytes = map(float, (self.folder / "cost").read_text().split())
        return seconds, kibibytes / 1024

    def source(self) -> dict[str, float]:
        """MiB of the process that is forked from (resident, and its own alone), and its CPU seconds; {} for none."""
        fork: Any = self.session._fork
        if fork is None:
            return {}
        process = Path("/proc") / str(fork._process.pid)
        lines = (process / "smaps_rollup").read_text().splitlines()[1:]
        memory = {name: int(text.split()[0]) / 1024 for name, _, text in (line.partition(":") for line in lines)}
        # behind the name, which may hold spaces, the clock ticks stand at the 12th and 13th place
        ticks = (process / "stat").read_text().rpartition(")")[2].split()[11:13]
        own = memory["Private_Clean"] + memory["Private_Dirty"]
        return {"resident": memory["Rss"], "own": own, "seconds": sum(map(int, ticks)) / 100}


def table(new: Sequence[tuple[float, float]], forked: Sequence[tuple[float, float]], source: dict[str, float]) -> str:
    """The medians, the median ratio of the rounds, and the verdict."""
    (new_seconds, new_memory), (seconds, memory) = (
        [statistics.median(one[k] for one in kind) for k in range(2)] for kind in (new, forked)
    )
    ratio = statistics.median(one[0] / other[0] for one, other in zip(forked, new, strict=True))
    verdict = "ok" if ratio <= LIMIT else "MISSED"
    return "\n".join(
        [
            f"{'start of a trial':16} {'CPU time':>10} {'own memory':>12}",
            f"{'new':16} {new_seconds:8.3f} s {new_memory:8.0f} MiB",
            f"{'forked':16} {seconds:8.3f} s {memory:8.0f} MiB",
            f"ratio {ratio:.3f} (limit {LIMIT}: {verdict})",
            f"the process that is forked from: {source['resident']:.0f} MiB resident, {source['own']:.0f} of them its "
            f"own, {source['seconds']:.2f} s once",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--imports", default="torch", help="modules that the script imports, with commas")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as new_folder, tempfile.TemporaryDirectory() as forked_folder:
        kinds = []
        for folder, forked in ((new_folder, False), (forked_folder, True)):
            imports = "\n".join(f"import {name}" for name in given.imports.split(","))
            (Path(folder) / "train.py").write_text(SCRIPT.format(imports=imports))
            kinds.append(Starts(Path(folder), forked=forked))
        for kind in kinds:
            kind.one()  # byte code is compiled, and the process to fork from is made
        new, fork = kinds
        source = fork.source()
        if not source:
            raise SystemExit("no trial is forked here: another system than Linux, or a GPU")
        pairs = [(new.one(), fork.one()) for _ in range(given.rounds)]
        print(f"imports {given.imports}, {given.rounds} rounds")
        print(table([one for one, _ in pairs], [other for _, other in pairs], source))


if __name__ == "__main__":
    main()
