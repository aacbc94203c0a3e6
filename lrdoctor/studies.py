"""The Python side of `lrdoctor sweep`, `probe`, `warmup`, `clip`, `treat` and `inspect`: of a spec's file, a spec, or
objects in memory."""

from __future__ import annotations

import inspect as inspection
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from lrdoctor.errors import SpecError

if TYPE_CHECKING:
    from lrdoctor.core.report import Report
    from lrdoctor.runner import A, F, Procedure
    from lrdoctor.spec import Spec

IN_MEMORY = ("model", "data", "loss", "step", "optimizer", "schedule")
"""Keys of a spec that hold code."""


@dataclass(frozen=True, kw_only=True)
class Training:
    """A training whose parts are objects of this program, in place of a spec's file.

    Trials of it run in this process, one after the other, since such objects may exist nowhere else; a spec's file is
    trained by several processes side by side.
    """

    model: Callable[[], Any]
    """Makes the model; called afresh for every trial, after the generators were seeded. A class will do."""
    data: Any
    """(train, validation): DataLoaders, datasets, tensors or any iterables of batches; or a function that makes
    them."""
    optimizer: str | Mapping[str, Any] | Callable[..., Any]
    """sgd, momentum, nesterov, rmsprop, adam, nadam or adamw, with hyperparameters as in a spec:
    `{"name": "momentum", "momentum": 0.9}`; or a function (parameters, lr) -> torch.optim.Optimizer."""
    max_train_steps: int
    """Length of a trial in optimizer updates."""
    loss: Any = None
    """(output, target) -> scalar: a function, a class, or an object, of which every trial gets a copy; None for
    torch.nn.CrossEntropyLoss."""
    step: Callable[[Any, Any, Any], Any] | None = None
    """(model, batch, loss) -> scalar loss, for any shape of batch; None: a batch is (input, target)."""
    batch_size: int | None = None
    """Examples in a batch, where the data are datasets or tensors."""
    name: str = "training"
    """What the report calls it, and its study folder."""
    keys: Mapping[str, Any] = field(default_factory=dict)
    """Further keys of a spec: `{"sweep": {"values": [0.01, 0.1]}, "seeds": [0, 1, 2], "eval_every": 50}`."""


AnyTraining: TypeAlias = "str | PathLike[str] | Spec | Training"
"""What can be swept: the path of a spec, a spec (`lrdoctor.load_spec`), or objects in memory."""


def load_spec(path: str | PathLike[str], **changes: Any) -> Spec:
    """The spec in a YAML file, some of its top-level keys with other values.

    Args:
        path: of the file.
        changes: key -> value, as `seeds=[0]` or `sweep={"values": [0.1]}`.

    Raises:
        SpecError: the file or a value cannot be used.
    """
    import json

    from lrdoctor import spec

    return spec.load_spec(Path(path), [f"{key}={json.dumps(value)}" for key, value in changes.items()])


def sweep(
    training: AnyTraining,
    *,
    budget: str | None = None,
    out: str | PathLike[str] | None = None,
    jobs: int | None = None,
    fresh: bool = False,
    exhaustive: bool = False,
    quiet: bool = False,
) -> Report:
    """Sweeps the learning rate: the best one, which are infeasible, and how close the best sits to the edge.

    Args:
        training: what is trained: a spec's path, a Spec, or a `Training`.
        budget: what this call may spend, as "30m" or "20k-steps": it is spent where it decides most, the report is that
            of what is there then, and `report.budget` names what was left out; the same call goes on with it. None: as
            much as it takes.
        out: the study folder; None for lrdoctor_out/<name>. One that holds finished trials of the same training
            resumes; objects in memory are never known to be the same, so that theirs begins anew only with `fresh`.
        jobs: worker processes; None for one a core. Objects in memory are trained in this process alone.
        fresh: throw away what the folder holds of an earlier study.
        exhaustive: train every seed at every rate, also those that cannot change the answer.
        quiet: show no progress on standard error.

    Returns:
        The report, saved in the folder: `verdict`, `best_learning_rate`, `unstable_base_learning_rate`,
        `stability_margin`, `table()`, `figures`. A notebook shows it as a page.

    Raises:
        ValueError: `budget` is neither a time nor a number of steps.
        BudgetSpent: it does not reach for a single trial.
        SpecError: the training cannot be used.
        WorkloadError: the model, the data or the loss cannot be built or run.
        StoreError: the folder cannot be written or holds another study.
        Interrupted: Ctrl-C; what was finished is saved.
    """
    from lrdoctor.catalogue import SWEEP
    from lrdoctor.runner import Asked

    return _run(
        SWEEP, Asked(), training, out, jobs=jobs, fresh=fresh, exhaustive=exhaustive, quiet=quiet, budget=budget
    )


