"""What is different between two report.json: `python -m tools.compare_reports BEFORE AFTER`.

Exits with 1 unless every difference is an addition: report.json changes only by adding.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ADDED = "added"


def differences(before: Any, after: Any, at: str = "") -> Iterator[tuple[str, str]]:
    """Path and what happened there: `added`, `gone`, or `before -> after`.

    >>> list(differences({"a": 1, "b": [1, 2]}, {"b": [1, 3], "c": None}))
    [('a', 'gone'), ('b[1]', '2 -> 3'), ('c', 'added')]
    """
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys([*before, *after]):
            where = f"{at}.{key}" if at else key
            if key not in after:
                yield where, "gone"
            elif key not in before:
                yield where, ADDED
            else:
                yield from differences(before[key], after[key], where)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for i, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from differences(one, other, f"{at}[{i}]")
    elif before != after or type(before) is not type(after):
        yield at, f"{before!r} -> {after!r}"


def main() -> None:
    before, after = (json.loads(Path(path).read_text("utf-8")) for path in sys.argv[1:3])
    found = list(differences(before, after))
    for where, what in found:
        print(f"{where}: {what}")
    print(f"{len(found)} differences, {sum(what == ADDED for _, what in found)} of them additions")
    sys.exit(any(what != ADDED for _, what in found))


if __name__ == "__main__":
    main()
