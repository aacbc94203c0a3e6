"""`lrdoctor mcp`: the commands as tools of the Model Context Protocol, for assistants; over standard input and output.

Each tool runs the command in a process of its own and returns its JSON: what a training prints cannot get into the
protocol, and what it does to its process not into the server.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lrdoctor import __version__
from lrdoctor.errors import LrdoctorError

INSTRUCTIONS = """\
lrdoctor finds out why the training of a PyTorch model is unstable. Start with `diagnose` on training logs that exist. A
verdict is stable, unstable or inconclusive; what is listed as skipped was not checked and never counts as passed. With
a spec (YAML), `plan` tells what the sweep and the treatment of it would train and cost. `prescription` reads what a
study found. Paths are relative to the folder that the server was given."""
LONGEST = 2000
"""Characters of standard error that a failed command is quoted with."""


@dataclass(frozen=True)
class Desk:
    """What the tools may look at, and whether they may train."""

    root: Path
    """Existing folder, resolved; nothing outside of it is read or written."""
    allow_run: bool = False

    def inside(self, path: str, *, must_exist: bool = True) -> Path:
        """The path, links followed.

        Raises:
            LrdoctorError: it lies outside of the root, or is not there.
        """
        try:
            found = (self.root / path).resolve()
            there = found.exists()
        except (OSError, ValueError, RuntimeError) as error:
            raise LrdoctorError(f"{path!r}: is no path: {error}") from error
        if not found.is_relative_to(self.root):
            raise LrdoctorError(
                f"{path}: lies outside of {self.root}; give a path below it, or start with another --root"
            )
        if must_exist and not there:
            raise LrdoctorError(f"{path}: does not exist below {self.root}")
        return found

    def refuse_to_run(self, what: str) -> None:
        """
        Raises:
            LrdoctorError: the server was not started with --allow-run.
        """
        if not self.allow_run:
            raise LrdoctorError(f"{what}, and this server only reads; start it by `lrdoctor mcp --allow-run`")


def serve(root: Path, allow_run: bool) -> None:
    """Serves until standard input ends.

    Raises:
        LrdoctorError: the root is no folder, or the library mcp is missing.
    """
    try:
        from mcp.server.mcpserver import MCPServer
        from mcp.server.mcpserver.exceptions import ToolError
    except ImportError as error:
        raise LrdoctorError(
            f"needs the library mcp, from version 2 on ({error}); install it by `pip install 'lrdoctor[mcp]'`"
        ) from error
    if not root.is_dir():
        raise LrdoctorError(f"--root {root}: is no folder; give the one that the tools may look at")
    server = MCPServer("lrdoctor", instructions=INSTRUCTIONS, version=__version__)
    for tool in tools(Desk(root.resolve(), allow_run), ToolError):
        server.add_tool(tool, structured_output=True)
    server.run("stdio")


def tools(desk: Desk, failure: type[Exception]) -> tuple[Callable[..., Any], ...]:
    """The tools; their names and docstrings are what an assistant sees.

    Args:
        desk: what they may do.
        failure: what they raise, with words for the assistant.
    """

    async def call(*words: str) -> dict[str, Any]:
        return await _json_of(desk, words, failure)

    def checked(path: str, *, must_exist: bool = True) -> str:
        try:
            return str(desk.inside(path, must_exist=must_exist))
        except LrdoctorError as error:
            raise failure(str(error)) from error

    def may_run(what: str) -> None:
        try:
            desk.refuse_to_run(what)
        except LrdoctorError as error:
            raise failure(str(error)) from error

    async def diagnose(paths: list[str], objective: str = "auto") -> dict[str, Any]:
        """Judge training logs: is a run unstable, from which step on, and what to try.

        Args:
            paths: log files or folders; CSV, JSONL, TensorBoard, W&B, MLflow, printed text and more are read.
            objective: auto, minimized, reinforcement or adversarial; what a rise of the loss means.
        """
        if not paths:
            raise failure("paths: found none, expected one log at least")
        return await call("diagnose", "--objective", objective, "--", *map(checked, paths))

    async def plan(spec: str) -> dict[str, Any]:
        """What the sweep and the treatment of a spec would train, and the cost; nothing is trained or saved.

        The code that the spec names is imported and its model built.

        Args:
            spec: the YAML file.
        """
        path = checked(spec)
        if _has_command(path):
            may_run("the plan of a command takes a short run of it")
        return await call("treat", path, "--plan")

    async def sweep(spec: str, out: str | None = None, seeds: int | None = None) -> dict[str, Any]:
        """Train a learning-rate sweep and judge it: the best rate, and how close to instability it is. Takes minutes or
        more; a call again goes on where the one before ended. Only with --allow-run.

        Args:
            spec: the YAML file.
            out: the study folder; lrdoctor_out/<name of the spec> where none is given.
            seeds: number of seeds in place of the spec's.
        """
        may_run("a sweep trains")
        path, words = checked(spec), list[str]()
        if out is not None:
            words += ["--out", checked(out, must_exist=False)]
        if seeds is not None:
            words += ["--seeds", str(seeds)]
        return await call("sweep", path, *words)

    async def prescription(study: str) -> dict[str, Any]:
        """What a finished study found and recommends: lr*, the margin, the fixes and the prescription of a treatment.

        Args:
            study: a study folder, or a report.json.
        """
        report = await call("report", checked(study))
        keys = (
            "command",
            "verdict",
            "summary",
            "best_learning_rate",
            "unstable_base_learning_rate",
            "stability_margin",
        )
        found = {key: report[key] for key in (*keys, "fixes", "next_steps")}
        return {**found, "prescription": report["treat"].get("prescription")}

    async def rules(code: str | None = None) -> dict[str, Any]:
        """The rules by which trainings are judged, or one rule's manual page.

        Args:
            code: such as LRD201; none for the list.
        """
        from lrdoctor.rules import RULES

        chosen = [rule for rule in RULES if code is None or rule.code == code.upper()]
        if not chosen:
            raise failure(f"code: there is no rule {code}; known: {', '.join(rule.code for rule in RULES)}")
        rows = [
            {"code": rule.code, "name": rule.name, "severity": rule.severity, "summary": rule.summary}
            for rule in chosen
        ]
        return {"rules": rows if code is None else [{**rows[0], "manual": chosen[0].manual.strip()}]}

    return diagnose, plan, sweep, prescription, rules


async def _json_of(desk: Desk, words: tuple[str, ...], failure: type[Exception]) -> dict[str, Any]:
    """The document that a command prints, run in the root; its process ends with the call that is cancelled."""
    import anyio

    # what is judged is in the document, so that only what could not be done is a failure
    head, *rest = words
    command = [sys.executable, "-m", "lrdoctor", head, "--json", "--fail-on", "never", *rest]
    if "--plan" in rest:
        command = [sys.executable, "-m", "lrdoctor", head, "--json", *rest]
    done = await anyio.run_process(command, cwd=desk.root, check=False, stdin=-3)
    try:
        document = json.loads(done.stdout)
    except ValueError as error:
        said = done.stderr.decode("utf-8", "replace").strip()[-LONGEST:]
        raise failure(said or f"the command ended with {done.returncode} and printed no JSON") from error
    if not isinstance(document, dict):
        raise failure("the command printed no JSON object")
    return document


def _has_command(path: str) -> bool:
    """Whether a spec trains by a command; one that cannot be read is for the command to refuse."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False
    return any(line.startswith(("command:", "command :", '"command"', "'command'", "{")) for line in text.splitlines())
