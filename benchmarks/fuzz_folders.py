"""Study folders that others have had their hands on, for `python -m benchmarks.fuzz`: files of a small study are
edited, cut off, exchanged, lost, or led elsewhere, and a command that reads the folder is given it.

Trials are trained in this process, as those of `benchmarks.fuzz_workloads`; a study that is whole trains nothing.
"""

from __future__ import annotations

import json
import os
import random
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from benchmarks.fuzz_texts import NAMES, NUMBERS, csv_log, document, mutated
from benchmarks.fuzz_workloads import trained_here
from benchmarks.load import SPEC, WORK

Files = Mapping[str, bytes]
"""Path below the project -> content."""
STUDY, OTHER = "out", "other"
DRAWN = 0.03
"""Share of the cases whose figures are drawn, which takes some seconds."""
SPECS = {
    "spec.yaml": SPEC.format(points=3),
    "other.yaml": SPEC.format(points=2).replace("name: load", "name: other"),
}


def project() -> dict[str, bytes]:
    """Two specs, the folder of a treatment, one of whose trials its worker has finished and nobody saved, and that of
    a sweep."""
    from lrdoctor.cli import app

    with tempfile.TemporaryDirectory() as name, trained_here(), undrawn():
        folder = Path(name)
        (folder / "work.py").write_text(WORK)
        for spec, text in SPECS.items():
            (folder / spec).write_text(text)
        for words in (
            ("treat", "spec.yaml", STUDY),
            ("sweep", "other.yaml", OTHER),
        ):
            command, spec, out = words
            done = CliRunner().invoke(app, [command, str(folder / spec), "--out", str(folder / out), "-q"])
            if done.exit_code not in (0, 1):
                raise SystemExit(f"lrdoctor {command}: exit code {done.exit_code}\n{done.output}")
        _unsaved(folder / STUDY)
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and "__pycache__" not in path.parts
        }


def _unsaved(study: Path) -> None:
    """Makes the first trial of a study one that was ended before it was saved."""
    trial = min((study / "trials").iterdir())
    record = json.loads((trial / "trial.json").read_bytes())
    attempt = study / "running" / trial.name / "a"
    attempt.mkdir(parents=True)
    (trial / "steps.csv").rename(attempt / "steps.csv")
    ended = {
        "status": record["status"],
        "reason": record["exit_reason"],
        "seconds": record["seconds"],
        "n_rows": record["n_rows"],
        "worker": record["worker"],
        "facts": {},
        "evaluations": {"0": 1.0},
    }
    (attempt / "ended.json").write_text(json.dumps(ended))
    (trial / "trial.json").unlink()
    trial.rmdir()


