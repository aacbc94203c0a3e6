"""The prescription: code that runs on torch, and keys of a spec."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from treatment_studies import DEAD, GOOD, PLAIN, tried, verified, with_fresh

from lrdoctor.assess.prescription import changes_of, settings_of, snippet_of
from lrdoctor.procedures.measured import Measured
from lrdoctor.procedures.treatment import Treatment

CURED = {0.01: GOOD, 0.02: GOOD, 0.04: GOOD, 0.1: DEAD}
ADAM = {"name": "adam", "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.01}
MOMENTUM = {"name": "momentum", "momentum": 0.9, "weight_decay": 0.0}


def study_with(optimizer):
    return type(PLAIN.study)(**{**vars(PLAIN.study), "spec": {"optimizer": optimizer}})


def executed(snippet, n_batches=20):
    """What the snippet leaves behind after training a little model of three weights."""
    torch.manual_seed(0)
    names = {
        "torch": torch,
        "model": torch.nn.Linear(3, 1),
        "loss_fn": torch.nn.functional.mse_loss,
        "batches": [(torch.randn(4, 3), torch.randn(4, 1)) for _ in range(n_batches)],
    }
    exec(snippet, names)
    return names


@pytest.mark.parametrize(
    ("optimizer", "kind", "settings"),
    [
        ({"name": "sgd", "weight_decay": 0.0}, torch.optim.SGD, {"momentum": 0}),
        (MOMENTUM, torch.optim.SGD, {"momentum": 0.9, "nesterov": False}),
        ({**MOMENTUM, "name": "nesterov"}, torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
        (ADAM, torch.optim.Adam, {"betas": (0.9, 0.999), "weight_decay": 0.01}),
        ({**ADAM, "name": "nadam"}, torch.optim.NAdam, {"eps": 1e-8}),
        ({**ADAM, "name": "adamw"}, torch.optim.AdamW, {"weight_decay": 0.01}),
        (
            {"name": "rmsprop", "rho": 0.8, "momentum": 0.5, "eps": 1e-6, "weight_decay": 0.0},
            torch.optim.RMSprop,
            {"alpha": 0.8, "momentum": 0.5, "eps": 1e-6},
        ),
        (
            {"class_path": "torch.optim:Adagrad", "init_args": {"lr_decay": 0.1}},
            torch.optim.Adagrad,
            {"lr_decay": 0.1},
        ),
    ],
)
def test_the_update_rule_of_the_spec(optimizer, kind, settings):
    fix = tried(CURED, treatment=Treatment(clip_norm=1.0))
    made = executed(snippet_of(fix, 0.01, study_with(optimizer)))["optimizer"]
    assert type(made) is kind
    group = made.param_groups[0]
    assert {name: group[name] for name in settings} == settings
    assert group["lr"] == 0.01


def test_the_warmup_is_a_ramp_from_zero():
    fix = tried(CURED, treatment=Treatment(warmup_steps=4))
    names = executed(snippet_of(fix, 0.01, study_with(MOMENTUM)), n_batches=2)
    assert names["optimizer"].param_groups[0]["lr"] == pytest.approx(0.01 * 2 / 4)
    assert "clip" not in snippet_of(fix, 0.01, study_with(MOMENTUM))


def test_clipping_limits_the_norm(monkeypatch):
    seen = []
    clip = torch.nn.utils.clip_grad_norm_
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", lambda *a, **k: seen.append(k) or clip(*a, **k))
    executed(snippet_of(tried(CURED, treatment=Treatment(clip_norm=0.25)), 0.01, study_with(MOMENTUM)), n_batches=3)
    assert seen == [{"max_norm": 0.25}] * 3


def test_autoclip_takes_the_percentile_of_the_norms_so_far(monkeypatch):
    seen = []
    clip = torch.nn.utils.clip_grads_with_norm_
    monkeypatch.setattr(
        torch.nn.utils,
        "clip_grads_with_norm_",
        lambda p, limit, norm: seen.append(float(limit)) or clip(p, limit, norm),
    )
    fix = tried(CURED, treatment=Treatment(autoclip_percentile=10.0))
    norms = [float(norm) for norm in executed(snippet_of(fix, 0.01, study_with(MOMENTUM)), n_batches=6)["norms"]]
    assert len(set(norms)) == 6
    assert seen == pytest.approx([np.percentile(norms[: n + 1], 10.0) for n in range(6)], rel=1e-5)


def test_another_update_rule_replaces_the_specs():
    other = tried({0.001: GOOD, 0.005: DEAD}, treatment=Treatment(optimizer=json.dumps(ADAM)))
    made = executed(snippet_of(other, 0.001, study_with(MOMENTUM)))["optimizer"]
    assert type(made) is torch.optim.Adam
    assert made.param_groups[0]["lr"] == 0.001


def measured(rates, stages):
    found = tried(rates).after
    rows = tuple(
        type(rate)(**{**vars(rate), "stage": stages.get(rate.base_learning_rate, "grid")}) for rate in found.study.rates
    )
    study = type(found.study)(**{**vars(found.study), "rates": rows})
    return Measured(study=study, objectives=found.objectives, unstable=found.unstable)


@pytest.mark.parametrize(
    ("treatment", "keys"),
    [
        (Treatment(warmup_steps=10), {"warmup_steps": 10}),
        (Treatment(warmup_steps=10, clip_norm=0.5), {"warmup_steps": 10, "clip_norm": 0.5}),
        (Treatment(autoclip_percentile=10.0), {"autoclip_percentile": 10.0, "clip_norm": None}),
        (Treatment(optimizer=json.dumps(ADAM)), {"optimizer": ADAM}),
    ],
)
def test_keys_of_the_spec(treatment, keys):
    fix = tried(CURED, treatment=treatment)
    after = measured(CURED, {0.04: "refinement", 0.1: "check"})
    fix = type(fix)(**{**vars(fix), "after": after})
    assert changes_of(fix) == {**keys, "sweep": {"values": [0.01, 0.02]}}


def test_the_numbers_name_the_rate_to_use():
    fix = verified(with_fresh(tried(CURED, settings={"warmup_steps": 10})))
    assert settings_of(fix) == {"warmup_steps": 10, "base_learning_rate": 0.01}