def probe(
    training: AnyTraining,
    *,
    learning_rate: float | None = None,
    factor: float | None = None,
    out: str | PathLike[str] | None = None,
    jobs: int | None = None,
    fresh: bool = False,
    exhaustive: bool = False,
    quiet: bool = False,
) -> Report:
    """Looks at the first steps above lr*, with both losses at every step: some models blow up and come back unseen.

    Args:
        training: as of `sweep`.
        learning_rate: lr*; None to sweep for it first.
        factor: the rate to run at, as a multiple of lr*; None for the spec's.
        out, jobs, fresh, exhaustive, quiet: as of `sweep`.

    Raises:
        ValueError: `learning_rate` or `factor` is no finite number above 0.
        SpecError, WorkloadError, StoreError, Interrupted: as of `sweep`.
    """
    from lrdoctor.catalogue import PROBE, AskedOfProbe

    asked = AskedOfProbe(learning_rate=learning_rate, factor=factor)
    return _run(PROBE, asked, training, out, jobs=jobs, fresh=fresh, exhaustive=exhaustive, quiet=quiet)


def warmup(
    training: AnyTraining,
    *,
    learning_rate: float | None = None,
    unstable_learning_rate: float | None = None,
    out: str | PathLike[str] | None = None,
    jobs: int | None = None,
    fresh: bool = False,
    exhaustive: bool = False,
    quiet: bool = False,
) -> Report:
    """Searches the shortest warmup to a rate far above the unstable one, and compares it with the training as it is.

    `report.warmup` has what was tried; it is None where there was nothing to search.

    Args:
        training: as of `sweep`; its key `warmup` says how far above and which lengths.
        learning_rate: lr*; None to sweep for it first.
        unstable_learning_rate: the lowest unstable rate; None for that of the sweep.
        out, jobs, fresh, exhaustive, quiet: as of `sweep`.

    Raises:
        ValueError: a rate is no finite number above 0.
        SpecError, WorkloadError, StoreError, Interrupted: as of `sweep`.
    """
    from lrdoctor.catalogue import WARMUP
    from lrdoctor.runner import Asked

    asked = Asked(learning_rate=learning_rate, unstable_learning_rate=unstable_learning_rate)
    return _run(WARMUP, asked, training, out, jobs=jobs, fresh=fresh, exhaustive=exhaustive, quiet=quiet)


def clip(
    training: AnyTraining,
    *,
    learning_rate: float | None = None,
    unstable_learning_rate: float | None = None,
    percentile: float | None = None,
    harder: bool = False,
    out: str | PathLike[str] | None = None,
    jobs: int | None = None,
    fresh: bool = False,
    exhaustive: bool = False,
    quiet: bool = False,
) -> Report:
    """Studies the gradient norms at lr*, and clips at a percentile of them at the unstable rates.

    `report.clip` has the norms and what was tried.

    Args:
        training, learning_rate, unstable_learning_rate: as of `warmup`.
        percentile: of the norms, the first threshold; None for the training's key `clip`.
        harder: also try harder thresholds at the best clipped rate, for a better loss.
        out, jobs, fresh, exhaustive, quiet: as of `sweep`.

    Raises:
        ValueError: a rate is no finite number above 0, or the percentile not above 0 and at most 100.
        SpecError, WorkloadError, StoreError, Interrupted: as of `sweep`.
    """
    from lrdoctor.catalogue import CLIP, AskedOfClip

    asked = AskedOfClip(
        learning_rate=learning_rate,
        unstable_learning_rate=unstable_learning_rate,
        percentile=percentile,
        harder=harder,
    )
    return _run(CLIP, asked, training, out, jobs=jobs, fresh=fresh, exhaustive=exhaustive, quiet=quiet)


