"""Whatever a file holds, and whatever the options: exit code 0, 1 or 2 with a message, and sound JSON."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import labelled_logs
import pytest
from damage import NAMES, damaged, logs, packed
from fuzz_corpus import DIALECT, corpus, real
from fuzzing import fuzzing
from hypothesis import given
from hypothesis import strategies as st
from in_process import diagnose

from lrdoctor.logs.readers import READERS

CORPUS, REAL = corpus(), real()

FILE_NAMES = [
    "a.csv",
    "a.log",
    "metrics.jsonl",
    "trainer_state.json",
    "result.json",
    "events.out.tfevents.1",
    "a.wandb",
]
TREE = [
    *FILE_NAMES, "b.csv", "events.out.tfevents.2", "progress.csv", "checkpoint-5/trainer_state.json", "study.json",
    "checkpoint-10/trainer_state.json", "mlruns/meta.yaml", "metrics/loss", "plots/metrics/loss.tsv", "dvc.yaml",
]  # fmt: skip
FORMATS = [reader.NAME for reader in READERS]
columns = st.lists(
    st.tuples(st.sampled_from(["loss", "val_loss", "lr", "grad_norm", "step", "epoch"]), st.sampled_from(NAMES)).map(
        "=".join
    ),
    min_size=1,
    max_size=3,
).map(lambda pairs: ["--columns", ",".join(pairs)])
options = st.tuples(
    st.sampled_from([[], ["-v"], ["-q"], ["--json"], ["--json"]]),
    st.just([]) | st.just([]) | columns | st.sampled_from(FORMATS).map(lambda name: ["--format", name]),
    st.sampled_from([[], [], ["--objective", "minimized"], ["--objective", "adversarial"], ["--fail-on", "never"]]),
).map(lambda parts: [word for part in parts for word in part])


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the process is while it runs the command."""
    was, here = Path.cwd(), tmp_path_factory.mktemp("fuzz")
    os.chdir(here)
    yield here
    os.chdir(was)


def judge(content: bytes, arguments: list[str], name: str) -> None:
    """As a file, or as standard input."""
    if name == "-":
        diagnose(name, *arguments, stdin=content)
        return
    Path(name).write_bytes(content)
    diagnose(name, *arguments)
    Path(name).unlink()


names = st.sampled_from([*FILE_NAMES, "-"])


@fuzzing(150)
@given(packed(st.binary(max_size=400)), options, names)
def test_random_bytes(content: bytes, arguments: list[str], name: str) -> None:
    judge(content, arguments, name)


@fuzzing(300)
@given(packed(logs()), options, names)
def test_texts_that_look_like_logs(content: bytes, arguments: list[str], name: str) -> None:
    judge(content, arguments, name)


@fuzzing(300)
@given(packed(damaged(sorted(CORPUS), CORPUS)), options, names)
def test_damaged_samples(content: bytes, arguments: list[str], name: str) -> None:
    judge(content, arguments, name)


@pytest.mark.skipif(not REAL, reason=labelled_logs.NONE)
@fuzzing(60)
@given(st.data(), options, names)
def test_damaged_real_logs(data: st.DataObject, arguments: list[str], name: str) -> None:
    judge(data.draw(packed(damaged(sorted(REAL), REAL))), arguments, name)


@fuzzing(60)
@given(st.dictionaries(st.sampled_from(TREE), packed(damaged(sorted(CORPUS), CORPUS)), max_size=5), options)
def test_a_directory_of_damaged_samples(files: dict[str, bytes], arguments: list[str]) -> None:
    for name, content in files.items():
        Path("tree", name).parent.mkdir(parents=True, exist_ok=True)
        Path("tree", name).write_bytes(content)
    diagnose("tree", *arguments)
    shutil.rmtree("tree", ignore_errors=True)


@pytest.mark.parametrize("format_name", FORMATS)
def test_any_format_forced_on_any_log(format_name: str) -> None:
    for name, content in CORPUS.items():
        if not name.startswith(DIALECT):
            judge(content, ["--format", format_name, "--json"], "a.log")
