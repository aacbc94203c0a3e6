"""What runs inside a worker process for a spec with a command: each trial is a run of it."""

from __future__ import annotations

import json
import math
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from lrdoctor.commands import curves
from lrdoctor.commands.curves import Row
from lrdoctor.commands.endings import judged
from lrdoctor.commands.flags import rate_flag
from lrdoctor.commands.forks import Fork, is_possible, script_of
from lrdoctor.commands.limits import limits
from lrdoctor.commands.running import STDOUT, Done, Order, run
from lrdoctor.core import passing
from lrdoctor.core.architecture import Inspection
from lrdoctor.core.command import STANDARD_OUTPUT, all_fields, fields_of, filled, values_of
from lrdoctor.core.curve import EMPTY
from lrdoctor.core.rewriting import Possible
from lrdoctor.core.trial import Trial
from lrdoctor.errors import WorkloadError
from lrdoctor.launch import refuse_blind
from lrdoctor.logs.recordings import Recorded, objective_of
from lrdoctor.recording.settings import HOOKED, IMPORTS, STEPS, Recording
from lrdoctor.store import attempts
from lrdoctor.training.hopeless import Hopeless

CHECKED_UPDATES = 3
"""Of the check before the first trial: enough to see that a rate, a loss and a norm are recorded."""

FILES = "files"
"""Folder of a trial's own that `{dir}` names; it is deleted at the trial's end."""

NO_MODEL = (
    "a command builds its model itself, and lrdoctor never sees it: `lrdoctor inspect` on a spec with `model` and "
    "`data` looks at one"
)


def open_session(context: Mapping[str, Any], worker: int) -> CommandSession:
    """The engine's entry point.

    Args:
        context: `CommandSpec.workload()`.
        worker: index of the worker, which takes the GPUs of that place.
    """
    return CommandSession(context, worker)


