"""`lrdoctor mcp`, driven by the client of the protocol's own library."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

import lrdoctor
from lrdoctor.errors import LrdoctorError
from lrdoctor.serving import Desk

mcp = pytest.importorskip("mcp", reason="needs mcp: pip install 'lrdoctor[mcp]'")
anyio = pytest.importorskip("anyio")

ROOT = Path(lrdoctor.__file__).parents[1]
SAMPLES = Path(__file__).parents[2] / "sample_runs"
Answer = tuple[bool, Any]


def ask(root: Path, *options: str, then: Callable[[Callable[..., Awaitable[Answer]], Any], Awaitable[None]]) -> None:
    """Starts the server, and has `then` call its tools: name and arguments -> (is_error, document or words)."""
    from mcp.client import Client
    from mcp.client.stdio import StdioServerParameters, stdio_client

    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    parameters = StdioServerParameters(
        command=sys.executable, args=["-m", "lrdoctor", "mcp", "--root", str(root), *options],
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip

    async def talk() -> None:
        with anyio.fail_after(300):
            async with Client(stdio_client(parameters)) as client:

                async def call(name: str, **arguments: Any) -> Answer:
                    result = await client.call_tool(name, arguments)
                    words = "".join(getattr(part, "text", "") for part in result.content)
                    return bool(result.is_error), words if result.is_error else result.structured_content

                await then(call, client)

    anyio.run(talk)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    shutil.copy(SAMPLES / "recovered_rise.csv", folder)
    (folder / "spec.yaml").write_text("name: x\ncommand: [python, train.py]\nmax_train_steps: 10\n")
    (tmp_path / "outside.csv").write_text("step,loss\n0,1\n")
    (folder / "link.csv").symlink_to(tmp_path / "outside.csv")
    return folder


def test_a_reading_server(root: Path) -> None:
    before = sorted(root.rglob("*"))

    async def then(call: Callable[..., Awaitable[Answer]], client: Any) -> None:
        listed = await client.list_tools()
        assert [tool.name for tool in listed.tools] == ["diagnose", "plan", "sweep", "prescription", "rules"]
        assert all(tool.description for tool in listed.tools)

        failed, report = await call("diagnose", paths=["recovered_rise.csv"])
        assert not failed
        assert (report["schema_version"], report["command"], report["verdict"]) == (1, "diagnose", "unstable")
        assert report["findings"][0]["code"]

        failed, found = await call("rules")
        assert len(found["rules"]) > 20
        failed, found = await call("rules", code="lrd201")
        assert "What it sees" in found["rules"][0]["manual"]

        for name, arguments, words in (
            ("rules", {"code": "LRD999"}, "there is no rule LRD999"),
            ("diagnose", {"paths": ["../outside.csv"]}, "lies outside of"),
            ("diagnose", {"paths": ["/etc/passwd"]}, "lies outside of"),
            ("diagnose", {"paths": ["link.csv"]}, "lies outside of"),
            ("diagnose", {"paths": ["none.csv"]}, "does not exist below"),
            ("diagnose", {"paths": []}, "expected one log at least"),
            ("sweep", {"spec": "spec.yaml"}, "start it by `lrdoctor mcp --allow-run`"),
            ("plan", {"spec": "spec.yaml"}, "start it by `lrdoctor mcp --allow-run`"),
            ("prescription", {"study": "."}, "report.json"),
        ):
            failed, said = await call(name, **arguments)
            assert failed, name
            assert words in said

    ask(root, then=then)
    assert sorted(root.rglob("*")) == before


SPEC = """
name: tiny
model: {class_path: "./work.py:model"}
data: {class_path: "./work.py:data"}
loss: {class_path: torch.nn.MSELoss}
optimizer: {name: sgd}
max_train_steps: 30
eval_every: 10
seeds: [0]
sweep: {values: [0.01, 0.1]}
"""
WORK = """
import torch
def model(): return torch.nn.Linear(2, 1)
def data():
    x = torch.randn(64, 2, generator=torch.Generator().manual_seed(0)); y = x.sum(1, keepdim=True)
    made = torch.utils.data.TensorDataset(x, y)
    return torch.utils.data.DataLoader(made, 8), torch.utils.data.DataLoader(made, 32)
"""


def test_a_server_that_may_run(root: Path) -> None:
    (root / "tiny.yaml").write_text(SPEC)
    (root / "work.py").write_text(WORK)

    async def then(call: Callable[..., Awaitable[Answer]], client: Any) -> None:
        failed, planned = await call("plan", spec="tiny.yaml")
        assert not failed, planned
        assert planned["plan"]["trials"] > 0
        assert not (root / "lrdoctor_out").exists()
        failed, said = await call("sweep", spec="tiny.yaml", out="../elsewhere")
        assert failed
        assert "lies outside of" in said
        failed, report = await call("sweep", spec="tiny.yaml", out="study")
        assert not failed, report
        assert report["command"] == "sweep"
        failed, found = await call("prescription", study="study")
        assert not failed, found
        assert found["verdict"] == report["verdict"]
        assert found["prescription"] is None

    ask(root, "--allow-run", then=then)
    assert (root / "study" / "report.json").is_file()


@pytest.mark.parametrize("path", ["..", "/", "a/../../b", "\0"])
def test_paths_outside_are_refused(path: str, tmp_path: Path) -> None:
    with pytest.raises(LrdoctorError, match=r"lies outside|is no path"):
        Desk(tmp_path.resolve()).inside(path, must_exist=False)


def test_a_path_inside_is_resolved(tmp_path: Path) -> None:
    assert Desk(tmp_path.resolve()).inside("a/../b", must_exist=False) == tmp_path.resolve() / "b"
