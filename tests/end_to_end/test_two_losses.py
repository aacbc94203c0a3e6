"""Logs with the losses of two networks: what is said of them, and that the option that it suggests works when typed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from in_process import Done, diagnose

ADVERSARIAL = "two networks play against each other, so a rise of either loss is no failure"


def suggested(done: Done) -> list[list[str]]:
    """The options that the message tells to type, as a shell would split them."""
    found = re.findall(r"--(?:columns|objective) (?:\"[^\"]*\"|[^\s;,\"]|\"[^\"]*\")+", done.stdout.replace("\n", " "))
    return [shlex.split(text) for text in found]


def log(folder: Path, header: str) -> Path:
    rows = [f"{i},{2.4 - i / 100 + (i % 7) / 10:.4f},{3.0 - i / 100 + (i % 5) / 10:.4f}" for i in range(200)]
    path = folder / "log.csv"
    path.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return path


@pytest.mark.parametrize(
    "header", ["step,errD,errG", "step,errD_real,errG", "iter,D_cost,G_cost", "step,D_losses,G_losses"]
)
def test_a_game_is_recognised_and_judged_all_the_same_when_asked(header: str, tmp_path: Path) -> None:
    path = log(tmp_path, header)
    done = diagnose(path)
    assert done.code == 2
    assert ADVERSARIAL in done.stdout
    assert suggested(done)[0] == ["--objective", "minimized"]
    judged = diagnose(path, *suggested(done)[0])
    assert (judged.code, judged.stdout[:6]) == (0, "STABLE")


@pytest.mark.parametrize(
    "header", ["step,loss a,loss=b", "step,first loss,second loss", "step,loss_x,loss_y", "step,u,v"]
)
def test_the_column_that_is_suggested_can_be_typed(header: str, tmp_path: Path) -> None:
    path = log(tmp_path, header)
    done = diagnose(path)
    assert done.code == 2
    options = suggested(done)
    assert options
    for option in options:
        judged = diagnose(path, *option)
        assert "columns" not in judged.stdout.splitlines()[0]
        assert judged.code == 0


def test_a_text_of_such_a_training(tmp_path: Path) -> None:
    lines = [f"[{i // 100}/2][{i % 100}/100] errD: {1.4 - i / 1000:.4f} errG: {3 - i / 100:.4f}" for i in range(200)]
    (tmp_path / "train.log").write_text("\n".join(lines) + "\n", "utf-8")
    assert ADVERSARIAL in diagnose(tmp_path / "train.log").stdout
