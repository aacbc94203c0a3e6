"""`lrdoctor diagnose` in this process: fast enough for thousands of calls, and warnings are errors here."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from report_schema import SCHEMA, faults, parse
from typer.testing import CliRunner

from lrdoctor.cli import app

JUDGED, UNSTABLE, COULD_NOT_JUDGE = 0, 1, 2


@dataclass(frozen=True)
class Done:
    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> dict[str, Any]:
        """What --json printed: strict JSON that fits the schema."""
        document = parse(self.stdout)
        assert faults(document, SCHEMA) == []
        return document


def diagnose(*arguments: object, stdin: bytes = b"") -> Done:
    """Runs the command to its end, which must be one that the contract knows, with a message and clean words.

    A bug in lrdoctor, which would exit with 3 and save its traceback in the folder that the process is in, is raised.
    """
    result = CliRunner().invoke(app, ["diagnose", *map(str, arguments)], input=stdin)
    done = Done(result.exit_code, result.stdout, result.stderr)
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    assert done.code in (JUDGED, UNSTABLE, COULD_NOT_JUDGE), _crash()
    assert done.stdout or done.stderr
    assert "Traceback" not in done.stderr
    controls = {char for char in done.stdout + done.stderr if unicodedata.category(char) == "Cc"} - {"\n"}
    assert not controls
    if "--json" in arguments and done.stdout:
        _agrees(done.document, done.code, arguments)
    return done


def _agrees(document: dict[str, Any], code: int, arguments: tuple[object, ...]) -> None:
    """The exit code is the one of the worst verdict, and each verdict the one of its findings."""
    runs = document["runs"]
    # a start that was given up does not count where another run could be judged
    given_up = [r for r in runs if r["verdict"] == "inconclusive" and "aborted" in r.get("provenance", {})]
    verdicts = {run["verdict"] for run in runs if run not in given_up} or {"inconclusive"}
    assert document["verdict"] == next(v for v in ("unstable", "inconclusive", "stable") if v in verdicts)
    errors = {finding["run"] for finding in document["findings"] if finding["severity"] == "error"}
    assert errors == {run["name"] for run in document["runs"] if run["verdict"] == "unstable"}
    if "--fail-on" not in arguments:
        of = {"unstable": UNSTABLE, "inconclusive": COULD_NOT_JUDGE, "stable": JUDGED}
        assert code == of[document["verdict"]]


def _crash() -> str:
    texts = []
    for path in Path.cwd().glob("lrdoctor-crash-*.txt"):
        texts.append(path.read_text("utf-8"))
        path.unlink()
    return "\n".join(texts) or "no traceback was saved"
