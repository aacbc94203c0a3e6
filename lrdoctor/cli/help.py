"""How `--help` is written: whole descriptions, options in panels, two examples a command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from typer.core import TyperCommand, TyperGroup

RUN, OUTPUT, CI = "Run", "Output", "CI"
PANELS: Mapping[str, tuple[str, ...]] = {
    OUTPUT: ("json", "html", "no_html", "markdown", "quiet", "verbose", "live"),
    CI: ("fail_on", "junit", "gitlab", "github", "baseline", "min_margin"),
}
"""Panel -> the parameters whose options stand in it; all others stand under Run, which comes first."""

EXAMPLES: Mapping[str, tuple[str, str]] = {
    "init": ("lrdoctor init my-study", "lrdoctor init --from -- python train.py --config c.yaml"),
    "check": ("lrdoctor check lrdoctor.yaml", "lrdoctor check specs/*.yaml --set max_train_steps=500"),
    "run": ("lrdoctor run -- python train.py --config c.yaml", "lrdoctor run -- torchrun --nproc-per-node 4 train.py"),
    "sweep": ("lrdoctor sweep lrdoctor.yaml --seeds 3", "lrdoctor sweep -- python train.py --config c.yaml"),
    "probe": ("lrdoctor probe lrdoctor.yaml", "lrdoctor probe lrdoctor.yaml --lr 0.01 --factor 5"),
    "warmup": ("lrdoctor warmup lrdoctor.yaml", "lrdoctor warmup lrdoctor.yaml --lr 0.01 --unstable-lr 0.05"),
    "clip": ("lrdoctor clip lrdoctor.yaml", "lrdoctor clip lrdoctor.yaml --set clip.percentile=95"),
    "treat": ("lrdoctor treat lrdoctor.yaml --plan", "lrdoctor treat lrdoctor.yaml --max-trial-steps 200000"),
    "compare": ("lrdoctor compare before.yaml after.yaml", "lrdoctor compare lrdoctor_out/before lrdoctor_out/after"),
    "inspect": ("lrdoctor inspect lrdoctor.yaml", "lrdoctor inspect lrdoctor.yaml --sharpness"),
    "diagnose": ("lrdoctor diagnose runs/", "tail -n 5000 train.log | lrdoctor diagnose -"),
    "watch": ("lrdoctor watch runs/", "lrdoctor watch train.log --until-fail --stop-pid 4711"),
    "report": (
        "lrdoctor report lrdoctor_out/my-model --html report.html",
        "lrdoctor report lrdoctor_out/my-model --to tensorboard runs/",
    ),
    "mcp": ("lrdoctor mcp --root .", "lrdoctor mcp --root . --allow-run"),
    "rules": ("lrdoctor rules LRD201", "lrdoctor rules --glossary"),
}
"""Command -> what people type first, and what they come to later."""


class Commands(TyperGroup):
    """The list of commands, each with its whole first sentence."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        rows = []
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                rows.append((name, first_paragraph(command.help or "")))
        with formatter.section("Commands"):
            formatter.write_dl(rows)


class Command(TyperCommand):
    """A command whose options stand in panels, with two examples at the end."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        arguments, panels = [], dict[str, list[tuple[str, str]]]()
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is None:
                continue
            if param.param_type_name == "argument":
                arguments.append(record)
            else:
                panels.setdefault(panel_of(param.name or ""), []).append(record)
        if arguments:
            with formatter.section("Arguments"):
                formatter.write_dl(arguments)
        for name in (RUN, OUTPUT, CI):
            if name in panels:
                with formatter.section(name):
                    formatter.write_dl(panels[name])

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        super().format_epilog(ctx, formatter)
        if examples := EXAMPLES.get(self.name or ""):
            with formatter.section("Examples"):
                # not as text that is wrapped: a command is typed as it stands
                for line in examples:
                    formatter.write(f"{'':>{formatter.current_indent}}{line}\n")


def panel_of(parameter: str) -> str:
    """The panel of an option.

    >>> panel_of("junit"), panel_of("json"), panel_of("seeds"), panel_of("help")
    ('CI', 'Output', 'Run', 'Run')
    """
    return next((panel for panel, names in PANELS.items() if parameter in names), RUN)


def first_paragraph(text: str) -> str:
    """The first paragraph of a docstring on one line.

    >>> first_paragraph("One\\nline.\\n\\nMore.")
    'One line.'
    """
    return " ".join(text.strip().split("\n\n")[0].split())
