"""A study folder that is only looked at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from lrdoctor.core.run import Run
from lrdoctor.core.trial import Trial
from lrdoctor.store import study_file
from lrdoctor.store.folder import StudyFolder
from lrdoctor.store.trial_files import TRIAL, TrialRecord


class SavedStudy(StudyFolder):
    """What a study folder holds; nothing is made, locked, written or deleted, and the folder need not exist.

    Args:
        out: the folder.
        identity: all that decides what the study's trials are, as for `StudyFolder.open`.
        environment: versions whose curves do not mix.
        fresh: whether the finished trials are to be thrown away, so that they do not count.

    Raises:
        StoreError: the folder holds another study or something else, or cannot be read.
    """

    def __init__(
        self, out: Path, *, identity: Mapping[str, Any], environment: Mapping[str, str], fresh: bool = False
    ) -> None:
        what = {"identity": study_file.plain(identity), "environment": study_file.plain(environment)}
        super().__init__(out, None, dict(what))
        self._fresh = fresh
        saved = study_file.load_study(out)
        if saved is None or fresh:
            return
        if any(out.glob(f"trials/*/{TRIAL}")):
            study_file.refuse_changed(out, saved, what)
        else:
            study_file.refuse_format(out, saved)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass  # there is no invocation to record

    def read(self, key: str) -> Run | None:
        return None if self._fresh else super().read(key)

    def records(self) -> list[TrialRecord]:
        """The records of the trials that are done, by key; damaged ones are left out and named in `problems`."""
        found = [] if self._fresh else [self._record(key) for key in self._keys()]
        return [record for record in found if record is not None]

    def adopt(self, key: str, trial: Trial, n_attempts: int | None = None) -> Run | None:
        return None

    def begin(self, key: str) -> None:
        raise ValueError(f"a bug: trial {key} is begun in {self.out}, which is only looked at")

    def write_bytes(self, relative_name: str, data: bytes) -> Path:
        raise ValueError(f"a bug: {relative_name} is written into {self.out}, which is only looked at")
