"""What a command waits for before it does anything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LOG = Path(__file__).parents[2] / "sample_runs" / "healthy.csv"
PROGRAM = """
import os, sys
from lrdoctor.cli import app
try:
    app(sys.argv[1:], prog_name="lrdoctor")
except SystemExit as end:
    assert not end.code, end.code
print("\\nIMPORTED", *sys.modules, f"threads={os.environ.get('OPENBLAS_NUM_THREADS')}")
"""
TRAINING = {"torch", "lrdoctor.procedures", "lrdoctor.examine", "lrdoctor.spec", "lrdoctor.engines.base"}
DRAWING = {"matplotlib", "jinja2"}


def imported(*arguments: str) -> set[str]:
    ran = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=True)
    return set(ran.stdout.partition("\nIMPORTED ")[2].split())


@pytest.mark.parametrize(
    ("arguments", "not_needed"),
    [
        (("--version",), TRAINING | DRAWING | {"numpy", "pandas", "pydantic", "rich"}),
        (("--help",), TRAINING | DRAWING | {"numpy", "pandas", "pydantic"}),
        (("rules",), TRAINING | DRAWING | {"pandas", "rich"}),
        (("diagnose", str(LOG), "--json"), TRAINING | DRAWING | {"rich"}),
        (("diagnose", str(LOG)), TRAINING | DRAWING),
    ],
)
def test_nothing_that_the_command_does_not_use(arguments: tuple[str, ...], not_needed: set[str]) -> None:
    assert not_needed & imported(*arguments) == set()


def test_a_small_log_is_read_without_what_others_need() -> None:
    """Such a call takes half the time of `import pandas`: typer or pandas alone would double that."""
    program = (
        "import sys\nfrom lrdoctor.__main__ import main\ntry:\n    main()\nexcept SystemExit as end:\n"
        "    assert not end.code, end.code\nprint('IMPORTED', *sys.modules)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, "diagnose", str(LOG)], capture_output=True, text=True, check=True
    )
    loaded = set(ran.stdout.partition("IMPORTED ")[2].split())
    others = {"typer", "pydantic", "pandas", "lrdoctor.logs.readers", "lrdoctor.core.sections", "lrdoctor.core.trial"}
    assert (TRAINING | DRAWING | others) & loaded == set()


@pytest.mark.parametrize(
    ("arguments", "threads"), [(("rules",), "1"), (("diagnose", str(LOG)), "1"), (("--help",), None)]
)
def test_numpy_starts_no_threads_where_nothing_is_trained(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], threads: str | None
) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    assert f"threads={threads}" in imported(*arguments)


def test_the_users_own_setting_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "3")
    assert "threads=3" in imported("rules")


AT_ITS_END = """
import atexit, gc, sys
atexit.register(lambda: print(gc.get_freeze_count() > 10_000, file=sys.stderr))
from lrdoctor.__main__ import main
main()
"""


@pytest.mark.parametrize("arguments", [("rules",), ("diagnose", str(LOG), "-q"), ("sweep", "nowhere.yaml", "-q")])
def test_python_looks_for_no_cycles_at_the_end_of_a_command(arguments: tuple[str, ...]) -> None:
    ran = subprocess.run([sys.executable, "-c", AT_ITS_END, *arguments], capture_output=True, text=True, check=False)
    assert ran.stderr.splitlines()[-1] == "True"
