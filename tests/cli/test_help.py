"""`--help`: whole descriptions, panels, and examples that are commands."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from lrdoctor.cli import app
from lrdoctor.cli.help import EXAMPLES, PANELS
from lrdoctor.core.glossary import GLOSSARY

COMMANDS = sorted(get_command(app).commands)  # type: ignore[attr-defined]


def said(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "80"})
    assert result.exit_code == 0
    return result.stdout


def test_no_description_is_cut() -> None:
    shown = said("--help")
    assert "..." not in shown.partition("Commands:")[2]
    words = " ".join(shown.split())
    for name in COMMANDS:
        text = get_command(app).commands[name].help or ""  # type: ignore[attr-defined]
        assert " ".join(text.split("\n\n")[0].split()) in words
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_two_examples_that_its_help_shows_whole(name: str) -> None:
    lines = [line.strip() for line in said(name, "--help").splitlines()]
    assert [example for example in EXAMPLES[name] if example not in lines] == []
    assert all(f"lrdoctor {name}" in example for example in EXAMPLES[name])


@pytest.mark.parametrize("example", [line for name in COMMANDS for line in EXAMPLES[name]])
def test_examples_are_taken_by_the_parser(example: str, tmp_path: Path) -> None:
    words = shlex.split(example.rpartition("| ")[2])[1:]
    group = get_command(app)
    name, command, rest = group.resolve_command(group.make_context("lrdoctor", [], resilient_parsing=True), words)  # type: ignore[attr-defined]
    command.make_context(name, rest)


def test_options_stand_in_panels() -> None:
    shown = said("sweep", "--help")
    heads = [line.rstrip(":") for line in shown.splitlines() if line and not line.startswith(" ")]
    assert [head for head in heads if head in ("Run", *PANELS)] == ["Run", "Output", "CI"]
    run, output, ci = shown.index("\nRun:"), shown.index("\nOutput:"), shown.index("\nCI:")
    assert run < shown.index("--seeds") < output < shown.index("--html") < ci < shown.index("--junit")


def test_panels_name_parameters_that_exist() -> None:
    known = {param.name for of in get_command(app).commands.values() for param in of.params}  # type: ignore[attr-defined]
    known |= {"no_html"}  # of the study's page
    assert [name for names in PANELS.values() for name in names if name not in known] == []


def test_the_glossary_is_printed_and_holds_no_empty_word() -> None:
    shown = said("rules", "--glossary")
    assert [term for term in GLOSSARY if f"{term}: " not in shown] == []
    assert all(meaning.endswith(".") and len(meaning) > 10 for meaning in GLOSSARY.values())
    refused = CliRunner().invoke(app, ["rules", "LRD201", "--glossary"])
    assert refused.exit_code == 2
