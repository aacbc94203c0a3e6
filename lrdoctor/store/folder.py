"""The study folder: one study on disk, resumed by the next invocation, owned by one process at a time.

OUT/study.json               what the study is, versions, invocations; the folder is a study when it is there
OUT/spec.yaml                the resolved spec
OUT/trials/<key>/trial.json  a trial's settings and outcome; the trial is done when it is there
OUT/trials/<key>/steps.csv   the trial's curves
OUT/trials/<key>/*.txt       what the command of a trial printed, where a command trained it
OUT/running/<key>            attempts at a trial, which its worker writes (`store.attempts`)
OUT/trials.csv               one row a trial
"""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from lrdoctor.core.run import Run, Status
from lrdoctor.core.trial import Trial
from lrdoctor.errors import StoreError
from lrdoctor.store import attempts as tries
from lrdoctor.store import study_file
from lrdoctor.store.files import FolderLock, explained, read_file, sync_folder, write_atomic
from lrdoctor.store.trial_files import (
    STEPS,
    TRIAL,
    Row,
    StepsFile,
    TrialRecord,
    add_evaluations,
    cell,
    digest,
    read_run,
)


class StudyFolder:
    """An open study folder; a context manager. `StudyFolder.open` makes one."""

    def __init__(self, out: Path, lock: FolderLock | None, study: dict[str, Any]) -> None:
        self.out = out
        self.problems: list[str] = [lock.problem] if lock and lock.problem else []
        """What was found wrong and worked around; for the user to see."""
        self._lock = lock
        self._study = study
        self._running: dict[str, StepsFile] = {}

    @classmethod
    def open(
        cls,
        out: Path,
        *,
        name: str,
        identity: Mapping[str, Any],
        spec_yaml: str,
        command_line: Sequence[str],
        environment: Mapping[str, str],
        fresh: bool,
    ) -> StudyFolder:
        """Opens the folder, made anew or resumed.

        Args:
            out: the folder; made when missing, with its parents.
            name: the study's name.
            identity: all that decides what the study's trials are, as plain values. A value under a key
                "file:PATH" is a hash of that file.
            spec_yaml: the resolved spec.
            command_line: the invocation, for the record.
            environment: versions whose curves do not mix.
            fresh: delete what an earlier study left, instead of resuming it.

        Raises:
            StoreError: the folder is in use, holds another study or something else, or cannot be written.
        """
        # before anything is written, the lock included: the folder may be somebody else's
        study_file.load_study(out)
        with explained("make the folder", out):
            out.mkdir(parents=True, exist_ok=True)
        lock = FolderLock(out)
        try:
            what = {"identity": study_file.plain(identity), "environment": study_file.plain(environment)}
            folder = cls(out, lock, _resume(out, what, fresh) or study_file.new_study(name, what))
            folder._study["invocations"].append(study_file.invocation(command_line))
            folder._save()
            folder.write_text("spec.yaml", spec_yaml)
            folder._drop_attempts()
        except BaseException:
            lock.release()
            raise
        return folder

    def __enter__(self) -> StudyFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for steps in self._running.values():
            steps.close()
        try:
            self._study["invocations"][-1] |= study_file.ending(kind)
            self._save()
            if kind is None:  # else what workers have finished is for the next invocation to adopt
                shutil.rmtree(self.out / study_file.RUNNING, ignore_errors=True)
        except StoreError:
            if kind is None:  # else the first error is the one to show
                raise
        finally:
            if self._lock:
                self._lock.release()

    def _drop_attempts(self) -> None:
        """Deletes the attempts at trials that are done, as a kill leaves them that comes right after a trial ended."""
        for scratch in (self.out / study_file.RUNNING).glob("*"):
            if self._record(scratch.name) is not None:
                shutil.rmtree(scratch, ignore_errors=True)

    @property
    def mark(self) -> str:
        """Tells this study from every other one, wherever its folder is seen from."""
        return str(self._study.get("id", ""))

    def note_data(self, facts: Mapping[str, Any]) -> None:
        """Records facts of the data, such as its hash; one that was recorded before has to be the same.

        Raises:
            StoreError: the data is not what the saved trials were made with.
        """
        plain = study_file.plain(facts)
        saved = self._study.setdefault("data", {})
        known = {name: value for name, value in saved.items() if name in plain}
        if changed := list(study_file.changes(known, {name: plain[name] for name in known})):
            told = f"data or code changed since the trials in {self.out} were run:"
            raise StoreError("\n".join([told, *changed, study_file.ADVICE]))
        saved.update(plain)
        self._save()

    def finished(self) -> dict[str, Run]:
        """Every trial that is done, by key; `failed` ones are not, since they are run again, and controls are none."""
        runs = {key: self.read(key) for key in self._keys()}
        return {key: run for key, run in runs.items() if run is not None and run.trial and not run.trial.control}

    def read(self, key: str) -> Run | None:
        """The run of a trial that is done; None, and an entry in `problems`, when its files are damaged."""
        record = self._record(key)
        if record is None:
            return None
        try:
            with explained("read", self.trial_folder(key) / STEPS):
                return self._run(self.trial_folder(key), record)
        except ValueError as error:
            self._report_damage(key, STEPS, error)
            return None

    def begin(self, key: str) -> None:
        """Starts a trial from nothing; what an earlier attempt left is deleted.

        Raises:
            ValueError: a bug: the trial is done.
        """
        if self.read(key) is not None:
            raise ValueError(f"trial {key} is done, and finished trials are kept")
        if key in self._running:
            self._running.pop(key).close()
        folder = self.trial_folder(key)
        with explained("make the folder", folder):
            if folder.exists():
                shutil.rmtree(folder)
            folder.mkdir(parents=True)
        self._running[key] = StepsFile(folder / STEPS)

    def append(self, key: str, rows: Sequence[Row]) -> None:
        """Adds rows to the steps of a trial that was begun; they survive a kill once this returns."""
        self._running[key].append(rows)

    def finish(
        self,
        key: str,
        trial: Trial,
        *,
        status: Status,
        exit_reason: str | None,
        seconds: float,
        attempts: int,
        deaths: Sequence[str] = (),
        worker_facts: Mapping[str, Any],
        evaluations: Mapping[int, float] | None = None,
        files: Mapping[str, bytes] | None = None,
        attempt: Path | None = None,
    ) -> Run:
        """Ends a trial, and returns the run as any later invocation will read it.

        Its rows are those of `attempt`, a folder that a worker wrote; or those that were added to a trial that was
        begun; or, of a trial that cost its workers, what the last one had written.

        Args:
            deaths: how the workers of earlier attempts ended, in words.
            evaluations: validation losses by step that became known after the rows were written.
            files: name -> content of what else is kept with the trial.
        """
        folder = self.trial_folder(key)
        if key not in self._running:
            if attempt is None:
                attempt = tries.newest(self.scratch_folder(key))
            self.begin(key)
        steps = self._running.pop(key)
        steps.finish()
        n_rows = steps.n_rows if attempt is None else tries.take(attempt, folder)
        if evaluations:
            add_evaluations(folder / STEPS, evaluations)
        for name, data in (files or {}).items():
            write_atomic(folder / Path(name).name, data)
        record = TrialRecord(
            key=key,
            trial=trial,
            status=status,
            exit_reason=exit_reason,
            n_rows=n_rows,
            seconds=seconds,
            attempts=attempts,
            worker={**worker_facts, **self._unlike(worker_facts)},
            steps_sha256=digest(folder / STEPS),
            deaths=list(deaths),
        )
        with explained("read", folder):
            run = self._run(folder, record)  # rows that are damaged make no trial
        record.write(folder / TRIAL)
        with explained("write", folder):
            sync_folder(folder.parent)
        # only now: a kill before this leaves the attempt, to be adopted
        shutil.rmtree(self.scratch_folder(key), ignore_errors=True)
        return run

    def _unlike(self, facts: Mapping[str, Any]) -> dict[str, str]:
        """What a trial's record gains where its device or its torch is another one than the study's first trial had:
        the same curves, bit for bit, are promised for one kind of device and one version of torch."""
        recorded = facts.get("recorded")
        torch = facts.get("torch") or (recorded.get("torch") if isinstance(recorded, Mapping) else None)
        named = (("device", facts.get("device")), ("torch", torch))
        kind = {name: text for name, text in named if text and isinstance(text, str)}
        known = self._study.get("trained_on")
        if known is None:
            self._study["trained_on"] = kind
            self._save()
            return {}
        if all(kind[name] == known.get(name, kind[name]) for name in kind):
            return {}
        return {"unlike": f"{_kind(kind)}, and the study's first trial on {_kind(known)}"}

    def adopt(self, key: str, trial: Trial, n_attempts: int | None = None) -> Run | None:
        """The run of a trial that a worker finished and nobody has saved; None where there is none.

        Args:
            key, trial: of the trial.
            n_attempts: that this invocation made; None where an earlier one asked for the trial, and all count.

        Raises:
            StoreError: what the worker left is damaged; says what to delete.
        """
        for attempt in tries.ended_attempts(self.scratch_folder(key)):
            ended = tries.read_ending(attempt)
            with tries.damage_told(attempt, STEPS):
                return self.finish(
                    key,
                    trial,
                    status=ended["status"],
                    exit_reason=ended["reason"],
                    seconds=ended["seconds"],
                    attempts=n_attempts or len(list(attempt.parent.glob(f"*/{STEPS}"))),
                    worker_facts={**ended["worker"], **ended["facts"]},
                    evaluations=ended["evaluations"],
                    attempt=attempt,
                )
        return None

    def _run(self, folder: Path, record: TrialRecord) -> Run:
        block = self._study["identity"].get("optimizer") or {}
        usual = block.get("name") or block.get("class_path")
        return read_run(folder, record, f"trials/{record.key}/{STEPS}", usual)

    def write_trials_csv(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Writes trials.csv, one row a mapping, all with the keys of the first; no rows, no file."""
        if not rows:
            return
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        header = list(rows[0])
        table.writerow(header)
        for row in rows:
            if list(row) != header:
                raise ValueError(f"a row of trials.csv has the columns {list(row)}, expected {header}")
            table.writerow([cell(value) if isinstance(value, float) else value for value in row.values()])
        self.write_text("trials.csv", text.getvalue())

    def write_text(self, relative_name: str, text: str) -> Path:
        """Writes a file of the folder, whole or not at all, in UTF-8; returns its path."""
        return self.write_bytes(relative_name, text.encode())

    def write_bytes(self, relative_name: str, data: bytes) -> Path:
        """Writes a file of the folder, whole or not at all; returns its path."""
        path = self.out / relative_name
        with explained("make the folder", path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, data)
        return path

    def n_rows_begun(self, key: str) -> int:
        """Steps of the attempts at a trial that is not done."""
        with explained("read", self.scratch_folder(key)):
            texts = [read_file(path) for path in self.scratch_folder(key).glob(f"*/{STEPS}")]
        return sum(max(0, text.count(b"\n") - 1) for text in texts)  # the header is no row

    def trial_folder(self, key: str) -> Path:
        """Where the files of a trial are, once it is begun."""
        return self.out / "trials" / key

    def scratch_folder(self, key: str) -> Path:
        """Where workers put what they make of the trial, an attempt in a folder of its own; deleted when it ends."""
        return self.out / study_file.RUNNING / key

    def _keys(self) -> list[str]:
        with explained("read", self.out / "trials"):
            return sorted(path.parent.name for path in (self.out / "trials").glob(f"*/{TRIAL}"))

    def _record(self, key: str) -> TrialRecord | None:
        """The outcome of a trial; None when it is not done, failed, or damaged."""
        path = self.trial_folder(key) / TRIAL
        try:
            with explained("read", path):
                record = TrialRecord.read(path) if path.exists() else None
        except ValueError as error:
            self._report_damage(key, TRIAL, error)
            return None
        return None if record is None or record.status == "failed" else record

    def _report_damage(self, key: str, file: str, error: ValueError) -> None:
        problem = f"{self.trial_folder(key) / file} is damaged and its trial does not count: {error}"
        if problem not in self.problems:
            self.problems.append(problem)

    def _save(self) -> None:
        self.write_text(study_file.STUDY, json.dumps(self._study, indent=2, allow_nan=False) + "\n")


def _kind(kind: Mapping[str, str]) -> str:
    return " with ".join(text if name == "device" else f"torch {text}" for name, text in kind.items())


def _resume(out: Path, what: Mapping[str, Any], fresh: bool) -> dict[str, Any] | None:
    """The study.json to go on with, None when there is none or a new one takes its place."""
    saved = study_file.load_study(out)
    if saved is None:
        return None
    if fresh:
        study_file.delete_results(out)
        return None
    if any(out.glob(f"trials/*/{TRIAL}")) or any(out.glob(f"{study_file.RUNNING}/*/*/{tries.ENDED}")):
        study_file.refuse_changed(out, saved, what)
        # those of earlier versions have none
        return {"id": study_file.new_id(), **saved}
    # without a trial there is nothing that another spec could be mixed with
    study_file.refuse_format(out, saved)
    saved.pop("trained_on", None)
    return {"id": study_file.new_id(), **saved, **what, "data": {}}
