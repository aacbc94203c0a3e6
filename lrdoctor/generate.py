"""Rewrites the files that follow from the code: `python -m lrdoctor.generate`."""

from __future__ import annotations

import json
from pathlib import Path

from lrdoctor.spec import spec_schema

PACKAGE = Path(__file__).parent


def generated() -> list[tuple[Path, str]]:
    """Every generated file and the text it should hold."""
    return [(PACKAGE / "schemas" / "spec.schema.json", json.dumps(spec_schema(), indent=2) + "\n")]


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