class CommandSession:
    """One worker's runs of the command; see `examine.trainers.Trainer`."""

    def __init__(self, context: Mapping[str, Any], worker: int) -> None:
        if sys.platform == "win32":
            raise WorkloadError("command: trials of a command need the process groups of Linux or macOS")
        self.context = context
        self.words: list[str] = list(context["command"])
        refuse_blind(self.words)
        self.gpus = visible_gpus()
        self.per_trial = int(context["slots"]["gpus"])
        self.per_gpu = int(context["slots"]["per_gpu"])
        if self.gpus and self.per_trial > len(self.gpus):
            raise WorkloadError(
                f"slots.gpus: found {self.per_trial}, expected at most {len(self.gpus)}, the GPUs that are visible"
            )
        self.worker = worker
        self._fork: Fork | None = None
        self.may_fork = is_possible(self.gpus) and script_of(self.words) is not None
        """Whether a run may still be forked from a process that has imported what the script does."""
        if self.shares_log and worker:
            raise WorkloadError(
                f"validation.log: found {context['validation']['log']}, which trials that run side by side would all "
                "write; expected a file in {dir}, or --jobs 1"
            )

    @property
    def shares_log(self) -> bool:
        """Whether all trials leave their validation losses in one file."""
        validation = self.context["validation"]
        return (
            validation is not None
            and validation["log"] != STANDARD_OUTPUT
            and "dir" not in fields_of(validation["log"])
        )

    @property
    def n_slots(self) -> int:
        """Trials that the GPUs are enough for; 0 where trials take none."""
        return self._n_groups * self.per_gpu

    @property
    def _n_groups(self) -> int:
        """Groups of GPUs that trials get; 0 where trials take none."""
        return len(self.gpus) // self.per_trial if self.per_trial else 0

    def describe(self) -> Mapping[str, Any]:
        shared = f", {self.per_gpu} trials on each" if self.per_gpu > 1 else ""
        of_gpus = f"{self.per_trial} of {len(self.gpus)} GPUs a trial{shared}"
        name = of_gpus if self.n_slots else "what the command takes"
        return {
            "device": "command",
            "device_name": name,
            "devices": 1 if self.shares_log else self.n_slots,
            "alone": self.shares_log,
            "host": platform.node(),
        }

    def run(self, payload: Any, emit: Callable[[Any], None], stopped: Callable[[], bool]) -> Any:
        """Does what the payload's `kind` says.

        Raises:
            WorkloadError: the command does not train, whatever the learning rate.
            Interrupted: `stopped` said so.
        """
        if payload["kind"] == "possible":
            return Possible(model=None, failure=NO_MODEL)
        if payload["kind"] == "inspect":
            return Inspection(model=None, failure=NO_MODEL)
        trial = Trial(**payload["trial"])
        refuse_changes(trial)
        if payload["kind"] == "check":
            return self.check(trial, stopped)
        return attempts.train(
            payload, emit, lambda given, write: self.train(trial, given, write, stopped), self.describe()
        )

    def train(
        self, trial: Trial, payload: Mapping[str, Any], emit: Callable[[Any], None], stopped: Callable[[], bool]
    ) -> dict[str, Any]:
        """Runs one trial; see `examine.trainers.Ended`."""
        untrained = payload.get("untrained")
        hopeless = Hopeless(trial.schedule_steps, untrained=untrained) if trial.stop_hopeless else None

        def decide(row: Row) -> str | None:
            return None if hopeless is None else hopeless.add(row[2])

        with self._folder(payload.get("folder")) as own:
            order = self.order(trial, own, trial.n_steps, payload.get("own_learning_rate"))
            done = self._run(order, emit, decide, stopped)
            status, reason = judged(done.outcome)
            if trial.control and status == "diverged":
                # no update made it so: that is what a control is there to tell
                status, reason = "completed", None
            evaluations, notes = self._evaluations(trial, own, done)
        n = len(done.rows)
        if status == "completed" and n < trial.n_steps:
            notes.append(
                f"the command ended by itself after {n} of {trial.n_steps} updates; make it train longer, or lower "
                "max_train_steps"
            )
        if self._is_unsteered(done):
            raise WorkloadError(NO_RATE)
        short = in_short(done.recorded)
        if self._begins_at_none(short) and not trial.control and order.recording.own_learning_rate is None:
            raise WorkloadError(NO_OWN_RATE)
        facts = {"recorded": short, "exit_code": done.outcome.code, "framework": short["framework"]}
        facts |= objective_of(done.recorded.facts)
        if short["optimizers"]:
            facts["update_rule"] = short["optimizers"][0]["name"]
            if trial.control and "lr" not in all_fields(self.words) and (highest := _above_reference(short)):
                facts["own_learning_rate"] = highest
            facts["rate_flag"] = rate_flag(order.words, order.runs_in, short["optimizers"][0]["learning_rate"])
        return {
            "status": status,
            "reason": reason,
            "evaluations": evaluations,
            "notes": notes,
            "facts": facts,
        }

    def check(self, trial: Trial, stopped: Callable[[], bool]) -> dict[str, Any]:
        """Runs the command for a few updates, so that what cannot work fails at once; see `examine.trainers.Checked`.

        Raises:
            WorkloadError: no update of it can be recorded, or its first loss is not finite.
        """
        with self._folder(None) as own:
            done = self._run(self.order(trial, own, CHECKED_UPDATES), lambda rows: None, lambda row: None, stopped)
            refuse_unrecorded(done, own)
        if self._is_unsteered(done):
            raise WorkloadError(NO_RATE)
        short = in_short(done.recorded)
        return {
            "n_parameters": sum(each["n_parameters"] for each in short["optimizers"]),
            "has_validation": self.context["validation"] is not None,
            "notes": limits(self.context, {**short, **objective_of(done.recorded.facts)}),
            "facts": {
                "command": self.words,
                **{f"recorded {name}": short[name] for name in ("framework", "torch")},
                "recorded optimizers": [each["name"] for each in short["optimizers"]],
            },
        }

    def order(self, trial: Trial, own: Path, n_steps: int, own_learning_rate: float | None = None) -> Order:
        """The run that a trial is.

        Args:
            trial: its settings.
            own: folder for its files.
            n_steps: updates to make.
            own_learning_rate: the highest that the script sets by itself, as far as that has to be known.
        """
        block = json.loads(trial.optimizer)
        words = [*self.words, *block.get("arguments", ())]
        named = all_fields(words)
        files, recorded = own / FILES, own / "recording"
        files.mkdir()
        recorded.mkdir()
        # a command that is told its length ends by itself, with the evaluation that it makes last; one that goes on is
        # ended at the next update
        is_told = "steps" in named and n_steps == trial.schedule_steps
        recording = Recording(
            directory=str(recorded),
            # that of a control is 0, at which an optimizer leaves the weights as they are
            learning_rate=None if "lr" in named else trial.base_learning_rate,
            own_learning_rate=own_learning_rate,
            post_warmup_constant=trial.post_warmup_steps is not None,
            warmup_steps=0 if "warmup_steps" in named else trial.warmup_steps,
            clip_norm=None if "clip_norm" in named else trial.clip_norm,
            seed=None if "seed" in named else trial.seed,
            unseeded=trial.seed,
            max_updates=n_steps + 1 if is_told else n_steps,
            stop_non_finite=not trial.control,
            tells_imports=self.may_fork and self._fork is None,
        )
        return Order(
            words=filled(words, values_of(trial, str(files))),
            runs_in=self.context["runs_in"],
            environment=self.environment(),
            recording=recording,
            folder=own,
            n_steps=n_steps,
            timeout=self.context["timeout"],
            is_told_length=is_told,
            fork=self._fork,
        )

    def _run(
        self,
        order: Order,
        emit: Callable[[Sequence[Row]], None],
        decide: Callable[[Row], str | None],
        stopped: Callable[[], bool],
    ) -> Done:
        """Runs the command; after the first time it is known what to import ahead for the next ones.

        A fork has to give what a new process gives: the first updates of the first run, made once more by a fork, have
        to be the same to the last bit. Where they are not, or cannot be compared, every run is a new process.
        """
        done = run(order, emit, decide, stopped)
        if not self.may_fork or self._fork is not None:
            return done
        self.may_fork = False
        recorded = Path(order.recording.directory)
        if not (recorded / IMPORTS).exists() or done.outcome.code < 0:
            return done
        told = json.loads((recorded / IMPORTS).read_text("ascii"))
        if told["pid"] != done.pid:  # a launcher, which has nothing to gain from them
            return done
        before = _first_rows(recorded)
        fork = Fork(order.words, order.runs_in, order.environment, told)
        try:
            fork.wait(stopped)
            if fork.why is None and _first_rows_forked(order, fork, stopped) == before:
                self._fork, self.may_fork = fork, True
        finally:
            if self._fork is None:
                fork.close()
        return done

    def environment(self) -> dict[str, str]:
        """That of a run, before the recorder's part."""
        # unbuffered, so that what a killed command printed last is there
        # and the order of sets the same in every trial, by which scripts number words and classes
        chosen = {"PYTHONHASHSEED": "0", **os.environ, "PYTHONUNBUFFERED": "1"}
        if self.n_slots:
            # one after the other over the groups, so that fewer trials than slots share no GPU
            first = self.worker % self._n_groups * self.per_trial
            chosen["CUDA_VISIBLE_DEVICES"] = ",".join(self.gpus[first : first + self.per_trial])
        return chosen

    def _evaluations(self, trial: Trial, own: Path, done: Done) -> tuple[dict[int, float], list[str]]:
        """Validation losses of a run that is over, by step, and what is to be said of them."""
        validation, steps = self.context["validation"], [row[0] for row in done.rows]
        if not steps:
            return {}, []
        if validation is None:
            told = done.recorded.runs[0].val_loss if done.recorded.runs else EMPTY
            found = dict(zip(told.step.tolist(), told.value.tolist(), strict=True))
            return curves.settled(found, steps, done.is_cut), []
        log = own / STDOUT
        if validation["log"] != STANDARD_OUTPUT:
            named = filled([validation["log"]], values_of(trial, str(own / FILES)))[0]
            log = Path(self.context["runs_in"]) / named
        found, note = curves.logged(log, len(steps), done.began, done.is_cut)
        return curves.settled(found, steps, done.is_cut), [] if note is None else [note]

    @contextmanager
    def _folder(self, folder: str | None) -> Iterator[Path]:
        """The folder of a run, in which nothing stays but what the command printed; deleted where it is nobody's."""
        if folder is None:
            with passing.folder() as name:
                yield Path(name)
            return
        kept = Path(folder).absolute()
        # what an attempt that died has left
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir(parents=True)
        try:
            yield kept
        finally:
            for name in (FILES, "recording"):
                shutil.rmtree(kept / name, ignore_errors=True)

    def _is_unsteered(self, done: Done) -> bool:
        """Whether nothing sets the learning rate: the script has no optimizer, and the command no field for it."""
        return bool(done.rows) and "lr" not in all_fields(self.words) and all(math.isnan(row[1]) for row in done.rows)

    def _begins_at_none(self, short: Mapping[str, Any]) -> bool:
        """Whether the optimizer begins with a rate of 0 that nothing could be scaled by, as with Noam's schedule."""
        first = next(iter(short["optimizers"]), None)
        return first is not None and first["reference_learning_rate"] == 0 and "lr" not in all_fields(self.words)


