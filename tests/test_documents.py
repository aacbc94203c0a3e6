"""What README, CONTRIBUTING and docs/ say can be typed, can be; links lead somewhere, examples of a spec are specs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from document_commands import FENCE, ROOT, Told, arguments, blocks, fenced, inline, pages
from typer.main import get_command

import lrdoctor
from lrdoctor.cli import app
from lrdoctor.spec import load_spec

TINY = (
    " --set max_train_steps=40 --set eval_every=20 --set 'sweep={values: [0.01, 0.02]}'"  # long enough to be judged
    " --seeds 1 --jobs 1 --fail-on never"
)
"""Makes a training command a matter of seconds; its verdict is then of no interest."""


TRAIN = """
import torch
w = torch.zeros(2, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.01)
for _ in range(200):
    optimizer.zero_grad(); (1 + (w - 1).square().sum() + 0.05 * torch.randn(()) * w.detach().sum()).backward()
    optimizer.step()
"""


@dataclass(frozen=True)
class Typed:
    """How a command is run here."""

    code: int = 0
    """Its exit code."""
    adding: str = ""
    """What is added to it."""
    after: str = ""
    """The commands of its block that come before it."""


RUN: Mapping[str, Typed] = {
    ".venv/bin/lrdoctor sweep configs/rnn.yaml": Typed(2, adding=TINY),  # one seed and few steps settle nothing
    ".venv/bin/lrdoctor diagnose sample_runs/recovered_rise.csv": Typed(1),
    "lrdoctor inspect configs/char_transformer.yaml": Typed(),
    "lrdoctor run -- python train.py --config c.yaml": Typed(),
    "lrdoctor init": Typed(after="mkdir empty && cd empty && "),
    "lrdoctor sweep lrdoctor.yaml": Typed(adding=TINY, after="mkdir study && cd study && lrdoctor init && "),
    "lrdoctor diagnose runs/": Typed(),
    "lrdoctor diagnose log.csv --columns loss=train/nll,step=it": Typed(),
    "tail -n 5000 train.log | lrdoctor diagnose -": Typed(1),
    "lrdoctor diagnose runs/latest --json > lrdoctor-baseline.json": Typed(),
    "lrdoctor diagnose runs/latest --baseline lrdoctor-baseline.json": Typed(
        after="lrdoctor diagnose runs/latest --json > lrdoctor-baseline.json && "
    ),
}

MINUTES = "a training of a minute and more: its shrunk form is tests/end_to_end/test_treat_command.py"
INSTALLS = "installs from the network"
EXPORT = "needs a study: its run is tests/export/test_export.py"
PARSED: Mapping[str, str] = {
    "lrdoctor watch run/metrics.csv": "a log that nobody writes; tests/cli/test_watch_command.py runs it",
    "lrdoctor watch runs/ --until-fail": "likewise",
    "lrdoctor watch runs/": "likewise",
    "lrdoctor watch train.log --stop-pid 4711": "likewise",
    "lrdoctor run --stop-on unstable -- python train.py": "tests/cli/test_stop_on.py runs it",
    "make demo": INSTALLS,
    "make test": INSTALLS,
    "python3 -m venv .venv": INSTALLS,
    ".venv/bin/pip install -c constraints.txt torch==2.13.0": INSTALLS,
    '.venv/bin/pip install -c constraints.txt -e ".[examples]"': INSTALLS,
    "mkdir study && cd study": "the shell's own",
    "lrdoctor sweep configs/rnn.yaml": "the same as .venv/bin/lrdoctor, which is run",
    "lrdoctor treat configs/rnn.yaml": MINUTES,
    "lrdoctor sweep -- python train.py --config c.yaml": "a script of the reader's",
    "lrdoctor treat -- python train.py --config c.yaml": "a script of the reader's",
    "lrdoctor sweep --steps 200 --seeds 3 -- python train.py --epochs 2": "a script of the reader's",
    "lrdoctor diagnose sample_runs/recovered_rise.csv": "generated, and held to by tests/test_generate.py",
    "lrdoctor diagnose a.csv b.jsonl events.out.tfevents.17": "a clone has no TensorBoard log",
    "pip install 'lrdoctor[tensorboard]'": INSTALLS,
    "lrdoctor report lrdoctor_out/rnn --to tensorboard runs/": EXPORT,
    "lrdoctor report lrdoctor_out/rnn --to optuna sqlite:///optuna.db": EXPORT,
    "lrdoctor report lrdoctor_out/rnn --to mlflow sqlite:///mlflow.db": EXPORT,
    "lrdoctor report lrdoctor_out/rnn --to wandb-offline .": EXPORT,
    "pip install 'lrdoctor[dask]'": INSTALLS,
    "lrdoctor sweep spec.yaml --engine dask": "its run is tests/end_to_end/test_dask_sweep.py",
    "lrdoctor sweep spec.yaml --engine dask=tcp://login:8786": "needs a cluster: its run is that of the line before",
    "dask scheduler --port 8786": "Dask's own",
    "CUDA_VISIBLE_DEVICES=0 dask worker tcp://login:8786 --nthreads 1": "Dask's own",
    "CUDA_VISIBLE_DEVICES=1 dask worker tcp://login:8786 --nthreads 1": "Dask's own",
    "lrdoctor diagnose log.csv --json | jq -r '.findings[] | [.code, .first_step, .message] | @tsv'": "needs jq",
}
"""Command that is not run -> why; those of lrdoctor are parsed by its command line."""


def commands() -> dict[str, object]:
    group = get_command(app)
    return dict(group.commands)  # type: ignore[attr-defined]


def options(command: str) -> set[str]:
    return {name for param in commands()[command].params for name in (*param.opts, *param.secondary_opts)} | {"--help"}  # type: ignore[attr-defined]


def test_every_command_is_run_or_says_why_not() -> None:
    told = {command.text for command in fenced()}
    assert sorted(told - {*RUN, *PARSED}) == [], "add it to RUN, or to PARSED with a reason"
    assert sorted({*RUN, *PARSED} - told) == [], "no page tells to type it any more"
    assert not set(RUN) & set(PARSED)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a reader has: the configs and samples of a clone, logs of their own, and `lrdoctor` on PATH."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("configs", "sample_runs"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / ".venv" / "bin").mkdir(parents=True)
    for name, line in {"lrdoctor": "-m lrdoctor ", "python": ""}.items():
        program = folder / ".venv" / "bin" / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {line}"$@"\n')
        program.chmod(0o755)
    (folder / "train.py").write_text(TRAIN)
    (folder / "runs" / "latest").mkdir(parents=True)
    shutil.copy(ROOT / "sample_runs" / "healthy.csv", folder / "runs" / "latest")
    shutil.copy(ROOT / "sample_runs" / "mid_training_spike.log", folder / "train.log")
    lines = "".join(f"{i},{2.5 - i / 100}\n" for i in range(100))
    (folder / "log.csv").write_text(f"it,train/nll\n{lines}")
    return folder


@pytest.mark.parametrize("command", RUN)
def test_it_runs_as_written(command: str, clone: Path) -> None:
    typed = RUN[command]
    line = f"{typed.after}{command}{typed.adding}"
    paths = [str(clone / ".venv" / "bin"), os.environ["PATH"]]
    env = {**os.environ, "PATH": os.pathsep.join(paths), "PYTHONPATH": str(Path(lrdoctor.__file__).parents[1])}
    done = subprocess.run(line, shell=True, cwd=clone, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == typed.code, done.stdout + done.stderr


@pytest.mark.parametrize("command", [told for told in fenced() if arguments(told.text)], ids=lambda told: told.text)
def test_the_command_line_knows_it(command: Told) -> None:
    name, *given = arguments(command.text) or [""]
    commands()[name].make_context(name, given)  # type: ignore[attr-defined]


@pytest.mark.parametrize("command", inline(), ids=lambda told: f"{told.page}: {told.text}")
def test_what_a_sentence_names_exists(command: Told) -> None:
    # behind dashes stands a command of the reader's
    words = command.text.partition(" -- ")[0].split()
    if words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    elif words[0] == "python":
        module = ROOT / words[2].replace(".", "/")
        assert module.with_suffix(".py").is_file() or (module / "__main__.py").is_file()
    elif len(words) > 1 and not words[1].isupper():
        assert words[1].startswith("-") or words[1] in commands()
        of = set().union(*map(options, commands())) if words[1].startswith("-") else options(words[1])
        assert {word for word in words[1:] if word.startswith("-")} <= of | {"--version"}


OF_TRAINERS = {
    "--optimizer", "--training", "--lr", "--lr-warmup-iters", "--clip-grad", "--warmup-updates", "--clip-norm", "--min",
    "--learning", "--warmup", "--grad",
}  # fmt: skip
"""Flags of trainers that docs/trainers.md names, up to what ends a word of an option of ours."""
OF_OTHERS = OF_TRAINERS | {
    "--nproc-per-node", "--trained", "--studies", "--families", "--half", "--logs", "--cases", "--kills",
    "--range-test", "--kind",
}  # fmt: skip
"""Options of tools/, benchmarks/ and torchrun."""


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_option_that_is_named_exists(path: Path) -> None:
    spans = re.findall(r"`([^`]+)`", FENCE.sub("", path.read_text("utf-8")))
    named = {option for span in spans for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", span)}
    known = set().union(*map(options, commands())) | {"--version"} | OF_OTHERS
    assert sorted(named - known) == []


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_to_files_and_headings(path: Path) -> None:
    text = path.read_text("utf-8")
    missing = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("http"):
            continue
        file, _, heading = target.partition("#")
        aim = (path.parent / file) if file else path
        if not aim.exists() or (heading and heading not in headings(aim)):
            missing.append(target)
    assert missing == []


def headings(path: Path) -> set[str]:
    """The anchors that GitHub gives a page's headings."""
    found = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in found}


def test_the_example_of_a_spec_is_one(tmp_path: Path) -> None:
    (example,) = [block for page, kind, block in blocks() if page == "README.md" and block.startswith("name: ")]
    for name in ("data.py", "step.py"):
        (tmp_path / name).touch()
    (tmp_path / "lrdoctor.yaml").write_text(example, "utf-8")
    assert load_spec(tmp_path / "lrdoctor.yaml").name == "my-model"


def test_what_the_readme_installs_exists() -> None:
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    extras = {extra for path in pages() for extra in re.findall(r"-e \"\.\[(\w+)\]\"", path.read_text("utf-8"))}
    assert {extra for extra in extras if not re.search(rf"^{extra} = \[", project, re.MULTILINE)} == set()