def treat(
    training: AnyTraining,
    *,
    learning_rate: float | None = None,
    unstable_learning_rate: float | None = None,
    everything: bool = False,
    add_norm: bool = False,
    budget: str | None = None,
    max_trial_steps: int | None = None,
    out: str | PathLike[str] | None = None,
    jobs: int | None = None,
    fresh: bool = False,
    exhaustive: bool = False,
    quiet: bool = False,
) -> Report:
    """Runs the whole procedure: sweep, checks, then every fix in the documented order, each one run again and judged.

    `report.treat.prescription` is one fix or pair with its numbers, as code and as a spec that runs; None where none is
    better than the training as it is. The verdict is that of the training without it.

    Args:
        training, learning_rate, unstable_learning_rate: as of `warmup`.
        everything: also try the fixes after one that suffices, and where there is room for 5 to 10 times lr*.
        add_norm: also try a norm at the end of every residual branch, on a copy of the model.
        budget: as of `sweep`: the fixes in their order as far as it reaches, with a part kept for the confirmation of
            what is found; `report.treat` says which were not tried.
        max_trial_steps: steps that may be trained in all, those kept from before not counted; None for no limit.
        out, jobs, fresh, exhaustive, quiet: as of `sweep`.

    Raises:
        ValueError: a rate or `max_trial_steps` is no finite number above 0; `budget` cannot be read, or stands beside
            `max_trial_steps`.
        BudgetSpent, SpecError, WorkloadError, StoreError, Interrupted: as of `sweep`.
    """
    from lrdoctor.catalogue import TREAT, AskedOfTreat

    asked = AskedOfTreat(
        learning_rate=learning_rate,
        unstable_learning_rate=unstable_learning_rate,
        everything=everything,
        add_norm=add_norm,
    )
    return _run(
        TREAT,
        asked,
        training,
        out,
        jobs=jobs,
        fresh=fresh,
        exhaustive=exhaustive,
        quiet=quiet,
        budget=budget,
        max_trial_steps=max_trial_steps,
    )


def inspect(training: AnyTraining, *, seed: int | None = None, sharpness: bool = False, quiet: bool = False) -> Report:
    """Looks at the model with one real batch: residual adds, where the norms stand, what grows with depth.

    Nothing is trained and nothing is saved. Only what ran for this batch is seen.

    Args:
        training: as of `sweep`.
        seed: of the initial weights and the batch; None for the first of the training.
        sharpness: also measure the top eigenvalue of the loss Hessian.
        quiet: show nothing on standard error.

    Raises:
        SpecError, WorkloadError, Interrupted: as of `sweep`.
    """
    with _opened(training) as (spec, engine):
        from lrdoctor import runner

        return _in_python(runner.inspect(spec, seed, sharpness, quiet, engine), training, None)


def _run(
    procedure: Procedure[A, F],
    asked: A,
    training: AnyTraining,
    out: str | PathLike[str] | None,
    *,
    jobs: int | None,
    fresh: bool,
    exhaustive: bool,
    quiet: bool,
    budget: str | None = None,
    max_trial_steps: int | None = None,
) -> Report:
    """Runs the procedure; the keywords are fields of `runner.How`."""
    from lrdoctor import runner

    how = runner.How(
        out=None if out is None else Path(out),
        jobs=jobs,
        fresh=fresh,
        exhaustive=exhaustive,
        quiet=quiet,
        budget=budget,
        max_trial_steps=max_trial_steps,
    )
    with _opened(training) as (spec, engine):
        return _in_python(runner.run(procedure, asked, spec, replace(how, engine=engine)), training, out)


