"""Which flag of a command sets the learning rate."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrdoctor.commands.flags import rate_flag

SCRIPT = """
import argparse
p = argparse.ArgumentParser()
p.add_argument("--lr", "--learning-rate", type=float, default=0.5, help="rate")
p.add_argument("--min-lr", type=float, default=0.5)
p.add_argument("--batch", default=64)
"""


@pytest.mark.parametrize(
    ("script", "words", "rate", "flag"),
    [
        ("", ["t.py", "--lr", "0.5"], 0.5, "--lr"),
        ("", ["t.py", "fit", "--model.lr=5e-1"], 0.5, "--model.lr"),
        ("", ["t.py", "--min_lr", "0.5"], 0.5, None),
        ("", ["t.py", "--lr", "0.5", "--max-lr", "0.5"], 0.5, None),
        # the script makes another rate of it, so that no number in its place is known to be right
        ("", ["t.py", "--lr", "0.1"], 0.5, None),
        (SCRIPT, ["t.py", "--lr", "0.1"], 0.5, None),
        (SCRIPT, ["t.py"], 0.5, "--lr"),
        (SCRIPT, ["t.py"], 0.1, None),
        (SCRIPT, ["t.py"], None, None),
        ("def (", ["t.py"], 0.5, None),
        (SCRIPT, ["other.py"], 0.5, None),
        (SCRIPT, ["-m", "t"], 0.5, None),
    ],
)
def test_the_flag_is_told_by_its_name_and_value(
    tmp_path: Path, script: str, words: list[str], rate: float | None, flag: str | None
) -> None:
    (tmp_path / "t.py").write_text(script)
    assert rate_flag(["python", *words], tmp_path, rate) == flag
