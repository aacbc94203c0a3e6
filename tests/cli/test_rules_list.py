"""`lrdoctor rules` as people read it."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from lrdoctor.cli import app
from lrdoctor.cli.exit_codes import PIPE_WIDTH
from lrdoctor.rules import RULES


def printed(*arguments: str) -> list[str]:
    result = CliRunner().invoke(app, ["rules", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def test_every_rule_is_listed_with_what_it_judges_within_the_width() -> None:
    lines = printed()
    heads = [line.split()[:3] for line in lines if line.startswith("LRD")]
    assert heads == [[rule.code, rule.severity, rule.judges] for rule in RULES]
    assert max(map(len, lines)) <= PIPE_WIDTH
    text = " ".join(" ".join(lines).split())
    assert [rule.summary for rule in RULES if rule.summary not in text] == []


@pytest.mark.parametrize(
    ("code", "head"),
    [
        ("LRD206", "LRD206 loss spike (error, mid_training, judges logs)"),
        ("lrd201", "LRD201 early blow-up (error, early, judges trials)"),
        ("LRD401", "LRD401 best rate at the edge (error, edge, judges sweeps)"),
    ],
)
def test_a_manual_page(code: str, head: str) -> None:
    lines = printed(code)
    assert lines[:2] == [head, ""]
    assert "## Why it matters" in lines