ABOVE = 1 + 1e-6
"""Ratio of two rates from which on they are not the same one, rounded."""


def _above_reference(short: Mapping[str, Any]) -> float | None:
    """The highest rate that the script has set by itself, where it is above the one the optimizer was made with."""
    first = short["optimizers"][0]
    highest, reference = first["highest_learning_rate"], first["reference_learning_rate"]
    if highest is None or reference is None:
        return None
    return float(highest) if float(highest) > ABOVE * float(reference) else None


def _first_rows(recorded: Path) -> list[str]:
    """The first updates as they were written, as many as a check makes."""
    return (recorded / STEPS).read_text("ascii").splitlines()[1 : 1 + CHECKED_UPDATES]


def _first_rows_forked(order: Order, fork: Fork, stopped: Callable[[], bool]) -> list[str] | None:
    """Those of the same run as a fork; None where it was none."""
    with passing.folder() as name:
        own = Path(name)
        recording = replace(order.recording, directory=str(own), max_updates=CHECKED_UPDATES, tells_imports=False)
        # what the run itself has left in its {dir}, such as its validation losses, has not been read yet
        (own / FILES).mkdir()
        words = [word.replace(str(order.folder / FILES), str(own / FILES)) for word in order.words]
        again = replace(order, words=words, recording=recording, folder=own, n_steps=CHECKED_UPDATES, fork=fork)
        done = run(again, lambda rows: None, lambda row: None, stopped)
        return _first_rows(own) if done.is_forked and done.rows else None