def _in_python(report: Report, training: AnyTraining, out: str | PathLike[str] | None) -> Report:
    """The report with calls in place of its commands, as they are typed where the training is called `training` or
    `spec`, as in the documentation."""
    from lrdoctor.core.report import ADD_SEEDS, TREAT
    from lrdoctor.examine.seeds import MOST_SEEDS

    if isinstance(training, Training):
        name, seeded = "training", "dataclasses.replace(training, keys={{**training.keys, 'seeds': list(range({}))}})"
    elif isinstance(training, str | PathLike):
        name = repr(str(training))
        seeded = f"lrdoctor.load_spec({name}, seeds=list(range({{}})))"
    else:
        name, seeded = "spec", "spec.model_copy(update={{'seeds': tuple(range({}))}})"
    where = "" if out is None else f", out={str(out)!r}"

    def typed(step: str) -> str:
        more_seeds = ADD_SEEDS.format("")
        if step == TREAT:
            return f"lrdoctor.treat({name}{where})"
        if step.startswith(more_seeds):
            n = step.removeprefix(more_seeds)
            return f"lrdoctor.sweep({seeded.format(MOST_SEEDS if n == 'auto' else n)}{where})"
        return without_options(step)

    report = replace(
        report,
        summary=without_options(report.summary),
        skipped=tuple(replace(skip, reason=without_options(skip.reason)) for skip in report.skipped),
        next_steps=tuple(typed(step) for step in report.next_steps),
    )
    treat = report.treat
    if not isinstance(training, Training) or treat is None or treat.prescription is None:
        return report
    # no file holds the objects of this program, so that nothing can be trained from the saved spec
    return replace(report, treat=replace(treat, prescription=replace(treat.prescription, spec_file="")))


def without_options(sentence: str) -> str:
    """The sentence without options of the command line, which a call does not have; the next steps say what to call.

    >>> without_options("about 5 seeds would settle it: --seeds 5, or --seeds auto; warmup holds")
    'about 5 seeds would settle it; warmup holds'
    >>> without_options("--seeds 5: the verdict rests on 2 seeds a rate")
    'take 5 seeds: the verdict rests on 2 seeds a rate'
    """
    plain = re.sub(r": --seeds \d+, or --seeds auto", "", sentence)
    return re.sub(r"^--seeds (\d+)", r"take \1 seeds", plain)


@contextmanager
def _opened(training: AnyTraining) -> Iterator[tuple[Spec, str | None]]:
    """The spec, and the name of the engine that alone can train it; None for the spec's."""
    if not isinstance(training, Training):
        yield load_spec(training) if isinstance(training, str | PathLike) else training, None
        return
    from lrdoctor.training.in_memory import left_as_it_was, named

    keys, parts = _keys(training), dict(_parts(training))
    with named(parts) as paths, left_as_it_was():
        yield _spec(training, keys, paths), "here"


def _keys(training: Training) -> dict[str, Any]:
    """The further keys of the spec.

    Raises:
        SpecError: one of them is a field of the training.
    """
    taken = {"name", "max_train_steps", *IN_MEMORY} - {"schedule"}
    if twice := sorted(taken & set(training.keys)):
        raise SpecError(f"keys: found {twice[0]}, which is a field of Training; give it there")
    return dict(training.keys)


def _parts(training: Training) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Key of the spec -> what its class path names.

    Raises:
        SpecError: the model is one already, or cannot be called.
    """
    from lrdoctor.training.in_memory import Fresh

    if not inspection.isroutine(training.model) and not isinstance(training.model, type):
        found = type(training.model).__name__
        if hasattr(training.model, "parameters") or not callable(training.model):
            raise SpecError(
                f"model: found an object of {found}, expected a function or class that makes the model; every trial "
                "begins with a model of its own, its weights drawn after its seed: try `lambda: Net(...)`"
            )
    yield "model", training.model
    data = training.data
    yield "data", data if inspection.isroutine(data) or isinstance(data, type) else lambda: data
    if training.loss is not None:
        is_made = inspection.isroutine(training.loss) or isinstance(training.loss, type)
        yield "loss", training.loss if is_made else Fresh(training.loss)
    if training.step is not None:
        yield "step", training.step
    if callable(training.optimizer):
        yield "optimizer", training.optimizer


def _spec(training: Training, keys: Mapping[str, Any], paths: Mapping[str, str]) -> Spec:
    from lrdoctor.spec import spec_from

    values: dict[str, Any] = {
        "name": training.name,
        "model": {"class_path": paths["model"]},
        "data": {"class_path": paths["data"]},
        "optimizer": training.optimizer,
        "max_train_steps": training.max_train_steps,
        **keys,
    }
    if training.batch_size is not None:
        values["data"]["batch_size"] = training.batch_size
    values |= {key: {"class_path": paths[key]} for key in ("loss", "optimizer") if key in paths}
    values |= {"step": paths["step"]} if "step" in paths else {}
    return spec_from(values, Path.cwd(), "the training")
