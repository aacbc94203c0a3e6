"""Rewrites what follows from the code: `python -m lrdoctor.generate`, in a checkout of the project."""

from __future__ import annotations

import contextlib
import io
import json
import re
from pathlib import Path

from lrdoctor.assess import report_of_logs
from lrdoctor.fixes import FIXES
from lrdoctor.logs import READERS
from lrdoctor.logs.gather import gather
from lrdoctor.reports.terminal.result import print_report
from lrdoctor.reports.terminal.text import Screen
from lrdoctor.rules import RULES
from lrdoctor.spec import spec_schema

PACKAGE = Path(__file__).parent
README = PACKAGE.parent / "README.md"
SAMPLE = "sample_runs/recovered_rise.csv"
"""The log whose report the README shows."""
SAMPLE_WIDTH = 104
"""Columns of that report; more would be scrolled where the README is read."""


def generated() -> list[tuple[Path, str]]:
    """Every generated file and the text it should hold."""
    readme = README.read_text("utf-8")
    blocks = {"rules": _rules(), "fixes": _fixes(), "formats": _formats(), "diagnosis": _diagnosis()}
    for name, lines in blocks.items():
        readme = _with_block(readme, name, "\n".join(lines))
    return [(PACKAGE / "schemas" / "spec.schema.json", json.dumps(spec_schema(), indent=2) + "\n"), (README, readme)]


def _rules() -> list[str]:
    rows = [f"| {rule.code} | {rule.name} | {rule.severity} | {rule.judges} | {rule.summary} |" for rule in RULES]
    return ["| code | name | severity | judges | what it sees |", "|---|---|---|---|---|", *rows]


def _fixes() -> list[str]:
    rows = [
        f"| {rank} | `{fix.name}` | {fix.summary} | {', '.join(sorted(fix.treats)).replace('_', ' ')} |"
        for rank, fix in enumerate(FIXES, start=1)
    ]
    return ["| rank | fix | what to do | instabilities it treats |", "|---|---|---|---|", *rows]


def _formats() -> list[str]:
    """The names that --format knows, in the order in which the readers look at a log."""
    return [", ".join(f"`{reader.NAME}`" for reader in READERS)]


def _diagnosis() -> list[str]:
    """The report of the sample as a terminal shows it."""
    screen = Screen(file=io.StringIO(), width=SAMPLE_WIDTH, color_system=None, force_terminal=False)
    with contextlib.chdir(PACKAGE.parent), screen.capture() as shown:
        print_report(report_of_logs(gather([SAMPLE])), screen)
    lines = [line.rstrip() for line in shown.get().splitlines()]
    return ["```console", f"$ lrdoctor diagnose {SAMPLE}", *lines, "```"]


def _with_block(text: str, name: str, block: str) -> str:
    """The text with what stands between the block's two comments replaced.

    Raises:
        ValueError: the comments are not there.
    """
    start, end = f"<!-- generated: {name} -->", "<!-- end -->"
    pattern = re.compile(rf"{re.escape(start)}\n.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"{README} has no block {start} ... {end}")
    return pattern.sub(lambda match: f"{start}\n{block}\n{end}", text, count=1)


def stale() -> list[Path]:
    """The generated files that are missing or out of date."""
    return [path for path, text in generated() if not path.exists() or path.read_text("utf-8") != text]


def main() -> None:
    """Writes the stale files and names them."""
    texts = dict(generated())
    for path in stale():
        path.write_text(texts[path], "utf-8")
        print(path)


if __name__ == "__main__":
    main()
