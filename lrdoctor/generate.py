"""Rewrites what follows from the code: `python -m lrdoctor.generate`, in a checkout of the project."""

from __future__ import annotations

import json
import re
from pathlib import Path

from lrdoctor.fixes import FIXES
from lrdoctor.rules import RULES
from lrdoctor.spec import spec_schema

PACKAGE = Path(__file__).parent
README = PACKAGE.parent / "README.md"


def generated() -> list[tuple[Path, str]]:
    """Every generated file and the text it should hold."""
    readme = README.read_text("utf-8")
    for name, lines in {"rules": _rules(), "fixes": _fixes()}.items():
        readme = _with_block(readme, name, "\n".join(lines))
    return [(PACKAGE / "schemas" / "spec.schema.json", json.dumps(spec_schema(), indent=2) + "\n"), (README, readme)]


def _rules() -> list[str]:
    rows = [f"| {rule.code} | {rule.name} | {rule.severity} | {rule.summary} |" for rule in RULES]
    return ["| code | name | severity | what it sees |", "|---|---|---|---|", *rows]


def _fixes() -> list[str]:
    rows = [
        f"| {rank} | `{fix.name}` | {fix.summary} | {', '.join(sorted(fix.treats)).replace('_', ' ')} |"
        for rank, fix in enumerate(FIXES, start=1)
    ]
    return ["| rank | fix | what to do | instabilities it treats |", "|---|---|---|---|", *rows]


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
