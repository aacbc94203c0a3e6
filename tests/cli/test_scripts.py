from __future__ import annotations

import subprocess
import sys

import pytest

from lrdoctor.cli.scripts import script_at


@pytest.mark.parametrize(
    ("args", "at"),
    [
        (["train.py"], 0),
        (["train.py", "--lr", "1"], 0),
        (["--seeds", "1", "train.py"], 2),
        (["--fresh", "python", "-m", "x"], 1),
        (["torchrun", "train.py"], 0),
        (["run.sh"], 0),
        (["spec.yaml"], None),
        (["--out", "x.py", "spec.yaml"], None),
        ([], None),
    ],
)
def test_where_a_command_without_dashes_begins(args: list[str], at: int | None) -> None:
    assert script_at(args) == at


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["sweep", "--seeds", "1", "train.py", "--lr", "a b"],
            "type\n  lrdoctor sweep --seeds 1 -- python train.py --lr 'a b'\nand to judge one training of it: "
            "lrdoctor run -- python train.py --lr 'a b'",
        ),
        (["treat", "run.sh"], "  lrdoctor treat -- bash run.sh"),
        (["sweep"], "found neither a spec nor a command, expected `lrdoctor sweep spec.yaml` or `lrdoctor sweep -- "),
        (["sweep", "--"], "found nothing behind --, expected a command"),
        (["sweep", "s.yaml", "--", "python", "x.py"], "found the spec s.yaml and a command behind --"),
        (["sweep", "s.yaml", "--steps", "3"], "--steps: found beside a spec, expected before a command"),
        (["sweep", "--", "python", "{x}"], "the command line: command.1: found the field {x}, expected one of {lr}"),
        (["sweep", "--min", "1", "--", "python", "{lr}"], "the command has {lr}, so that its own learning rate is not"),
        (["init", "--", "python", "x.py"], "expected `lrdoctor init --from -- python train.py`"),
        (["init", "--from"], "expected `lrdoctor init --from -- python train.py`"),
    ],
)
def test_what_is_said_of_a_line_that_cannot_be_run(words: list[str], said: str) -> None:
    done = subprocess.run([sys.executable, "-m", "lrdoctor", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert said in done.stderr