@contextmanager
def undrawn() -> Iterator[None]:
    """Has figures show nothing."""
    from lrdoctor.reports.figures import style

    whole = style._both

    def nothing(name: str, draw: object) -> dict[str, bytes]:
        return {f"{name}.png": b"", f"{name}.svg": b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"></svg>'}

    style._both = nothing  # type: ignore[assignment]
    try:
        yield
    finally:
        style._both = whole


def a_folder(chance: random.Random, folder: Path, samples: Mapping[str, Any]) -> list[str]:
    """A case for this process."""
    files: Files = samples["project"]
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    for _ in range(chance.choice((0, 1, 1, 1, 1, 2, 3))):
        harm(chance, folder, files)
    return words_for(chance, folder)


def harm(chance: random.Random, folder: Path, files: Files) -> None:
    """Does something to a file of the study."""
    name = chosen(chance, [name for name in files if name.startswith(f"{STUDY}/")])
    path = folder / name
    if not path.is_file():  # it was harmed already
        return
    if name.endswith(("steps.csv", "trial.json")) and chance.random() < 0.5:
        _undigested(path.with_name("trial.json"))
    if chance.random() < 0.2:
        path.unlink()
        chance.choice(PLACES)(path)
        return
    path.write_bytes(_changed(chance, path, files))


def chosen(chance: random.Random, names: Sequence[str]) -> str:
    """A file, each kind of them as often as another."""
    kinds = sorted({Path(name).name for name in names})
    weights = [1 if kind.startswith("figure") or kind == ".lock" else 20 for kind in kinds]
    (kind,) = chance.choices(kinds, weights)
    return chance.choice([name for name in names if Path(name).name == kind])


def _changed(chance: random.Random, path: Path, files: Files) -> bytes:
    """Other content for the file."""
    text = path.read_bytes()
    how = chance.random()
    if how < 0.1:
        return text[: chance.randrange(len(text) + 1)]
    if how < 0.25:
        return chance.choice((*files.values(), csv_log(chance).encode("utf-8", "replace"), b"", b"\0" * 1000))
    if how < 0.4:
        return mutated(text, chance)
    if path.suffix == ".json":
        with suppress(ValueError, RecursionError):
            return document(chance, json.loads(text))
    return _cells(chance, text)


def _cells(chance: random.Random, text: bytes) -> bytes:
    """The table with a few cells others, a row twice or none."""
    rows = text.split(b"\n")
    for _ in range(chance.choice((1, 1, 3))):
        at = chance.randrange(len(rows))
        if chance.random() < 0.2:
            rows[at : at + 1] = [rows[at]] * chance.choice((0, 2))
        else:
            cells = rows[at].split(b",")
            cells[chance.randrange(len(cells))] = chance.choice((*NUMBERS, *NAMES)).encode("utf-8", "replace")
            rows[at] = b",".join(cells)
        rows = rows or [b""]
    return b"\n".join(rows)


def _undigested(path: Path) -> None:
    """Makes trial.json that of a version which did not keep the digest of the curves, so that changed ones count."""
    with suppress(OSError, ValueError, TypeError, RecursionError):
        record = json.loads(path.read_bytes())
        path.write_text(json.dumps({**record, "steps_sha256": None}))


def nowhere(path: Path) -> None:
    """Leaves nothing in its place."""


def a_folder_of_folders(path: Path) -> None:
    (path / "a").mkdir(parents=True)


PLACES: Sequence[Callable[[Path], None]] = (
    nowhere,
    nowhere,
    a_folder_of_folders,
    lambda path: path.symlink_to("gone"),
    lambda path: path.symlink_to(path.name),
    lambda path: path.symlink_to(os.devnull),
    lambda path: path.symlink_to("/dev/zero"),
    lambda path: path.symlink_to(".."),
    os.mkfifo,
)
"""What stands in the place of a file."""

FORMATS: Sequence[tuple[str, ...]] = (
    (),
    ("--json",),
    ("-v",),
    ("--github",),
    ("--html", "r.html"),
    ("--junit", "j.xml"),
    ("--markdown", "m.md"),
    ("--gitlab", "g.json"),
)
TOOLS = (
    ("tensorboard", "tb"),
    ("optuna", "sqlite:///{folder}/o.db"),
    ("wandb-offline", "wb"),
    ("mlflow", "{folder}/ml"),
)


def words_for(chance: random.Random, folder: Path) -> list[str]:
    """What a command that reads the folder is typed with."""
    study, other, spec = str(folder / STUDY), str(folder / OTHER), str(folder / "spec.yaml")
    formats = [str(folder / word) if "." in word else word for word in chance.choice(FORMATS)]
    tool, place = chance.choice(TOOLS)
    resume = [spec, "--out", study, "-q"]
    (words,) = chance.choices(
        (
            ["report", study, *formats],
            ["report", study, "--to", tool, place.format(folder=folder)],
            ["compare", *chance.choice(((study, other), (other, study), (study, study))), "--out", str(folder / "cmp")],
            ["diagnose", chance.choice((study, f"{study}/trials")), *formats],
            ["treat", *resume, "--plan"],
            ["sweep", *resume],
            [chance.choice(("treat", "probe", "warmup", "clip")), *resume],
            ["sweep", *resume, "--fresh"],
            ["report", f"{study}/report.json"],
            ["check", f"{study}/spec.yaml"],
        ),
        (6, 1, 3, 3, 2, 4, 4, 1, 1, 1),
    )
    return words
