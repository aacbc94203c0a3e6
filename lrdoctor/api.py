"""The Python side of `lrdoctor diagnose`: the same readers, rules and report, for files and for what is in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import IO, TYPE_CHECKING, Any, Literal

from lrdoctor.errors import LogError

if TYPE_CHECKING:
    from pandas import DataFrame

    from lrdoctor.core.report import Report

AnyPath = str | PathLike[str]
Objective = Literal["auto", "minimized", "reinforcement", "adversarial"]

OBJECTIVES: tuple[Objective, ...] = ("auto", "minimized", "reinforcement", "adversarial")
LARGEST_ALPHA = 0.5
"""From here on the rules would rather flag a healthy run than not."""
SMALLEST_ALPHA = 1e-100
"""No log is so long that a smaller chance means anything, and powers of its inverse leave the range of floats."""


def diagnose(
    logs: AnyPath | Iterable[AnyPath] | IO[str] | IO[bytes] | DataFrame | Mapping[str, Iterable[Any]],
    *,
    format: str | None = None,  # noqa: A002  # as the option is called
    columns: Mapping[str, str] | None = None,
    objective: Objective = "auto",
    alpha: float = 0.01,
) -> Report:
    """Judges training logs: is a run unstable, from which step on, and what to try.

    >>> import math, lrdoctor
    >>> losses = [2.0 * 0.98**step for step in range(200)]
    >>> lrdoctor.diagnose({"step": range(200), "loss": losses}).verdict
    'stable'
    >>> report = lrdoctor.diagnose({"step": range(200), "loss": [*losses[:150], *[math.nan] * 50]})
    >>> report
    <Report UNSTABLE: train_loss is nan at step 150 and non-finite from there to the end [LRD101 in mapping, step 150]>
    >>> [(finding.code, finding.severity, finding.first_step) for finding in report.findings]
    [('LRD101', 'error', 150)]
    >>> report.check()
    Traceback (most recent call last):
    lrdoctor.errors.UnstableError: UNSTABLE: train_loss is nan at step 150 and non-finite from there to the end
      found       LRD101 in mapping, step 150: train_loss is nan at step 150 and non-finite from there to the end
    ...

    Args:
        logs: what to judge:

            - a path, or several: files of any format that the command reads, directories (every log below them), `-`
              for standard input;
            - an open file, text or binary, read from where it stands to its end;
            - a pandas DataFrame, judged as a CSV file of the same cells would be. pandas has one nan for an empty cell
              and for a loss that was nan: nan after the last number of the training loss, more of it in a row than
              anywhere before, is a loss that was nan; any other is an empty cell, and is noted in the provenance;
            - a mapping of columns, name -> values (lists, arrays, tensors on the CPU). Here None is an empty cell, and
              nan is nan.
        format: reads every file as this format, as `--format` does; None to tell it by the content.
        columns: which column holds what, where the names do not tell: `{"loss": "train/total"}`; keys loss, val_loss,
            lr, grad_norm, step and epoch.
        objective: whether a rise of the loss is a failure: "auto", "minimized", "reinforcement" or "adversarial".
        alpha: the share of healthy runs that may be taken for unstable, 1e-100 or more and below 0.5.

    Returns:
        The report: `verdict` ("stable", "unstable" or "inconclusive"), `summary`, `findings`, `skipped`, `fixes` and
        `runs`. Of several runs the worst decides. What cannot be read, or not judged, is part of the report as a run
        that is inconclusive, with the reason; it never counts as stable.

    Raises:
        LogError: there is no such format, or `columns` has a key that is unknown or given twice.
        ValueError: `objective` or `alpha` is none of those above, or `format` is given for what is no file.
        TypeError: `logs` is nothing of the above.
    """
    if objective not in OBJECTIVES:
        raise ValueError(f"objective={objective!r}: expected one of {', '.join(map(repr, OBJECTIVES))}")
    if not SMALLEST_ALPHA <= alpha < LARGEST_ALPHA:
        raise ValueError(f"alpha={alpha!r}: expected a number of {SMALLEST_ALPHA:g} or more and below {LARGEST_ALPHA}")
    from lrdoctor.assess import report_of_logs
    from lrdoctor.logs.memory import gather_any

    _check_columns(columns or {})
    given = None if objective == "auto" else objective
    gathered = gather_any(logs, format=format, columns=columns, objective=given)
    return report_of_logs(gathered, "diagnose", alpha=alpha)


def _check_columns(columns: Mapping[str, str]) -> None:
    """Raises a LogError for a mapping that would be wrong for any log."""
    from lrdoctor.logs.aliases import USER_KEYS

    meant: dict[str, str] = {}
    for key, column in columns.items():
        if key not in USER_KEYS:
            raise LogError(f"columns: unknown key {key!r}, expected one of {', '.join(USER_KEYS)}")
        if not isinstance(column, str):
            raise LogError(f"columns[{key!r}]: found {column!r}, expected the name of a column")
        if (other := meant.get(USER_KEYS[key])) is not None:
            raise LogError(f"columns: {other!r} and {key!r} mean the same; give one column for it")
        meant[USER_KEYS[key]] = key
