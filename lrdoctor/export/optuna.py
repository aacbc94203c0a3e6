"""An Optuna study: one trial a trial, its settings as parameters, its evaluations as intermediate values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lrdoctor.core.curve import EMPTY, Curve
from lrdoctor.core.robust import min_max_decimate
from lrdoctor.errors import StoreError
from lrdoctor.export.exported import Exported, ExportedTrial, Plain

MOST_VALUES = 500
"""Intermediate values of a trial: a database keeps each as a row of its own, and a plot shows no more."""
RATE = "base_learning_rate"


def write(exported: Exported, place: str) -> str:
    """Makes a study of the study's name in the storage.

    Diverged and truncated trials are pruned ones there: they were stopped, and their values show why.

    Args:
        exported: the study.
        place: a storage as Optuna takes it, such as `sqlite:///optuna.db`.

    Raises:
        StoreError: the storage cannot be opened, or holds a study of that name.
    """
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        study = optuna.create_study(storage=place, study_name=exported.name, direction="minimize")
    except optuna.exceptions.DuplicatedStudyError as error:
        raise StoreError(f"{place}: holds a study {exported.name!r} already; pass another storage") from error
    except Exception as error:  # whatever the library of the database has for it
        raise StoreError(
            f"{place}: cannot be opened as a storage of Optuna: {error}; pass one such as sqlite:///optuna.db"
        ) from error
    finally:
        optuna.logging.set_verbosity(before)
    study.set_user_attr("lrdoctor_study", str(exported.folder.resolve()))
    study.set_user_attr("objective", exported.objective)
    distributions = _distributions(exported)
    study.add_trials([_trial(trial, exported, distributions) for trial in exported.trials])
    return f"{len(exported.trials)} trials in the study {exported.name!r} of {place}"


def _distributions(exported: Exported) -> dict[str, Any]:
    """A range or a choice for each setting, over all trials: Optuna wants to know what a value was chosen from."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    values: dict[str, list[Plain]] = {}
    for trial in exported.trials:
        for name, value in trial.settings.items():
            values.setdefault(name, []).append(value)
    made: dict[str, Any] = {name: CategoricalDistribution(sorted(set(of), key=str)) for name, of in values.items()}
    rates = [float(rate) for rate in values[RATE]]
    made[RATE] = FloatDistribution(min(rates), max(rates), log=min(rates) > 0)
    return made


def _trial(trial: ExportedTrial, exported: Exported, distributions: Mapping[str, Any]) -> Any:
    from optuna.trial import TrialState, create_trial

    value = trial.results.get(exported.objective)
    is_whole = trial.status == "completed" and value is not None
    watched = "val_loss" if exported.objective == "best_val_loss" else "train_loss"
    shown = _thinned(trial.curves.get(watched, EMPTY))
    return create_trial(
        state=TrialState.COMPLETE if is_whole else TrialState.PRUNED,
        value=value if is_whole else None,
        params=dict(trial.settings),
        distributions={name: distributions[name] for name in trial.settings},
        intermediate_values=dict(zip(shown.step.tolist(), shown.value.tolist(), strict=True)),
        user_attrs={
            "key": trial.key,
            "status": trial.status,
            "exit_reason": trial.exit_reason,
            "seconds": trial.seconds,
            **trial.results,
        },
    )


def _thinned(curve: Curve) -> Curve:
    """The curve with at most about `MOST_VALUES` points; the first that is not finite stays, since it tells the end."""
    if len(curve) <= MOST_VALUES:
        return curve
    kept = np.isin(curve.step, min_max_decimate(curve, MOST_VALUES).step)
    bad = ~np.isfinite(curve.value)
    if bad.any():
        kept[int(np.argmax(bad))] = True
    return Curve(curve.step[kept], curve.value[kept])
