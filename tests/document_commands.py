"""The commands that README, CONTRIBUTING and docs/ tell people to type."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
GENERATED = ("docs/rules/", "docs/fixes/", "docs/spec.md", "docs/glossary.md")
FENCE = re.compile(r"^```(sh|console|yaml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:lrdoctor|make|python -m [\w.]+)(?=[\s`])[^`]*)`")
CI_STEP = re.compile(r"^ *- run: (.+?)(?: +#.*)?$", re.MULTILINE)


@dataclass(frozen=True)
class Told:
    """A command and the page that has it."""

    page: str
    text: str


def pages() -> list[Path]:
    """The pages that people wrote; what is generated has tests of its own."""
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "sample_runs" / "README.md"]
    docs = sorted((ROOT / "docs").rglob("*.md"))
    return found + [path for path in docs if not path.relative_to(ROOT).as_posix().startswith(GENERATED)]


def fenced() -> list[Told]:
    """Every command of the sh blocks, of the console blocks, and of the CI steps, once."""
    found = [Told(name, line) for name, kind, block in blocks() for line in _commands(kind, block)]
    return list(dict.fromkeys(found))


def blocks() -> Iterator[tuple[str, str, str]]:
    """(page, kind, text) of every fenced block."""
    for path in pages():
        for kind, block in FENCE.findall(path.read_text("utf-8")):
            yield path.relative_to(ROOT).as_posix(), kind, block


def _commands(kind: str, block: str) -> Iterator[str]:
    if kind == "yaml":
        yield from CI_STEP.findall(block)
    for line in block.splitlines() if kind != "yaml" else ():
        if kind == "sh" or line.startswith("$ "):
            command = re.sub(r"\s+#.*$", "", line.removeprefix("$ ")).strip()
            if command and not command.startswith("#"):
                yield command


def inline() -> list[Told]:
    """Every command in backticks within a sentence."""
    found = []
    for path in pages():
        text = FENCE.sub("", path.read_text("utf-8"))
        found += [Told(path.relative_to(ROOT).as_posix(), " ".join(text.split())) for text in INLINE.findall(text)]
    return list(dict.fromkeys(found))


def arguments(command: str) -> list[str] | None:
    """The arguments of the `lrdoctor` in a command line, of any path to it; None where there is none."""
    words = shlex.split(command)
    at = next((i for i, word in enumerate(words) if word.rpartition("/")[2] == "lrdoctor"), None)
    if at is None:
        return None
    rest = words[at + 1 :]
    ends = [i for i, word in enumerate(rest) if word in ("|", ">", "&&", ";")]
    return rest[: ends[0]] if ends else rest
