"""docs/llms.txt: the pages of the documentation, each with what it tells, for language models (llmstxt.org)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from lrdoctor.rules import RULES

HEAD = """\
# lrdoctor

> Finds out why a PyTorch model's training is unstable, by the procedure of Google's Deep Learning Tuning Playbook:
> learning-rate sweeps with controls, and judgement of logs that exist. Command line, Python (`import lrdoctor`), JSON
> (`--json`), MCP (`lrdoctor mcp`).

Verdicts are stable, unstable and inconclusive; what is listed as skipped was not checked and never counts as passed.
Exit codes: 0 judged and nothing found, 1 unstable, 2 could not be judged, 3 a bug in lrdoctor, 130 interrupted."""
PAGE = re.compile(r"^\| \[(?P<title>[^\]]+)\]\((?P<path>[^)]+)\) \| (?P<what>.+) \|$", re.MULTILINE)
"""A row of the table in docs/README.md."""


def llms(docs: Path) -> str:
    """The text.

    Args:
        docs: the folder of the documentation, whose README lists the pages.
    """
    return "\n".join(_lines((docs / "README.md").read_text("utf-8"))) + "\n"


def _lines(readme: str) -> Iterator[str]:
    yield HEAD
    yield "\n## Pages\n"
    yield "- [README](../README.md): what it is for, installation, every command with an example"
    for row in PAGE.finditer(readme):
        yield f"- [{row['title']}]({row['path']}): {row['what']}"
    yield "\n## Rules\n"
    for rule in RULES:
        yield f"- [{rule.code} {rule.name}](rules/{rule.code}.md): {rule.summary}"
