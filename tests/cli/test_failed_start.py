"""An environment in which lrdoctor cannot work is no verdict: never exit code 1, never a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lrdoctor.cli import quick

COMMANDS = {
    "init": ("init", "new"),
    "check": ("check", "spec.yaml"),
    "run": ("run", "--", "true"),
    "sweep": ("sweep", "spec.yaml"),
    "probe": ("probe", "spec.yaml"),
    "warmup": ("warmup", "spec.yaml"),
    "clip": ("clip", "spec.yaml"),
    "treat": ("treat", "spec.yaml"),
    "inspect": ("inspect", "spec.yaml"),
    "diagnose": ("diagnose", "log.csv"),
    "diagnose a quoted log": ("diagnose", "quoted.csv"),
    "diagnose with an option": ("diagnose", "log.csv", "--alpha", "0.02"),
    "report": ("report", "study"),
    "rules": ("rules",),
}
MISSING = "raise ImportError('it is not here')"
"""Stands for a package that is not installed."""
OLD = """
class Gone:
    def __getattr__(self, name): raise AttributeError(name)
def __getattr__(name): raise AttributeError(f"this version has no {name}")
"""
"""Stands for one that is too old: it imports, and lacks what is asked for."""


def broken(folder: Path, package: str, source: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Runs a command where a package is another one."""
    (folder / "broken").mkdir()
    (folder / "broken" / f"{package}.py").write_text(source)
    (folder / "log.csv").write_text("step,loss\n" + "".join(f"{i},{2 * 0.99**i}\n" for i in range(100)))
    (folder / "quoted.csv").write_text("step,loss\n" + "".join(f'{i},"{2 * 0.99**i}"\n' for i in range(100)))
    (folder / "spec.yaml").write_text("name: x\n")
    begin = f"import sys; sys.path.insert(0, {str(folder / 'broken')!r}); from lrdoctor.__main__ import main; "
    begin += f"sys.argv = {['lrdoctor', *words]!r}; main()"
    return subprocess.run([sys.executable, "-c", begin], cwd=folder, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("command", [command for command, words in COMMANDS.items() if quick.understood(words) is None])
def test_without_typer_no_command_ends_like_a_verdict(command: str, tmp_path: Path) -> None:
    done = broken(tmp_path, "typer", MISSING, *COMMANDS[command])
    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr.startswith("lrdoctor: cannot start: ImportError: it is not here\n")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("package", "source", "command"),
    [
        ("typer", OLD, "diagnose with an option"),
        ("pandas", MISSING, "diagnose a quoted log"),
        ("numpy", MISSING, "diagnose"),
        ("numpy", MISSING, "rules"),
        ("rich", MISSING, "diagnose"),
        ("pydantic", MISSING, "sweep"),
        ("pydantic", MISSING, "check"),
        ("yaml", MISSING, "treat"),
        ("matplotlib", MISSING, "sweep"),
        ("jinja2", MISSING, "run"),
    ],
)
def test_without_another_package_neither(package: str, source: str, command: str, tmp_path: Path) -> None:
    done = broken(tmp_path, package, source, *COMMANDS[command])
    # a command that does not need the package may go on, and says what it says without it
    assert done.returncode in ((3,) if package not in ("matplotlib", "jinja2") else (2, 3)), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("package", ["pandas", "typer", "pydantic"])
def test_a_small_log_is_judged_without(package: str, tmp_path: Path) -> None:
    done = broken(tmp_path, package, MISSING, *COMMANDS["diagnose"])
    assert (done.returncode, done.stderr) == (0, "")


TRAINABLE = """\
name: x
model: {class_path: torch.nn.Linear, init_args: {in_features: 2, out_features: 1}}
data: {class_path: "./work.py:loaders"}
loss: {class_path: torch.nn.MSELoss}
optimizer: sgd
max_train_steps: 20
sweep: {values: [0.1]}
"""


@pytest.mark.parametrize("command", ["sweep", "inspect"])
@pytest.mark.parametrize(
    ("source", "cause"),
    [
        (MISSING, "ImportError: it is not here"),
        ("raise OSError('libtorch.so: undefined symbol: x')", "OSError: libtorch.so: undefined symbol: x"),
        (OLD, "ImportError: cannot import name "),
    ],
)
def test_a_torch_that_workers_cannot_import_is_named(source: str, cause: str, command: str, tmp_path: Path) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text(source)
    (tmp_path / "work.py").write_text("def loaders(): return [], None")
    (tmp_path / "spec.yaml").write_text(TRAINABLE)
    paths = {"PYTHONPATH": ":".join([str(tmp_path), *sys.path])}
    words = [sys.executable, "-m", "lrdoctor", command, "spec.yaml"]
    done = subprocess.run(words, cwd=tmp_path, env={**os.environ, **paths}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert cause in done.stderr
    assert "Traceback" not in done.stderr


def test_what_typer_cannot_handle_is_no_verdict(tmp_path: Path) -> None:
    begin = (
        "import sys, lrdoctor.cli.commands as cli\n"
        "def fall(*args, **kwargs): raise TypeError('another click')\n"
        "cli.app = fall\n"
        "sys.argv = ['lrdoctor', 'diagnose', 'log.csv']\n"
        "cli.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", begin], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 3
    assert "lrdoctor-crash-" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("raised", ["SystemExit(1)", "RuntimeError('x')"])
def test_an_exit_that_no_command_asked_for_is_no_verdict(raised: str, tmp_path: Path) -> None:
    begin = f"import lrdoctor.cli.commands as cli\ndef fall(**kwargs): raise {raised}\ncli.app = fall\ncli.main()\n"
    done = subprocess.run([sys.executable, "-c", begin], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 3


def test_memory_that_is_used_up_is_no_bug(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("step,loss\n0,1\n")
    begin = (
        "import sys, lrdoctor.logs.gather as g\n"
        "from lrdoctor.cli import main\n"
        "def read_log(*args, **kwargs): raise MemoryError\n"
        "g.read_log = read_log\n"
        "sys.argv = ['lrdoctor', 'diagnose', 'log.csv']\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", begin], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, "memory" in done.stderr) == (2, True)


def test_manual_pages_need_no_docstrings(tmp_path: Path) -> None:
    for level in ("0", "2"):
        done = subprocess.run(
            [sys.executable, "-m", "lrdoctor", "rules", "LRD101"],
            cwd=tmp_path,
            env={"PYTHONOPTIMIZE": level, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        assert "## What it sees" in done.stdout
