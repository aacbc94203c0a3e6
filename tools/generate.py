"""Rewrites what follows from the code: `python -m tools.generate`, in a checkout of the project."""

from __future__ import annotations

import contextlib
import io
import json
import re
from pathlib import Path

from lrdoctor.assess import report_of_logs
from lrdoctor.core.glossary import GLOSSARY
from lrdoctor.logs.gather import gather
from lrdoctor.logs.readers import READERS
from lrdoctor.reports.terminal.screen import print_screen
from lrdoctor.reports.terminal.text import Screen
from lrdoctor.spec import spec_schema
from tools.llms import llms
from tools.manual_pages import fixes_table, pages
from tools.report_schema import compare_schema, report_schema
from tools.spec_page import spec_page

ROOT = Path(__file__).parents[1]
SCHEMAS = ROOT / "lrdoctor" / "schemas"
REPORT_SCHEMA = SCHEMAS / "report.schema.json"
README = ROOT / "README.md"
DOCS = ROOT / "docs"
SAMPLE = "sample_runs/recovered_rise.csv"
"""The log whose report the README shows."""
SAMPLE_WIDTH = 104
"""Columns of that report; more would be scrolled where the README is read."""


def generated() -> list[tuple[Path, str]]:
    """Every generated file and the text it should hold."""
    readme = README.read_text("utf-8")
    blocks = {
        "fixes": fixes_table("docs/fixes/"),
        "formats": _formats(),
        "diagnosis": _diagnosis(),
    }
    for name, lines in blocks.items():
        readme = _with_block(readme, name, "\n".join(lines))
    return [
        (SCHEMAS / "spec.schema.json", json.dumps(spec_schema(), indent=2) + "\n"),
        (README, readme),
        (DOCS / "spec.md", spec_page()),
        (DOCS / "glossary.md", _glossary()),
        *((DOCS / path, text) for path, text in pages()),
        (SCHEMAS / "compare.schema.json", compare_schema(REPORT_SCHEMA.read_text("utf-8"))),
        (DOCS / "llms.txt", llms(DOCS)),
        (REPORT_SCHEMA, report_schema(REPORT_SCHEMA.read_text("utf-8"))),
    ]


def _glossary() -> str:
    """The page of `lrdoctor rules --glossary`."""
    rows = [f"| {term} | {meaning} |" for term, meaning in GLOSSARY.items()]
    head = ["# Glossary", "", "What the words of the reports mean; `lrdoctor rules --glossary` prints the same.", ""]
    return "\n".join([*head, "| word | what it means |", "|---|---|", *rows]).replace("lr*", "lr\\*") + "\n"


def _formats() -> list[str]:
    """The names that --format knows, in the order in which the readers look at a log."""
    return [", ".join(f"`{reader.NAME}`" for reader in READERS)]


def _diagnosis() -> list[str]:
    """The report of the sample as a terminal shows it."""
    shown = io.StringIO()
    screen = Screen(file=shown, width=SAMPLE_WIDTH, color_system=None, force_terminal=False)
    with contextlib.chdir(ROOT):
        print_screen(report_of_logs(gather([SAMPLE])), screen)
    lines = [line.rstrip() for line in shown.getvalue().splitlines()]
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


def left_over() -> list[Path]:
    """Pages of rules and fixes that are no more."""
    known = {path for path, _ in generated()}
    return [path for folder in ("rules", "fixes") for path in sorted((DOCS / folder).glob("*")) if path not in known]


def main() -> None:
    """Writes the stale files, removes those left over, and names both."""
    texts = dict(generated())
    for path in stale():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts[path], "utf-8")
        print(path)
    for path in left_over():
        path.unlink()
        print(f"removed {path}")


if __name__ == "__main__":
    main()
