"""The words of the chain's drawing: beside its shapes, and for those who do not see them."""

from __future__ import annotations

from collections.abc import Iterator

from lrdoctor.reports.html.chain import Add, Chain, Layer, Segment, Step
from lrdoctor.reports.sites import LONGEST_NAME, modules_in_short, scales
from lrdoctor.reports.untrusted import one_line

LONGEST_IN_BOX = 33
"""Of a name in the box of a branch."""
NOT_TOLD = "branch not told in this report"


def branch_lines(add: Add) -> list[str]:
    """What stands in the box of a branch, a line each."""
    if not add.where:
        return [NOT_TOLD, f"in {modules_in_short(add.modules, LONGEST_IN_BOX)}"]
    of = f"||f(x)|| / ||x|| = {scales(add.scales)}"
    lines = [f"branch ends with {add.ends_with}", of, f"in {modules_in_short(add.modules, LONGEST_IN_BOX)}"]
    marks = list(marks_of(add))
    return [*lines, ", ".join(marks)] if marks else lines


def marks_of(add: Add) -> Iterator[str]:
    """What the box says besides, as shapes and lines say it too."""
    if add.is_zero:
        yield "dead" if add.is_dead else "0 at init"
    if add.is_gated:
        yield "gated"
    if add.is_probable:
        yield "probable"


def described(chain: Chain) -> str:
    """The drawing in one text."""
    parts = ["Input", *map(_segment, chain.first)]
    if chain.n_left_out:
        parts.append(f"{chain.n_left_out} more layers and residual adds that are not drawn")
    parts += [*map(_segment, chain.last), "output"]
    if chain.unknown:
        parts.append(f"{chain.unknown} unknown operations, whose places are not known")
    return "; ".join(parts) + "."


def _segment(segment: Segment) -> str:
    words = ", then ".join(map(_step, segment.steps))
    return f"{segment.times} times: {words}" if segment.times > 1 else words


def _step(step: Step) -> str:
    modules = modules_in_short(step.modules, LONGEST_NAME)
    if isinstance(step, Layer):
        return f"{one_line(step.operation, LONGEST_NAME)} ({modules})"
    if not step.where:
        return f"residual add ({modules}), {NOT_TOLD}"
    return f"residual add ({modules}){', '.join(['', *_of_add(step)])}"


def _of_add(add: Add) -> Iterator[str]:
    if add.is_projected:
        yield "with a projection on the skip"
    yield f"whose branch ends with {one_line(add.ends_with, LONGEST_NAME)} at scale {scales(add.scales)}"
    yield from marks_of(add)
    if add.has_norm_after:
        yield "the sum is normalized"
