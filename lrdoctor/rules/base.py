"""What a rule is. A rule names the instability it saw; it knows nothing of fixes."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lrdoctor.core.architecture import Architecture
from lrdoctor.core.report import Finding, Instability, Severity, Skip, SkipKind
from lrdoctor.core.run import Run
from lrdoctor.core.study import Study
from lrdoctor.errors import LrdoctorError
from lrdoctor.measures.view import View

Found = Iterator[Finding | Skip]


def docstring_in_source(module: str) -> str:
    """The docstring of an imported module, read from its file.

    Raises:
        LrdoctorError: there is no such file.
    """
    try:
        source = inspect.getsource(sys.modules[module])
    except OSError as error:
        raise LrdoctorError(
            f"the manual page is in the source of {module}, which is not installed; unset PYTHONOPTIMIZE"
        ) from error
    return ast.get_docstring(ast.parse(source)) or ""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One thing that can be wrong, with its manual page."""

    code: str
    """Stable identifier, LRD and three digits: 1xx values, 2xx rises, 3xx levels, 4xx the whole study, 5xx gradient
    norms, 6xx what was done to the run, 7xx the model."""
    name: str
    severity: Severity
    instability: Instability
    summary: str
    """One sentence."""
    manual: str
    """The manual page: what it sees, why it matters, its thresholds, what it does with odd curves."""
    check_trial: Callable[[View, Study], Found] | None = None
    """Judges one trial of ours, with the other trials of its study at hand."""
    check_log: Callable[[View], Found] | None = None
    """Judges one run that somebody logged, by itself."""
    check_study: Callable[[Study], Found] | None = None
    """Judges the study as a whole."""
    check_model: Callable[[Architecture], Found] | None = None
    """Judges what the model is made of."""

    def finding(
        self,
        message: str,
        *,
        observed: float | str | None,
        threshold: float | str | None,
        run: Run | None = None,
        first_step: int | None = None,
        last_step: int | None = None,
        severity: Severity | None = None,
        instability: Instability | None = None,
    ) -> Finding:
        """A finding of this rule, of its own severity and instability unless this case is a different one."""
        return Finding(
            code=self.code,
            name=self.name,
            severity=severity or self.severity,
            instability=instability or self.instability,
            message=message,
            observed=observed,
            threshold=threshold,
            run=run.name if run else None,
            first_step=first_step,
            last_step=last_step,
        )

    def skip(self, reason: str, run: Run | None = None, kind: SkipKind = "not_checked") -> Skip:
        """What this rule could not check."""
        return Skip(code=self.code, reason=reason, run=run.name if run else None, kind=kind)

    @property
    def manual_page(self) -> str:
        """The manual page, also where Python was told to throw docstrings away (PYTHONOPTIMIZE=2).

        Raises:
            LrdoctorError: it was, and the source is not there either.
        """
        checks = (self.check_trial, self.check_log, self.check_study, self.check_model)
        # `manual` is typed as text, and is None then
        return self.manual or docstring_in_source(next(check.__module__ for check in checks if check is not None))

    @property
    def judges(self) -> str:
        """What it looks at: trials, logs, runs (both), sweeps or models."""
        if self.check_model is not None:
            return "models"
        if self.check_study is not None:
            return "sweeps"
        return "runs" if self.check_trial and self.check_log else "trials" if self.check_trial else "logs"
