"""Every command: wires, prints, exits."""

from __future__ import annotations

import sys
from inspect import signature
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from lrdoctor import __version__
from lrdoctor.cli import threads
from lrdoctor.cli.check import check
from lrdoctor.cli.clip import clip
from lrdoctor.cli.compare import compare
from lrdoctor.cli.diagnose import diagnose
from lrdoctor.cli.exit_codes import PIPE_WIDTH, begin, every_end_ours, exit_codes, say
from lrdoctor.cli.help import Command, Commands
from lrdoctor.cli.inspect import inspect
from lrdoctor.cli.mcp import mcp
from lrdoctor.cli.outputs import with_options
from lrdoctor.cli.probe import probe
from lrdoctor.cli.report import report
from lrdoctor.cli.run import run
from lrdoctor.cli.scripts import NO_SCRIPT, PARAMETER, Script, TakesCommand, spec_of, with_script
from lrdoctor.cli.sweep import sweep
from lrdoctor.cli.treat import treat
from lrdoctor.cli.trials import with_study
from lrdoctor.cli.warmup import warmup
from lrdoctor.cli.watch import watch
from lrdoctor.errors import LrdoctorError
from lrdoctor.reports.terminal import streams

if TYPE_CHECKING:
    from lrdoctor.rules.base import Rule

NAME_ENDS = 48
"""Column of the list of rules at which the summaries begin; a longer name has a line of its own."""

app = typer.Typer(
    name="lrdoctor",
    cls=Commands,
    help="Finds out why a PyTorch model's training is unstable, by the Deep Learning Tuning Playbook's procedure.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main() -> NoReturn:
    """The console script."""
    begin()
    with every_end_ours():
        app(prog_name="lrdoctor")
    raise AssertionError("typer exits by itself")


def _version(wanted: bool) -> None:
    if wanted:
        print(f"lrdoctor {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Finds out why a PyTorch model's training is unstable, by the Deep Learning Tuning Playbook's procedure."""


def init(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where to write.")] = Path(),
    of_command: Annotated[
        bool, typer.Option("--from", help="Write the spec of the command behind --, after a first look at it.")
    ] = False,
    script: Script = NO_SCRIPT,
) -> int:
    """Write a starter lrdoctor.yaml and workload.py that run as they are.

    With --from -- CMD: the lrdoctor.yaml of a command that trains.
    """
    from lrdoctor.starter import refuse_to_overwrite_spec, write_spec, write_starter

    if of_command != bool(script.words) or (script != NO_SCRIPT and not of_command):
        raise LrdoctorError(
            "found --from, a command behind -- or its options alone, expected `lrdoctor init --from -- python train.py`"
        )
    if of_command:
        refuse_to_overwrite_spec(folder)
        files = write_spec(folder, spec_of(script, None, (), fresh=True))
    else:
        files = write_starter(folder)
    with streams.written(sys.stdout):
        for path in files:
            print(f"wrote {path}")
    say(f"next: lrdoctor sweep {folder / 'lrdoctor.yaml'}")
    return 0


def rules(
    code: Annotated[str | None, typer.Argument(metavar="[CODE]", help="A rule's code, such as LRD201.")] = None,
    glossary: Annotated[bool, typer.Option("--glossary", help="Print what the words of the reports mean.")] = False,
) -> int:
    """List the rules, or print one rule's manual page, or what the words of the reports mean."""
    if glossary:
        return _print_glossary(code)
    threads.one_for_numpy()
    from lrdoctor.rules import RULES

    text = [line for rule in RULES for line in _in_short(rule)]
    if code is not None:
        found = next((rule for rule in RULES if rule.code == code.upper()), None)
        if found is None:
            raise LrdoctorError(f"there is no rule {code}; known: {', '.join(rule.code for rule in RULES)}")
        kind = f"{found.severity}, {found.instability}, judges {found.judges}"
        text = [f"{found.code} {found.name} ({kind})", "", found.manual_page.strip()]
    with streams.written(sys.stdout):
        print(*text, sep="\n")
    return 0


def _print_glossary(code: str | None) -> int:
    from lrdoctor.core.glossary import GLOSSARY

    if code is not None:
        raise LrdoctorError(f"found --glossary and the rule {code}, expected one of them; leave one out")
    with streams.written(sys.stdout):
        for term, meaning in GLOSSARY.items():
            print(*wrap(meaning, PIPE_WIDTH, initial_indent=f"{term}: ", subsequent_indent="    "), sep="\n")
    return 0


def _in_short(rule: Rule) -> list[str]:
    """The rule's line in the list, further ones where its summary is long."""
    head = f"{rule.code}  {rule.severity:9}{rule.judges:8}{rule.name}"
    room = " " * NAME_ENDS
    if len(head) < NAME_ENDS:
        return wrap(rule.summary, PIPE_WIDTH, initial_indent=head.ljust(NAME_ENDS), subsequent_indent=room)
    return [head, *wrap(rule.summary, PIPE_WIDTH, initial_indent=room, subsequent_indent=room)]


for _command in (
    init, check, run, sweep, probe, warmup, clip, treat, compare, inspect, diagnose, watch, report, rules, mcp,
):  # fmt: skip
    # what follows the first word of another program is that program's
    _settings = {"allow_interspersed_args": False} if _command is run else None
    _kind = TakesCommand if PARAMETER in signature(_command).parameters else Command
    app.command(cls=_kind, context_settings=_settings)(exit_codes(with_script(with_options(with_study(_command)))))
