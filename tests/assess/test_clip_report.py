from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from clip_studies import attempt, rate, run, study
from report_schema import SCHEMA, faults

from lrdoctor.assess import report_of_clip
from lrdoctor.procedures.clip import Clipping, Lowered
from lrdoctor.procedures.clip_measures import Attempt, Threshold, norms_of
from lrdoctor.procedures.comparison import compare
from lrdoctor.procedures.confirmation import Confirmation, Fresh, Outcome
from lrdoctor.reports.json import as_dict

T90, T50 = Threshold(90.0, 3.0), Threshold(50.0, 1.0)
BEFORE = (attempt(0.01, val=[0.5, 0.6, 0.55]), attempt(0.03, held=0))


def clipping(*tried: Attempt, optimizer: str = "momentum", **changes: Any) -> Clipping:
    of = study(
        rate(0.01, objective=0.55), rate(0.03, held=0), runs=(run(0.01),), spec={"optimizer": {"name": optimizer}}
    )
    fields: dict[str, Any] = {"study": of, "was_swept": True, "before": BEFORE, "tried": tried}
    return Clipping(**(fields | {"norms": norms_of([run(0.01)], [])} | changes))


def lowered(plain: Attempt, clip: Attempt) -> Lowered:
    return Lowered(of=clip.setting, plain=plain, paired=compare(plain.objectives, clip.objectives))


HELD = attempt(0.03, T90, held=2, val=[0.5, 0.58, 0.6])
GAINED = attempt(0.03, T90, val=[0.4, 0.45, 0.44])
HARD = attempt(0.03, T50, val=[0.3, 0.35, 0.34], share=0.7)


@pytest.mark.parametrize(
    ("of", "status", "words"),
    [
        (
            clipping(HELD),
            "unconfirmed",
            "the 90th percentile of the norms at lr*) training holds at 0.03 in 2 of 3 seeds",
        ),
        (clipping(HELD), "unconfirmed", "highest stable learning rate 0.01 before, 0.03 after"),
        (clipping(HELD), "unconfirmed", "no change beyond the spread over the seeds (lower in 1 of 3 seeds"),
        (clipping(GAINED), "unconfirmed", "a gain (lower in 3 of 3 seeds, differences by seed -0.15 to -0.1)"),
        (
            clipping(GAINED, HARD),
            "unconfirmed",
            "of the harder thresholds 1 does best with a median of 0.34, lower than",
        ),
        (clipping(GAINED, optimizer="adamw"), "unconfirmed", "with Adam-like rules a constant clip hardly changes"),
        (clipping(attempt(0.03, T90, held=1)), "rejected", "no threshold holds at 0.03 in a majority of the seeds"),
        (
            clipping(attempt(0.03, T90, held=1)),
            "rejected",
            "seeds that held: 1/3 at 0.03 clipped at 3 (90th percentile)",
        ),
        (clipping(missing="there is room"), "not_tried", "there is room"),
        (
            clipping(HARD, lowered=(lowered(attempt(0.01, val=[0.2, 0.2, 0.2]), HARD),)),
            "unconfirmed",
            "scales more than half of the updates down, a way of lowering the learning rate to 0.01, which as a plain "
            "rate holds in 3 of 3 seeds with 0.2 (0.2..0.2); clipping against it is a loss",
        ),
        (
            clipping(HARD, lowered=(lowered(attempt(0.02, held=0), HARD),)),
            "unconfirmed",
            "holds in 0 of 3 seeds with inf (inf..inf): clipping does more than that here",
        ),
        (
            clipping(attempt(0.03, T90, held=1, val=[0.4]), before=(attempt(0.01, val=[0.5]), attempt(0.03, held=0))),
            "unconfirmed",
            "no gain or loss can be told from 1 seed, that takes 3 (lower in 1 of 1 seed, by 0.1)",
        ),
    ],
)
def test_what_is_said(of: Clipping, status: str, words: str) -> None:
    report = report_of_clip(of, "clip")
    assert report.clip is not None
    assert report.clip.status == status
    assert report.clip.verdict.startswith(f"{status.replace('_', ' ')}: ")
    assert words in report.clip.verdict
    assert faults(as_dict(report), SCHEMA) == []