NO_RATE = (
    "command: the script makes its updates without an optimizer of torch, so that its learning rate cannot be set from "
    "outside; put {lr} where the command takes it, such as --lr {lr}"
)
NO_OWN_RATE = (
    "command: the optimizer is made with a learning rate of 0, and the trial at rate 0 does not tell how high the "
    "script raises it; make it with the highest rate, or put {lr} where the command takes one"
)


SETTABLE = {
    "base_learning_rate", "seed", "max_train_steps", "eval_every", "optimizer", "procedure", "warmup_steps",
    "post_warmup_steps", "clip_norm", "stop_hopeless", "stop_after", "eval_examples", "control",
}  # fmt: skip
"""Settings of a trial that a command can be given, or that are none of its numbers: it evaluates what and when it
likes."""


def refuse_changes(trial: Trial) -> None:
    """Raises WorkloadError where a trial asks for something that cannot be done to a command from outside."""
    for field in fields(trial):
        if field.name not in SETTABLE and getattr(trial, field.name) != field.default:
            raise WorkloadError(f"{field.name}: cannot be done to a command from outside")


def refuse_unrecorded(done: Done, own: Path) -> None:
    """Raises WorkloadError where a run has no update, or began with a loss that is not finite."""
    outcome, words = done.outcome, done.outcome.words or "nothing"
    if not done.rows:
        if done.recorded.facts.get("failure"):
            why = f"the recording failed: {done.recorded.facts['failure']}"
        elif not (own / "recording" / HOOKED).exists():
            why = "no Python process of it could be reached (it runs no Python, or one that reads no PYTHONPATH)"
        else:
            why = (
                "it ended before the first update of an optimizer of torch or Keras (weights that a script changes by "
                "itself are not seen)"
            )
        raise WorkloadError(f"command: {why}; exit code {outcome.code}, the last it printed: {words}")
    step, _, loss, norm, _ = done.rows[0]
    for name, value in (("loss", loss), ("gradient norm", norm)):
        if step == 0 and value is not None and not math.isfinite(value):
            raise WorkloadError(
                f"command: the {name} is {value} at step 0, before any update: no learning rate can be blamed; look at "
                f"the data (missing values, log of 0), the loss and the initialization; the last it printed: {words}"
            )
    status, reason = judged(outcome)
    if status == "failed":
        raise WorkloadError(f"command: after {len(done.rows)} updates {reason}")


OF_OPTIMIZER = (
    "name", "learning_rate", "reference_learning_rate", "highest_learning_rate", "n_parameters", "n_updates",
    "n_skipped",
)  # fmt: skip


def in_short(recorded: Recorded) -> dict[str, Any]:
    """Of what a recording says, that which a trial keeps."""
    facts = recorded.facts
    optimizers = [{name: each.get(name) for name in OF_OPTIMIZER} for each in facts.get("optimizers", ())]
    known = {name: facts.get(name) for name in ("framework", "torch", "clipping", "scaler", "world_size", "exception")}
    notes = [str(note) for run in recorded.runs[:1] for note in run.provenance["notes"]]
    return {**known, "optimizers": optimizers, "notes": notes}


def visible_gpus() -> list[str]:
    """What CUDA_VISIBLE_DEVICES may name, without importing torch: none where there is no GPU of NVIDIA's."""
    if (chosen := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [part.strip() for part in chosen.split(",") if part.strip() not in ("", "-1")]
    with suppress(OSError, subprocess.SubprocessError):
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=True, timeout=30)
        return [str(k) for k, line in enumerate(listed.stdout.splitlines()) if line.startswith("GPU ")]
    return []
