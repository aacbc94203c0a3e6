"""What is said once of the settings that fixes change, against everything that has them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from lrdoctor.core.changes import SETTINGS, Changes, replaced_by, told
from lrdoctor.core.fix_sections import FixSettings
from lrdoctor.core.trial import Trial
from lrdoctor.fixes import FIXES
from lrdoctor.procedures.treatment import Treatment
from lrdoctor.spec.model import ModelSpec
from lrdoctor.store.trial_files import run_name

VALUES: dict[str, Any] = {"clip_norm": 2.34567, "autoclip_percentile": 10.0, "rewrite": "rezero"}
"""A value for each setting; a new one needs one here."""


def trial(**changes: Any) -> Trial:
    plain: dict[str, Any] = {"base_learning_rate": 0.1, "seed": 0, "max_train_steps": 10, "eval_every": 5}
    return Trial(optimizer='{"name":"sgd"}', **plain, **changes)


def test_every_setting_has_a_key_in_specs_and_a_value_here() -> None:
    assert list(VALUES) == list(SETTINGS)
    assert set(SETTINGS) <= set(ModelSpec.model_fields)
    assert {setting.fix for setting in SETTINGS.values()} - {""} <= {fix.name for fix in FIXES}
    for kind in (Trial, Treatment, FixSettings):
        assert set(SETTINGS) <= {of.name for of in fields(kind)}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_fix_changes_the_trial_its_name_and_its_key(name: str) -> None:
    before = trial()
    after = Treatment(**{name: VALUES[name]}).on(before)
    assert getattr(after, name) == VALUES[name]
    assert after.procedure == "treat"
    assert f" {SETTINGS[name].tag}=" in run_name(after)
    assert after.key({}) != before.key({})


@pytest.mark.parametrize(
    ("own", "change", "left"),
    [
        ("clip_norm", "autoclip_percentile", None),
        ("autoclip_percentile", "clip_norm", None),
        ("clip_norm", "rewrite", 2.34567),
    ],
)
def test_a_training_is_clipped_one_way(own: str, change: str, left: float | None) -> None:
    changed = Treatment(**{change: VALUES[change]}).on(trial(**{own: VALUES[own]}))
    assert (getattr(changed, own), getattr(changed, change)) == (left, VALUES[change])
    assert replaced_by([change]) == ([own] if left is None else [])


def test_a_change_of_nothing_is_the_same_trial() -> None:
    before = trial(clip_norm=1.0)
    assert Treatment().on(before) is before


def test_what_is_told_is_rounded_and_what_is_typed_is_not() -> None:
    changes = Changes(**VALUES)
    assert told(changes) == ["clip_norm 2.346", "autoclip_percentile 10", "rewrite rezero"]
    assert told(changes, exact=True) == ["clip_norm 2.34567", "autoclip_percentile 10", "rewrite rezero"]


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({}, "e271345259f1954f"),
        ({"clip_norm": 2.0}, "96df800993e3e7eb"),
        ({"autoclip_percentile": 10.0}, "2daea7c19771fa0d"),
        ({"rewrite": "rezero"}, "ac28164d07a2c1ac"),
    ],
)
def test_trials_of_saved_studies_keep_their_keys(changes: dict[str, Any], key: str) -> None:
    assert trial(**changes).key({"a": 1}) == key
