"""What every command that runs trials needs. The runner is imported when it is used: `--help` does not wait for it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from lrdoctor.cli.options import AUTO

if TYPE_CHECKING:
    from lrdoctor.core.report import Report
    from lrdoctor.core.study import Study
    from lrdoctor.examine import Laboratory
    from lrdoctor.spec import Spec


def load_spec(path: Path, overrides: list[str] | None, seeds: int | None) -> Spec:
    from lrdoctor import spec

    first = [] if seeds is None or seeds == AUTO else [f"seeds={list(range(seeds))}"]
    return spec.load_spec(path, [*first, *(overrides or [])])


def seeds_for(laboratory: Laboratory, asked: int | None, settled: bool = False) -> tuple[int, ...]:
    """See `runner.seeds_for`."""
    from lrdoctor import runner

    return runner.seeds_for(laboratory, runner.AUTO if asked == AUTO else None, settled)


def open_laboratory(
    spec: Spec, out: Path | None, jobs: int | None, fresh: bool, quiet: bool
) -> AbstractContextManager[Laboratory]:
    """See `runner.open_laboratory`."""
    from lrdoctor import runner

    return runner.open_laboratory(spec, out, jobs, fresh, quiet)


def save(study: Study, laboratory: Laboratory, command: str) -> Report:
    """See `runner.save`."""
    from lrdoctor import runner

    return runner.save(study, laboratory, command)


def write_figures(laboratory: Laboratory, drawn: Mapping[str, bytes]) -> list[str]:
    """See `runner.write_figures`."""
    from lrdoctor import runner

    return runner.write_figures(laboratory, drawn)
