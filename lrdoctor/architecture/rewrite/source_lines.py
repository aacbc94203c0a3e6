"""The line of source that an add stands on, with its operands, where it can be read and is simple."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from lrdoctor.architecture.rewrite.plan import Place


class Piece(NamedTuple):
    """A part of a line, in columns."""

    first: int
    last: int


class Sum(NamedTuple):
    """An add on a line of its own class's method."""

    line: str
    whole: Piece
    operands: tuple[Piece, Piece]
    needs_parentheses: tuple[bool, bool]
    is_written: bool
    """Whether it is `y += x`."""
    call: Piece | None
    """The call f(x + y) of which the sum is all that is given."""
    called: str
    """What is called there."""
    owner: str
    """What the method calls its module: self."""


def read_sum(place: Place) -> Sum | None:
    """The add in its source; None where that is not on one line, in no method, or no + or -."""
    try:
        lines, tree = _parsed(place.file)
    except (OSError, SyntaxError, ValueError):
        return None
    owner = _owner(tree, place.line)
    node = next((node for node in ast.walk(tree) if _is_at(node, place)), None)
    if owner is None or node is None or not lines[place.line - 1].isascii():
        return None
    return _sum(tree, lines[place.line - 1], node, owner)


@cache
def _parsed(file: str) -> tuple[list[str], ast.Module]:
    lines = linecache.getlines(file)
    if not lines:
        raise OSError(f"{file} cannot be read")
    return lines, ast.parse("".join(lines))


def _is_at(node: ast.AST, place: Place) -> bool:
    if not isinstance(node, (ast.BinOp, ast.AugAssign)):
        return False
    span = (node.col_offset, node.end_lineno, node.end_col_offset)
    return (node.lineno, node.end_lineno, span) == (place.line, place.line, place.span)


def _sum(tree: ast.Module, line: str, node: ast.AST, owner: str) -> Sum:
    if isinstance(node, ast.AugAssign):
        pair: tuple[ast.expr, ast.expr] = (node.target, node.value)
    else:
        assert isinstance(node, ast.BinOp)
        pair = (node.left, node.right)
    call = next((each for each in ast.walk(tree) if isinstance(each, ast.Call) and each.args == [node]), None)
    whole_call = call if call is not None and call.lineno == call.end_lineno else None
    return Sum(
        line=line,
        whole=_piece(node),
        operands=(_piece(pair[0]), _piece(pair[1])),
        needs_parentheses=(_is_composed(pair[0]), _is_composed(pair[1])),
        is_written=isinstance(node, ast.AugAssign),
        call=_piece(whole_call) if whole_call is not None and not whole_call.keywords else None,
        called=ast.unparse(whole_call.func) if whole_call is not None else "",
        owner=owner,
    )


def _piece(node: ast.AST) -> Piece:
    return Piece(node.col_offset, node.end_col_offset)  # type: ignore[attr-defined]


def _is_composed(node: ast.expr) -> bool:
    return not isinstance(node, (ast.Name, ast.Attribute, ast.Call, ast.Subscript))


def _owner(tree: ast.Module, line: int) -> str | None:
    """The first argument of the method that the line is in."""
    for method in _methods(tree):
        if method.lineno <= line <= (method.end_lineno or 0) and method.args.args:
            return method.args.args[0].arg
    return None


def _methods(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    for kind in ast.walk(tree):
        if isinstance(kind, ast.ClassDef):
            yield from (node for node in kind.body if isinstance(node, ast.FunctionDef))
