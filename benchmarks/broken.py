"""Environments in which a package is missing, damaged or too old: `python -m benchmarks.broken`, --help for less.

Printed is the exit code of every command under every one of them. It may be 0 where the command does not need the
package, 2 or 3 where it says that it cannot go on; 1 would be read as "unstable", which only one of the logs is, and
nobody wants a traceback: both are marked with `!`, and make this end with 1.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import lrdoctor

PACKAGES = ("typer", "pydantic", "pandas", "torch", "matplotlib", "yaml", "numpy", "rich", "jinja2")
DAMAGES: Mapping[str, str] = {
    "missing": "raise ImportError('it is not here')",
    "damaged": "raise OSError('libx.so.1: undefined symbol: y')",
    "too old": "def __getattr__(name): raise AttributeError(f'this version has no {name}')",
    "cut off": "def begun(",
    "half": "import PACKAGE._compiled",
}
"""What stands in the place of the package: a file that was cut off is a SyntaxError, and where a shared library did not
come along a part of it is missing."""
SCRIPT = """\
try:
    import torch
except Exception:
    raise SystemExit(1)
"""
"""A script that keeps its own traceback for itself."""
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "init": ("init", "new"),
    "check": ("check", "spec.yaml"),
    "inspect": ("inspect", "spec.yaml", "-q"),
    "sweep": ("sweep", "spec.yaml", "-q"),
    "probe": ("probe", "spec.yaml", "-q"),
    "warmup": ("warmup", "spec.yaml", "-q"),
    "clip": ("clip", "spec.yaml", "-q"),
    "treat": ("treat", "spec.yaml", "-q"),
    "treat --plan": ("treat", "spec.yaml", "-q", "--plan"),
    "run": ("run", "--out", "recorded", "--", sys.executable, "-c", SCRIPT),
    "compare": ("compare", "study", "study"),
    "diagnose": ("diagnose", "log.csv"),
    "diagnose, quoted": ("diagnose", "quoted.csv"),
    "diagnose --html": ("diagnose", "log.csv", "--html", "page.html"),
    "report": ("report", "study"),
    "report --html": ("report", "study", "--html", "page.html"),
    "watch": ("watch", "unstable.csv", "--until-fail"),
    "rules": ("rules",),
    "rules CODE": ("rules", "LRD101"),
    "mcp": ("mcp",),
    "--version": ("--version",),
    "--help": ("--help",),
}
WORK = """\
import torch


def loaders():
    x = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
    data = torch.utils.data.TensorDataset(x, x[:, :1])
    return torch.utils.data.DataLoader(data, 16), torch.utils.data.DataLoader(data, 64)
"""
SPEC = """\
name: broken
model: {class_path: torch.nn.Linear, init_args: {in_features: 4, out_features: 1}}
data: {class_path: "./work.py:loaders"}
loss: {class_path: torch.nn.MSELoss}
optimizer: sgd
max_train_steps: 24
eval_every: 12
seeds: [0]
sweep: {values: [0.1, 10.0]}
"""
SECONDS = 300
TRACEBACK = "Traceback (most recent call last)"
VERDICT = "UNSTABLE"


def project(folder: Path) -> None:
    """A spec, three logs, and a folder with a report."""
    from lrdoctor.reports import json as json_report

    (folder / "work.py").write_text(WORK)
    (folder / "spec.yaml").write_text(SPEC)
    losses = [2 * 0.99**i for i in range(100)]
    (folder / "log.csv").write_text("step,loss\n" + "".join(f"{i},{loss}\n" for i, loss in enumerate(losses)))
    lost = "".join(f"{i},nan\n" for i in range(100, 110))
    (folder / "unstable.csv").write_text((folder / "log.csv").read_text() + lost)
    (folder / "quoted.csv").write_text("step,loss\n" + "".join(f'{i},"{loss}"\n' for i, loss in enumerate(losses)))
    (folder / "study").mkdir()
    (folder / "study" / "report.json").write_text(json_report.render(lrdoctor.diagnose(folder / "log.csv")))


def ended(words: tuple[str, ...], package: str, source: str) -> tuple[int, str]:
    """Runs a command where the package is another one: its exit code, and what it printed."""
    with tempfile.TemporaryDirectory(prefix="broken") as name:
        folder = Path(name)
        project(folder)
        (folder / "instead" / package).mkdir(parents=True)
        (folder / "instead" / package / "__init__.py").write_text(source.replace("PACKAGE", package))
        paths = {"PYTHONPATH": f"{folder / 'instead'}:{Path(lrdoctor.__file__).parent.parent}"}
        done = subprocess.run(
            [sys.executable, "-m", "lrdoctor", *words],
            cwd=folder,
            env={**os.environ, **paths},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
    return done.returncode, done.stdout + done.stderr


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package", choices=PACKAGES, action="append", help="this one alone; may be repeated")
    parser.add_argument("--damage", choices=DAMAGES, action="append", help="this one alone; may be repeated")
    asked = parser.parse_args()
    cases = [(package, how) for how in asked.damage or DAMAGES for package in asked.package or PACKAGES]
    print(f"{'command':18}" + "".join(f"{package:>11}" for package, _ in cases))
    print(f"{'':18}" + "".join(f"{how:>11}" for _, how in cases), flush=True)
    bad = list[str]()
    for command, words in COMMANDS.items():
        codes = []
        for package, how in cases:
            code, printed = ended(words, package, DAMAGES[how])
            fine = (code in (0, 2, 3) or (code == 1 and VERDICT in printed)) and TRACEBACK not in printed
            codes.append(f"{code}" if fine else f"{code}!")
            if not fine:
                bad.append(f"{command}, {package} {how}: exit code {code}\n{printed[-1500:]}")
        print(f"{command:18}" + "".join(f"{code:>11}" for code in codes), flush=True)
    print(*bad, sep="\n")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
