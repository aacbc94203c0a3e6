"""Commands of the user's behind `--`, in place of a spec: `lrdoctor sweep --steps 200 -- python train.py`.

A command of lrdoctor takes them as one parameter, `script: Script`; `with_script` shows its fields as options.
"""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lrdoctor.cli.groups import KEYWORD, options_of, with_group
from lrdoctor.cli.help import Command
from lrdoctor.cli.options import positive
from lrdoctor.errors import LrdoctorError

if TYPE_CHECKING:
    from lrdoctor.spec import Spec

PARAMETER = "script"
DASHES = "--"
WORDS = "lrdoctor.words"
"""Key of the words behind `--` among those that a call of the command line remembers."""

LAUNCHERS = ("python", "python3", "torchrun", "accelerate", "deepspeed", "uv", "poetry", "srun", "mpirun")
RUNNERS = {".py": ("python",), ".sh": ("bash",)}
"""Words that begin a command and no spec, and endings of such words with what runs them."""
FLAGS = ("--fresh", "--json", "-q", "--quiet", "-v", "--verbose", "--all", "--plan", "--github")
"""Options without a value, behind which a command may begin."""


@dataclass(frozen=True, kw_only=True)
class Script:
    """Each annotated field is an option; they belong to a command, since a spec has keys for them."""

    steps: Annotated[
        int | None,
        typer.Option(
            "--steps", metavar="N", min=1, help="Of a command: updates of a trial.  [default: by a first look at it]"
        ),
    ] = None
    lowest: Annotated[
        float | None,
        typer.Option(
            "--min", callback=positive, help="Of a command: lowest learning rate.  [default: its own, less 1.5 decades]"
        ),
    ] = None
    highest: Annotated[
        float | None,
        typer.Option("--max", callback=positive, help="Of a command: highest one.  [default: its own and 1.5 decades]"),
    ] = None
    words: tuple[str, ...] = ()
    """The command; empty where a spec is given."""

    def refuse_beside(self, spec: Path | None, command: str) -> None:
        """
        Raises:
            LrdoctorError: neither a spec nor a command is given, or both, or an option of the other one.
        """
        if spec is not None and self.words:
            raise LrdoctorError(f"found the spec {spec} and a command behind --, expected one of them")
        if spec is None and not self.words:
            raise LrdoctorError(
                f"found neither a spec nor a command, expected `lrdoctor {command} spec.yaml` or "
                f"`lrdoctor {command} -- python train.py ...`; `lrdoctor init` writes a starter"
            )
        given = {"--steps": self.steps, "--min": self.lowest, "--max": self.highest}
        chosen = [name for name, value in given.items() if value is not None]
        if spec is not None and chosen:
            raise LrdoctorError(
                f"{', '.join(chosen)}: found beside a spec, expected before a command; a spec has keys for them: "
                "--set max_train_steps=200, --set sweep.max=1"
            )


NO_SCRIPT = Script()


class TakesCommand(Command):
    """A command whose options end at `--`: what follows is the user's, to the last word."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if DASHES in args:
            at = args.index(DASHES)
            ctx.meta[WORDS] = tuple(args[at + 1 :])
            if not ctx.meta[WORDS]:
                raise typer.BadParameter("found nothing behind --, expected a command such as python train.py")
            args = args[:at]
        elif (begin := script_at(args)) is not None:
            command = shlex.join([*RUNNERS.get(Path(args[begin]).suffix, ()), *args[begin:]])
            options = "".join(f"{shlex.quote(word)} " for word in args[:begin])
            raise typer.BadParameter(
                f"found a script, expected a spec; to {self.name} the script as it is, type\n"
                f"  lrdoctor {self.name} {options}-- {command}\n"
                f"and to judge one training of it: lrdoctor run -- {command}"
            )
        return super().parse_args(ctx, args)


def script_at(args: Sequence[str]) -> int | None:
    """Where a command of the user's begins that has no `--` before it; None where there is none.

    >>> script_at(["--seeds", "1", "train.py", "--lr", "1"]), script_at(["--out", "a.py", "spec.yaml"])
    (2, None)
    """
    for at, word in enumerate(args):
        is_value = at > 0 and args[at - 1].startswith("-") and args[at - 1] not in FLAGS
        if not is_value and (word in LAUNCHERS or Path(word).suffix in RUNNERS):
            return at
    return None


def with_script(command: Callable[..., int]) -> Callable[..., int]:
    """The command with the options of its parameter `script`; any other command as it is."""
    context = inspect.Parameter("context", KEYWORD, annotation=typer.Context)

    def script(given: Mapping[str, Any]) -> Script:
        chosen = {name: value for name, value in given.items() if name != context.name}
        return Script(**chosen, words=given["context"].meta.get(WORDS, ()) if "context" in given else ())

    return with_group(command, PARAMETER, [context, *options_of(Script)], script)


def spec_of(script: Script, out: Path | None, overrides: Sequence[str], fresh: bool, is_trained: bool = True) -> Spec:
    """The spec that a command and its options stand for; one that is not to be trained needs no look at it.

    What is not given is that of the study folder, where it holds the same command, else found by a first look.

    Raises:
        SpecError: the command or an option cannot be used.
        WorkloadError: the command cannot be recorded.
    """
    from lrdoctor.cli.exit_codes import say
    from lrdoctor.commands import proposal
    from lrdoctor.runner import study_folder

    name = proposal.name_of(script.words)
    begun = proposal.begin(name, script.words, overrides)
    if not is_trained:
        return begun
    known = None if fresh else proposal.of_study(study_folder(begun, out), begun)
    asked = (known or proposal.Asked()).with_given(script.steps, script.lowest, script.highest)
    if not asked.is_whole:
        asked = proposal.look(begun, asked, say)
    return proposal.finish(name, script.words, asked, overrides)
