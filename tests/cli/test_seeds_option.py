"""What `--seeds` takes, on every command that has it."""

from __future__ import annotations

import pytest
import typer

from lrdoctor.cli.options import AUTO, seed_count


@pytest.mark.parametrize(("text", "n"), [("1", 1), ("12", 12), ("auto", AUTO)])
def test_a_number_or_auto(text: str, n: int) -> None:
    assert seed_count(text) == n


@pytest.mark.parametrize("text", ["0", "-1", "2.5", "", "Auto", "1e3", "three"])
def test_anything_else_is_a_usage_error(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="expected a number from 1 on, or auto"):
        seed_count(text)


@pytest.mark.parametrize("text", ["1001", "150000", "9" * 5000])
def test_an_absurd_number_is_one_too(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="expected 1000 at most"):
        seed_count(text)
