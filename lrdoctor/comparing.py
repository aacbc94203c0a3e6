"""Studies held against each other, for the command line and for Python: specs are swept first, folders are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrdoctor.assess.between import Side, compare_studies
from lrdoctor.core import saved_json
from lrdoctor.core.compared import StudyComparison
from lrdoctor.errors import StoreError
from lrdoctor.reports import compare as pages
from lrdoctor.store import folder_name
from lrdoctor.store.files import explained, read_file, write_atomic
from lrdoctor.store.saved import SavedStudy
from lrdoctor.store.study_file import load_study

if TYPE_CHECKING:
    from lrdoctor.core.report import Report
    from lrdoctor.core.run import Run
    from lrdoctor.core.sections import Probe
    from lrdoctor.runner import How
    from lrdoctor.spec import Spec

REPORT = "report.json"
DOCUMENT, PAGE = "compare.json", "report.html"


@dataclass(frozen=True)
class Saved:
    """A study folder, read."""

    name: str
    folder: Path
    report: Report
    runs: tuple[Run, ...]
    study: dict[str, Any]

    def side(self, name: str) -> Side:
        """What is compared of it, under a name that no other study has."""
        return Side(
            name=name,
            source=str(self.folder),
            report=self.report,
            runs=self.runs,
            identity=self.study.get("identity", {}),
            data=self.study.get("data", {}),
        )

    @property
    def probed(self) -> tuple[Probe, tuple[Run, ...]] | None:
        """Its short run with the trials; None where it has none."""
        return None if self.report.probe is None else (self.report.probe, self.runs)


def swept_and_probed(spec: Spec, how: How) -> Path:
    """Sweeps the spec's learning rates and makes its short run; gives the study folder.

    Args:
        spec: what is trained.
        how: where and how.
    """
    from lrdoctor import runner
    from lrdoctor.catalogue import PROBE, SWEEP, AskedOfProbe

    with runner.open_laboratory(spec, how) as laboratory:
        seeds = runner.seeds_for(laboratory, how.seeds)
        report = runner.perform(SWEEP, laboratory, seeds, runner.Asked())
        # the short run is made above lr*; a command is not evaluated at every step, so that it shows nothing there
        if report.best_learning_rate is not None and spec.trainer != "command":
            runner.perform(PROBE, laboratory, seeds, AskedOfProbe())
        return laboratory.folder.out


def read_study(folder: Path) -> Saved:
    """The study in a folder, with its report and its trials.

    Raises:
        StoreError: it holds none, it did not come to an end, or a file of it cannot be read; says what to try.
    """
    study = load_study(folder)
    if study is None:
        raise StoreError(f"{folder} is empty or does not exist; give a spec, or a folder that lrdoctor sweep wrote")
    try:
        text = read_file(folder / REPORT).decode()
    except FileNotFoundError as error:
        raise StoreError(
            f"{folder} has no {REPORT}: its study did not come to an end; run the command that began it again, it "
            "resumes"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{folder / REPORT} cannot be read: {error}; run the study's command again") from error
    from lrdoctor.reports.json import parse

    report = parse(text, str(folder / REPORT))
    with SavedStudy(folder, identity=study["identity"], environment=study["environment"]) as saved:
        runs = tuple(saved.finished().values())
    return Saved(str(study.get("name") or folder.name), folder, report, runs, study)


def named_apart(studies: Sequence[Saved]) -> list[str]:
    """A name for each: its own, with the folder where two have the same, with a number where that is the same too.

    Studies that a warmup tells apart (`Side.label`) may share a name.
    """
    names: list[str] = []
    labels: set[str] = set()
    for i, one in enumerate(studies):
        choices = [one.name, f"{one.name} ({one.folder.name})", f"{one.name} ({i + 1})"]
        name = next(name for name in choices if one.side(name).label not in labels)
        labels.add(one.side(name).label)
        names.append(name)
    return names


def compare(studies: Sequence[Saved], out: Path) -> StudyComparison:
    """Compares the studies, each with the first, and writes compare.json, report.html and the figures.

    Args:
        studies: two or more.
        out: the folder of the comparison, which holds nothing or an earlier comparison.

    Raises:
        StoreError: the folder cannot be written, or holds something else.
    """
    from lrdoctor.reports import figures

    refuse_other(out)
    sides = [one.side(name) for one, name in zip(studies, named_apart(studies), strict=True)]
    found = compare_studies(sides)
    probed = [one.probed for one in studies]
    drawn = figures.compare_figures(found.studies, [side.trials() for side in sides], probed)
    missing = [
        f"{study.name} has no figure 5, since no short run of it was made: lrdoctor probe, with its spec and "
        f"--out {study.source}, makes one"
        for study, one in zip(found.studies, probed, strict=True)
        if one is None
    ]
    found = replace(found, figures=tuple(f"figures/{name}" for name in drawn), missing=tuple(missing))
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{out} cannot be made: {error.strerror}; pass another --out") from error
    # before the figures: from now on the folder is a comparison, also for whoever goes on after a kill
    write_atomic(out / DOCUMENT, pages.as_json(found).encode())
    with explained("make the folder", out / "figures"):
        (out / "figures").mkdir(exist_ok=True)
    for name, content in drawn.items():
        write_atomic(out / "figures" / name, content)
    write_atomic(out / PAGE, pages.as_html(found, out).encode())
    return found


def refuse_other(out: Path) -> None:
    """
    Raises:
        StoreError: the folder holds something that is no comparison.
    """
    if out.exists() and not out.is_dir():
        raise StoreError(f"{out} is a file, expected a folder; pass another --out")
    if not out.is_dir() or {path.name for path in out.iterdir()} <= {f".{DOCUMENT}.tmp"}:
        return
    try:
        document = saved_json.loads(read_file(out / DOCUMENT))
        is_ours = document.get("command") == "compare"
    except (OSError, ValueError, AttributeError):
        is_ours = False
    if not is_ours:
        raise StoreError(f"{out} holds something that is no comparison of lrdoctor; pass an --out that is empty or new")


def default_folder(names: Sequence[str]) -> Path:
    """Where the comparison of studies of these names is written."""
    return Path("lrdoctor_out") / f"compare_{'_'.join(folder_name(name) for name in names)}"[:120]