@pytest.mark.parametrize(
    ("of", "step"),
    [
        (clipping(GAINED), "--harder: below the 90th percentile"),
        (
            clipping(HELD, search_harder=True),
            "clipping makes 0.03 trainable, but shows no gain over lr* without",
        ),
        (
            clipping(attempt(0.01, T90, val=[0.5, 0.6, 0.55]), attempt(0.03, T90, val=[0.7] * 3)),
            "0.01 trains without clipping too, and clipping there shows no gain over lr* so trained",
        ),
        (clipping(attempt(0.03, T90, held=0)), "clipping alone does not cure this"),
        (clipping(HARD, lowered=(lowered(attempt(0.01, val=[0.2] * 3), HARD),)), "prefer the plain learning rate 0.01"),
    ],
)
def test_what_to_do_next(of: Clipping, step: str) -> None:
    assert any(text.startswith(step) for text in report_of_clip(of, "clip").next_steps)


def test_the_fix_carries_the_numbers_that_held() -> None:
    (fix,) = (fix for fix in report_of_clip(clipping(GAINED, HARD), "clip").fixes if fix.name == "clip_gradients")
    assert (fix.rank, fix.status) == (2, "unconfirmed")
    assert fix.settings == {"clip_norm": 1.0, "percentile": 50.0, "base_learning_rate": 0.03}
    assert "max_norm=1.0" in fix.snippet
    assert fix.gain == {
        "highest_stable_learning_rate": 0.03,
        "baseline_highest_stable_learning_rate": 0.01,
        "best_val_loss": 0.34,
        "baseline_best_val_loss": 0.55,
    }


def test_clipping_does_not_change_the_verdict_of_the_training_without_it() -> None:
    report = report_of_clip(clipping(GAINED), "clip")
    assert report.verdict == "unstable"
    assert report.summary.endswith("clipping at 3 holds up to 0.03")


@pytest.mark.parametrize(
    ("unstable", "status", "words"),
    [
        (False, "verified", "confirmed on 5 fresh seeds"),
        (True, "rejected", "rejected on fresh seeds: it is not stable at the rate to use"),
    ],
)
def test_verified_is_what_fresh_seeds_confirm(unstable: bool, status: str, words: str) -> None:
    found = clipping(GAINED)
    clipped, broken = Outcome(0.4, unstable), Outcome(float("inf"), True)
    fresh = (
        Fresh(seed=s, use=clipped, reach=clipped, baseline=Outcome(0.5, False), baseline_reach=broken)
        for s in range(3, 8)
    )
    asked = Confirmation(claim=found.claim(found.best), n_seeds=5, fresh=tuple(fresh))
    report = report_of_clip(replace(found, confirmation=asked), "clip")
    (fix,) = (fix for fix in report.fixes if fix.name == "clip_gradients")
    assert report.clip is not None
    assert (report.clip.status, fix.status) == (status, status)
    assert report.summary.endswith(f"clipping at 3 holds up to 0.03, {words}")
    assert words in report.clip.verdict
    assert fix.why.startswith(words)
    assert faults(as_dict(report), SCHEMA) == []


def test_settings_are_named_by_what_they_are() -> None:
    found = report_of_clip(clipping(GAINED, HARD), "clip").clip
    assert found is not None
    assert [(r.base_learning_rate, r.clip_norm, r.n_held, r.aggressive) for r in found.attempts] == [
        (0.01, None, 3, False),
        (0.03, None, 0, False),
        (0.03, 3.0, 3, False),
        (0.03, 1.0, 3, True),
    ]
