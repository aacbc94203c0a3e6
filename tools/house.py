"""Numbers of how the package is built, of one commit beside another: `python -m tools.house 09dbd62 HEAD`."""

from __future__ import annotations

import ast
import io
import subprocess
import sys
import tarfile
import tokenize
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

PACKAGE = "lrdoctor"
EXPLAINED = ("measures", "procedures", "engines")
"""Folders in which the reason for a formula or an order of steps is to stand at its line."""
REPEATED = 6
"""Lines of code in a row that count as written twice."""

Sources = Mapping[str, str]
"""Path below the package -> text."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def sources_of(revision: str) -> Sources:
    """Every module of the package at a commit, what it writes for users left out."""
    packed = subprocess.run(["git", "archive", revision, PACKAGE], capture_output=True, check=True).stdout
    found = {}
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for member in archive:
            path = member.name.removeprefix(f"{PACKAGE}/")
            file = archive.extractfile(member) if path.endswith(".py") and not path.startswith("templates/") else None
            if file is not None:
                found[path] = file.read().decode()
    return found


def table(sources: Sources) -> dict[str, str]:
    """What is measured, by its name, as it is printed."""
    trees = {path: ast.parse(text) for path, text in sources.items()}
    nodes = [node for tree in trees.values() for node in ast.walk(tree)]
    n_lines = sum(text.count("\n") for text in sources.values())
    functions = [node for node in nodes if isinstance(node, Function)]
    once = used_once(functions, nodes)
    return {
        "files": str(len(sources)),
        "lines of the package": f"{n_lines:,}",
        "longest file": f"{max(text.count(chr(10)) for text in sources.values())}",
        "functions per 1,000 lines": f"{1000 * len(functions) / n_lines:.1f}",
        "private helpers used once": f"{len(once)} ({len(once) / len(functions):.0%} of the functions)",
        "reads by a string key in reports/": str(
            sum(map(is_read_by_key, walked(trees, "reports"))),
        ),
        "`Any`": str(sum(isinstance(node, ast.Name) and node.id == "Any" for node in nodes)),
        "asserts that something is not None": str(sum(map(is_about_none, nodes))),
        "lines of cli/ that stand twice": str(n_repeated({p: t for p, t in sources.items() if p.startswith("cli")})),
        **{f"comments in {folder}/": share_of_comments(sources, folder) for folder in EXPLAINED},
    }


def walked(trees: Mapping[str, ast.Module], folder: str) -> Iterator[ast.AST]:
    for path, tree in trees.items():
        if path.startswith(f"{folder}/"):
            yield from ast.walk(tree)


def used_once(functions: Sequence[Function], nodes: Sequence[ast.AST]) -> list[str]:
    """Names of private functions that the package speaks of in one place."""
    uses = Counter(node.id for node in nodes if isinstance(node, ast.Name))
    uses.update(node.attr for node in nodes if isinstance(node, ast.Attribute))
    uses.update(alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names)
    private = Counter(of.name for of in functions if of.name.startswith("_") and not of.name.startswith("__"))
    return [name for name, n_defined in private.items() for _ in range(n_defined) if uses[name] == n_defined]


def is_read_by_key(node: ast.AST) -> bool:
    """`section["rates"]` or `section.get("rates")`."""
    if isinstance(node, ast.Subscript):
        return isinstance(node.ctx, ast.Load) and is_text(node.slice)
    is_get = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get"
    return is_get and bool(node.args) and is_text(node.args[0])  # type: ignore[attr-defined]


def is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def is_about_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Assert) and any(
        isinstance(part, ast.Compare)
        and isinstance(part.ops[0], ast.IsNot)
        and isinstance(part.comparators[0], ast.Constant)
        and part.comparators[0].value is None
        for part in ast.walk(node.test)
    )


def n_repeated(sources: Sources) -> int:
    """Lines of code in runs of `REPEATED` that stand in two places, imports left out."""
    places: dict[tuple[str, ...], list[tuple[str, int]]] = {}
    for path, text in sources.items():
        lines = [(at, line.strip()) for at, line in enumerate(text.splitlines())]
        code = [(at, line) for at, line in lines if len(line) > 2 and not line.startswith(("#", "import ", "from "))]
        for i in range(len(code) - REPEATED + 1):
            run = code[i : i + REPEATED]
            places.setdefault(tuple(line for _, line in run), []).extend((path, at) for at, _ in run)
    return len({place for found in places.values() if len(found) > REPEATED for place in found})


def share_of_comments(sources: Sources, folder: str) -> str:
    """Lines with a comment, as part of all that are not empty."""
    texts = [text for path, text in sources.items() if path.startswith(f"{folder}/")]
    if not texts:
        return "no such folder"
    n_comments = sum(
        token.type == tokenize.COMMENT
        for text in texts
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
    )
    n_lines = sum(bool(line.strip()) for text in texts for line in text.splitlines())
    return f"{n_comments} of {n_lines:,} lines ({n_comments / n_lines:.1%})"


def main(revisions: Sequence[str]) -> None:
    """Prints a column for each commit."""
    columns = [table(sources_of(revision)) for revision in revisions]
    for name in columns[0]:
        print(f"| {name} | {' | '.join(column[name] for column in columns)} |")


if __name__ == "__main__":
    main(sys.argv[1:] or ["HEAD"])
