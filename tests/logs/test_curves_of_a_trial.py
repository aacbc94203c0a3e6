"""The curves of a trial of lrdoctor, read as a log: what is found says that its study knows more."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import lrdoctor
from lrdoctor.rules._events import ALONE


def spiked(path: Path) -> Path:
    """A loss that falls, shoots up for thirty steps and comes back."""
    t = np.arange(600)
    loss = (0.3 + 2.0 * np.exp(-t / 60)) * np.exp(np.random.default_rng(0).normal(0, 0.05, len(t)))
    loss = loss * np.where((t >= 300) & (t < 330), 5.0, 1.0)
    path.parent.mkdir(parents=True)
    path.write_text("step,train_loss\n" + "".join(f"{k},{v:.6g}\n" for k, v in zip(t, loss, strict=True)))
    return path


def test_a_finding_says_what_the_study_has_to_compare_with(tmp_path: Path) -> None:
    path = spiked(tmp_path / "trials" / "0123" / "steps.csv")
    (path.parent / "trial.json").write_text("{}")
    (finding,) = lrdoctor.diagnose(path).findings
    assert finding.code == "LRD206"
    assert finding.message.endswith(f"and came back{ALONE}")


def test_any_other_log_has_no_study(tmp_path: Path) -> None:
    (finding,) = lrdoctor.diagnose(spiked(tmp_path / "mine" / "steps.csv")).findings
    assert finding.message.endswith("and came back")
