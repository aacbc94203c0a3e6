"""Who may import whom. Imports point downward: cli, what it wires, the shelves, the vocabulary."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import lrdoctor

SHELVES = {
    "procedures", "training", "architecture", "workloads", "engines", "logs", "rules", "fixes", "reports",
}  # fmt: skip
BOTTOM = {"core", "errors"}
MEASURES = {"measures", "recording"}
TOP = {"cli", "__main__"}

ALLOWED: dict[str, tuple[str, ...]] = {
    "torch": ("training", "architecture", "workloads", "recording", "integrations"),
    "pydantic": ("spec",),
    "rich": ("cli", "reports.terminal"),
    "matplotlib": ("reports",),
    "jinja2": ("reports",),
    "pandas": ("logs", "store", "reports.frames"),
    "typer": ("cli",),
    "google_crc32c": ("logs",),
    "sklearn": ("workloads",),
    "dask": ("engines",),
    "distributed": ("engines",),
}
"""Library -> the parts that may import it, also inside functions."""

HEAVY = ("torch", "pandas", "matplotlib", "pydantic", "numpy")
"""What `lrdoctor --help` must not wait for."""


RELATIVE = "by a relative path"


def imports(source: str) -> Iterator[str]:
    """Dotted names of everything that the source imports when it runs, in functions too."""
    for node in _run_time_nodes(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (RELATIVE if node.level else f"{node.module}.{alias.name}" for alias in node.names)


def _run_time_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Every node except those under `if TYPE_CHECKING:`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for other in child.orelse:
                yield other
                yield from _run_time_nodes(other)
            continue
        yield child
        yield from _run_time_nodes(child)


def floor(part: str) -> int:
    """0 the vocabulary, 1 what is measured of runs and what runs in a user's process, 2 the shelves, 3 what lies beside
    spec and examine, 4 the command line."""
    if part in BOTTOM:
        return 0
    if part in MEASURES:
        return 1
    if part in SHELVES:
        return 2
    return 4 if part in TOP else 3


def violations(sources: Mapping[str, str]) -> list[str]:
    """What the sources do against the floors.

    Args:
        sources: module name below `lrdoctor` ("rules.base", "" for the package itself) -> its source.
    """
    found = []
    beside: dict[str, set[str]] = {}
    for name, source in sources.items():
        part = name.partition(".")[0]
        for imported in imports(source):
            library, _, inside = imported.partition(".")
            if library != "lrdoctor":
                if library == RELATIVE or not _may_use(name, library):
                    found.append(f"{name} imports {library}")
                continue
            target = inside.partition(".")[0]
            if target in ("", "__version__") or target == part:
                continue
            if not part or floor(target) > floor(part) or (floor(target) == floor(part) == 2):
                found.append(f"{name} imports {target}")
            if floor(target) == floor(part) == 3:
                beside.setdefault(part, set()).add(target)
    try:
        TopologicalSorter(beside).prepare()
    except CycleError as error:
        found.append(f"cycle {' -> '.join(error.args[1])}")
    return found


def _may_use(name: str, library: str) -> bool:
    return library not in ALLOWED or any(f"{name}.".startswith(f"{home}.") for home in ALLOWED[library])


def own_sources() -> dict[str, str]:
    """Every module of the package, its templates for users' files left out."""
    root = Path(lrdoctor.__file__).parent
    sources = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        if parts[0] != "templates":
            sources[".".join(p for p in parts if p != "__init__")] = path.read_text(encoding="utf-8")
    return sources


def test_the_package_keeps_to_its_floors() -> None:
    assert len(own_sources()) > 30
    assert violations(own_sources()) == []


@pytest.mark.parametrize(
    ("name", "source", "found"),
    [
        ("rules.x", "from lrdoctor.fixes import FIXES", "rules.x imports fixes"),
        ("rules.x", "from lrdoctor import fixes", "rules.x imports fixes"),
        ("rules.x", "import lrdoctor.fixes.base", "rules.x imports fixes"),
        ("rules.x", "from ..fixes import base", "rules.x imports by a relative path"),
        ("rules.x", "def f():\n    from lrdoctor import assess", "rules.x imports assess"),
        ("core.x", "from lrdoctor.rules import RULES", "core.x imports rules"),
        ("errors", "import lrdoctor.store", "errors imports store"),
        ("examine", "from lrdoctor.cli import app", "examine imports cli"),
        ("", "from lrdoctor.cli import main", " imports cli"),
        ("engines.local", "import torch", "engines.local imports torch"),
        ("examine", "from torch import nn", "examine imports torch"),
        ("assess", "import torch.nn.functional as F", "assess imports torch"),
        ("store", "from pydantic import BaseModel", "store imports pydantic"),
        ("specimen", "from pydantic import BaseModel", "specimen imports pydantic"),
        ("reports.html", "from rich.console import Console", "reports.html imports rich"),
        ("assess", "import matplotlib.figure", "assess imports matplotlib"),
        ("fixes.base", "def f():\n    import jinja2", "fixes.base imports jinja2"),
        ("core.curve", "try:\n    import pandas\nexcept ImportError:\n    pass", "core.curve imports pandas"),
        ("examine", "if TYPE_CHECKING:\n    import rich\nelse:\n    import torch", "examine imports torch"),
    ],
)
def test_what_is_flagged(name: str, source: str, found: str) -> None:
    assert violations({name: source}) == [found]


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("cli", "from rich.console import Console\nfrom lrdoctor import examine, rules"),
        ("__main__", "from lrdoctor.cli import main"),
        ("examine", "from lrdoctor.spec import Spec\nfrom lrdoctor.rules import RULES\nfrom lrdoctor.core import run"),
        ("rules.x", "from lrdoctor.rules import _rises\nfrom lrdoctor.core import robust\nimport numpy as np"),
        ("rules.x", "from lrdoctor import __version__, errors"),
        ("rules.x", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from lrdoctor.fixes import FIXES"),
        ("spec.model", "import pydantic"),
        ("reports.terminal.live", "import rich.live"),
        ("workloads.mlp", "from torch import nn"),
        ("logs.csv", "import pandas as pd"),
    ],
)
def test_what_is_allowed(name: str, source: str) -> None:
    assert violations({name: source}) == []


def test_modules_of_one_floor_make_no_cycle() -> None:
    sources = {"examine": "import lrdoctor.store", "store": "import lrdoctor.spec", "spec.model": ""}
    assert violations(sources) == []
    (cycle,) = violations({**sources, "spec.model": "def f():\n    from lrdoctor.examine import sweep"})
    assert cycle.startswith("cycle ")
    assert {"examine", "store", "spec"} <= set(cycle.split())


@pytest.mark.parametrize("module", ["lrdoctor", "lrdoctor.cli"])
def test_the_command_line_starts_without_heavy_imports(module: str) -> None:
    program = f"import sys, {module}; print(*(name for name in {HEAVY} if name in sys.modules))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == []


def test_judging_needs_no_torch() -> None:
    program = "import sys, lrdoctor.assess, lrdoctor.core.report; print('torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
